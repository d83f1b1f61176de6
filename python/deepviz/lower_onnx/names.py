"""Names of layers, from the names that exporters give to nodes and to weights."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from typing import Any

from ..lower.network import sanitised

ROLES = ("weight", "bias", "running_mean", "running_var", "gamma", "beta", "kernel", "moving_mean", "moving_variance")
GENERATED = re.compile(r"onnx::|const_fold_opt|val_\d+$|new_initializer|_to_|p_|b_")
"""Patterns of weight names that exporters generate."""

OUTER_SCOPES = ("StatefulPartitionedCall", "PartitionedCall", "jax2tf", "jit")
"""Scopes that exporters put around the model."""


class Origins:
    """The origins of nodes: the path of each node's module, and whether it can name the node's layer."""

    def __init__(self, nodes: Iterable[Any]) -> None:
        self._found = {id(node): _scope(node) for node in nodes}
        paths = [path for path, _ in self._found.values() if path]
        root = _common_root([path for path, is_rooted in self._found.values() if path and is_rooted])
        self._root = root
        # A module that contains others computes more than one layer.
        self._parents = {path[:index] for path in paths for index, char in enumerate(path) if char == "."}

    def of(self, node: Any) -> tuple[str, bool]:
        """The path, and whether it is of one module that holds no others."""
        path, is_rooted = self._found[id(node)]
        is_leaf = bool(path) and path not in self._parents
        return (path.removeprefix(self._root) if is_rooted else path), is_leaf


def owner(name: str) -> str:
    """The module that a weight belongs to: `layer1.0.conv1` of `layer1.0.conv1.weight`; empty if unknown."""
    name = name.removesuffix(":0").removesuffix("/ReadVariableOp").removesuffix("/Read")
    if GENERATED.match(name):
        return ""
    module, mark, role = _split(name)
    if role in ("in_proj_weight", "in_proj_bias"):
        # nn.MultiheadAttention has no module for what makes queries, keys and values.
        return sanitised(f"{module}.in_proj")
    if not mark or re.sub(r"_?\d+$", "", role) not in ROLES:
        return ""
    return sanitised(module.replace("/", ".").removeprefix("model.")) if "/" in module else sanitised(module)


def _split(name: str) -> tuple[str, str, str]:
    for mark in ("/", "."):
        if mark in name:
            return name.rpartition(mark)
    for role in ROLES:
        if name.endswith(f"_{role}"):
            return name.removesuffix(f"_{role}"), "_", role
    return name, "", ""


def _scope(node: Any) -> tuple[str, bool]:
    """The path of a node's module, and whether a first word that all paths have is to be removed from it."""
    kept = {item.key: item.value for item in getattr(node, "metadata_props", ())}
    scopes = kept.get("pkg.torch.onnx.name_scopes")
    if scopes:
        try:
            parts = [str(part) for part in ast.literal_eval(scopes)]
        except (ValueError, SyntaxError):
            parts = []
        # The last one is the operation itself.
        return (sanitised(parts[-2]) if len(parts) > 1 else ""), False
    spaces = kept.get("namespace") or kept.get("pkg.torch.onnx.namespace")
    if spaces:
        parts = [part.partition(": ")[0] for part in re.split(r"/(?=[^/]*: )", spaces)]
        return (sanitised(parts[-2]) if len(parts) > 1 else ""), False
    return _of_name(node.name, node.op_type)


def _of_name(name: str, op: str) -> tuple[str, bool]:
    parts = [part for part in name.split("/")[:-1] if part]
    if name.startswith("/"):
        return sanitised(nested(parts)), False
    if parts:
        return ".".join(sanitised(part).replace(".", "_") for part in parts if part not in OUTER_SCOPES), True
    if re.fullmatch(rf"(node_)?(?i:{op})?_*\d*", name) or name.startswith("node_") or re.fullmatch(r"\w*__\d+", name):
        return "", False
    return sanitised(name.removesuffix("_fwd")), False


def nested(parts: list[str]) -> str:
    """One path of scopes of which each may begin with the one around it: `layer1`, `layer1.0`, `conv1`."""
    path: list[str] = []
    for part in parts:
        if path and part.startswith(path[-1] + "."):
            path.pop()
        path.append(part)
    return ".".join(path)


def _common_root(paths: list[str]) -> str:
    """The words, with their dots, that all paths begin with."""
    root = ""
    while paths:
        first = {path[len(root) :].partition(".")[0] for path in paths}
        if len(first) != 1 or any("." not in path[len(root) :] for path in paths):
            break
        root += f"{first.pop()}."
    return root
