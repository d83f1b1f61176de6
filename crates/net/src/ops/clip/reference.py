"""The reference cases of clip: see scripts/reference/ops.py."""

import torch
from torch_layers import conv, elementwise

CASES = {
    # Both bounds, one bound, and values on either side of them.
    "clip": (
        (3, 6, 5),
        [
            ("a", ("conv", conv), dict(filters=6, size=3, padding=1)),
            ("wide", ("linear a=8.0", elementwise(lambda x: 8 * x)), {}),
            ("b", ("clip low=0 high=6", elementwise(lambda x: torch.nn.functional.hardtanh(x, 0.0, 6.0))), {}),
            ("c", ("conv", conv), dict(filters=5, size=3, padding=1)),
            ("d", ("clip high=0.5", elementwise(lambda x: x.clamp(max=0.5))), {}),
        ],
    ),
}
