"""Whether two files hold one network."""

from __future__ import annotations

from typing import Any

from .driver import Lowered


def difference(first: Lowered, other: Lowered) -> str:
    """What differs between two networks, in words; nothing where layers, connections and shapes are the same.

    Names of layers may differ: some exporters number them anew each time.
    """
    ours, theirs = first.network.layers, other.network.layers
    if first.network.image != other.network.image:
        return f"it takes images of {_by(other.network.image)} and not of {_by(first.network.image)}"
    for mine, its in zip(ours, theirs, strict=False):
        found = _of_layers(mine.table(), its.table())
        if found:
            return f"layer `{its.name}` {found}"
        if _places(first, mine) != _places(other, its):
            return f"layer `{its.name}` takes other layers"
        for role, name in mine.arrays.items():
            shapes = [held.arrays[key].array.shape for held, key in ((first, name), (other, its.arrays[role]))]
            if shapes[0] != shapes[1]:
                return f"the {role} of layer `{its.name}` is {_by(shapes[1])} and not {_by(shapes[0])}"
    if len(ours) != len(theirs):
        return f"it has {len(theirs)} layers and not {len(ours)}"
    return ""


def _of_layers(mine: dict[str, Any], its: dict[str, Any]) -> str:
    if mine["type"] != its["type"]:
        return f"is of type {its['type']} and not {mine['type']}"
    keys = [key for key in {**mine, **its} if key not in ("name", "inputs", "arrays")]
    for key in keys:
        if mine.get(key) != its.get(key):
            return f"has {key} {its.get(key)} and not {mine.get(key)}"
    return "" if sorted(mine.get("arrays", {})) == sorted(its.get("arrays", {})) else "has other weights"


def _places(of: Lowered, layer: Any) -> list[int]:
    places = {id(item): index for index, item in enumerate(of.network.layers)}
    return [places.get(id(item), -1) for item in layer.inputs]


def _by(lengths: tuple[int, ...]) -> str:
    return " x ".join(str(length) for length in lengths) or "one number"
