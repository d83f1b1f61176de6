"""Lowering of ONNX's normalisations and fully connected layers."""

from __future__ import annotations

from typing import Any

from ..lower import layout
from ..lower.trace import Memory, Tensor, Weight
from . import attention
from .trace import ConstantArray, Node, OnnxTrace, handles


def _weight(trace: OnnxTrace, node: Node, index: int) -> Weight | None:
    return trace.weight_of(trace.constant(node, index)) if node.item(index) is not None else None


def _epsilon(node: Node) -> float:
    # 1e-5 in single precision is 9.999999747378752e-06.
    return float(f"{node.attributes.get('epsilon', 1e-5):.7g}")


@handles("BatchNormalization")
def batch_norm(trace: OnnxTrace, node: Node) -> Any:
    """Batch normalisation: every channel by its running mean and variance."""
    if node.attributes.get("training_mode") or node.outputs > 1:
        trace.refuse(node, "takes the minibatch's statistics", "export the model in evaluation mode")
    roles = ("weight", "bias", "running_mean", "running_var")
    args = {role: _weight(trace, node, index + 1) for index, role in enumerate(roles)}
    return trace.call("batch_norm", node, input=trace.input(node), eps=_epsilon(node), **args)


@handles("InstanceNormalization")
def instance_norm(trace: OnnxTrace, node: Node) -> Any:
    """Every map by itself; or, of groups of channels in one dimension, these: a group norm."""
    tensor, weight, bias = trace.input(node), trace.constant(node, 1), trace.constant(node, 2)
    channels, height, width = tensor.shape
    groups = layout.size(tensor.dims[1])
    inner = channels // groups
    one = layout.joined([layout.Atom("C", inner, groups)])
    rest = layout.joined([layout.Atom("C", 1, inner), *layout.axis("H", height), *layout.axis("W", width)])
    if tensor.dims[1] != one or layout.atoms(tensor.dims[2:]) != rest:
        trace.refuse_layout(node, tensor)
    keys: dict[str, Any] = {"groups": groups, "epsilon": _epsilon(node), "weight": False, "bias": False}
    arrays: dict[str, str | None] = {}
    if inner == 1:
        keys.update(weight=True, bias=True)
        arrays = {"weight": trace.weight_of(weight).name, "bias": trace.weight_of(bias).name}
    elif not (weight.array == 1).all() or bias.array.any():
        trace.refuse(node, "has weights a group", "deepViz has them a channel")
    layer = trace.add(node, "group_norm", [tensor.layer], tensor.shape, keys, arrays)
    return Tensor(Memory(layer), tensor.dims)


@handles("GroupNormalization")
def group_norm(trace: OnnxTrace, node: Node) -> Any:
    """Group normalisation; before version 21 with one weight per group."""
    import numpy

    tensor, groups = trace.input(node), int(node.attributes["num_groups"])
    affine = {}
    for index, role in ((1, "weight"), (2, "bias")):
        constant = trace.constant(node, index)
        if constant.array.size == groups != tensor.shape[0]:
            constant = ConstantArray(numpy.repeat(constant.array.reshape(-1), tensor.shape[0] // groups))
        affine[role] = trace.weight_of(constant)
    return trace.call("group_norm", node, input=tensor, num_groups=groups, eps=_epsilon(node), **affine)


@handles("LayerNormalization")
def layer_norm(trace: OnnxTrace, node: Node) -> Any:
    """Normalisation over the channels of every pixel."""
    if node.outputs > 1:
        trace.refuse(node, "gives means and deviations too", "export the model in evaluation mode")
    tensor = trace.input(node)
    axis = node.attributes.get("axis", -1) % len(tensor.dims)
    shape = trace.shape_of(tensor)[axis:]
    affine = {"weight": _weight(trace, node, 1), "bias": _weight(trace, node, 2)}
    return trace.call("layer_norm", node, input=tensor, normalized_shape=shape, eps=_epsilon(node), **affine)


@handles("LRN")
def response_norm(trace: OnnxTrace, node: Node) -> Any:
    """Response normalisation across channels, over an odd number of them."""
    layer = trace.map(trace.input(node), node)
    size = int(node.attributes["size"])
    if size % 2 == 0:
        trace.refuse(node, f"normalises over {size} channels", "deepViz has odd numbers, as many before as after")
    base, power = float(node.attributes.get("bias", 1.0)), float(node.attributes.get("beta", 0.75))
    scale = float(node.attributes.get("alpha", 1e-4)) / base
    keys: dict[str, Any] = {"size": size, "scale": scale, "power": power}
    found = trace.add(node, "cmrnorm", [layer], layer.shape, keys)
    if base != 1.0:
        found = trace.add(node, "linear", [found], layer.shape, {"a": base**-power}, helps=True)
    return trace.as_map(found)


@handles("Gemm")
def gemm(trace: OnnxTrace, node: Node) -> Any:
    """Fully connected: alpha A B + beta C."""
    import numpy

    tensor, weight = trace.input(node), trace.constant(node, 1)
    if node.attributes.get("transA"):
        trace.refuse(node, "transposes the activations", "deepViz multiplies vectors by weights")
    alpha, beta = (float(node.attributes.get(key, 1.0)) for key in ("alpha", "beta"))
    array = weight.array if node.attributes.get("transB") else weight.array.T
    bias = None
    if node.item(2) is not None:
        given = trace.constant(node, 2)
        if given.array.size not in (1, array.shape[0]):
            trace.refuse(node, "has other biases than one an output", "deepViz has one an output")
        values = given.array.reshape(-1)
        spread = values if values.size == array.shape[0] else numpy.repeat(values, array.shape[0])
        bias = trace.weight_of(given.changed(spread if beta == 1.0 else spread * numpy.float32(beta)))
    scaled = array if alpha == 1.0 else array * numpy.float32(alpha)
    return trace.call("linear", node, input=tensor, weight=trace.weight_of(weight.changed(scaled)), bias=bias)


@handles("MatMul")
def matmul(trace: OnnxTrace, node: Node) -> Any:
    """Fully connected, or a convolution of 1 x 1 where the channels come last; a sum after it is its bias.

    Of two activations it is a part of attention.
    """
    if not isinstance(node.item(1), ConstantArray):
        return attention.product(trace, node)
    tensor, weight = trace.input(node), trace.constant(node, 1)
    if weight.array.ndim != 2:
        trace.refuse(node, "multiplies by a stack of matrices", "deepViz has layers of one matrix")
    return trace.call("linear", node, input=tensor, weight=trace.weight_of(weight.changed(weight.array.T)), bias=None)
