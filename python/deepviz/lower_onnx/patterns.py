"""Operators that together are one layer: layer normalisation, GELU by erf or tanh, max pools padded by an operator.

Intermediate values are Symbols: parts of a pattern that are no layers by themselves. Their numbers are of `cubic` the
factors of x and x^3, of `cdf` its factor, of `border` the padding above, below, left and right; of others see moments.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..lower.arithmetic import of_each
from ..lower.trace import Memory, Tensor
from . import moments
from .trace import HANDLERS, ConstantArray, Node, OnnxTrace, Symbol
from .views import pad_value, pads_of
from .windows import pooled

Found = Symbol | Tensor | None
Recogniser = Callable[[OnnxTrace, Node], Found]

HALF_ROOT = math.sqrt(0.5)
TANH_FACTOR, TANH_CUBE = math.sqrt(2 / math.pi), 0.044715


def recognised(trace: OnnxTrace, node: Node) -> Found:
    """A part of a pattern, or the layer that this node completes; None for anything else."""
    finder = FINDERS.get(node.op)
    return finder(trace, node) if finder else None


def _close(number: float | None, other: float) -> bool:
    return number is not None and math.isclose(number, other, rel_tol=1e-4)


def _number(item: Any) -> float | None:
    return item.number if isinstance(item, ConstantArray) else None


def _multiple(tensor: Tensor, of: Tensor) -> float | None:
    """The number that a tensor is another one's product with; None where it is something else."""
    layer = tensor.layer
    if tensor.dims != of.dims:
        return None
    if layer is of.layer:
        return 1.0
    a, b = layer.keys.get("a", 1.0), layer.keys.get("b", 0.0)
    is_product = layer.type == "linear" and layer.inputs == [of.layer] and b == 0.0
    return float(a) if is_product and isinstance(a, float) else None


def _power(trace: OnnxTrace, node: Node) -> Found:
    item, exponent = node.item(0), _number(node.item(1))
    if isinstance(item, Symbol) and exponent == 2.0:
        return moments.square(item)
    if exponent in (0.5, -0.5):
        deviation = moments.root(item)
        return deviation if exponent > 0 else moments.inverse(deviation)
    return Symbol("cubic", item, (0.0, 1.0)) if isinstance(item, Tensor) and exponent == 3.0 else None


def _sum(trace: OnnxTrace, node: Node) -> Found:
    for item, other in ((node.item(0), node.item(1)), (node.item(1), node.item(0))):
        if isinstance(item, Symbol) and item.kind.startswith("error") and _number(other) == 1.0:
            # 1 + erf is twice the CDF of the normal distribution.
            return Symbol(item.kind.replace("error", "cdf"), item.of, (2.0,))
        if isinstance(item, Symbol) and item.kind == "cubic" and isinstance(other, Tensor):
            factor = _multiple(other, item.of)
            return None if factor is None else Symbol("cubic", item.of, (item.numbers[0] + factor, item.numbers[1]))
    return moments.shifted(trace, node)


def _product(trace: OnnxTrace, node: Node) -> Found:
    first, second = node.item(0), node.item(1)
    if isinstance(first, Symbol) and node.names[0] == node.names[1]:
        return moments.square(first)
    for item, other in ((first, second), (second, first)):
        if isinstance(item, Tensor) and isinstance(other, Tensor):
            is_cube = other.layer.type == "square" and other.layer.inputs == [item.layer] and other.dims == item.dims
            if is_cube:
                return Symbol("cubic", item, (0.0, 1.0))
        if isinstance(item, Symbol):
            found = moments.weighted(trace, node, item, other) or _times(trace, node, item, other)
            if found is not None:
                return found
    return None


def _times(trace: OnnxTrace, node: Node, item: Symbol, other: object) -> Found:
    """A cube or a normal CDF times a number, or a CDF times x."""
    number, is_cdf = _number(other), item.kind.startswith("cdf")
    if number is not None and (item.kind == "cubic" or is_cdf):
        return Symbol(item.kind, item.of, tuple(number * one for one in item.numbers))
    factor = _multiple(other, item.of) if isinstance(other, Tensor) and is_cdf else None
    return None if factor is None else _gelu(trace, node, item, factor * item.numbers[0])


def _negated(trace: OnnxTrace, node: Node) -> Found:
    item = node.item(0)
    is_mean = isinstance(item, Symbol) and item.kind == "mean"
    return replace(item, numbers=(item.numbers[0], -item.numbers[1])) if is_mean and isinstance(item, Symbol) else None


def _moved(trace: OnnxTrace, node: Node) -> Found:
    """The same Symbol in other dimensions."""
    item = node.item(0)
    if not isinstance(item, Symbol):
        return None
    if item.kind in moments.PER_PIXEL:
        return item
    if item.kind == "border":
        return None
    found = HANDLERS[node.op](trace, replace(node, inputs=(item.of, *node.inputs[1:])))
    return replace(item, of=found)


def _gelu(trace: OnnxTrace, node: Node, cdf: Symbol, factor: float) -> Tensor:
    """x times its normal CDF and a factor, which a later product with its inverse may cancel (`arithmetic._merged`)."""
    form = "tanh" if cdf.kind.endswith("tanh") else "exact"
    found = of_each(trace, node, cdf.of, "gelu", {"form": form})
    return found if _close(factor, 1.0) else of_each(trace, node, found, "linear", {"a": factor, "b": 0.0})


def _error(trace: OnnxTrace, node: Node) -> Found:
    """erf(x / sqrt 2)."""
    item = node.item(0)
    if not isinstance(item, Tensor) or item.layer.type != "linear":
        return None
    inner = Tensor(Memory(item.layer.inputs[0]), item.dims)
    return Symbol("error", inner) if _close(_multiple(item, inner), HALF_ROOT) else None


def _tanh(trace: OnnxTrace, node: Node) -> Found:
    """tanh(sqrt(2 / pi) (x + 0.044715 x^3))."""
    item = node.item(0)
    if not isinstance(item, Symbol) or item.kind != "cubic":
        return None
    one, three = item.numbers
    is_gelu = _close(one, TANH_FACTOR) and _close(three, TANH_FACTOR * TANH_CUBE)
    return Symbol("error tanh", item.of) if is_gelu else None


def _border(trace: OnnxTrace, node: Node) -> Found:
    """Padding that changes no maximum: by the outermost pixels again, or by the smallest number."""
    item = node.item(0)
    is_edge = node.attributes.get("mode") == "edge" or pad_value(node) < -3e38
    if not isinstance(item, Tensor) or not is_edge:
        return None
    left, right, top, bottom, front, back = pads_of(trace, node, item)
    is_plain = (
        item.dims == trace.as_map(item.layer).dims and not front and not back and min(left, right, top, bottom) >= 0
    )
    return Symbol("border", item, (top, bottom, left, right)) if is_plain else None


def _pool(trace: OnnxTrace, node: Node) -> Found:
    """The maxima of windows that reach into such padding."""
    item = node.item(0)
    if not isinstance(item, Symbol) or item.kind != "border":
        return None
    top, bottom, left, right = (int(length) for length in item.numbers)
    return pooled(trace, node, item.of, (top, bottom, left, right))


FINDERS: dict[str, Recogniser] = {
    "Add": _sum,
    "Div": moments.divided,
    "Erf": _error,
    "Max": moments.bounded,
    "MaxPool": _pool,
    "Mul": _product,
    "Neg": _negated,
    "Pad": _border,
    "Pow": _power,
    "Reciprocal": lambda trace, node: moments.inverse(node.item(0)),
    "ReduceMean": moments.mean,
    "Reshape": _moved,
    "Sqrt": lambda trace, node: moments.root(node.item(0)),
    "Squeeze": _moved,
    "Sub": moments.difference,
    "Tanh": _tanh,
    "Transpose": _moved,
    "Unsqueeze": _moved,
}

WORDS = {
    "mean": "a mean over channels",
    "border": "a border of the outermost pixels, or of the smallest number",
    "centred": "a difference from a mean over channels",
    "square": "a squared difference from a mean",
    "variance": "a variance",
    "variance+": "a variance",
    "deviation": "a deviation",
    "inverse": "the inverse of a deviation",
    "x part": "a part of a normalisation",
    "mean part": "a part of a normalisation",
    "mean square": "the square of a mean over channels",
    "cubic": "a cube",
    "error": "an error function",
    "error tanh": "a tanh of a cube",
    "cdf": "an error function",
    "cdf tanh": "a tanh of a cube",
}


def refuse_part(trace: OnnxTrace, node: Node) -> None:
    """Raises Refused where a node takes a part of a pattern that it does not continue."""
    for item in node.inputs:
        if isinstance(item, Symbol):
            trace.refuse(node, f"takes {WORDS[item.kind]}", "deepViz has it in layer normalisation, GELU and pools")
