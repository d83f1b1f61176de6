"""The graph of an exported program: what its nodes are computed from, and which modules they belong to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..lower.export import Program
from ..lower.trace import Node, operation
from .form import Form, form_of

SAME = (
    "dropout feature_dropout alpha_dropout clone contiguous detach alias to _to_copy lift_fresh reshape view view_as "
    "_unsafe_view flatten unflatten transpose swapaxes swapdims permute movedim squeeze unsqueeze t"
).split()
"""Operations whose result has the same values in another order or shape, in evaluation."""
FIRST = (
    "conv1d conv2d conv_transpose2d batch_norm group_norm instance_norm max_pool2d avg_pool2d adaptive_avg_pool2d "
    "adaptive_max_pool2d max_pool2d_with_indices upsample_nearest2d upsample_bilinear2d upsample_bicubic2d "
    "pixel_shuffle pixel_unshuffle channel_shuffle"
).split()
"""Operations whose results have the channels first."""
RESHAPES = "reshape view _unsafe_view flatten unflatten expand matmul bmm einsum".split()
"""Operations that change the axes."""


class Call(NamedTuple):
    """A call of a module: a unique key, the module's path, and its class with its package."""

    key: str
    path: str
    kind: str


class Graph:
    """The nodes of a program in order. In-place writes count: later uses of a tensor are computed from the write."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.order = {node: index for index, node in enumerate(program.nodes)}
        (self.image,) = [node for node in program.nodes if node.op == "placeholder" and node.name in program.inputs]
        self.batch = str(self.image.meta["val"].shape[0])
        self.sources: dict[Node, dict[Node, Node]] = {}
        self.users: dict[Node, list[Node]] = {node: [] for node in program.nodes}
        self.of_image: set[Node] = {self.image}
        self._is_last: dict[Node, bool | None] = {}
        self._connect()
        for node in program.nodes:
            self._is_last[node] = self._layout(node)
        for node in reversed(program.nodes):
            if self._is_last[node] is None:
                self._is_last[node] = self._layout_wanted(node)

    def inputs(self, node: Node) -> list[Node]:
        """The nodes of tensors that a node is computed from."""
        return list(self.sources[node].values())

    def root(self, node: Node) -> Node:
        """The node that computed a node's values, before they were viewed in other ways."""
        return list(self.views(node))[-1]

    def views(self, node: Node) -> Iterator[Node]:
        """The node, and those before it with the same values."""
        yield node
        while node.op == "call_function" and operation(node) in SAME and node.args[0] in self.sources[node]:
            node = self.sources[node][node.args[0]]
            yield node

    def form(self, node: Node) -> Form | None:
        """The form in which a node becomes a layer's output; None where it cannot."""
        lengths = self.lengths(node)
        return None if lengths is None else form_of(lengths, bool(self._is_last.get(node)))

    def lengths(self, node: Node) -> tuple[int, ...] | None:
        """The axes after the batch of a tensor that has one for every image; None of anything else."""
        found = node.meta.get("val")
        if node not in self.of_image or node.op != "call_function" or not _is_float(found) or found.dim() < 2:
            return None
        batch, *lengths = found.shape
        if str(batch) != self.batch or not all(isinstance(length, int) for length in lengths):
            return None
        return tuple(lengths)

    def _connect(self) -> None:
        current: dict[Node, Node] = {}
        for node in self.program.nodes:
            # Numbers, such as the batch's size, are no activations.
            inputs = [source for source in node.all_input_nodes if _has_tensor(source.meta.get("val"))]
            self.sources[node] = {source: current.get(source, source) for source in inputs}
            for source in self.inputs(node):
                self.users[source].append(node)
            if any(source in self.of_image for source in self.inputs(node)):
                self.of_image.add(node)
            if _is_in_place(node) and node.args and node.args[0] in self.sources[node]:
                for view in self.views(self.sources[node][node.args[0]]):
                    current[view] = node
                current[node.args[0]] = node

    def _layout(self, node: Node) -> bool | None:
        """Whether a tensor of four axes has the channels last; None where the nodes before do not determine it."""
        if node is self.image:
            return False
        if node.op != "call_function":
            return None
        name = operation(node).removesuffix("_")
        if name in FIRST:
            return False
        if name == "linear" or (name in ("layer_norm", "rms_norm") and len(node.args[1]) == 1):
            return True
        if name in RESHAPES:
            return None
        if name == "permute":
            return {(0, 2, 3, 1): True, (0, 3, 1, 2): False}.get(tuple(axis % 4 for axis in node.args[1]))
        known = (self._is_last[source] for source in self.inputs(node) if _axes(source) == 4 == _axes(node))
        return next((found for found in known if found is not None), None)

    def _layout_wanted(self, node: Node) -> bool | None:
        """The layout that the nodes after it expect."""
        for user in self.users[node]:
            if user.op != "call_function":
                continue
            name = operation(user).removesuffix("_")
            if name in ("layer_norm", "rms_norm", "linear"):
                return True
            if name in FIRST:
                return False
            if name == "permute":
                return {(0, 2, 3, 1): False, (0, 3, 1, 2): True}.get(tuple(axis % 4 for axis in user.args[1]))
            if name not in RESHAPES and _axes(user) == 4 and self._is_last[user] is not None:
                return self._is_last[user]
        return None


def calls(node: Node) -> list[Call]:
    """The modules that a node lies in, the outermost first, by their paths in the model."""
    found = []
    for key, (path, kind) in (node.meta.get("nn_module_stack") or {}).items():
        kind = kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}"
        # `net` is the module that the model was put into for the export.
        if str(path).startswith("net"):
            # Versions of PyTorch number a module that is called again in the key, or in the path: `relu@1`.
            plain = re.sub(r"@\d+", "", str(path))
            found.append(Call(f"{key} {path}", plain.removeprefix("net").removeprefix("."), kind))
    return found


def _is_in_place(node: Node) -> bool:
    schema = getattr(node.target, "_schema", None)
    return schema is not None and bool(schema.is_mutable)


def _is_float(found: Any) -> bool:
    return hasattr(found, "is_floating_point") and bool(found.is_floating_point())


def _has_tensor(found: Any) -> bool:
    return any(_has_tensor(item) for item in found) if isinstance(found, (list, tuple)) else hasattr(found, "dtype")


def _axes(node: Node) -> int:
    found = node.meta.get("val")
    return int(found.dim()) if hasattr(found, "dim") else 0
