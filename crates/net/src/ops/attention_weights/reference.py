"""The reference cases of attention_weights: see scripts/reference/ops.py."""

from torch_layers import conv


def attention_weights(a, b, p, heads, scale=None):
    size = a.shape[1] // heads
    queries, keys = (x.flatten(2).unflatten(1, (heads, size)) for x in (a, b))
    return ((size**-0.5 if scale is None else scale) * queries.mT @ keys).softmax(3)


CONV = ("conv", conv)
WEIGHTS = ("attention_weights", attention_weights)

CASES = {
    "attention_weights": (
        (3, 4, 3),
        [
            ("a", CONV, dict(filters=11, size=3, padding=1)),
            ("q", CONV, dict(filters=20, size=1)),
            # A bias of the keys has no gradient but what rounding leaves: the softmax takes it out again.
            ("k", CONV, dict(filters=20, size=2, bias="false", inputs=["a"])),
            ("w", WEIGHTS, dict(heads=2, inputs=["q", "k"])),
            ("b", CONV, dict(filters=6, size=2)),
            ("self", WEIGHTS, dict(heads=3, scale=0.75, inputs=["b", "b"])),
        ],
    ),
}
