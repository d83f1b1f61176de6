"""Lowering of operations that slide windows over maps: convolutions, pooling, padding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .. import toml
from . import layout
from .network import Layer, Shape
from .trace import Node, Tensor, Trace, Value, Weight, handles

Pair = tuple[int, int]
Sides = tuple[int, int, int, int]


@dataclass(frozen=True)
class Windows:
    """Windows over rows and columns; `padding` is top, bottom, left, right."""

    size: Pair
    stride: Pair
    dilation: Pair
    padding: Sides
    rounding: Literal["down", "up"] = "down"

    def span(self, axis: int) -> int:
        """Pixels from a window's first to its last, both counted."""
        return self.dilation[axis] * (self.size[axis] - 1) + 1

    def outputs(self, sides: Pair) -> Pair:
        """The output's height and width in deepViz for an input of these sides, computed as in crates/net."""
        return self._along(0, sides[0]), self._along(1, sides[1])

    def _along(self, axis: int, side: int) -> int:
        before, after = self.padding[2 * axis], self.padding[2 * axis + 1]
        room, stride = side + before + after - self.span(axis), self.stride[axis]
        covering = room // stride if self.rounding == "down" else -(-room // stride)
        # No window begins beyond the input: PyTorch's rule for `ceil_mode`; without it this is always so.
        return 1 + min(covering, (before + side - 1) // stride)

    @property
    def is_reaching(self) -> bool:
        """Whether windows are larger than the padding, which deepViz requires."""
        return all(max(self.padding[2 * axis : 2 * axis + 2]) < self.span(axis) for axis in (0, 1))

    def keys(self) -> dict[str, toml.Value]:
        """The keys of the recipe, without those that have their default."""
        keys: dict[str, toml.Value] = {"size": short(self.size), "stride": short(self.stride)}
        if self.dilation != (1, 1):
            keys["dilation"] = short(self.dilation)
        if any(self.padding):
            keys["padding"] = short_sides(self.padding)
        keys["rounding"] = self.rounding
        return keys


def pair(value: int | Sequence[int]) -> Pair:
    """Rows and columns from a number, or a list of one or two."""
    if isinstance(value, int):
        return value, value
    return (value[0], value[0]) if len(value) == 1 else (value[0], value[1])


def short(both: Pair) -> toml.Value:
    """One number where rows and columns are equal."""
    return both[0] if both[0] == both[1] else list(both)


def short_sides(sides: Sides) -> toml.Value:
    """One number, two or four, as recipes have them."""
    top, bottom, left, right = sides
    return short((top, left)) if (top, left) == (bottom, right) else list(sides)


def padded(shape: Shape, sides: Sides) -> Shape:
    """The shape with `sides` pixels added above, below, left and right."""
    channels, height, width = shape
    top, bottom, left, right = sides
    return channels, height + top + bottom, width + left + right


def output_sides(node: Node) -> Pair:
    """Height and width of PyTorch's output."""
    shape = node.meta["val"].shape
    return int(shape[-2]), int(shape[-1])


@handles("conv2d", "convolution")
def conv(trace: Trace, node: Node, args: dict[str, Any]) -> Value:
    """A convolution. Padding that is not smaller than the filter becomes a separate layer."""
    if args.get("transposed"):
        trace.refuse(node, "is a transposed convolution, which deepViz does not have", "it shows classifiers")
    weight = trace.value(args["weight"])
    if isinstance(weight, Weight) and len(weight.shape) != 4:
        trace.refuse(node, "is no convolution over rows and columns", "deepViz has those alone")
    size = weight.shape[2:] if isinstance(weight, Weight) else (1, 1)
    return add_conv(trace, node, args, _conv_windows(args, (size[0], size[1])), output_sides(node))


def add_conv(trace: Trace, node: Node, args: dict[str, Any], windows: Windows, sides: Pair) -> Value:
    """The layers of a convolution of `input`, `weight`, `bias` and `groups`, whose output has that height and width."""
    names = {"weight": trace.weight(args["weight"], node), "bias": trace.weight(args["bias"], node)}
    weight = trace.value(args["weight"])
    assert isinstance(weight, Weight)
    layer = trace.map(trace.tensor(args["input"], node), node)
    keys: dict[str, toml.Value]
    if not windows.is_reaching or windows.outputs(layer.shape[1:]) != sides:
        padding = windows.padding
        keys = {"padding": list(padding), "value": 0.0}
        layer = trace.add(node, "pad", [layer], padded(layer.shape, padding), keys, helps=True)
        windows = Windows(windows.size, windows.stride, windows.dilation, (0, 0, 0, 0))
    keys = {"filters": weight.shape[0], **windows.keys(), "bias": names["bias"] is not None}
    if args["groups"] > 1:
        keys["groups"] = args["groups"]
    return trace.as_map(trace.add(node, "conv", [layer], (weight.shape[0], *sides), keys, names))


def _conv_windows(args: dict[str, Any], size: Pair) -> Windows:
    stride, dilation = pair(args["stride"]), pair(args["dilation"])
    padding = args["padding"]
    if padding == "valid":
        sides = (0, 0, 0, 0)
    elif padding == "same":
        # An odd total pads one pixel more below and to the right.
        rows, columns = (dilation[axis] * (size[axis] - 1) for axis in (0, 1))
        sides = (rows // 2, rows - rows // 2, columns // 2, columns - columns // 2)
    else:
        (rows, columns) = pair(padding)
        sides = (rows, rows, columns, columns)
    return Windows(size, stride, dilation, sides)


@handles("max_pool2d", "avg_pool2d", "max_pool2d_with_indices")
def pool(trace: Trace, node: Node, args: dict[str, Any]) -> Value:
    """The maximum or average of windows."""
    is_max = "max" in str(node.target)
    if args.get("divisor_override"):
        trace.refuse(node, "divides by a number of its own", "deepViz averages over the window; leave the divisor out")
    rows, columns = pair(args["padding"])
    windows = Windows(
        size=pair(args["kernel_size"]),
        stride=pair(args["stride"] or args["kernel_size"]),
        dilation=pair(args.get("dilation", 1)),
        padding=(rows, rows, columns, columns),
        rounding="up" if args["ceil_mode"] else "down",
    )
    layer = trace.map(trace.tensor(args.get("input", args.get("self")), node), node)
    counts = None if is_max else bool(args["count_include_pad"])
    return add_pool(trace, node, layer, windows, output_sides(node), counts)


def add_pool(
    trace: Trace, node: Node, layer: Layer, windows: Windows, sides: Pair, counts_padding: bool | None
) -> Tensor:
    """The layer of a pool that gives maps of that height and width: of averages, or where it is None, of maxima."""
    is_max = counts_padding is None
    keys: dict[str, toml.Value] = {"pool": "max" if is_max else "average", **windows.keys()}
    if windows.outputs(layer.shape[1:]) != sides:
        keys["outputs"] = short(sides)
    if is_max:
        keys["ties"] = "first"
    elif any(windows.padding):
        keys["count_padding"] = bool(counts_padding)
    return trace.as_map(trace.add(node, "pool", [layer], (layer.shape[0], *sides), keys))


@handles("adaptive_avg_pool2d", "adaptive_max_pool2d")
def adaptive_pool(trace: Trace, node: Node, args: dict[str, Any]) -> Value:
    """Adaptive pooling: the maximum or average of a given number of windows. Indices of maxima are not available."""
    layer = trace.map(trace.tensor(args["self"], node), node)
    channels, *sides = layer.shape
    given = args["output_size"]
    wanted = pair([side if length is None else length for side, length in zip(sides, given, strict=True)])
    if wanted == tuple(sides):
        return trace.as_map(layer)
    is_max = "max" in str(node.target)
    shape = (channels, *wanted)
    if wanted == (1, 1) and not is_max:
        return trace.as_map(trace.add(node, "global_average", [layer], shape))
    keys: dict[str, toml.Value] = {"pool": "max" if is_max else "average", "outputs": short(wanted)}
    if is_max:
        keys["ties"] = "first"
    return trace.as_map(trace.add(node, "adaptive_pool", [layer], shape, keys))


@handles("mean", "sum", "amax")
def reduced(trace: Trace, node: Node, args: dict[str, Any]) -> Value:
    """The mean, sum or maximum of every map."""
    tensor = trace.tensor(args["self"], node)
    count = len(tensor.dims)
    dims = args.get("dim")
    if dims is None or dims == []:
        trace.refuse(node, "reduces the whole minibatch", "name the two axes of the map: dim=(2, 3)")
    chosen = {dim % count for dim in ([dims] if isinstance(dims, int) else dims)}
    atoms = layout.joined([atom for index in sorted(chosen) for atom in tensor.dims[index]])
    channels, height, width = tensor.shape
    pixels = (*layout.axis("H", height), *layout.axis("W", width))
    is_map = sorted(atoms) == sorted(pixels)
    if atoms and not is_map:
        trace.refuse(node, "reduces other axes than height and width together", "deepViz has the mean of whole maps")
    kept = [() if index in chosen else dim for index, dim in enumerate(tensor.dims)]
    left = kept if args.get("keepdim") else [dim for index, dim in enumerate(kept) if index not in chosen]
    if not atoms:
        return tensor.viewed(tuple(left))
    layer = _whole_map(trace, node, tensor.layer, (channels, 1, 1))
    return Tensor(trace.as_map(layer).box, tuple(left))


def _whole_map(trace: Trace, node: Node, layer: Layer, shape: Shape) -> Layer:
    if "amax" in str(node.target):
        return trace.add(node, "adaptive_pool", [layer], shape, {"pool": "max", "outputs": 1, "ties": "first"})
    mean = trace.add(node, "global_average", [layer], shape)
    if "sum" not in str(node.target):
        return mean
    return trace.add(node, "linear", [mean], shape, {"a": float(layer.shape[1] * layer.shape[2])})


@handles("pad", "constant_pad_nd")
def pad(trace: Trace, node: Node, args: dict[str, Any]) -> Value:
    """Padding with a constant: of pixels, or of channels with zeros."""
    if args.get("mode", "constant") != "constant":
        trace.refuse(node, f"pads by `{args['mode']}`", "deepViz pads with a constant: padding_mode='zeros'")
    layer = trace.map(trace.tensor(args["self"], node), node)
    given, value = list(args["pad"]), trace.number(args.get("value") or 0.0) or 0.0
    left, right, top, bottom, front, back = (given + [0] * 6)[:6]
    if min(given) < 0 or any(given[6:]):
        trace.refuse(node, f"pads by {given}", "deepViz pads rows, columns and channels, and does not cut off")
    sides = (top, bottom, left, right)
    if any(sides):
        keys: dict[str, toml.Value] = {"padding": list(sides), "value": value}
        layer = trace.add(node, "pad", [layer], padded(layer.shape, sides), keys)
    if front or back:
        if value:
            trace.refuse(node, "pads channels with a number other than 0", "deepViz pads channels with zeros")
        layer = _pad_channels(trace, node, layer, (front, back))
    return trace.as_map(layer)


def _pad_channels(trace: Trace, node: Node, layer: Layer, counts: Pair) -> Layer:
    """Adds channels of zeros before and after (a shortcut without weights): slices of the input times 0."""
    channels, height, width = layer.shape

    def zeros(count: int) -> list[Layer]:
        parts = []
        while count > 0:
            taken = min(count, channels)
            part = layer
            if taken < channels:
                part = trace.add(node, "slice", [layer], (taken, height, width), {"channels": taken})
            parts.append(trace.add(node, "linear", [part], part.shape, {"a": 0.0}))
            count -= taken
        return parts

    parts = [*zeros(counts[0]), layer, *zeros(counts[1])]
    return trace.add(node, "concat", parts, (channels + sum(counts), height, width))
