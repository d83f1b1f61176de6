"""The reference cases of conv with settings that cuda-convnet does not have: see scripts/reference/ops.py."""

import torch.nn.functional as F


def conv(x, p, filters, size, stride, dilation, padding, rounding="down", groups=1):
    """PyTorch's own rule; where sides differ in padding, zeros are laid around the input before."""
    assert rounding == "down"
    top, bottom, left, right = padding
    weight = p("weight", (filters, x.shape[1] // groups, *size))
    x = F.pad(x, (left, right, top, bottom))
    return F.conv2d(x, weight, p("bias", (filters,)), stride, 0, dilation, groups)


CONV = ('conv rounding="down"', conv)

CASES = {
    "conv_axes": (
        (3, 11, 12),
        [
            ("a", CONV, dict(filters=10, size=[5, 1], stride=[1, 2], dilation=[1, 1], padding=[2, 2, 0, 0])),
            ("b", CONV, dict(filters=12, size=[2, 3], stride=[2, 1], dilation=[3, 2], padding=[0, 3, 2, 1])),
            ("c", CONV, dict(filters=8, size=[3, 3], stride=[3, 2], dilation=[2, 2], padding=[4, 4, 4, 4], groups=4)),
        ],
    ),
    "conv_dilated": (
        (3, 9, 10),
        [
            ("a", CONV, dict(filters=9, size=[3, 3], stride=[1, 1], dilation=[2, 2], padding=[2, 2, 2, 2])),
            ("b", CONV, dict(filters=18, size=[3, 3], stride=[1, 1], dilation=[2, 3], padding=[2, 2, 3, 3], groups=9)),
        ],
    ),
}
