"""Layer normalisation that is written operator by operator, as older exports of PyTorch and TensorFlow's have it.

x - mean over the root of the variance, or x times its inverse and a weight, minus the mean times the same. The variance
is the mean of squared differences, or (of JAX) the mean of squares minus the mean's square. In the second form an `x
part` is x times the inverse and weight, a `mean part` the mean times the same.

The numbers of a Symbol are, as far as its kind has them: the axes (see `_axes`), the epsilon, the mean's factor.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..lower import layout
from ..lower.trace import Memory, Tensor
from .arithmetic import of_channels
from .trace import ConstantArray, Node, OnnxTrace, Symbol

Found = Symbol | Tensor | None

PER_PIXEL = ("mean", "variance", "variance+", "deviation", "inverse", "mean part", "mean square")
"""Kinds that have one value per pixel, at most broadcast over the channels by weights."""


def _axes(tensor: Tensor, axes: list[int]) -> float | None:
    """0 where the axes are the channels, 1 where they are whole maps, channels first; None of others."""
    channels, height, width = tensor.shape
    over = layout.atoms(tuple(tensor.dims[axis] for axis in sorted(axis % len(tensor.dims) for axis in axes)))
    whole = layout.axis("C", channels)
    if not whole:
        return None
    if over == whole:
        return 0.0
    return 1.0 if over == (*whole, *layout.axis("H", height), *layout.axis("W", width)) else None


def mean(trace: OnnxTrace, node: Node) -> Found:
    """The mean of values, or of their squared differences from it."""
    item, axes = node.item(0), node.option(1, "axes")
    if axes is None or not node.attributes.get("keepdims", 1):
        return None
    if isinstance(item, Symbol) and item.kind == "square":
        return replace(item, kind="variance") if _axes(item.of, axes) == item.numbers[0] else None
    over = _axes(item, axes) if isinstance(item, Tensor) else None
    return Symbol("mean", item, (over, 1.0)) if isinstance(item, Tensor) and over is not None else None


def difference(trace: OnnxTrace, node: Node) -> Found:
    """x - mean; parts with x and with the mean; a bias minus the latter; mean of squares minus the mean squared."""
    first, second = node.item(0), node.item(1)
    if not isinstance(second, Symbol):
        return None
    if isinstance(first, Symbol) and (first.kind, second.kind) == ("mean", "mean square"):
        squares = first.of.layer
        is_same = squares.type == "square" and squares.inputs == [second.of.layer] and first.numbers == second.numbers
        return Symbol("variance", second.of, second.numbers[:1]) if is_same else None
    is_x = isinstance(first, Tensor) and first.layer is second.of.layer
    if second.kind == "mean" and second.numbers[1] == 1.0 and is_x and isinstance(first, Tensor):
        # In the order of dimensions of the subtraction: the mean may have been taken of a transposed view.
        return Symbol("centred", first, second.numbers[:1])
    if second.kind != "mean part":
        return None
    negative = replace(second, numbers=(*second.numbers[:2], -second.numbers[2]))
    return _joined(trace, node, first, negative)


def square(first: Symbol) -> Found:
    """The square of a difference from the mean, or of the mean."""
    kinds = {"centred": "square", "mean": "mean square"}
    return replace(first, kind=kinds[first.kind]) if first.kind in kinds else None


def bounded(trace: OnnxTrace, node: Node) -> Found:
    """A variance that rounding may not bring below 0."""
    for item, other in ((node.item(0), node.item(1)), (node.item(1), node.item(0))):
        if (
            isinstance(item, Symbol)
            and item.kind == "variance"
            and isinstance(other, ConstantArray)
            and other.number == 0.0
        ):
            return item
    return None


def shifted(trace: OnnxTrace, node: Node) -> Found:
    """The variance and a small number; the sum of the parts with x and with the mean."""
    for item, other in ((node.item(0), node.item(1)), (node.item(1), node.item(0))):
        number = other.number if isinstance(other, ConstantArray) else None
        if isinstance(item, Symbol) and item.kind == "variance" and number is not None:
            return replace(item, kind="variance+", numbers=(item.numbers[0], number))
        if isinstance(item, Symbol) and item.kind == "mean part":
            return _joined(trace, node, other, item)
    return None


def _joined(trace: OnnxTrace, node: Node, other: object, part: Symbol) -> Found:
    """A part with the mean, and a bias or the part with x; complete where the mean is subtracted."""
    if isinstance(other, ConstantArray) and part.bias is None:
        return replace(part, bias=other)
    is_x = isinstance(other, Symbol) and other.kind == "x part" and other.weight is part.weight
    is_same = isinstance(other, Symbol) and other.of.layer is part.of.layer and other.numbers == part.numbers[:2]
    if not isinstance(other, Symbol) or not is_x or not is_same or part.numbers[2] != -1.0:
        return None
    return complete(trace, node, other.of, part)


def inverse(item: object) -> Found:
    """One over the deviation."""
    return replace(item, kind="inverse") if isinstance(item, Symbol) and item.kind == "deviation" else None


def root(item: object) -> Found:
    """The root of the variance and a small number."""
    return replace(item, kind="deviation") if isinstance(item, Symbol) and item.kind == "variance+" else None


def weighted(trace: OnnxTrace, node: Node, item: Symbol, other: object) -> Found:
    """What is made of the inverse of the deviation: with weights, with x, the mean or their difference."""
    if item.kind != "inverse":
        return None
    if isinstance(other, ConstantArray) and item.weight is None:
        return replace(item, weight=other)
    if isinstance(other, Symbol) and other.kind == "centred":
        return complete(trace, node, other.of, item) if other.of.layer is item.of.layer else None
    if isinstance(other, Symbol) and other.kind == "mean" and other.of.layer is item.of.layer:
        return replace(item, kind="mean part", numbers=(*item.numbers, other.numbers[1]))
    if isinstance(other, Tensor) and other.layer is item.of.layer:
        return replace(item, kind="x part", of=other)
    return None


def divided(trace: OnnxTrace, node: Node) -> Found:
    """The difference from the mean over the deviation."""
    first, second = node.item(0), node.item(1)
    if not isinstance(second, Symbol) or second.kind != "deviation":
        return None
    if isinstance(first, ConstantArray) and first.number == 1.0:
        return inverse(second)
    is_same = isinstance(first, Symbol) and first.kind == "centred" and first.of.layer is second.of.layer
    return complete(trace, node, first.of, second) if is_same and isinstance(first, Symbol) else None


def complete(trace: OnnxTrace, node: Node, x: Tensor, part: Symbol) -> Tensor | None:
    """The layer: over channels, or over whole maps without weights."""
    epsilon = float(f"{part.numbers[1]:.7g}")
    given = {
        role: constant for role, constant in (("weight", part.weight), ("bias", part.bias)) if constant is not None
    }
    if part.numbers[0] != 0.0 and given:
        return None
    arrays: dict[str, str | None] = {}
    for role, constant in given.items():
        values = of_channels(constant.array, x)
        if values is None:
            return None
        arrays[role] = trace.weight_of(constant.changed(values)).name
    keys: dict[str, Any] = {"epsilon": epsilon, "weight": "weight" in given, "bias": "bias" in given}
    if part.numbers[0] != 0.0:
        return Tensor(Memory(trace.add(node, "group_norm", [x.layer], x.shape, {"groups": 1, **keys})), x.dims)
    layer = trace.add(node, "layer_norm", [x.layer], x.shape, keys, arrays)
    return Tensor(Memory(layer), x.dims)
