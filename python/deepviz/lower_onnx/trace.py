"""The state of a lowering of ONNX: that of PyTorch's programs, with nodes of ONNX and weights that may be computed.

Operations that PyTorch and ONNX share are lowered by the handlers of deepviz.lower, each called as PyTorch would.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from ..errors import Refused
from ..lower import layout
from ..lower.trace import HANDLERS as CALLS
from ..lower.trace import Constant, Failed, Scores, SplitResult, Tensor, Trace, Value, Weight
from .names import owner

if TYPE_CHECKING:
    import numpy


@dataclass(frozen=True, eq=False)
class ConstantArray:
    """A constant: its values, the name of its initializer, if any, and `F16` or `BF16` where it had that precision."""

    array: numpy.ndarray[Any, Any]
    name: str = ""
    half: str = ""

    @property
    def number(self) -> float | None:
        """The value of a constant with one element; else None."""
        return float(self.array.reshape(-1)[0]) if self.array.size == 1 else None

    def changed(self, array: numpy.ndarray[Any, Any]) -> ConstantArray:
        """A constant with other values and the same origin."""
        return replace(self, array=array)


@dataclass(frozen=True)
class Symbol:
    """A part of a normalisation or an activation that may become a layer (patterns.py).

    `kind` is a key of patterns.WORDS, which decides what the numbers are; `of` is the tensor that it is computed of;
    `weight` and `bias` are values a channel, where it is weighted by them.
    """

    kind: str
    of: Tensor
    numbers: tuple[float, ...] = ()
    weight: ConstantArray | None = None
    bias: ConstantArray | None = None


Item = ConstantArray | Symbol | Tensor | SplitResult | Scores | Weight | Constant | Failed | None


@dataclass(frozen=True, eq=False)
class Node:
    """A node of the graph: its operator, name, attributes and inputs, and where it comes from.

    `names` are its inputs' names, `outputs` how many results it has, `opset` the version of the operators, `path` the
    path of its module, and `owns` says whether that path can name its layer. `target` and `meta` are those of the
    call of PyTorch's that it is lowered as.
    """

    op: str
    name: str
    attributes: dict[str, Any]
    inputs: tuple[Item, ...]
    names: tuple[str, ...]
    outputs: int
    opset: int
    path: str = ""
    owns: bool = False
    target: str = ""
    meta: Any = None

    def item(self, index: int) -> Item:
        """An input; None where there is none."""
        return self.inputs[index] if index < len(self.inputs) else None

    def option(self, index: int, key: str) -> Any:
        """A value that newer versions of an operator have as a constant input, older ones as an attribute, or None."""
        item = self.item(index)
        if isinstance(item, ConstantArray):
            return item.array.tolist()
        return self.attributes.get(key)


Handler = Callable[["OnnxTrace", Node], Any]

HANDLERS: dict[str, Handler] = {}
"""Handlers by operator. Each returns the first result, or a SplitResult with all."""


def handles(*names: str) -> Callable[[Handler], Handler]:
    """Registers the handler of some operators."""

    def register(handler: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(names, handler))
        return handler

    return register


class OnnxTrace(Trace):
    """A lowering in progress. `arrays` are the weights that layers take, `users` how many nodes take a result."""

    def __init__(self, batch: int, users: dict[str, int]) -> None:
        super().__init__(batch)
        self.arrays: dict[str, ConstantArray] = {}
        self.users = users

    # Reading

    def value(self, node: Any) -> Value:
        """An item as PyTorch's handlers take it."""
        if isinstance(node, (Tensor, Weight, Constant, Scores, SplitResult)):
            return node
        if isinstance(node, Failed):
            raise Refused(node.reason)
        raise Refused("an operation takes something else than activations and weights, so it cannot be recorded")

    def number(self, item: Any) -> float | None:
        """A number; None of anything else."""
        if isinstance(item, (int, float)):
            return float(item)
        return item.number if isinstance(item, Constant) else None

    def input(self, node: Node, index: int = 0) -> Tensor:
        """An activation among a node's inputs. Raises Refused where it is something else."""
        item = node.item(index)
        if isinstance(item, Failed):
            raise Refused(item.reason)
        if isinstance(item, (Tensor, Scores)):
            return self.tensor(item, node)
        if isinstance(item, ConstantArray):
            self.refuse(node, "takes weights where activations are expected", "deepViz has layers over activations")
        self.refuse(node, "takes something that is no layer of deepViz", "it has the layers of docs/recipes.md")

    def constant(self, node: Node, index: int) -> ConstantArray:
        """A constant among a node's inputs. Raises Refused where it is something else."""
        item = node.item(index)
        if isinstance(item, Failed):
            raise Refused(item.reason)
        if not isinstance(item, ConstantArray):
            self.refuse(node, "takes weights that are computed from the image", "deepViz has weights of the snapshots")
        return item

    def weight_of(self, constant: ConstantArray) -> Weight:
        """A constant as a weight of a layer."""
        base = constant.name or "constant"
        key = base
        while key in self.arrays:
            key = f"{base} ({len(self.arrays)})"
        self.arrays[key] = constant
        return Weight(key, tuple(int(length) for length in constant.array.shape))

    def shape_of(self, tensor: Tensor) -> tuple[int, ...]:
        """Lengths of a tensor's dimensions."""
        return layout.shape_of(tensor.dims)

    # Writing

    def call(self, name: str, node: Node, shape: Sequence[int] | None = None, /, **arguments: Any) -> Any:
        """Lowers a node as this call of PyTorch's, which gives a tensor of that shape."""
        meta = {"val": SimpleNamespace(shape=tuple(shape or ()))}
        return CALLS[name](self, replace(node, target=f"aten.{name}.default", meta=meta), arguments)

    def origin(self, node: Any, arrays: dict[str, str]) -> tuple[str, bool]:
        """For a layer with weights the path in their names, else the path of the node."""
        role = next((role for role in ("weight", "bias", "running_mean") if role in arrays), "")
        name = self.arrays[arrays[role]].name if role else ""
        module = self.owner_of(name)
        return (module, True) if module else (node.path, node.owns)

    def owner_of(self, name: str) -> str:
        """The module that a weight belongs to by its name; empty if unknown."""
        # Exporters store several equal weights once, under one of their names.
        return owner(name) if self.users.get(name) == 1 else ""

    def is_only_use(self, node: Node, index: int) -> bool:
        """Whether no other node takes this input."""
        return self.users.get(node.names[index]) == 1

    # Refusing

    def describe(self, node: Any) -> str:
        """Names an operator and its node, for messages."""
        return f"`{node.op}` (node `{node.name}`)" if node.name else f"`{node.op}`"
