//! Small networks for tests and `deepviz doctor`.

use crate::ops::Example;

pub(super) const EXAMPLES: &[Example] = &[
    ("a conv filters=16 size=3 padding=1", [3, 8, 8]),
    ("a conv filters=5 size=3 padding=1", [3, 7, 9]),
    ("a conv filters=24 size=5 padding=2", [1, 6, 11]),
    ("a conv filters=17 size=1", [9, 4, 5]),
    ("a conv filters=8 size=4 padding=1 stride=2", [2, 9, 8]),
    ("a conv filters=12 size=3 padding=2 stride=3", [4, 10, 7]),
    ("a conv filters=16 size=5 stride=4", [3, 12, 13]),
    ("a conv filters=8 size=3 padding=0 stride=2", [8, 6, 6]),
    ("a conv filters=40 size=2 padding=1", [19, 5, 5]),
    ("a conv filters=6 size=3 padding=1 shared_bias=false", [3, 5, 4]),
    ("a conv filters=32 size=3 padding=1", [32, 8, 8]),
    ("a conv filters=43 size=3 padding=1", [35, 9, 6]),
    ("a conv filters=33 size=5 padding=2", [40, 7, 9]),
    ("a conv filters=32 size=5 padding=1", [32, 8, 5]),
    ("a conv filters=32 size=5 padding=3 shared_bias=false", [32, 5, 6]),
    ("a conv filters=16 size=3 padding=1 groups=2", [16, 5, 6]),
    ("a conv filters=12 size=3 padding=1 groups=3", [6, 5, 6]),
    ("a conv filters=10 size=3 padding=1 stride=2 groups=2", [4, 7, 6]),
    ("a conv filters=5 size=3 padding=1 groups=5", [5, 6, 6]),
    ("a conv filters=9 size=3 padding=1\nb conv filters=7 size=3 padding=2 stride=2", [3, 7, 6]),
    ("a conv filters=8 size=5 padding=2\nr relu\nb conv filters=8 size=5 padding=2", [3, 6, 6]),
    ("a conv filters=8 size=3\nb conv filters=12 size=4 padding=3 groups=4", [2, 7, 7]),
    ("a conv filters=5 size=3\nb silu\nc conv filters=4 size=3 padding=1", [2, 6, 5]),
    ("a conv filters=6 size=3 padding=1 shared_bias=false bias=false", [3, 5, 4]),
    ("a conv filters=9 size=1 stride=2", [3, 8, 7]),
    (
        "a conv filters=6 size=3 padding=1\nb conv filters=12 size=1 stride=2\nc conv filters=5 size=2 stride=3",
        [3, 9, 9],
    ),
    ("a conv filters=9 size=3 padding=1\nb conv filters=9 size=3 padding=1 groups=9", [3, 6, 7]),
    ("a conv filters=8 size=3 padding=1\nb conv filters=24 size=3 padding=1 stride=2 groups=8\nc relu", [3, 7, 6]),
    ("a conv filters=16 size=3\nb conv filters=16 size=5 padding=2 groups=16 bias=false", [3, 8, 8]),
    ("a conv filters=9 size=[1,5] padding=[0,2]\nb conv filters=10 size=[5,1] padding=[2,0] stride=[1,2]", [3, 7, 8]),
    ("a conv filters=9 size=3 dilation=2 padding=2\nb conv filters=8 size=[2,3] dilation=[3,1] stride=2", [3, 9, 8]),
    ("a conv filters=8 size=3 padding=[1,1,0,2] stride=2 rounding=\"down\"", [4, 8, 9]),
    ("a conv filters=32 size=3 padding=[1,1,1,0]", [32, 8, 8]),
    ("a conv filters=6 size=3\nb conv filters=12 size=3 dilation=[1,2] stride=[3,2] groups=3", [2, 9, 10]),
    // Maps of few pixels, where most taps lie in the padding.
    ("a conv filters=33 size=3 padding=1", [35, 1, 1]),
    ("a conv filters=40 size=5 padding=2", [33, 2, 2]),
    (
        "a conv filters=9 size=3 padding=2 dilation=2\nb relu\nc conv filters=8 size=3 padding=1 shared_bias=false",
        [3, 2, 1],
    ),
    ("a conv filters=12 size=[3,5] padding=[2,1,1,2] stride=[2,3] groups=2", [4, 3, 3]),
    // One window; a phase for every position, not one for every pixel of the stride.
    ("a conv filters=5 size=3\nb conv filters=6 size=2 stride=900000", [2, 6, 5]),
];
