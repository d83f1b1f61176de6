"""The reference cases of transpose: see scripts/reference/ops.py."""

from torch_layers import conv


def transpose(x, p, height, width=1):
    return x.flatten(2).transpose(1, 2).reshape(len(x), -1, height, width)


CONV = ("conv", conv)
TRANSPOSE = ("transpose", transpose)

CASES = {
    "transpose": (
        (3, 4, 3),
        [
            ("a", CONV, dict(filters=10, size=3, padding=1)),
            ("tokens", TRANSPOSE, dict(height=10)),
            ("mixed", CONV, dict(filters=6, size=1)),
            ("back", TRANSPOSE, dict(height=3, width=2)),
            ("b", CONV, dict(filters=5, size=2)),
        ],
    ),
}
