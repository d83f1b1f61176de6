"""The reference cases of pad: see scripts/reference/ops.py."""

import torch.nn.functional as F
from torch_layers import conv


def pad(x, p, padding, value=0.0):
    top, bottom, left, right = padding
    return F.pad(x, (left, right, top, bottom), value=value)


CASES = {
    # Uneven on all four sides, and a value that is not 0.
    "pad": (
        (3, 6, 5),
        [
            ("a", ("conv", conv), dict(filters=6, size=3, padding=1)),
            ("b", ("pad", pad), dict(padding=[0, 1, 2, 3])),
            ("c", ("conv", conv), dict(filters=5, size=3, padding=0)),
            ("d", ("pad", pad), dict(padding=[1, 0, 0, 2], value=-0.5)),
            ("e", ("conv", conv), dict(filters=4, size=3, padding=0)),
        ],
    ),
}
