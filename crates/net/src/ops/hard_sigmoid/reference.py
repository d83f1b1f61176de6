"""The reference cases of hard_sigmoid: see scripts/reference/ops.py."""

import torch.nn.functional as F
from torch_layers import conv, elementwise

CASES = {
    # Values from far below -3 to far above 3.
    "hard_sigmoid": (
        (3, 6, 5),
        [
            ("a", ("conv", conv), dict(filters=6, size=3, padding=1)),
            ("wide", ("linear a=4.0", elementwise(lambda x: 4 * x)), {}),
            ("b", ("hard_sigmoid", elementwise(F.hardsigmoid)), {}),
        ],
    ),
}
