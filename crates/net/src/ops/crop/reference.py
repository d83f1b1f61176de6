"""The reference cases of crop: see scripts/reference/ops.py."""

from torch_layers import conv

CONV = ("conv", conv)
CROP = ("crop", lambda x, p, height, width, top=0, left=0: x[:, :, top : top + height, left : left + width])

CASES = {
    "crop": (
        (3, 8, 7),
        [
            ("a", CONV, dict(filters=11, size=3, padding=1)),
            ("inner", CROP, dict(top=1, left=2, height=6, width=4)),
            ("b", CONV, dict(filters=6, size=3)),
            ("first", CROP, dict(height=1, width=1)),
        ],
    ),
}
