"""Lowering of operations that move values: views, permutations, slices, concatenation. Most need no layer."""

from __future__ import annotations

import math
from typing import Any

from .. import toml
from . import attention, layout
from .layout import Atom, Dim
from .network import Layer
from .trace import Constant, Memory, Node, SplitResult, Tensor, Trace, Value, Weight, handles

AS_THEY_ARE = "deepViz takes weights as they are: without weight standardisation, weight norm or other computation"


@handles("alias", "detach", "lift_fresh_copy", "lift_fresh", "positive", "type_as")
def same(trace: Trace, node: Node, args: dict[str, Any]) -> Value:
    """The same values."""
    return trace.value(next(iter(args.values())))


@handles("clone")
def copied(trace: Trace, node: Node, args: dict[str, Any]) -> Value:
    """The same values in new memory."""
    found = trace.value(args["self"])
    return Tensor(Memory(found.layer), found.dims) if isinstance(found, Tensor) else found


@handles("contiguous", "to", "_to_copy", "dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout")
def maybe_copied(trace: Trace, node: Node, args: dict[str, Any]) -> Value:
    """The same values, in the same memory or a copy. Dropout does nothing in evaluation."""
    if args.get("train"):
        trace.refuse(
            node,
            "drops values in evaluation too",
            "pass `training=self.training` to `dropout`",
        )
    found = trace.value(next(iter(args.values())))
    if isinstance(found, Tensor):
        found.box.may_be_copied = True
    return found


@handles(
    "view",
    "reshape",
    "flatten",
    "unflatten",
    "squeeze",
    "unsqueeze",
    "_unsafe_view",
    "view_copy",
    "reshape_as",
    "view_as",
)
def reshaped(trace: Trace, node: Node, args: dict[str, Any]) -> Value:
    """The same values row by row in other dimensions."""
    found = trace.value(args["self"])
    lengths = [int(length) for length in node.meta["val"].shape]
    if isinstance(found, Constant):
        return found
    if isinstance(found, Weight):
        view = Weight(found.name, tuple(lengths))
        if view.axes != found.axes:
            trace.refuse(node, f"changes the shape of the weights `{found.name}`", AS_THEY_ARE)
        return view
    tensor = trace.tensor(args["self"], node)
    dims = layout.reshape(tensor.dims, lengths)
    if dims is None:
        tensor = trace.settled(tensor, node)
        dims = layout.reshape(tensor.dims, lengths)
    if dims is None:
        trace.refuse_layout(node, tensor)
    if "reshape" in str(node.target) or "flatten" in str(node.target):
        tensor.box.may_be_copied = True
    return tensor.viewed(dims)


@handles("permute", "transpose", "t", "movedim", "swapaxes", "numpy_T", "mT")
def permuted(trace: Trace, node: Node, args: dict[str, Any]) -> Value:
    """Dimensions in another order."""
    found = trace.value(args["self"])
    count = len(found.dims) if isinstance(found, Tensor) else len(found.shape) if isinstance(found, Weight) else 0
    order = _order(trace, node, args, count)
    if isinstance(found, Weight):
        view = Weight(found.name, tuple(found.shape[index] for index in order))
        if view.axes != found.axes:
            trace.refuse(node, f"transposes the weights `{found.name}`", AS_THEY_ARE)
        return view
    tensor = trace.tensor(args["self"], node)
    return tensor.viewed(tuple(tensor.dims[index] for index in order))


def _order(trace: Trace, node: Node, args: dict[str, Any], count: int) -> list[int]:
    if "dims" in args:
        return [index % count for index in args["dims"]]
    order = list(range(count))
    if "source" in args:
        pairs = [[item] if isinstance(item, int) else list(item) for item in (args["source"], args["destination"])]
        moved = {to % count: of % count for of, to in zip(*pairs, strict=True)}
        rest = iter([index for index in order if index not in moved.values()])
        return [moved[place] if place in moved else next(rest) for place in order]
    first, second = (args[key] % count for key in ("dim0", "dim1")) if "dim0" in args else (count - 2, count - 1)
    order[first], order[second] = order[second], order[first]
    return order


@handles("expand", "expand_as")
def expanded(trace: Trace, node: Node, args: dict[str, Any]) -> Value:
    """Values broadcast along axes of length 1, marked by atoms `*`: supported as operand of an elementwise product."""
    found = trace.value(args["self"])
    lengths = [int(length) for length in node.meta["val"].shape]
    if isinstance(found, Constant):
        return found
    if isinstance(found, Weight) and found.shape[:1] == (1,) and lengths[1:] == list(found.shape[1:]):
        # Learnt tokens, repeated for every image: their concatenation with an image's tokens is one layer.
        return found
    tensor = trace.tensor(args["self"], node)
    dims: tuple[Dim, ...] = ((),) * (len(lengths) - len(tensor.dims)) + tensor.dims
    repeated = [
        (Atom("*", 0, length),) if layout.size(dim) == 1 and length > 1 else dim
        for dim, length in zip(dims, lengths, strict=True)
    ]
    return tensor.viewed(tuple(repeated))


@handles("repeat")
def repeated(trace: Trace, node: Node, args: dict[str, Any]) -> Value:
    """Weights that are repeated for every image."""
    found = trace.value(args["self"])
    if isinstance(found, Weight) and all(times == 1 for times in args["repeats"][1:]) and found.shape[0] == 1:
        return found
    trace.refuse(node, "repeats values", "deepViz repeats one value a channel over a map, and learnt tokens")


@handles("chunk", "split", "split_with_sizes", "tensor_split", "unbind")
def split(trace: Trace, node: Node, args: dict[str, Any]) -> Value:
    """Splits the channels."""
    tensor = trace.tensor(args["self"], node)
    dim = args["dim"] % len(tensor.dims)
    removes = "unbind" in str(node.target)
    if removes:
        lengths = [1] * layout.size(tensor.dims[dim])
    else:
        lengths = _lengths(args, layout.size(tensor.dims[dim]), str(node.target))
    # Shuffled once, not for every part.
    tensor = trace.settled(tensor, node)
    parts, first = [], 0
    for length in lengths:
        parts.append(_taken(trace, node, tensor, dim, (first, first + length), removes))
        first += length
    return SplitResult(tuple(parts))


def _lengths(args: dict[str, Any], whole: int, target: str) -> list[int]:
    if "chunk" in target or "tensor_split" in target:
        count = args["chunks"] if "chunks" in args else args["sections"]
        if "tensor_split" in target:
            return [whole // count + (index < whole % count) for index in range(count)]
        length = -(-whole // count)
    else:
        length = args["split_sizes"] if "split_sizes" in args else args["split_size"]
        if not isinstance(length, int):
            return list(length)
    return [min(length, whole - first) for first in range(0, whole, length)]


@handles("getitem")
def part(trace: Trace, node: Node, args: dict[str, Any]) -> Value:
    """Selects one of several results."""
    found, index = trace.value(args["a"]), int(args["b"])
    if isinstance(found, SplitResult):
        return found.items[index]
    if isinstance(found, Tensor) and index == 0:
        return found
    trace.refuse(node, "takes a second result (the places of maxima)", "deepViz does not have them")


@handles("slice", "narrow", "select")
def sliced(trace: Trace, node: Node, args: dict[str, Any]) -> Value:
    """Some of the channels, rows or columns, or every k-th row or column from the first on."""
    tensor = trace.tensor(args["self"], node)
    dim = args["dim"] % len(tensor.dims)
    whole = layout.size(tensor.dims[dim])
    if "index" in args:
        first = args["index"] % whole
        return _taken(trace, node, tensor, dim, (first, first + 1), removes=True)
    if "length" in args:
        first = args["start"] % whole
        return _taken(trace, node, tensor, dim, (first, first + args["length"]), removes=False)
    first, end, step = slice(args["start"], args["end"], args["step"]).indices(whole)
    if step == 1:
        return _taken(trace, node, tensor, dim, (first, end), removes=False)
    if first == 0 and end == whole and dim in (2, 3):
        return _thinned(trace, node, tensor, dim, step)
    trace.refuse(
        node, f"takes one of every {step} values from {first} to {end}", "deepViz takes every k-th row and column"
    )


def _taken(trace: Trace, node: Node, tensor: Tensor, dim: int, span: tuple[int, int], removes: bool) -> Tensor:
    """The indices from `span[0]` to before `span[1]` of a dimension, which `removes` drops from the result."""
    tensor = trace.settled(tensor, node)
    (first, end), atoms = span, tensor.dims[dim]
    channels, height, width = tensor.shape
    dims = list(tensor.dims)
    if end - first == layout.size(atoms):
        taken = tensor
    elif len(atoms) == 1 and atoms[0].axis == "C" and atoms[0].stride * atoms[0].size == channels:
        stride = atoms[0].stride
        count = stride * (end - first)
        keys = {"first": stride * first, "channels": count}
        layer = trace.add(node, "slice", [tensor.layer], (count, height, width), dict(keys), helps=True)
        taken = Tensor(Memory(layer, whole=tensor.box), tensor.dims)
        dims[dim] = layout.joined([Atom("C", stride, end - first)])
    else:
        found = attention.cropped(trace, node, tensor, dim, span)
        if found is None:
            what = f"takes {first} to {end} of an axis that is neither channels, rows nor columns"
            trace.refuse(node, what, "deepViz takes parts of these")
        taken = found
        dims[dim] = layout.joined([Atom(atoms[0].axis, 1, end - first)])
    if removes:
        del dims[dim]
    return taken.viewed(tuple(dims))


def _thinned(trace: Trace, node: Node, tensor: Tensor, dim: int, step: int) -> Tensor:
    """Every `step`-th row or column: a pool of single pixels."""
    layer = trace.map(tensor, node)
    channels, *sides = layer.shape
    stride = [1, 1]
    stride[dim - 2] = step
    sides = [math.ceil(side / every) for side, every in zip(sides, stride, strict=True)]
    keys: dict[str, toml.Value] = {"pool": "max", "size": 1, "stride": stride, "rounding": "down", "ties": "first"}
    # PyTorch's slice shares memory with its input, which a write in place would change.
    thin: Layer = trace.add(node, "pool", [layer], (channels, sides[0], sides[1]), keys)
    return Tensor(Memory(thin, whole=tensor.box), layout.of_map(trace.batch, thin.shape))


@handles("cat", "concat", "concatenate")
def concatenated(trace: Trace, node: Node, args: dict[str, Any]) -> Value:
    """Channels one after another, or learnt tokens before an image's."""
    values = [trace.value(item) for item in args["tensors"]]
    if any(isinstance(value, Weight) for value in values):
        return attention.with_tokens(trace, node, values, args["dim"])
    tensors = [trace.tensor(item, node) for item in args["tensors"]]
    if len(tensors) == 1:
        return Tensor(Memory(tensors[0].layer), tensors[0].dims)
    dim = args["dim"] % len(tensors[0].dims)
    tensors = [trace.settled(tensor, node) for tensor in tensors]
    others = {tuple(dims for place, dims in enumerate(tensor.dims) if place != dim) for tensor in tensors}
    fits = all(tensor.dims[dim] == layout.axis("C", tensor.shape[0]) for tensor in tensors)
    if len(others) != 1 or not fits:
        trace.refuse(node, "puts tensors together along another axis than the channels", "deepViz joins channels")
    layers = [tensor.layer for tensor in tensors]
    _, height, width = layers[0].shape
    channels = sum(layer.shape[0] for layer in layers)
    layer = trace.add(node, "concat", layers, (channels, height, width))
    dims = list(tensors[0].dims)
    dims[dim] = layout.axis("C", channels)
    return Tensor(Memory(layer), tuple(dims))


@handles("channel_shuffle", "native_channel_shuffle")
def shuffled(trace: Trace, node: Node, args: dict[str, Any]) -> Value:
    """Channels of groups mixed."""
    layer = trace.map(trace.tensor(next(iter(args.values())), node), node)
    return trace.as_map(trace.add(node, "channel_shuffle", [layer], layer.shape, {"groups": args["groups"]}))
