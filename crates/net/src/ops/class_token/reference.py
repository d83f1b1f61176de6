"""The reference cases of class_token: see scripts/reference/ops.py."""

import torch
from torch_layers import conv


def class_token(x, p, count=1):
    tokens = p("weight", (count, x.shape[1])).T.expand(len(x), -1, -1)
    return torch.cat([tokens, x.flatten(2)], 2).unsqueeze(3)


CONV = ("conv", conv)
TOKEN = ("class_token", class_token)

CASES = {
    "class_token": (
        (3, 5, 4),
        [
            ("a", CONV, dict(filters=11, size=3, padding=1)),
            ("two", TOKEN, dict(count=2)),
            ("b", CONV, dict(filters=6, size=1)),
            ("one", TOKEN, {}),
        ],
    ),
}
