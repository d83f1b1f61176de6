"""Lowering of ONNX's convolutions and pooling."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from ..lower.network import Shape
from ..lower.trace import Tensor
from ..lower.windows import Pair, Sides, Windows, add_conv, add_pool, padded
from .trace import Node, OnnxTrace, handles


def _two(node: Node, key: str, default: int = 1) -> Pair:
    given = node.attributes.get(key) or [default, default]
    return int(given[0]), int(given[1])


def _windows(node: Node, size: Pair, image: Shape) -> Windows:
    """The windows of a node over an image of that shape."""
    stride, dilation = _two(node, "strides"), _two(node, "dilations")
    rounding: Literal["up", "down"] = "up" if node.attributes.get("ceil_mode") else "down"
    pads = [int(length) for length in node.attributes.get("pads") or [0, 0, 0, 0]]
    top, left, bottom, right = pads
    sides: Sides = (top, bottom, left, right)
    auto = node.attributes.get("auto_pad", "NOTSET")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        rows, columns = (_same(image[1 + axis], size[axis], stride[axis], dilation[axis], auto) for axis in (0, 1))
        sides, rounding = (*rows, *columns), "down"
    elif auto == "VALID":
        sides = (0, 0, 0, 0)
    return Windows(size, stride, dilation, sides, rounding)


def _same(side: int, size: int, stride: int, dilation: int, auto: str) -> Pair:
    """Padding for `SAME_UPPER` or `SAME_LOWER`: an odd total pads one pixel more after or before."""
    outputs = -(-side // stride)
    whole = max((outputs - 1) * stride + dilation * (size - 1) + 1 - side, 0)
    before = whole // 2 if auto == "SAME_UPPER" else whole - whole // 2
    return before, whole - before


def _check_rank(trace: OnnxTrace, node: Node, count: int) -> None:
    if count != 4:
        trace.refuse(node, "works on other axes than rows and columns", "deepViz shows networks of images")


@handles("Conv")
def conv(trace: OnnxTrace, node: Node) -> Any:
    """A convolution."""
    tensor, weight = trace.input(node), trace.constant(node, 1)
    _check_rank(trace, node, weight.array.ndim)
    layer = trace.map(tensor, node)
    height, width = weight.array.shape[2:]
    windows = _windows(node, (height, width), layer.shape)
    sides = _outputs(windows, layer.shape)
    groups = int(node.attributes.get("group", 1))
    bias = trace.weight_of(trace.constant(node, 2)) if node.item(2) is not None else None
    args = {"input": trace.as_map(layer), "weight": trace.weight_of(weight), "bias": bias, "groups": groups}
    return add_conv(trace, node, args, windows, sides)


def _outputs(windows: Windows, image: Shape) -> Pair:
    """The output's height and width of a convolution in ONNX: all windows that fit."""
    rows, columns = (
        (image[1 + at] + sum(windows.padding[2 * at : 2 * at + 2]) - windows.span(at)) // windows.stride[at] + 1
        for at in (0, 1)
    )
    return rows, columns


@handles("MaxPool", "AveragePool")
def pool(trace: OnnxTrace, node: Node) -> Any:
    """The maximum or average of windows."""
    return pooled(trace, node, trace.input(node), (0, 0, 0, 0))


def pooled(trace: OnnxTrace, node: Node, tensor: Tensor, border: Sides) -> Tensor:
    """The pool of a tensor with a border of rows and columns around it, to which the pool's own padding is added."""
    size = node.attributes["kernel_shape"]
    _check_rank(trace, node, len(tensor.dims))
    if len(size) != 2 or node.attributes.get("storage_order"):
        trace.refuse(node, "is no pool over rows and columns", "deepViz has those alone")
    layer = trace.map(tensor, node)
    windows = _windows(node, _two(node, "kernel_shape"), padded(layer.shape, border))
    top, bottom, left, right = (one + more for one, more in zip(windows.padding, border, strict=True))
    windows = replace(windows, padding=(top, bottom, left, right))
    if not windows.is_reaching:
        trace.refuse(node, f"has more padding {windows.padding} than its windows reach", "deepViz averages over pixels")
    counts = None if node.op == "MaxPool" else bool(node.attributes.get("count_include_pad", 0))
    return add_pool(trace, node, layer, windows, windows.outputs((layer.shape[1], layer.shape[2])), counts)


@handles("GlobalAveragePool", "GlobalMaxPool")
def global_pool(trace: OnnxTrace, node: Node) -> Any:
    """The mean or maximum of every map."""
    kind = "avg" if node.op == "GlobalAveragePool" else "max"
    return trace.call(f"adaptive_{kind}_pool2d", node, self=trace.input(node), output_size=[1, 1])


@handles("ReduceMean", "ReduceMax", "ReduceSum")
def reduced(trace: OnnxTrace, node: Node) -> Any:
    """The mean, maximum or sum of every map."""
    tensor, axes = trace.input(node), node.option(1, "axes")
    if axes is None and node.attributes.get("noop_with_empty_axes"):
        return tensor
    name = {"ReduceMean": "mean", "ReduceMax": "amax", "ReduceSum": "sum"}[node.op]
    keeps = bool(node.attributes.get("keepdims", 1))
    return trace.call(name, node, self=tensor, dim=None if axes is None else list(axes), keepdim=keeps)
