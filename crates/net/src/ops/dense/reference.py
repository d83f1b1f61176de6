"""The reference cases of full with settings that cuda-convnet does not have: see scripts/reference/ops.py."""

import torch.nn.functional as F
from torch_layers import conv


def full(x, p, outputs, flatten):
    assert flatten == '"channels_last"'
    x = x.permute(0, 2, 3, 1).flatten(1)
    return F.linear(x, p("weight", (outputs, x.shape[1])), p("bias", (outputs,)))[:, :, None, None]


CASES = {
    "full_channels_last": (
        (3, 4, 5),
        [
            ("a", ("conv", conv), dict(filters=7, size=3, padding=1)),
            ("b", ("full", full), dict(outputs=11, flatten='"channels_last"')),
        ],
    ),
}
