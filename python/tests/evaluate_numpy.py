"""The reference for lowering without PyTorch: computes a lowered network from its layers and arrays by numpy."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from deepviz.lower import Network

Array = Any
Keys = Mapping[str, Any]


def pair(value: Any) -> tuple[int, int]:
    """Rows and columns."""
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def sides(keys: Keys) -> tuple[int, int, int, int]:
    """Top, bottom, left, right of a padding in any of its forms."""
    value = keys.get("padding", 0)
    if isinstance(value, int):
        return value, value, value, value
    return (value[0], value[0], value[1], value[1]) if len(value) == 2 else tuple(value)  # type: ignore[return-value]


def padded(x: Array, padding: tuple[int, int, int, int], value: float = 0.0) -> Array:
    """The input with rows and columns around it."""
    top, bottom, left, right = padding
    return np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=value)


def conv(x: Array, keys: Keys, w: Mapping[str, Array]) -> Array:
    """A convolution, one pixel of the filters after another."""
    (height, width), stride, dilation = (pair(keys.get(key, 1)) for key in ("size", "stride", "dilation"))
    groups = keys.get("groups", 1)
    assert keys["rounding"] == "down"
    weight = w["weight"].reshape(keys["filters"], x.shape[1] // groups, height, width)
    x = padded(x, sides(keys))
    counts = [
        (x.shape[2 + axis] - dilation[axis] * (size - 1) - 1) // stride[axis] + 1
        for axis, size in enumerate((height, width))
    ]
    out = np.zeros((len(x), keys["filters"], *counts))
    each_in, each_out = x.shape[1] // groups, keys["filters"] // groups
    for i in range(height):
        for j in range(width):
            rows = i * dilation[0] + stride[0] * np.arange(counts[0])
            columns = j * dilation[1] + stride[1] * np.arange(counts[1])
            seen = x[:, :, rows][:, :, :, columns]
            for group in range(groups):
                part = slice(group * each_out, (group + 1) * each_out)
                inputs = seen[:, group * each_in : (group + 1) * each_in]
                out[:, part] += np.einsum("ncij,fc->nfij", inputs, weight[part, :, i, j])
    return out + w["bias"].reshape(1, -1, 1, 1) if "bias" in w else out


def pool(x: Array, keys: Keys) -> Array:
    """The maximum or average of windows that are cut at the borders, window by window as docs/recipes.md says."""
    size, stride, dilation = (pair(keys.get(key, 1)) for key in ("size", "stride", "dilation"))
    padding, counts = sides(keys), []
    for axis in (0, 1):
        side, before, after = x.shape[2 + axis], padding[2 * axis], padding[2 * axis + 1]
        room = side + before + after - dilation[axis] * (size[axis] - 1) - 1
        covering = room // stride[axis] if keys["rounding"] == "down" else -(-room // stride[axis])
        counts.append(1 + min(covering, (before + side - 1) // stride[axis]))
    counts = list(pair(keys.get("outputs", counts)))

    def taps(axis: int, index: int) -> tuple[list[int], int]:
        """Positions of a window's elements within the input, and how many lie within input and padding together."""
        side, before, after = x.shape[2 + axis], padding[2 * axis], padding[2 * axis + 1]
        places = [index * stride[axis] - before + tap * dilation[axis] for tap in range(size[axis])]
        return [place for place in places if 0 <= place < side], sum(
            -before <= place < side + after for place in places
        )

    out = np.empty((*x.shape[:2], *counts))
    for i in range(counts[0]):
        for j in range(counts[1]):
            (ys, counted_rows), (xs, counted_columns) = taps(0, i), taps(1, j)
            window = x[:, :, ys][:, :, :, xs]
            if keys["pool"] == "max":
                out[:, :, i, j] = window.max((2, 3))
                continue
            counted = counted_rows * counted_columns if keys.get("count_padding") else len(ys) * len(xs)
            out[:, :, i, j] = window.sum((2, 3)) / counted
    return out


def adaptive_pool(x: Array, keys: Keys) -> Array:
    """The maximum of whole maps."""
    assert pair(keys["outputs"]) == (1, 1) and keys["pool"] == "max"
    return x.max((2, 3), keepdims=True)


def full(x: Array, keys: Keys, w: Mapping[str, Array]) -> Array:
    """Fully connected."""
    order = x if keys.get("flatten") != "channels_last" else x.transpose(0, 2, 3, 1)
    out = order.reshape(len(x), -1) @ w["weight"].reshape(keys["outputs"], -1).T
    return (out + w["bias"].reshape(-1) if "bias" in w else out)[:, :, None, None]


def affine(x: Array, w: Mapping[str, Array]) -> Array:
    """A weight and a bias a channel, where they are there."""
    x = x * w["weight"].reshape(1, -1, 1, 1) if "weight" in w else x
    return x + w["bias"].reshape(1, -1, 1, 1) if "bias" in w else x


def normalised(x: Array, axes: tuple[int, ...], epsilon: float) -> Array:
    """Mean 0 and variance 1 over the axes."""
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon)


def batch_norm(x: Array, keys: Keys, w: Mapping[str, Array]) -> Array:
    """Normalisation with running statistics."""
    mean, variance = (w[role].reshape(1, -1, 1, 1) for role in ("running_mean", "running_var"))
    return affine((x - mean) / np.sqrt(variance + keys["epsilon"]), w)


def group_norm(x: Array, keys: Keys, w: Mapping[str, Array]) -> Array:
    """Normalisation over groups of channels."""
    grouped = x.reshape(len(x), keys["groups"], -1)
    return affine(normalised(grouped, (2,), keys["epsilon"]).reshape(x.shape), w)


def response_norm(x: Array, keys: Keys) -> Array:
    """Response normalisation across channels."""
    size, out = keys["size"], np.empty_like(x)
    for channel in range(x.shape[1]):
        near = x[:, max(channel - size // 2, 0) : channel + size // 2 + 1]
        out[:, channel] = x[:, channel] * (1 + keys["scale"] / size * (near**2).sum(1)) ** -keys["power"]
    return out


def gelu(x: Array, keys: Keys) -> Array:
    """x times the CDF of the normal distribution at x."""
    if keys["form"] == "tanh":
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def attention_weights(xs: list[Array], keys: Keys) -> Array:
    """The softmax of products of queries and keys, head by head."""
    heads = keys["heads"]
    queries, others = (x.reshape(len(x), heads, x.shape[1] // heads, -1) for x in xs)
    scores = np.einsum("nhcq,nhck->nhqk", queries, others) * keys.get("scale", queries.shape[2] ** -0.5)
    shares = np.exp(scores - scores.max(3, keepdims=True))
    return shares / shares.sum(3, keepdims=True)


def attention(xs: list[Array]) -> Array:
    """Sums of the values by attention weights."""
    weights, values = xs
    count, channels, *sides = values.shape
    parts = values.reshape(count, weights.shape[1], channels // weights.shape[1], -1)
    sums = np.einsum("nhqk,nhck->nhcq", weights, parts).reshape(count, channels, -1, 1)
    return sums.reshape(values.shape) if sums.shape[2] == math.prod(sides) else sums


def class_token(x: Array, w: Mapping[str, Array]) -> Array:
    """Learnt tokens before those of the image, one below the other."""
    tokens = w["weight"].reshape(-1, x.shape[1]).T
    repeated = np.broadcast_to(tokens, (len(x), *tokens.shape))
    return np.concatenate([repeated, x.reshape(*x.shape[:2], -1)], 2)[:, :, :, None]


def crop(x: Array, keys: Keys) -> Array:
    """Some rows and columns."""
    top, left = keys.get("top", 0), keys.get("left", 0)
    return x[:, :, top : top + keys["height"], left : left + keys["width"]]


def transpose(x: Array, keys: Keys) -> Array:
    """Pixels as channels, channels as pixels."""
    return x.reshape(*x.shape[:2], -1).swapaxes(1, 2).reshape(len(x), -1, keys["height"], keys.get("width", 1))


def shuffle(x: Array, groups: int) -> Array:
    """y[k G + g] = x[g C/G + k]."""
    count = x.shape[1]
    return x[:, [channel % groups * (count // groups) + channel // groups for channel in range(count)]]


NO_WEIGHTS: dict[str, Callable[[Array, Keys], Array]] = {
    "relu": lambda x, k: np.maximum(x, 0),
    "leaky_relu": lambda x, k: np.where(x < 0, k["slope"] * x, x),
    "gelu": gelu,
    "silu": lambda x, k: x / (1 + np.exp(-x)),
    "hard_swish": lambda x, k: x * np.clip(x + 3, 0, 6) / 6,
    "hard_sigmoid": lambda x, k: np.clip(x + 3, 0, 6) / 6,
    "logistic": lambda x, k: 1 / (1 + np.exp(-x)),
    "tanh": lambda x, k: np.tanh(x),
    "linear": lambda x, k: k.get("a", 1.0) * x + k.get("b", 0.0),
    "abs": lambda x, k: np.abs(x),
    "square": lambda x, k: x * x,
    "sqrt": lambda x, k: np.sqrt(x),
    "clip": lambda x, k: np.clip(x, k.get("low"), k.get("high")),
    "global_average": lambda x, k: x.mean((2, 3), keepdims=True),
    "pool": pool,
    "adaptive_pool": adaptive_pool,
    "cmrnorm": response_norm,
    "pad": lambda x, k: padded(x, sides(k), k["value"]),
    "slice": lambda x, k: x[:, k.get("first", 0) : k.get("first", 0) + k["channels"]],
    "channel_shuffle": lambda x, k: shuffle(x, k["groups"]),
    "crop": crop,
    "transpose": transpose,
    "softmax": lambda x, k: x,
}

WEIGHTED: dict[str, Callable[[Array, Keys, Mapping[str, Array]], Array]] = {
    "conv": conv,
    "full": full,
    "batch_norm": batch_norm,
    "layer_norm": lambda x, k, w: affine(normalised(x, (1,), k["epsilon"]), w),
    "group_norm": group_norm,
    "scale": lambda x, k, w: affine(x, w),
    "class_token": lambda x, k, w: class_token(x, w),
    "position": lambda x, k, w: x + w["weight"].reshape(-1, x.shape[1]).T.reshape(x.shape[1:]),
}


def of_several(kind: str, xs: list[Array], keys: Keys) -> Array:
    """A sum, a product, a concatenation, or a half of attention."""
    if kind == "attention_weights":
        return attention_weights(xs, keys)
    if kind == "attention":
        return attention(xs)
    if kind == "concat":
        return np.concatenate(xs, 1)
    if kind == "multiply":
        a, b = xs
        assert a.shape == b.shape or (a.shape[:2] == b.shape[:2] and (1, 1) in (a.shape[2:], b.shape[2:]))
        return a * b
    assert all(x.shape == xs[0].shape for x in xs)
    return sum(factor * x for factor, x in zip(keys.get("coefficients", [1.0] * len(xs)), xs, strict=True))


def evaluate(network: Network, arrays: Mapping[str, Array], images: Array) -> Array:
    """The values before the softmax, N x classes, in double precision; shapes are compared with those of lowering."""
    values = {"data": images.astype(np.float64)}
    for layer in network.layers:
        table: dict[str, Any] = layer.table()
        xs = [values[name] for name in table["inputs"]]
        w = {role: arrays[name].astype(np.float64) for role, name in layer.arrays.items()}
        for role in ("weight", "bias"):
            # A key says whether there is such an array.
            assert table.get(role, role in w) == (role in w), (layer.name, role)
        if layer.type in ("add", "multiply", "concat", "attention_weights", "attention"):
            out = of_several(layer.type, xs, table)
        else:
            weighted = WEIGHTED.get(layer.type)
            out = weighted(xs[0], table, w) if weighted else NO_WEIGHTS[layer.type](xs[0], table)
        assert out.shape[1:] == layer.shape, (layer.name, layer.type, out.shape, layer.shape)
        values[layer.name] = out
    return values[network.layers[-1].inputs[0].name].reshape(len(images), -1)
