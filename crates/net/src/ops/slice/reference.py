"""The reference cases of slice: see scripts/reference/ops.py."""

import torch
from torch_layers import conv

CONV = ("conv", conv)
SLICE = ("slice", lambda x, p, channels, first=0: x[:, first : first + channels])

CASES = {
    "slice": (
        (3, 7, 6),
        [
            ("a", CONV, dict(filters=11, size=3, padding=1)),
            ("left", SLICE, dict(channels=4)),
            ("right", SLICE, dict(first=4, channels=7, inputs=["a"])),
            ("b", CONV, dict(filters=5, size=3, padding=1)),
            ("c", ("concat", lambda a, b, p: torch.cat([a, b], 1)), dict(inputs=["left", "b"])),
        ],
    ),
}
