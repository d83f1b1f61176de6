"""The reference cases of position: see scripts/reference/ops.py."""

from torch_layers import conv


def position(x, p):
    channels, height, width = x.shape[1:]
    return x + p("weight", (height * width, channels)).T.reshape(channels, height, width)


CONV = ("conv", conv)

CASES = {
    "position": (
        (3, 5, 4),
        [
            ("a", CONV, dict(filters=11, size=3, padding=1)),
            ("p", ("position", position), {}),
            ("b", CONV, dict(filters=6, size=3)),
            ("q", ("position", position), {}),
        ],
    ),
}
