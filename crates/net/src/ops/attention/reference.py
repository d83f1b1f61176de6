"""The reference cases of attention: see scripts/reference/ops.py."""

from torch_layers import conv


def attention_weights(a, b, p, heads):
    size = a.shape[1] // heads
    queries, keys = (x.flatten(2).unflatten(1, (heads, size)) for x in (a, b))
    return (size**-0.5 * queries.mT @ keys).softmax(3)


def attention(weights, values, p):
    heads, queries, keys = weights.shape[1:]
    sums = weights @ values.flatten(2).unflatten(1, (heads, -1)).mT
    sums = sums.mT.flatten(1, 2)
    return sums.reshape(values.shape) if queries == keys else sums.unsqueeze(3)


CONV = ("conv", conv)
WEIGHTS = ("attention_weights", attention_weights)
ATTENTION = ("attention", attention)

CASES = {
    "attention": (
        (3, 4, 3),
        [
            ("a", CONV, dict(filters=11, size=3, padding=1)),
            ("q", CONV, dict(filters=90, size=1)),
            # A bias of the keys has no gradient but what rounding leaves: the softmax takes it out again.
            ("k", CONV, dict(filters=90, size=1, bias="false", inputs=["a"])),
            ("v", CONV, dict(filters=84, size=1, inputs=["a"])),
            ("w", WEIGHTS, dict(heads=2, inputs=["q", "k"])),
            ("heads", ATTENTION, dict(inputs=["w", "v"])),
            ("b", CONV, dict(filters=6, size=2)),
            ("c", CONV, dict(filters=6, size=2, bias="false")),
            ("cross", WEIGHTS, dict(heads=3, inputs=["b", "c"])),
            ("sums", ATTENTION, dict(inputs=["cross", "c"])),
        ],
    ),
}
