"""The reference cases of multiply: see scripts/reference/ops.py."""

import torch
from torch_layers import conv, full, global_average, elementwise

CONV = ("conv", conv)
MULTIPLY = ("multiply", lambda a, b, p: a * b)

CASES = {
    # A squeeze-and-excitation gate, a product of two maps, and the gate as the first input.
    "multiply": (
        (3, 7, 6),
        [
            ("a", CONV, dict(filters=10, size=3, padding=1)),
            ("mean", ("global_average", global_average), {}),
            ("excite", ("full", full), dict(outputs=10)),
            ("gate", ("logistic", elementwise(torch.sigmoid)), {}),
            ("gated", MULTIPLY, dict(inputs=["a", "gate"])),
            ("b", CONV, dict(filters=10, size=3, padding=1)),
            ("both", MULTIPLY, dict(inputs=["gated", "b"])),
            ("last", MULTIPLY, dict(inputs=["mean", "both"])),
        ],
    ),
}
