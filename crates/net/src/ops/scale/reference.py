"""The reference cases of scale: see scripts/reference/ops.py."""

from torch_layers import conv


def scale(x, p, weight="true", bias="true"):
    shape = (x.shape[1],)
    if weight == "true":
        x = x * p("weight", shape)[:, None, None]
    return x + p("bias", shape)[:, None, None] if bias == "true" else x


SCALE = ("scale", scale)

CASES = {
    "scale": (
        (3, 6, 5),
        [
            ("a", ("conv", conv), dict(filters=11, size=3, padding=1)),
            ("both", SCALE, {}),
            ("b", ("conv", conv), dict(filters=16, size=3, stride=2)),
            ("weight", SCALE, dict(bias="false")),
            ("c", ("conv", conv), dict(filters=5, size=1)),
            ("bias", SCALE, dict(weight="false")),
        ],
    ),
}
