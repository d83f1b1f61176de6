"""Lowering of vision transformers: tokens, their positions, attention over them, and what works along the tokens.

A token is a pixel. Without class tokens the pixels of a map stay where they are; learnt tokens make one column of all,
C x T x 1.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from .. import toml
from . import layout
from .layout import Atom, Dim, Dims
from .network import Layer
from .trace import Memory, Node, Scores, Tensor, Trace, Value, Weight, handles

NO_MASKS = "deepViz computes attention between all tokens of an image, without windows, masks and learnt biases"
OTHER_FORM = "is a part of attention in a form that deepViz does not have"


def pixels_of(tensor: Tensor) -> Dim:
    """The pixels of a tensor's layer, row by row, as one dimension."""
    _, height, width = tensor.shape
    return layout.joined([*layout.axis("H", height), *layout.axis("W", width)])


def with_tokens(trace: Trace, node: Node, values: list[Value], dim: int) -> Tensor:
    """Learnt tokens before those of an image, along the second of N x tokens x channels."""
    *weights, tensor = values
    if not isinstance(tensor, Tensor) or not all(isinstance(weight, Weight) for weight in weights):
        trace.refuse(node, "puts weights behind activations", "deepViz has learnt tokens before those of an image")
    channels, height, width = tensor.shape
    batch, last = layout.axis("N", trace.batch), layout.axis("C", channels)
    if dim % len(tensor.dims) != 1 or tensor.dims != (batch, pixels_of(tensor), last):
        trace.refuse_layout(node, tensor)
    layer, count = tensor.layer, height * width
    for weight in reversed(weights):
        assert isinstance(weight, Weight)
        learnt = weight.shape[-2] if len(weight.shape) > 1 else 1
        if weight.shape[-1] != channels or math.prod(weight.shape) != learnt * channels:
            trace.refuse(node, f"takes the weights `{weight.name}` as tokens", f"tokens have {channels} channels")
        count += learnt
        layer = trace.add(
            node, "class_token", [layer], (channels, count, 1), {"count": learnt}, {"weight": weight.name}
        )
        layer.owns_name = False
    return Tensor(Memory(layer), (batch, layout.axis("H", count), last))


def position(trace: Trace, node: Node, tensor: Tensor, weight: Weight) -> Tensor | None:
    """The sum with a position embedding (a weight for every pixel and channel); None where the weight is none."""
    lengths = (1,) * (len(tensor.dims) - len(weight.shape)) + weight.shape
    whole = layout.joined([*pixels_of(tensor), *layout.axis("C", tensor.shape[0])])
    batch = layout.axis("N", trace.batch)
    if tensor.dims[:1] != (batch,) or layout.atoms(tensor.dims[1:]) != whole:
        return None
    if lengths != (1, *layout.shape_of(tensor.dims[1:])):
        return None
    layer = trace.add(node, "position", [tensor.layer], tensor.shape, {}, {"weight": weight.name})
    layer.owns_name = False
    return Tensor(Memory(layer), tensor.dims)


def cropped(trace: Trace, node: Node, tensor: Tensor, dim: int, span: tuple[int, int]) -> Tensor | None:
    """Some rows or columns; None where the dimension is neither. The caller puts the new length in its place."""
    (first, end), (channels, height, width) = span, tensor.shape
    keys: dict[str, toml.Value]
    if tensor.dims[dim] == layout.axis("H", height):
        keys, shape = {"top": first, "height": end - first, "width": width}, (channels, end - first, width)
    elif tensor.dims[dim] == layout.axis("W", width):
        keys, shape = {"left": first, "height": height, "width": end - first}, (channels, height, end - first)
    else:
        return None
    layer = trace.add(node, "crop", [tensor.layer], shape, keys, helps=True)
    return Tensor(Memory(layer, whole=tensor.box), tensor.dims)


def transposed_for_pixels(trace: Trace, node: Node, tensor: Tensor) -> Tensor | None:
    """The tensor with its pixels as channels, where they are its last dimension: what a linear layer then works on."""
    channels, height, width = tensor.shape
    own = layout.axis("C", channels)
    if height * width == 1 or tensor.dims[-1] != pixels_of(tensor) or own not in tensor.dims[:-1]:
        return None
    shape = (height * width, channels, 1)
    layer = trace.add(node, "transpose", [tensor.layer], shape, {"height": channels}, helps=True)
    outer = tuple(layout.axis("H", channels) if dim == own else dim for dim in tensor.dims[:-1])
    return Tensor(Memory(layer), (*outer, layout.axis("C", height * width)))


def transposed_back(trace: Trace, node: Node, tensor: Tensor, like: Tensor) -> Tensor | None:
    """A tensor whose channels are the other's pixels, as one whose values stand like those of the other."""
    channels, height, width = like.shape
    if tensor.shape != (height * width, channels, 1):
        return None
    exchanged = {
        layout.axis("C", channels): layout.axis("H", channels),
        pixels_of(like): layout.axis("C", height * width),
    }
    if tuple(exchanged.get(dim, dim) for dim in like.dims) != tensor.dims:
        return None
    keys: dict[str, toml.Value] = {"height": height, "width": width}
    return Tensor(Memory(trace.add(node, "transpose", [tensor.layer], like.shape, keys, helps=True)), like.dims)


def _in_four(trace: Trace, dims: Dims) -> Dims:
    """Dimensions N x heads x rows x columns, where the first two may be one (`bmm`); any others as they are."""
    if len(dims) != 3:
        return dims
    first, *rest = layout.shape_of(dims)
    return layout.reshape(dims, (trace.batch, first // trace.batch, *rest)) or dims


def _in_three(dims: Dims, like: Tensor) -> Dims:
    """Those four dimensions, or three, the first two as one, where another tensor has three."""
    return dims if len(like.dims) == 4 else ((*dims[0], *dims[1]), *dims[2:])


def _heads(trace: Trace, node: Node, tensor: Tensor) -> tuple[int, Dims]:
    """The number of heads of a tensor N x heads x tokens x channels of a head, and its dimensions."""
    found = _in_four(trace, tensor.dims)
    if len(found) != 4:
        trace.refuse_layout(node, tensor)
    channels = tensor.shape[0]
    heads = layout.size(found[1])
    size = channels // heads
    dims = (
        layout.axis("N", trace.batch),
        layout.joined([Atom("C", size, heads)]),
        pixels_of(tensor),
        layout.joined([Atom("C", 1, size)]),
    )
    if found != dims:
        trace.refuse_layout(node, tensor)
    return heads, dims


def _set_role(tensor: Tensor, role: str) -> None:
    """Names what is cut out of one layer for queries, keys and values; what has a name of its own keeps that."""
    if tensor.layer.type in ("slice", "linear") and not tensor.layer.owns_name:
        tensor.layer.role = tensor.layer.role or role


def _weights(trace: Trace, node: Node, scores: Scores) -> Tensor:
    """The softmax of products: maps of queries x keys, one a head."""
    (heads, _), (others, _) = _heads(trace, node, scores.query), _heads(trace, node, scores.key)
    if heads != others or scores.query.shape[0] != scores.key.shape[0]:
        trace.refuse(node, "has other heads for keys than for queries", "deepViz has as many of both")
    size = scores.query.shape[0] // heads
    keys: dict[str, toml.Value] = {"heads": heads}
    if not math.isclose(scores.factor, size**-0.5, rel_tol=1e-6):
        keys["scale"] = scores.factor
    _set_role(scores.query, "query")
    _set_role(scores.key, "key")
    queries, count = (math.prod(tensor.shape[1:]) for tensor in (scores.query, scores.key))
    layers = [scores.query.layer, scores.key.layer]
    layer = trace.add(node, "attention_weights", layers, (heads, queries, count), keys, helps=True)
    found = trace.as_map(layer)
    return found.viewed(_in_three(found.dims, like=scores.query))


def _attention(trace: Trace, node: Node, weights: Layer, value: Tensor) -> Tensor:
    """The sums of the values by the weights, N x heads x tokens x channels of a head."""
    (of_weights, queries, keys), (heads, dims) = weights.shape, _heads(trace, node, value)
    if heads != of_weights or keys != math.prod(value.shape[1:]):
        trace.refuse(node, "has other heads or tokens for values than for keys", "deepViz has as many of both")
    _set_role(value, "value")
    channels = value.shape[0]
    shape = value.shape if queries == keys else (channels, queries, 1)
    layer = trace.add(node, "attention", [weights, value.layer], shape, {}, helps=True)
    tokens = dims[2] if queries == keys else layout.axis("H", queries)
    return Tensor(Memory(layer), _in_three((dims[0], dims[1], tokens, dims[3]), like=value))


@handles("scaled_dot_product_attention")
def scaled_dot_product_attention(trace: Trace, node: Node, args: dict[str, Any]) -> Value:
    """Attention of all tokens to all tokens."""
    if args.get("attn_mask") is not None or args.get("is_causal"):
        trace.refuse(node, "is attention with a mask or a bias", NO_MASKS)
    query, key, value = (trace.tensor(args[name], node) for name in ("query", "key", "value"))
    size = layout.size(query.dims[-1])
    scale = args.get("scale")
    scores = Scores(query, key, size**-0.5 if scale is None else float(scale))
    return _attention(trace, node, _weights(trace, node, scores).layer, value)


@handles("matmul", "bmm")
def matmul(trace: Trace, node: Node, args: dict[str, Any]) -> Value:
    """The products of queries and keys, or the sums of values by attention weights, where they are written out."""
    left, right = (trace.tensor(item, node) for item in list(args.values())[:2])
    is_map = _in_four(trace, left.dims) == layout.of_map(trace.batch, left.shape)
    if left.layer.type == "attention_weights" and is_map:
        return _attention(trace, node, left.layer, right)
    if len(left.dims) == len(right.dims) and len(right.dims) in (3, 4):
        (query, a), (other, b) = _without_factor(left), _without_factor(right)
        key = other.viewed((*other.dims[:-2], other.dims[-1], other.dims[-2]))
        _heads(trace, node, query)
        _heads(trace, node, key)
        return Scores(query, key, a * b)
    trace.refuse(node, "is a product of activations that is no attention", NO_MASKS)


def _without_factor(tensor: Tensor) -> tuple[Tensor, float]:
    """A tensor that is another one's product with a number, as that one and the number; any other times 1.

    Queries are scaled before their product with keys, or both by the root of the scale (torch.onnx.export).
    """
    layer = tensor.layer
    factor = layer.keys.get("a", 1.0)
    if layer.type != "linear" or layer.keys.get("b", 0.0) != 0.0 or not isinstance(factor, float):
        return tensor, 1.0
    return Tensor(Memory(layer.inputs[0]), tensor.dims), factor


@handles("softmax", "_softmax")
def softmax(trace: Trace, node: Node, args: dict[str, Any]) -> Value:
    """The softmax of attention."""
    scores = trace.value(args["self"])
    if isinstance(scores, Scores) and args["dim"] in (-1, len(scores.query.dims) - 1):
        return _weights(trace, node, scores)
    trace.refuse(node, "is a softmax that is neither the network's last layer nor attention", NO_MASKS)


def scaled(scores: Scores, kind: str, number: float) -> Scores | None:
    """Products of queries and keys times or over a number; None of anything else."""
    if kind not in ("mul", "div") or number == 0.0:
        return None
    return dataclasses.replace(scores, factor=scores.factor * number if kind == "mul" else scores.factor / number)
