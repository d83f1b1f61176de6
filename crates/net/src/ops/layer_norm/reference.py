"""The reference cases of layer_norm: see scripts/reference/ops.py."""

import torch.nn.functional as F
from torch_layers import conv, global_average


def layer_norm(x, p, epsilon=1e-5, weight="true", bias="true"):
    channels = (x.shape[1],)
    weight = p("weight", channels) if weight == "true" else None
    bias = p("bias", channels) if bias == "true" else None
    return F.layer_norm(x.permute(0, 2, 3, 1), channels, weight, bias, epsilon).permute(0, 3, 1, 2)


NORM = ("layer_norm", layer_norm)

CASES = {
    "layer_norm": (
        (3, 7, 6),
        [
            ("a", ("conv", conv), dict(filters=11, size=3, padding=1)),
            ("n", NORM, {}),
            ("b", ("conv", conv), dict(filters=16, size=3, stride=2)),
            ("m", NORM, dict(epsilon=0.01, weight="false", bias="false")),
            ("g", ("global_average", global_average), {}),
            ("o", NORM, dict(bias="false")),
        ],
    ),
}
