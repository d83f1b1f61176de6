"""Lowering of normalisation and of fully connected layers."""

from __future__ import annotations

import math
from typing import Any

from .. import toml
from . import attention, layout
from .network import Layer
from .trace import Memory, Node, Tensor, Trace, Value, Weight, handles


def _affine(trace: Trace, node: Node, args: dict[str, Any]) -> tuple[dict[str, toml.Value], dict[str, str | None]]:
    """The keys `weight` and `bias`, and their arrays."""
    arrays = {role: trace.weight(args.get(role), node) for role in ("weight", "bias")}
    return {role: name is not None for role, name in arrays.items()}, arrays


@handles("batch_norm", "_native_batch_norm_legit_no_training")
def batch_norm(trace: Trace, node: Node, args: dict[str, Any]) -> Value:
    """Batch normalisation: every channel by its running mean and variance."""
    # Normalised weights, which some convolutions have, are refused with their own message.
    trace.tensor(args["input"], node)
    # The input is read first: standardised weights have no running statistics either.
    layer, dims = _of_channels(trace, node, args["input"])
    if args.get("training") or args.get("running_mean") is None:
        trace.refuse(
            node,
            "takes the minibatch's statistics in evaluation",
            "deepViz needs running statistics: track_running_stats=True",
        )
    keys, arrays = _affine(trace, node, args)
    statistics = {role: trace.weight(args[role], node) for role in ("running_mean", "running_var")}
    keys = {"epsilon": float(args["eps"]), **keys}
    added = trace.add(node, "batch_norm", [layer], layer.shape, keys, {**arrays, **statistics})
    return Tensor(Memory(added), dims)


def _of_channels(trace: Trace, node: Node, item: Node) -> tuple[Layer, layout.Dims]:
    """The layer of a tensor whose second dimension are the channels: a map, or a vector."""
    tensor = trace.tensor(item, node)
    if len(tensor.dims) == 2:
        layer = trace.vector(tensor, node)
        return layer, layout.of_vector(trace.batch, layer.shape[0])
    layer = trace.map(tensor, node)
    return layer, layout.of_map(trace.batch, layer.shape)


@handles("instance_norm")
def instance_norm(trace: Trace, node: Node, args: dict[str, Any]) -> Value:
    """Instance normalisation: every map of every image. With running statistics it is batch normalisation."""
    if not args["use_input_stats"]:
        return batch_norm(trace, node, {**args, "training": False})
    layer = trace.map(trace.tensor(args["input"], node), node)
    return _group_norm(trace, node, args, layer, groups=layer.shape[0])


@handles("group_norm")
def group_norm(trace: Trace, node: Node, args: dict[str, Any]) -> Value:
    """Group normalisation: groups of channels of every image."""
    layer, dims = _of_channels(trace, node, args["input"])
    found = _group_norm(trace, node, args, layer, groups=args["num_groups"])
    return found.viewed(dims)


def _group_norm(trace: Trace, node: Node, args: dict[str, Any], layer: Layer, groups: int) -> Tensor:
    keys, arrays = _affine(trace, node, args)
    keys = {"groups": groups, "epsilon": float(args["eps"]), **keys}
    return trace.as_map(trace.add(node, "group_norm", [layer], layer.shape, keys, arrays))


@handles("layer_norm")
def layer_norm(trace: Trace, node: Node, args: dict[str, Any]) -> Value:
    """Normalisation over the channels of every pixel; over whole maps it is a group norm of one group."""
    tensor = trace.tensor(args["input"], node)
    keys, arrays = _affine(trace, node, args)
    epsilon: dict[str, toml.Value] = {"epsilon": float(args["eps"])}
    count = len(args["normalized_shape"])
    over, rest = layout.atoms(tensor.dims[-count:]), tensor.dims[:-count]
    channels, height, width = tensor.shape
    if over == layout.axis("C", channels) and all(atom.axis in "NHW" for dim in rest for atom in dim):
        layer = trace.add(node, "layer_norm", [tensor.layer], tensor.shape, {**epsilon, **keys}, arrays)
        return Tensor(Memory(layer), tensor.dims)
    whole = layout.joined([*layout.axis("C", channels), *layout.axis("H", height), *layout.axis("W", width)])
    if over == whole and not any(keys.values()):
        layer = trace.add(node, "group_norm", [tensor.layer], tensor.shape, {"groups": 1, **epsilon, **keys})
        return Tensor(Memory(layer), tensor.dims)
    trace.refuse(node, f"normalises over {list(args['normalized_shape'])}", "deepViz normalises over the channels")


@handles("linear", "addmm")
def linear(trace: Trace, node: Node, args: dict[str, Any]) -> Value:
    """Fully connected: of a vector, a flattened map, every pixel's channels (a convolution of 1 x 1), or the pixels."""
    tensor, weight = trace.tensor(args["input"], node), trace.value(args["weight"])
    arrays = {role: trace.weight(args[role], node) for role in ("weight", "bias")}
    assert isinstance(weight, Weight)
    outputs = weight.shape[0]
    channels, height, width = tensor.shape
    *outer, last = tensor.dims
    is_one_vector = all(dim in ((), layout.axis("N", trace.batch)) for dim in outer)
    sides = layout.joined([*layout.axis("H", height), *layout.axis("W", width)])
    orders = {
        "channels_first": layout.joined([*layout.axis("C", channels), *sides]),
        "channels_last": layout.joined([*sides, *layout.axis("C", channels)]),
    }
    bias: dict[str, toml.Value] = {"bias": arrays["bias"] is not None}
    dims = (*outer, layout.axis("C", outputs))
    for order, atoms in orders.items():
        if is_one_vector and last == atoms:
            # For vectors both orders are the same.
            keys: dict[str, toml.Value] = {"outputs": outputs, "flatten": order, **bias}
            return Tensor(Memory(trace.add(node, "full", [tensor.layer], (outputs, 1, 1), keys, arrays)), dims)
    if last == layout.axis("C", channels) and math.prod(weight.shape) == outputs * channels:
        keys = {"filters": outputs, "size": 1, "rounding": "down", **bias}
        shape = (outputs, height, width)
        return Tensor(Memory(trace.add(node, "conv", [tensor.layer], shape, keys, arrays)), dims)
    turned = attention.transposed_for_pixels(trace, node, tensor)
    if turned is not None and math.prod(weight.shape) == outputs * turned.shape[0]:
        keys = {"filters": outputs, "size": 1, "rounding": "down", **bias}
        shape = (outputs, *turned.shape[1:])
        layer = trace.add(node, "conv", [turned.layer], shape, keys, arrays)
        return Tensor(Memory(layer), (*turned.dims[:-1], layout.axis("C", outputs)))
    trace.refuse_layout(node, tensor)
