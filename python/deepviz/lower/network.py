"""A lowered network: layers as docs/recipes.md describes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from .. import toml

Shape = tuple[int, int, int]
"""Channels, height, width of one image's activations; a vector has height and width 1."""

Logits = Callable[..., Any]
"""Maps images N x C x H x W, and arrays by name that replace the model's, to N x classes."""

IMAGE = "data"
"""The name of the network's input."""


@dataclass(eq=False)
class Layer:
    """A layer: its type, keys and arrays as recipes have them, and where in the program it comes from.

    `module` is the path of the module that computed it, `owns_name` whether that path alone is a good name for it,
    `role` a better word than the type where there is one.
    """

    type: str
    inputs: list[Layer] = field(repr=False)
    keys: dict[str, toml.Value]
    arrays: dict[str, str]
    shape: Shape
    module: str = ""
    owns_name: bool = False
    role: str = ""
    name: str = ""

    def table(self) -> dict[str, toml.Value]:
        """The layer's table under `[[recipe.layer]]`."""
        table: dict[str, toml.Value] = {"name": self.name, "type": self.type}
        table["inputs"] = [layer.name for layer in self.inputs]
        table.update(self.keys)
        if self.arrays:
            table["arrays"] = self.arrays
        return table


@dataclass(frozen=True)
class Network:
    """A lowered network: layers in order, of which the last is the softmax.

    `image` is the shape of its input, `logits` the function that gives the values before the softmax of a batch of
    inputs N x C x H x W, as N x classes: the model's own outputs unless it ends in a softmax itself. It takes arrays by
    name as a second argument, which then stand in for the model's own.
    """

    layers: list[Layer]
    image: Shape
    logits: Logits = field(repr=False)
    ends_in_softmax: bool = False

    @property
    def classes(self) -> int:
        """Outputs of the network."""
        return self.layers[-1].shape[0]

    @property
    def arrays(self) -> list[str]:
        """The names of all arrays that layers take, each once, in their order."""
        return list(dict.fromkeys(name for layer in self.layers for name in layer.arrays.values()))


def reaching(output: Layer, layers: Iterable[Layer]) -> list[Layer]:
    """Those layers, in their order, that the output depends on."""
    needed: set[int] = set()
    pending = [output]
    while pending:
        layer = pending.pop()
        if id(layer) not in needed:
            needed.add(id(layer))
            pending.extend(layer.inputs)
    return [layer for layer in layers if id(layer) in needed]


def name_layers(layers: Iterable[Layer]) -> None:
    """Gives every layer a name of its own: its module's path, and its type where that is not enough.

    Layers are called by letters, digits, `_`, `-` and single dots; not by digits alone (`0` of a `Sequential` becomes
    `0_conv`), and neither `data` nor `optimizer`, which mean something else in snapshots.
    """
    used = {IMAGE, "optimizer"}
    for layer in layers:
        path = sanitised(layer.module)
        if layer.owns_name and path:
            name = f"{path}_{layer.type}" if path.isdigit() or path in used & {IMAGE, "optimizer"} else path
        else:
            word = layer.role or layer.type
            name = f"{path}.{word}" if path else word
        if name.split(".")[0] == "optimizer":
            name = f"model.{name}"
        count, base = 1, name
        while name in used:
            count += 1
            name = f"{base}_{count}"
        used.add(name)
        layer.name = name


def sanitised(path: str) -> str:
    """A module's path with other characters than names may have as `_`."""
    parts = [re.sub(r"[^A-Za-z0-9_-]", "_", part) for part in path.split(".")]
    return ".".join(part for part in parts if part)
