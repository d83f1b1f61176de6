"""The reference for lowering: computes a lowered network from its layers and arrays alone, with functions of torch."""

# mypy: disable-error-code="no-any-return, union-attr, index"
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from deepviz.lower import Network


def sides(keys: Mapping[str, Any], key: str) -> list[int]:
    """Top, bottom, left, right of a padding in any of its forms."""
    value = keys.get(key, 0)
    if isinstance(value, int):
        return [value] * 4
    return [value[0], value[0], value[1], value[1]] if len(value) == 2 else list(value)


def pair(value: Any) -> list[int]:
    """Rows and columns."""
    return [value, value] if isinstance(value, int) else list(value)


def padded(x: Tensor, padding: list[int], value: float = 0.0) -> Tensor:
    """The input with rows and columns around it."""
    top, bottom, left, right = padding
    return F.pad(x, (left, right, top, bottom), value=value)


def conv(x: Tensor, keys: Mapping[str, Any], w: Mapping[str, Tensor]) -> Tensor:
    """A convolution."""
    assert keys["rounding"] == "down"
    size = pair(keys["size"])
    groups = keys.get("groups", 1)
    weight = w["weight"].reshape(keys["filters"], x.shape[1] // groups, *size)
    x = padded(x, sides(keys, "padding"))
    stride, dilation = pair(keys.get("stride", 1)), pair(keys.get("dilation", 1))
    return F.conv2d(x, weight, w.get("bias"), tuple(stride), 0, tuple(dilation), groups)


def pool(x: Tensor, keys: Mapping[str, Any]) -> Tensor:
    """The maximum or average of windows that are cut at the borders, window by window as docs/recipes.md says."""
    size, stride, dilation = (pair(keys.get(key, 1)) for key in ("size", "stride", "dilation"))
    padding = sides(keys, "padding")
    counts = []
    for axis in (0, 1):
        side, before, after = x.shape[2 + axis], padding[2 * axis], padding[2 * axis + 1]
        span = dilation[axis] * (size[axis] - 1) + 1
        room = side + before + after - span
        covering = room // stride[axis] if keys["rounding"] == "down" else -(-room // stride[axis])
        counts.append(1 + min(covering, (before + side - 1) // stride[axis]))
    if "outputs" in keys:
        counts = pair(keys["outputs"])

    def taps(axis: int, index: int) -> tuple[list[int], int]:
        """Positions of a window's elements within the input, and how many lie within input and padding together."""
        side, before, after = x.shape[2 + axis], padding[2 * axis], padding[2 * axis + 1]
        places = [index * stride[axis] - before + tap * dilation[axis] for tap in range(size[axis])]
        inside = [place for place in places if 0 <= place < side]
        return inside, sum(-before <= place < side + after for place in places)

    rows, columns = [[taps(axis, index) for index in range(counts[axis])] for axis in (0, 1)]
    out = x.new_empty(*x.shape[:2], *counts)
    for i, (ys, counted_rows) in enumerate(rows):
        for j, (xs, counted_columns) in enumerate(columns):
            window = x[:, :, ys][:, :, :, xs]
            if keys["pool"] == "max":
                out[:, :, i, j] = window.amax((2, 3))
                continue
            counted = counted_rows * counted_columns if keys.get("count_padding") else len(ys) * len(xs)
            out[:, :, i, j] = window.sum((2, 3)) / counted
    return out


def adaptive_pool(x: Tensor, keys: Mapping[str, Any]) -> Tensor:
    """So many windows that cover the input."""
    outputs = tuple(pair(keys["outputs"]))
    function: Callable[..., Tensor] = F.adaptive_max_pool2d if keys["pool"] == "max" else F.adaptive_avg_pool2d
    return function(x, outputs)


def full(x: Tensor, keys: Mapping[str, Any], w: Mapping[str, Tensor]) -> Tensor:
    """Fully connected."""
    inputs = x.flatten(1) if keys.get("flatten") != "channels_last" else x.permute(0, 2, 3, 1).flatten(1)
    return F.linear(inputs, w["weight"].reshape(keys["outputs"], -1), w.get("bias"))[:, :, None, None]


def per_channel(array: Tensor | None) -> Tensor | None:
    """An array of one value a channel, for maps."""
    return None if array is None else array.reshape(1, -1, 1, 1)


def batch_norm(x: Tensor, keys: Mapping[str, Any], w: Mapping[str, Tensor]) -> Tensor:
    """Normalisation with running statistics."""
    return F.batch_norm(
        x, w["running_mean"], w["running_var"], w.get("weight"), w.get("bias"), False, 0, keys["epsilon"]
    )


def layer_norm(x: Tensor, keys: Mapping[str, Any], w: Mapping[str, Tensor]) -> Tensor:
    """Normalisation over every pixel's channels."""
    last = x.permute(0, 2, 3, 1)
    flat = {role: array.reshape(-1) for role, array in w.items()}
    out = F.layer_norm(last, last.shape[-1:], flat.get("weight"), flat.get("bias"), keys["epsilon"])
    return out.permute(0, 3, 1, 2)


def scale(x: Tensor, keys: Mapping[str, Any], w: Mapping[str, Tensor]) -> Tensor:
    """A weight and a bias a channel."""
    weight, bias = per_channel(w.get("weight")), per_channel(w.get("bias"))
    x = x if weight is None else x * weight
    return x if bias is None else x + bias


def add(xs: list[Tensor], keys: Mapping[str, Any]) -> Tensor:
    """A weighted sum of maps of one shape."""
    coefficients = keys.get("coefficients", [1.0] * len(xs))
    assert all(x.shape == xs[0].shape for x in xs)
    out = coefficients[0] * xs[0]
    for factor, x in zip(coefficients[1:], xs[1:], strict=True):
        out = out + factor * x
    return out


def multiply(xs: list[Tensor]) -> Tensor:
    """A product of maps of one shape, or one of them of one pixel."""
    a, b = xs
    assert a.shape == b.shape or (a.shape[:2] == b.shape[:2] and (1, 1) in (a.shape[2:], b.shape[2:]))
    return a * b


def attention_weights(xs: list[Tensor], keys: Mapping[str, Any]) -> Tensor:
    """The softmax of products of queries and keys, head by head."""
    heads = keys["heads"]
    queries, others = (x.flatten(2).unflatten(1, (heads, -1)) for x in xs)
    scale = keys.get("scale", queries.shape[2] ** -0.5)
    return (scale * queries.mT @ others).softmax(3)


def attention(xs: list[Tensor]) -> Tensor:
    """Sums of the values by attention weights."""
    weights, values = xs
    sums = (weights @ values.flatten(2).unflatten(1, (weights.shape[1], -1)).mT).mT.flatten(1, 2)
    return sums.reshape(values.shape) if sums.shape[2] == values[0, 0].numel() else sums.unsqueeze(3)


def class_token(x: Tensor, keys: Mapping[str, Any], w: Mapping[str, Tensor]) -> Tensor:
    """Learnt tokens before those of the image, one below the other."""
    tokens = w["weight"].reshape(keys["count"], x.shape[1]).T.expand(len(x), -1, -1)
    return torch.cat([tokens, x.flatten(2)], 2).unsqueeze(3)


def position(x: Tensor, keys: Mapping[str, Any], w: Mapping[str, Tensor]) -> Tensor:
    """A weight for every pixel and channel."""
    return x + w["weight"].reshape(-1, x.shape[1]).T.reshape(x.shape[1:])


def crop(x: Tensor, keys: Mapping[str, Any]) -> Tensor:
    """Some rows and columns."""
    top, left = keys.get("top", 0), keys.get("left", 0)
    return x[:, :, top : top + keys["height"], left : left + keys["width"]]


def transpose(x: Tensor, keys: Mapping[str, Any]) -> Tensor:
    """Pixels as channels, channels as pixels."""
    return x.flatten(2).mT.reshape(len(x), -1, keys["height"], keys.get("width", 1))


def shuffle(x: Tensor, groups: int) -> Tensor:
    """y[k G + g] = x[g C/G + k]."""
    channels = x.shape[1]
    order = [channel % groups * (channels // groups) + channel // groups for channel in range(channels)]
    return x[:, order]


ACTIVATIONS: dict[str, Callable[[Tensor, Mapping[str, Any]], Tensor]] = {
    "relu": lambda x, k: x.relu(),
    "leaky_relu": lambda x, k: F.leaky_relu(x, k["slope"]),
    "gelu": lambda x, k: F.gelu(x, approximate="tanh" if k["form"] == "tanh" else "none"),
    "silu": lambda x, k: F.silu(x),
    "hard_swish": lambda x, k: F.hardswish(x),
    "hard_sigmoid": lambda x, k: F.hardsigmoid(x),
    "logistic": lambda x, k: x.sigmoid(),
    "tanh": lambda x, k: x.tanh(),
    "linear": lambda x, k: k.get("a", 1.0) * x + k.get("b", 0.0),
    "abs": lambda x, k: x.abs(),
    "square": lambda x, k: x.square(),
    "sqrt": lambda x, k: x.sqrt(),
    "clip": lambda x, k: x.clamp(k.get("low"), k.get("high")),
    "global_average": lambda x, k: x.mean((2, 3), keepdim=True),
    "pool": pool,
    "adaptive_pool": adaptive_pool,
    "pad": lambda x, k: padded(x, k["padding"], k["value"]),
    "slice": lambda x, k: x[:, k.get("first", 0) : k.get("first", 0) + k["channels"]],
    "channel_shuffle": lambda x, k: shuffle(x, k["groups"]),
    "crop": crop,
    "transpose": transpose,
    "softmax": lambda x, k: x.softmax(1),
}

WEIGHTED: dict[str, Callable[[Tensor, Mapping[str, Any], Mapping[str, Tensor]], Tensor]] = {
    "conv": conv,
    "full": full,
    "batch_norm": batch_norm,
    "layer_norm": layer_norm,
    "group_norm": lambda x, k, w: F.group_norm(x, k["groups"], w.get("weight"), w.get("bias"), k["epsilon"]),
    "scale": scale,
    "class_token": class_token,
    "position": position,
}


def every_layer(network: Network, arrays: Mapping[str, Tensor], images: Tensor) -> dict[str, Tensor]:
    """The outputs of all layers for images N x C x H x W; shapes are compared with those that lowering gave."""
    values = {"data": images}
    for layer in network.layers:
        table = layer.table()
        xs = [values[name] for name in table["inputs"]]
        w = {role: arrays[name] for role, name in layer.arrays.items()}
        for role in ("weight", "bias"):
            # A key says whether there is such an array.
            assert table.get(role, role in w) == (role in w), (layer.name, role)
        match layer.type:
            case "add":
                out = add(xs, table)
            case "multiply":
                out = multiply(xs)
            case "attention_weights":
                out = attention_weights(xs, table)
            case "attention":
                out = attention(xs)
            case "concat":
                out = torch.cat(xs, 1)
            case kind if kind in WEIGHTED:
                out = WEIGHTED[kind](xs[0], table, w)
            case kind:
                out = ACTIVATIONS[kind](xs[0], table)
        assert tuple(out.shape[1:]) == layer.shape, (layer.name, layer.type, tuple(out.shape), layer.shape)
        values[layer.name] = out
    return values


def evaluate(network: Network, arrays: Mapping[str, Tensor], images: Tensor) -> Tensor:
    """The values before the softmax, N x classes."""
    values = every_layer(network, arrays, images)
    return values[network.layers[-1].table()["inputs"][0]].flatten(1)
