"""Lowering of ONNX's sums, differences, products and quotients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..lower import layout
from ..lower.arithmetic import of_each
from ..lower.network import Layer
from ..lower.trace import Constant, Memory, Scores, Tensor
from . import attention
from .trace import ConstantArray, Node, OnnxTrace, handles

if TYPE_CHECKING:
    import numpy

CALLS = {"Add": "add", "Sub": "sub", "Mul": "mul", "Div": "div"}

NORMALISING = ("layer_norm", "group_norm")
WITH_BIAS = ("conv", "full", "scale", *NORMALISING)

GATES = {"logistic": "silu", "hard_sigmoid": "hard_swish"}
"""Activation functions of the form x * f(x), by the type of f."""


@handles(*CALLS)
def binary(trace: OnnxTrace, node: Node) -> Any:
    """A sum, difference, product or quotient of two activations, or of one with a number or per-channel weights."""
    first, second = node.item(0), node.item(1)
    for scores, other in ((first, second), (second, first)):
        if isinstance(scores, Scores) and isinstance(other, ConstantArray):
            return attention.scaled(trace, node, scores, other, is_left=other is first)
    if isinstance(first, ConstantArray):
        return _with_constant(trace, node, trace.input(node, 1), first, is_left=True)
    if isinstance(second, ConstantArray):
        return _with_constant(trace, node, trace.input(node, 0), second, is_left=False)
    a, b = trace.input(node, 0), trace.input(node, 1)
    if node.op == "Mul":
        found = _gate(trace, node, a, b) or _gate(trace, node, b, a)
        if found is not None:
            return found
    return trace.call(CALLS[node.op], node, self=a, other=b)


def _gate(trace: OnnxTrace, node: Node, x: Tensor, gate: Tensor) -> Tensor | None:
    """x * sigmoid(x) and the like as one layer; None for anything else."""
    kind = GATES.get(gate.layer.type)
    if kind and gate.layer.inputs[0] is x.layer and gate.dims == x.dims:
        return of_each(trace, node, x, kind)
    return None


def _with_constant(trace: OnnxTrace, node: Node, tensor: Tensor, constant: ConstantArray, is_left: bool) -> Any:
    number = constant.number
    if number is not None and constant.array.ndim <= len(tensor.dims):
        return scaled(trace, node, tensor, number, is_left)
    array = of_channels(constant.array, tensor)
    if array is None:
        uniform = constant.array.reshape(-1)
        is_uniform = uniform.size and (uniform == uniform[0]).all() and _is_broadcast(constant.array, tensor)
        # Zeros may be positions that are not trained yet.
        if is_uniform and uniform[0] != 0:
            return scaled(trace, node, tensor, float(uniform[0]), is_left)
        placed = attention.placed(trace, node, tensor, constant)
        if placed is not None:
            return placed
        if is_uniform:
            return scaled(trace, node, tensor, 0.0, is_left)
        shape = " x ".join(str(length) for length in constant.array.shape)
        way_out = (
            f"deepViz takes one a channel ({tensor.shape[0]}), or adds one a pixel and channel where these come last"
        )
        trace.refuse(node, f"takes weights of {shape}", way_out)
    kind = node.op
    if kind == "Div":
        if is_left:
            trace.refuse(node, "divides by activations", "deepViz divides by numbers and weights")
        array, kind = 1 / array, "Mul"
    if kind == "Sub":
        if is_left:
            tensor = of_each(trace, node, tensor, "linear", {"a": -1.0})
        else:
            array = -array
        kind = "Add"
    return _weighted(trace, node, tensor, constant.changed(array), kind, index=1 if is_left else 0)


def scaled(trace: OnnxTrace, node: Node, tensor: Tensor, number: float, is_left: bool) -> Tensor:
    """A sum, difference, product or quotient with a number."""
    operands = (Constant(number), tensor) if is_left else (tensor, Constant(number))
    return _merged(trace.call(CALLS[node.op], node, self=operands[0], other=operands[1]), tensor)


@handles("Neg")
def negated(trace: OnnxTrace, node: Node) -> Any:
    """Values with the other sign."""
    tensor = trace.input(node)
    return _merged(of_each(trace, node, tensor, "linear", {"a": -1.0}), tensor)


def _merged(found: Tensor, tensor: Tensor) -> Tensor:
    """Merges two successive layers a * x + b into one, or into none where they cancel; else returns the second."""
    layer, inner = found.layer, tensor.layer
    if layer is not inner and inner.type == "linear" and layer.inputs == [inner]:
        a, b = (_coefficients(some) for some in (layer, inner))
        factor, rest = a[0] * b[0], a[0] * b[1] + a[1]
        if abs(factor - 1) < 1e-6 and rest == 0:
            return Tensor(Memory(inner.inputs[0]), tensor.dims)
        layer.inputs, layer.keys = list(inner.inputs), {"a": factor, "b": rest}
    return found


def _coefficients(layer: Layer) -> tuple[float, float]:
    a, b = layer.keys.get("a", 1.0), layer.keys.get("b", 0.0)
    assert isinstance(a, float) and isinstance(b, float)
    return a, b


def _is_broadcast(array: numpy.ndarray[Any, Any], tensor: Tensor) -> bool:
    """Whether broadcasting with an array does not change a tensor's shape."""
    lengths = layout.shape_of(tensor.dims)
    pairs = zip(reversed(array.shape), reversed(lengths), strict=False)
    return array.ndim <= len(lengths) and all(length in (1, whole) for length, whole in pairs)


def of_channels(array: numpy.ndarray[Any, Any], tensor: Tensor) -> numpy.ndarray[Any, Any] | None:
    """The values per channel of an array that lies along the tensor's channels; None for any other array."""
    channels, count = tensor.shape[0], len(tensor.dims)
    shape = (1,) * (count - array.ndim) + array.shape
    whole = layout.axis("C", channels)
    if len(shape) != count or array.size != channels:
        return None
    fits = all(length == 1 or dim == whole for length, dim in zip(shape, tensor.dims, strict=True))
    return array.reshape(-1) if fits else None


def _weighted(trace: OnnxTrace, node: Node, tensor: Tensor, constant: ConstantArray, kind: str, index: int) -> Tensor:
    """A product or sum with per-channel weights: the weight or bias of the layer before, where that has none."""
    role = "weight" if kind == "Mul" else "bias"
    before = tensor.layer
    has = before.keys
    kinds = WITH_BIAS if role == "bias" else NORMALISING
    is_free = has.get(role) is False and has.get("bias") is False
    is_sum = role == "bias" and has.get("bias") is True
    if before.type in kinds and (is_free or is_sum) and trace.is_only_use(node, index):
        if is_sum:
            first = trace.arrays[before.arrays["bias"]]
            constant = first.changed(first.array.reshape(-1) + constant.array.reshape(-1))
        arrays = {**before.arrays, role: trace.weight_of(constant).name}
        # Of a linear layer's weights, which the file has transposed, only the bias may still have its name.
        named = [trace.arrays[name].name for role, name in before.arrays.items() if role == "weight"]
        module = trace.owner_of(constant.name) if named and not trace.owner_of(named[0]) else ""
        layer = Layer(before.type, before.inputs, {**has, role: True}, arrays, before.shape, module or before.module)
        layer.owns_name = bool(module) or before.owns_name
        trace.layers.append(layer)
        return Tensor(Memory(layer), tensor.dims)
    keys: dict[str, Any] = {"weight": role == "weight", "bias": role == "bias"}
    weight = trace.weight_of(constant)
    return Tensor(Memory(trace.add(node, "scale", [before], tensor.shape, keys, {role: weight.name})), tensor.dims)
