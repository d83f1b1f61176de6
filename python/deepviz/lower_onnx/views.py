"""Lowering of ONNX's operators that move values: reshapes, transpositions, slices, concatenation, padding."""

from __future__ import annotations

import math
from typing import Any

from ..lower import layout
from ..lower.trace import Scores, Tensor
from . import attention
from .trace import ConstantArray, Node, OnnxTrace, Symbol, handles


@handles("Identity", "Dropout", "Cast", "CastLike")
def same(trace: OnnxTrace, node: Node) -> Any:
    """The same values: casts between kinds of floating point are left out, and dropout does nothing after training."""
    item = node.item(0)
    if node.op == "Dropout" and isinstance(mode := node.item(2), ConstantArray) and mode.number:
        trace.refuse(node, "drops values in evaluation too", "export the model in evaluation mode")
    if node.op == "Cast" and isinstance(item, Tensor) and node.attributes.get("to") not in (1, 10, 11, 16):
        trace.refuse(node, "makes whole numbers of activations", "deepViz computes in floating point")
    return item if isinstance(item, (Symbol, Scores)) else trace.input(node)


@handles("Shape")
def shape(trace: OnnxTrace, node: Node) -> ConstantArray:
    """The shape of a tensor, a constant here since the batch size is fixed."""
    import numpy

    lengths = trace.shape_of(trace.input(node))
    return ConstantArray(
        numpy.asarray(lengths[node.attributes.get("start", 0) : node.attributes.get("end")], dtype=numpy.int64)
    )


@handles("Size")
def size(trace: OnnxTrace, node: Node) -> ConstantArray:
    """The number of values."""
    import numpy

    return ConstantArray(numpy.asarray(math.prod(trace.shape_of(trace.input(node))), dtype=numpy.int64))


@handles("Reshape", "Flatten", "Squeeze", "Unsqueeze")
def reshaped(trace: OnnxTrace, node: Node) -> Any:
    """The same values row by row in other dimensions."""
    tensor = trace.input(node)
    lengths = trace.shape_of(tensor)
    match node.op:
        case "Flatten":
            axis = node.attributes.get("axis", 1) % (len(lengths) + 1)
            wanted = [math.prod(lengths[:axis]), math.prod(lengths[axis:])]
        case "Squeeze":
            wanted = _squeezed(lengths, node.option(1, "axes"))
        case "Unsqueeze":
            wanted = _unsqueezed(lengths, node.option(1, "axes"))
        case _:
            if len(node.inputs) > 1:
                trace.constant(node, 1)
            wanted = _lengths(trace, node, lengths, node.option(1, "shape"))
    if math.prod(wanted) != math.prod(lengths):
        found, to = (" x ".join(str(length) for length in some) for some in (lengths, wanted))
        trace.refuse(node, f"makes {to} of {found}", "export the model for images of the run's size")
    return trace.call("reshape", node, wanted, self=tensor)


def _squeezed(lengths: tuple[int, ...], axes: list[int] | None) -> list[int]:
    ones = {at for at, length in enumerate(lengths) if length == 1}
    chosen = {axis % len(lengths) for axis in axes} if axes else ones
    return [length for at, length in enumerate(lengths) if at not in chosen]


def _unsqueezed(lengths: tuple[int, ...], axes: list[int]) -> list[int]:
    count, rest = len(lengths) + len(axes), iter(lengths)
    chosen = {axis % count for axis in axes}
    return [1 if at in chosen else next(rest) for at in range(count)]


def _lengths(trace: OnnxTrace, node: Node, lengths: tuple[int, ...], target: list[int]) -> list[int]:
    keeps_zero = not node.attributes.get("allowzero", 0)
    wanted = [
        lengths[at] if length == 0 and keeps_zero and at < len(lengths) else int(length)
        for at, length in enumerate(target)
    ]
    if -1 in wanted:
        known = math.prod(length for length in wanted if length != -1)
        wanted[wanted.index(-1)] = math.prod(lengths) // known if known else 0
    return wanted


@handles("Transpose")
def transposed(trace: OnnxTrace, node: Node) -> Any:
    """Dimensions in another order."""
    tensor = trace.input(node)
    order = node.attributes.get("perm") or list(reversed(range(len(tensor.dims))))
    return trace.call("permute", node, self=tensor, dims=list(order))


@handles("Expand")
def expanded(trace: OnnxTrace, node: Node) -> Any:
    """Values repeated along axes of length 1."""
    tensor = trace.input(node)
    lengths, wanted = list(trace.shape_of(tensor)), [int(length) for length in trace.constant(node, 1).array.tolist()]
    count = max(len(lengths), len(wanted))
    lengths, wanted = ([1] * (count - len(some)) + some for some in (lengths, wanted))
    # Lengths of 1 leave the tensor's own.
    shape = [max(pair) for pair in zip(lengths, wanted, strict=True)]
    return trace.call("expand", node, shape, self=tensor)


@handles("Concat")
def concatenated(trace: OnnxTrace, node: Node) -> Any:
    """Channels one after another, or learnt tokens before an image's."""
    tensors = [
        attention.tokens(trace, node, item) if isinstance(item, ConstantArray) else trace.input(node, index)
        for index, item in enumerate(node.inputs)
    ]
    return trace.call("cat", node, tensors=tensors, dim=node.attributes["axis"])


@handles("Split")
def split(trace: OnnxTrace, node: Node) -> Any:
    """Splits the channels."""
    tensor, axis = trace.input(node), node.attributes.get("axis", 0)
    sizes = node.option(1, "split")
    if sizes is None:
        whole = trace.shape_of(tensor)[axis]
        each = -(-whole // node.outputs)
        sizes = [min(each, whole - first) for first in range(0, whole, each)]
    return trace.call("split", node, self=tensor, dim=axis, split_sizes=[int(length) for length in sizes])


@handles("Slice")
def sliced(trace: OnnxTrace, node: Node) -> Any:
    """Some of the channels, or every k-th row or column."""
    tensor = trace.input(node)
    for index in range(1, len(node.inputs)):
        if node.item(index) is not None:
            trace.constant(node, index)
    starts, ends = node.option(1, "starts"), node.option(2, "ends")
    axes = node.option(3, "axes") or list(range(len(starts)))
    steps = node.option(4, "steps") or [1] * len(starts)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        if step < 1:
            trace.refuse(node, f"has the step {step}", "deepViz keeps the order of rows, columns and channels")
        tensor = trace.call("slice", node, self=tensor, dim=axis, start=start, end=end, step=step)
    return tensor


@handles("Gather")
def gathered(trace: OnnxTrace, node: Node) -> Any:
    """One value of an axis, or several in a row."""
    tensor, indices = trace.input(node), trace.constant(node, 1).array
    lengths = trace.shape_of(tensor)
    axis = node.attributes.get("axis", 0) % len(lengths)
    if indices.ndim == 0:
        return trace.call("select", node, self=tensor, dim=axis, index=int(indices))
    wanted = [int(index) % lengths[axis] for index in indices.reshape(-1)]
    if wanted == list(range(lengths[axis])):
        shape = [*lengths[:axis], *indices.shape, *lengths[axis + 1 :]]
        return trace.call("reshape", node, shape, self=tensor)
    if indices.ndim != 1 or wanted != list(range(wanted[0], wanted[0] + len(wanted))):
        trace.refuse(node, "takes values in an order of its own", "deepViz takes channels that follow one another")
    return trace.call("narrow", node, self=tensor, dim=axis, start=wanted[0], length=len(wanted))


@handles("Pad")
def padded(trace: OnnxTrace, node: Node) -> Any:
    """Padding with a constant: of rows and columns, or of channels with zeros."""
    tensor = trace.input(node)
    given = pads_of(trace, node, tensor)
    if not any(given):
        return tensor
    whole, mode = trace.as_map(tensor.layer), node.attributes.get("mode", "constant")
    found = trace.call("pad", node, self=whole, pad=given, mode=mode, value=pad_value(node))
    return reordered(found, tensor)


def pad_value(node: Node) -> float:
    """The value of a node's padding."""
    value = node.option(2, "value")
    number = value[0] if isinstance(value, list) and value else value
    return float(number or 0.0)


def pads_of(trace: OnnxTrace, node: Node, tensor: Tensor) -> list[int]:
    """Left, right, above, below, channels before and after; of any order of a tensor's dimensions."""
    pads, axes = node.option(1, "pads"), node.option(3, "axes")
    if pads is None:
        trace.refuse(node, "pads by lengths that depend on the image", "deepViz pads by numbers")
    count = len(tensor.dims)
    axes = [axis % count for axis in axes] if axes else list(range(count))
    both = {axis: (int(pads[at]), int(pads[at + len(axes)])) for at, axis in enumerate(axes)}
    order = [dim_of(tensor, count, axis) for axis in ("W", "H", "C")]
    changed = [axis for axis, pair in both.items() if any(pair)]
    if changed and (count != 4 or any(axis not in order for axis in changed)):
        trace.refuse(node, "pads another axis than rows, columns and channels", "deepViz pads these")
    return [length for axis in order for length in (both.get(axis, (0, 0)) if axis is not None else (0, 0))]


def dim_of(tensor: Tensor, count: int, axis: str) -> int | None:
    """The dimension that is the whole of an axis, of a tensor in four dimensions; None where it is spread or shuffled.

    An axis of length 1 is looked for where it stands in N x C x H x W, and in N x H x W x C.
    """
    length = dict(zip("CHW", tensor.shape, strict=True))[axis]
    whole = layout.axis(axis, length)
    if whole:
        return next((at for at, dim in enumerate(tensor.dims) if dim == whole), None)
    is_last = _is_channels_last(tensor)
    return {"C": 3 if is_last else 1, "H": 1 if is_last else 2, "W": 2 if is_last else 3}[axis] if count == 4 else None


def _is_channels_last(tensor: Tensor) -> bool:
    """Whether four dimensions are N x H x W x C and not N x C x H x W."""
    channels, height, width = tensor.shape
    batch = tensor.dims[0]
    last = (batch, layout.axis("H", height), layout.axis("W", width), layout.axis("C", channels))
    first = (batch, layout.axis("C", channels), layout.axis("H", height), layout.axis("W", width))
    return tensor.dims == last and tensor.dims != first


def reordered(found: Tensor, like: Tensor) -> Tensor:
    """A map's tensor N x C x H x W with its dimensions in the order of another one."""
    if not _is_channels_last(like):
        return found
    n, c, h, w = found.dims
    return found.viewed((n, h, w, c))
