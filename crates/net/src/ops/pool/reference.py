"""The reference cases of pools with settings that cuda-convnet does not have: see scripts/reference/ops.py."""

import torch.nn.functional as F
from torch_layers import conv

CONV = ("conv", conv)


def max_pool(x, p, size, stride, padding, rounding, dilation=1):
    return F.max_pool2d(x, size, stride, padding, dilation, ceil_mode=rounding == '"up"')


def average_pool(x, p, size, stride, padding, rounding, count_padding):
    return F.avg_pool2d(x, size, stride, padding, rounding == '"up"', count_padding == "true")


MAX = ('pool pool="max" ties="first"', max_pool)
AVERAGE = ('pool pool="average"', average_pool)
UP, DOWN = '"up"', '"down"'

CASES = {
    "pool_padded": (
        (3, 13, 12),
        [
            ("a", CONV, dict(filters=9, size=3, padding=1)),
            ("b", MAX, dict(size=[3, 2], stride=[1, 2], padding=[1, 1], rounding=DOWN)),
            ("c", AVERAGE, dict(size=[3, 3], stride=[2, 1], padding=[1, 1], rounding=UP, count_padding="true")),
            ("d", CONV, dict(filters=9, size=3, padding=1)),
            ("e", AVERAGE, dict(size=[4, 3], stride=[2, 2], padding=[2, 1], rounding=DOWN, count_padding="false")),
        ],
    ),
    # The last window that would begin in the padding is left out.
    "pool_up": (
        (3, 8, 9),
        [
            ("a", CONV, dict(filters=5, size=3, padding=1)),
            ("b", MAX, dict(size=[2, 3], stride=[2, 2], padding=[1, 1], rounding=UP)),
            ("c", MAX, dict(size=[2, 2], stride=[1, 1], padding=[0, 0], rounding=DOWN, dilation=[2, 3])),
        ],
    ),
    "adaptive_pool": (
        (3, 9, 11),
        [
            ("a", CONV, dict(filters=9, size=3, padding=1)),
            ("b", ('adaptive_pool pool="average"', lambda x, p, outputs: F.adaptive_avg_pool2d(x, outputs)), dict(outputs=[7, 4])),
            (
                "c",
                ('adaptive_pool pool="max" ties="first"', lambda x, p, outputs: F.adaptive_max_pool2d(x, outputs)),
                dict(outputs=[3, 3]),
            ),
            # More outputs than pixels, as where a network for large images takes small ones.
            ("d", ('adaptive_pool pool="average"', lambda x, p, outputs: F.adaptive_avg_pool2d(x, outputs)), dict(outputs=[5, 7])),
        ],
    ),
}
