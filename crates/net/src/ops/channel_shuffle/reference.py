"""The reference cases of channel_shuffle: see scripts/reference/ops.py."""

import torch.nn.functional as F
from torch_layers import conv

CONV = ("conv", conv)
SHUFFLE = ("channel_shuffle", lambda x, p, groups: F.channel_shuffle(x, groups))

CASES = {
    "channel_shuffle": (
        (3, 7, 6),
        [
            ("a", CONV, dict(filters=12, size=3, padding=1)),
            ("s", SHUFFLE, dict(groups=3)),
            ("b", CONV, dict(filters=10, size=3, groups=2)),
            ("t", SHUFFLE, dict(groups=5)),
        ],
    ),
}
