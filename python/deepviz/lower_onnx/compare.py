"""Compares the networks of two files.

Exporters leave out biases that are all 0, as those of an untrained network: for such a file they are added as zeros.
"""

from __future__ import annotations

from typing import Any

from .driver import Lowered
from .trace import ConstantArray

BIASED = ("conv", "full", "scale", "layer_norm", "group_norm")


def difference(first: Lowered, other: Lowered) -> str:
    """Describes a difference between two networks; empty where layers, connections and shapes are the same.

    Names of layers may differ: some exporters number them differently each time.
    """
    ours, theirs = first.network.layers, other.network.layers
    if first.network.image != other.network.image:
        return f"it takes images of {_by(other.network.image)} and not of {_by(first.network.image)}"
    for mine, its in zip(ours, theirs, strict=False):
        found = _of_layers(mine.table(), its.table())
        if found:
            return f"layer `{its.name}` {found}"
        if _input_indices(first, mine) != _input_indices(other, its):
            return f"layer `{its.name}` takes other layers"
        for role, name in mine.arrays.items():
            if role not in its.arrays:
                continue
            shapes = [constant.arrays[key].array.shape for constant, key in ((first, name), (other, its.arrays[role]))]
            if shapes[0] != shapes[1]:
                return f"the {role} of layer `{its.name}` is {_by(shapes[1])} and not {_by(shapes[0])}"
    if len(ours) != len(theirs):
        return f"it has {len(theirs)} layers and not {len(ours)}"
    return ""


def _of_layers(mine: dict[str, Any], its: dict[str, Any]) -> str:
    if mine["type"] != its["type"]:
        return f"is of type {its['type']} and not {mine['type']}"
    ignored = ("name", "inputs", "arrays", "bias") if mine["type"] in BIASED else ("name", "inputs", "arrays")
    keys = [key for key in {**mine, **its} if key not in ignored]
    for key in keys:
        if mine.get(key) != its.get(key):
            return f"has {key} {its.get(key)} and not {mine.get(key)}"
    roles = [set(table.get("arrays", {})) - ({"bias"} if mine["type"] in BIASED else set()) for table in (mine, its)]
    return "" if roles[0] == roles[1] else "has other weights"


def biases(of: Lowered) -> set[int]:
    """Indices of the layers that have a bias and could do without."""
    layers = enumerate(of.network.layers)
    return {index for index, layer in layers if layer.type in BIASED and "bias" in layer.arrays}


def with_biases(of: Lowered, indices: set[int]) -> Lowered:
    """The same network with biases of zeros in those layers that have none."""
    import numpy

    added = {}
    for index in indices - biases(of):
        layer = of.network.layers[index]
        name = f"{layer.name}.bias"
        layer.keys, layer.arrays = {**layer.keys, "bias": True}, {**layer.arrays, "bias": name}
        added[name] = ConstantArray(numpy.zeros(layer.shape[0], dtype=numpy.float32))
    constant = {**of.arrays, **added}
    return Lowered(of.network, {name: constant[name] for layer in of.network.layers for name in layer.arrays.values()})


def _input_indices(of: Lowered, layer: Any) -> list[int]:
    indices = {id(item): index for index, item in enumerate(of.network.layers)}
    return [indices.get(id(item), -1) for item in layer.inputs]


def _by(lengths: tuple[int, ...]) -> str:
    return " x ".join(str(length) for length in lengths) or "one number"
