"""Lowering of ONNX's elementwise operators: activation functions, limits, powers."""

from __future__ import annotations

import math
from typing import Any

from ..lower.arithmetic import of_each
from ..lower.trace import Tensor
from .trace import ConstantArray, Node, OnnxTrace, handles

UNKNOWN_ACTIVATIONS = "Elu Selu Celu Mish Softplus Softsign ThresholdedRelu Shrink Hardmax".split()
UNKNOWN_FUNCTIONS = "Sin Cos Exp Log Erf Ceil Floor Round Reciprocal".split()


def _close(number: float, other: float) -> bool:
    return math.isclose(number, other, rel_tol=1e-5)


@handles("Relu", "Sigmoid", "Tanh", "HardSwish", "Abs", "Sqrt")
def plain(trace: OnnxTrace, node: Node) -> Any:
    """Activation functions without parameters."""
    return trace.call(node.op.lower(), node, self=trace.input(node))


@handles("HardSigmoid")
def hard_sigmoid(trace: OnnxTrace, node: Node) -> Any:
    """min(1, max(0, alpha x + beta)): PyTorch's where alpha is a sixth, else a product, a sum and a clip."""
    tensor = trace.input(node)
    alpha, beta = (float(node.attributes.get(key, default)) for key, default in (("alpha", 0.2), ("beta", 0.5)))
    if _close(alpha, 1 / 6) and _close(beta, 0.5):
        return trace.call("hardsigmoid", node, self=tensor)
    return of_each(trace, node, of_each(trace, node, tensor, "linear", {"a": alpha, "b": beta}), "clip", _unit())


def _unit() -> dict[str, Any]:
    return {"low": 0.0, "high": 1.0}


@handles("LeakyRelu")
def leaky_relu(trace: OnnxTrace, node: Node) -> Any:
    """x, or slope * x below 0."""
    slope = round(float(node.attributes.get("alpha", 0.01)), 9)
    return trace.call("leaky_relu", node, self=trace.input(node), negative_slope=slope)


@handles("PRelu")
def prelu(trace: OnnxTrace, node: Node) -> Any:
    """x, or w * x below 0, with one weight w per channel; a single weight is repeated for every channel."""
    import numpy

    tensor, slope = trace.input(node), trace.constant(node, 1)
    channels = tensor.shape[0]
    values = slope.array.reshape(-1)
    if values.size == 1:
        values = numpy.repeat(values, channels)
    if values.size != channels:
        trace.refuse(node, "has other slopes than one a channel", "deepViz has one a channel")
    return trace.call("prelu", node, self=tensor, weight=trace.weight_of(slope.changed(values)))


@handles("Gelu")
def gelu(trace: OnnxTrace, node: Node) -> Any:
    """GELU, exact or in the tanh approximation."""
    return trace.call("gelu", node, self=trace.input(node), approximate=node.attributes.get("approximate", "none"))


@handles("Swish")
def swish(trace: OnnxTrace, node: Node) -> Any:
    """x / (1 + e^-x)."""
    if not _close(float(node.attributes.get("alpha", 1.0)), 1.0):
        trace.refuse(node, "has a factor within its sigmoid", "deepViz has x sigmoid(x)")
    return trace.call("silu", node, self=trace.input(node))


@handles("Clip")
def clip(trace: OnnxTrace, node: Node) -> Any:
    """Values limited below and above, by inputs or attributes."""
    low, high = _bound(trace, node, 1, "min"), _bound(trace, node, 2, "max")
    return _clipped(trace, node, trace.input(node), low, high)


def _bound(trace: OnnxTrace, node: Node, index: int, key: str) -> float | None:
    if node.item(index) is None:
        found = node.attributes.get(key)
    else:
        found = trace.constant(node, index).number
        if found is None:
            trace.refuse(node, "cuts off at several values", "deepViz cuts off at one number")
    # A limit of the largest single-precision number limits nothing.
    return None if found is None or abs(found) > 3.4e38 else float(found)


def _clipped(trace: OnnxTrace, node: Node, tensor: Tensor, low: float | None, high: float | None) -> Tensor:
    if low == 0.0 and high is None:
        return of_each(trace, node, tensor, "relu")
    keys: dict[str, Any] = {key: bound for key, bound in (("low", low), ("high", high)) if bound is not None}
    return of_each(trace, node, tensor, "clip", keys) if keys else tensor


@handles("Max", "Min")
def extreme(trace: OnnxTrace, node: Node) -> Any:
    """A bound: the maximum or minimum with a number."""
    items = [item for item in node.inputs if isinstance(item, ConstantArray)]
    indices = [index for index, item in enumerate(node.inputs) if not isinstance(item, ConstantArray)]
    bound = items[0].number if len(items) == 1 and len(indices) == 1 else None
    tensor = trace.input(node, indices[0])
    if bound is None:
        trace.refuse(node, "takes the larger or smaller of activations", "deepViz cuts off at numbers")
    low, high = (bound, None) if node.op == "Max" else (None, bound)
    return _clipped(trace, node, tensor, low, high)


@handles("Pow")
def power(trace: OnnxTrace, node: Node) -> Any:
    """Squares and roots."""
    exponent = trace.constant(node, 1).number
    return trace.call("pow", node, self=trace.input(node), exponent=exponent)


@handles(*UNKNOWN_ACTIVATIONS)
def unknown_activation(trace: OnnxTrace, node: Node) -> Any:
    """Activation functions that deepViz does not have."""
    trace.input(node)
    trace.refuse(
        node, "is an activation function that deepViz does not have", "it has relu, leaky_relu, gelu, silu and more"
    )


@handles(*UNKNOWN_FUNCTIONS)
def unknown_function(trace: OnnxTrace, node: Node) -> Any:
    """Other functions of each value that deepViz does not have."""
    trace.input(node)
    trace.refuse(node, "is a function that deepViz does not have", "it has square, sqrt, abs, clip and more")
