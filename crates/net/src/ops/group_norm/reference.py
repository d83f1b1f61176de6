"""The reference cases of group_norm: see scripts/reference/ops.py."""

import torch.nn.functional as F
from torch_layers import conv


def group_norm(x, p, groups, epsilon=1e-5, weight="true", bias="true"):
    channels = (x.shape[1],)
    weight = p("weight", channels) if weight == "true" else None
    bias = p("bias", channels) if bias == "true" else None
    return F.group_norm(x, groups, weight, bias, epsilon)


NORM = ("group_norm", group_norm)

CASES = {
    # A group a channel (before which a bias has no gradient), one group, and groups that do not end with a SIMD vector
    # of 8 channels.
    "group_norm": (
        (3, 7, 6),
        [
            ("a", ("conv", conv), dict(filters=15, size=3, padding=1, bias="false")),
            ("n", NORM, dict(groups=15)),
            ("b", ("conv", conv), dict(filters=16, size=3, stride=2)),
            ("m", NORM, dict(groups=1, epsilon=0.01, weight="false", bias="false")),
            ("c", ("conv", conv), dict(filters=9, size=2)),
            ("o", NORM, dict(groups=3, bias="false")),
        ],
    ),
}
