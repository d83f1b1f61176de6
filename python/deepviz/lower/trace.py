"""The state of a lowering: the layer of each value of the exported program, and what was refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from .. import toml
from ..errors import Refused
from . import layout
from .layout import Dims
from .network import Layer, Shape

Node = Any
"""torch.fx.Node; torch is not imported here."""


@dataclass(eq=False)
class Memory:
    """Memory that several tensors may share. An in-place operation assigns another layer to it.

    `whole` is the memory of which it is a part (a slice), `parts` are the slices of it, `nodes` the nodes of the
    program that are views of it, and `may_be_copied` says that one of these may be a copy (PyTorch's `reshape` copies
    only where it must).
    """

    layer: Layer
    whole: Memory | None = None
    nodes: list[Node] = field(default_factory=list)
    parts: list[Memory] = field(default_factory=list)
    may_be_copied: bool = False

    def __post_init__(self) -> None:
        if self.whole is not None:
            self.whole.parts.append(self)

    def overlapping(self) -> list[Memory]:
        """Other memory that is a part of this, or of which this is a part."""
        found = self.parts_of_parts()
        whole = self.whole
        while whole is not None:
            found.append(whole)
            whole = whole.whole
        return found

    def parts_of_parts(self) -> list[Memory]:
        """Its parts and their parts, recursively."""
        return [inner for part in self.parts for inner in (part, *part.parts_of_parts())]


@dataclass(frozen=True)
class Tensor:
    """An activation: a layer's output, and the layout of its values in PyTorch's tensor."""

    box: Memory
    dims: Dims

    @property
    def layer(self) -> Layer:
        """The layer whose output the memory currently holds."""
        return self.box.layer

    @property
    def shape(self) -> Shape:
        """Shape of that layer's output."""
        return self.box.layer.shape

    @property
    def is_vector(self) -> bool:
        """Whether there is one pixel."""
        return self.shape[1:] == (1, 1)

    def viewed(self, dims: Dims) -> Tensor:
        """The same values in another order."""
        return Tensor(self.box, dims)


@dataclass(frozen=True)
class Weight:
    """A parameter or buffer of the model, or a view of it with other axes of length 1."""

    name: str
    shape: tuple[int, ...]

    @property
    def axes(self) -> tuple[int, ...]:
        """Lengths of the axes that are longer than 1."""
        return tuple(length for length in self.shape if length > 1)


@dataclass(frozen=True)
class Constant:
    """A tensor of one number that is not a parameter."""

    number: float


@dataclass(frozen=True)
class SplitResult:
    """The result of `chunk` or `split`."""

    items: tuple[Tensor, ...]


@dataclass(frozen=True)
class Scores:
    """Products of queries and keys times a number, before the softmax of attention."""

    query: Tensor
    key: Tensor
    factor: float


@dataclass(frozen=True)
class Failed:
    """A value that deepViz's layers cannot express. Refused when a node that the outputs depend on uses it."""

    reason: str


Value = Tensor | Weight | Constant | SplitResult | Scores | Failed
Handler = Callable[["Trace", Node, dict[str, Any]], Value]

HANDLERS: dict[str, Handler] = {}
"""Handlers by the name of the operation, without the `_` of those in place."""


def handles(*names: str) -> Callable[[Handler], Handler]:
    """Registers the handler of some operations."""

    def register(handler: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(names, handler))
        return handler

    return register


def operation(node: Node) -> str:
    """`conv2d` of aten.conv2d.default, `relu_` of aten.relu_.default, `getitem` of Python's."""
    target = node.target
    name = getattr(target, "__name__", str(target)) if not hasattr(target, "_schema") else target._schema.name
    return str(name).split("::")[-1].split(".")[0]


def module_of(node: Node) -> tuple[str, str]:
    """The path of the module that computed a value, and its class. Both are empty where neither is known."""
    stack = node.meta.get("nn_module_stack") or {}
    if not stack:
        return "", ""
    path, kind = list(stack.values())[-1]
    # The second call of a module has a number: `relu@1`.
    path = re.sub(r"@\d+", "", str(path))
    kind = kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}"
    # `net` is the attribute of the wrapper (export.py) that contains the model.
    return path.removeprefix("net").removeprefix("."), kind


class Trace:
    """A lowering in progress. The parameter `at` is the node that a refusal names."""

    def __init__(self, batch: int) -> None:
        self.batch = batch
        self.layers: list[Layer] = []
        self.values: dict[Node, Value] = {}
        self.order: dict[Node, int] = {}

    # Reading

    def value(self, node: Node) -> Value:
        """The value of a node of the program. Raises Refused where it cannot be expressed."""
        found = self.values.get(node)
        if found is None:
            raise Refused(f"the exported program uses `{node}` before it is there")
        if isinstance(found, Failed):
            raise Refused(found.reason)
        return found

    def tensor(self, node: Node, at: Node) -> Tensor:
        """The value of a node as an activation. Raises Refused for weights and values computed from them."""
        found = self.value(node)
        if isinstance(found, Tensor):
            return found
        if isinstance(found, Weight):
            self.refuse(
                at,
                f"computes with the weights `{found.name}` (as weight standardisation does)",
                "deepViz takes weights as they are, for the layers of docs/recipes.md",
            )
        if isinstance(found, Scores):
            self.refuse(at, "changes the products of queries and keys", "attention has no masks and biases here")
        self.refuse(at, "works on something else than activations", "deepViz has layers over these")

    def weight(self, node: Node | None, at: Node) -> str | None:
        """The name of a parameter or buffer; None for an absent one."""
        if node is None:
            return None
        found = self.value(node)
        if isinstance(found, Weight):
            return found.name
        self.refuse(
            at,
            "takes weights that are computed from other values",
            "remove weight norm, spectral norm or weight standardisation before recording, for example with "
            "torch.nn.utils.parametrize.remove_parametrizations",
        )

    def number(self, item: Any) -> float | None:
        """A number, or the value of a tensor of one element; None for anything else."""
        if isinstance(item, (int, float)):
            return float(item)
        found = self.value(item) if hasattr(item, "meta") else None
        return found.number if isinstance(found, Constant) else None

    def map(self, tensor: Tensor, at: Node) -> Layer:
        """The layer of a tensor that is N x C x H x W; channels in another order are shuffled first."""
        batch, shape = self.batch, tensor.shape
        if tensor.dims == layout.of_map(batch, shape):
            return tensor.layer
        whole = layout.of_map(batch, shape)
        if len(tensor.dims) == 4 and (*tensor.dims[:1], *tensor.dims[2:]) == (*whole[:1], *whole[2:]):
            groups = layout.shuffle_groups(tensor.dims[1], shape[0])
            if groups:
                return self.add(at, "channel_shuffle", [tensor.layer], shape, {"groups": groups}, helps=True)
        self.refuse_layout(at, tensor)

    def settled(self, tensor: Tensor, at: Node) -> Tensor:
        """The tensor with channels in their original order: adds a shuffle where it has changed."""
        if len(tensor.dims) == 4 and layout.shuffle_groups(tensor.dims[1], tensor.shape[0]):
            return self.as_map(self.map(tensor, at))
        return tensor

    def vector(self, tensor: Tensor, at: Node) -> Layer:
        """The layer of a tensor that is N x C; channels in another order are shuffled first."""
        if tensor.is_vector and len(tensor.dims) == 2:
            return self.map(tensor.viewed((*tensor.dims, (), ())), at)
        self.refuse_layout(at, tensor)

    # Writing

    def add(
        self,
        node: Node,
        kind: str,
        inputs: Sequence[Layer],
        shape: Shape,
        keys: dict[str, toml.Value] | None = None,
        arrays: dict[str, str | None] | None = None,
        helps: bool = False,
    ) -> Layer:
        """Adds a layer. `helps` where it assists another layer of the same module, which gets the module's name."""
        named = {role: name for role, name in (arrays or {}).items() if name}
        module, owns = self.origin(node, named)
        layer = Layer(kind, list(inputs), keys or {}, named, shape, module, owns and not helps)
        self.layers.append(layer)
        return layer

    def origin(self, node: Node, arrays: dict[str, str]) -> tuple[str, bool]:
        """The path of the module that a layer with these arrays belongs to, and whether it can name the layer."""
        module, of = module_of(node)
        owners = {name.rpartition(".")[0] for name in arrays.values()}
        if of.endswith(".MultiheadAttention") and len(owners) == 1:
            # It computes with the weights of its own modules (`out_proj.weight`), and of some that it has no module for
            # (`in_proj_weight`).
            (owner,) = owners
            first = next(iter(arrays.values())).rpartition(".")[2]
            return (owner if owner != module else f"{module}.{first.rpartition('_')[0]}"), True
        return module, of.startswith("torch.nn.modules.") or owners == {module}

    def as_map(self, layer: Layer) -> Tensor:
        """A fresh N x C x H x W tensor of a layer's output."""
        return Tensor(Memory(layer), layout.of_map(self.batch, layer.shape))

    # Refusing

    def refuse(self, node: Node, what: str, way_out: str) -> NoReturn:
        """Raises Refused: the operation, its module, and what can be done."""
        raise Refused(f"{self.describe(node)} {what}, so this network cannot be recorded; {way_out}")

    def describe(self, node: Node) -> str:
        """Names an operation and its module, for messages."""
        module, kind = module_of(node)
        name = operation(node).removesuffix("_")
        of = kind.rpartition(".")[2]
        where = f"module `{module}` ({of})" if module else (f"the model itself ({of})" if of else "the model")
        return f"`{name}` in {where}"

    def refuse_layout(self, node: Node, tensor: Tensor) -> NoReturn:
        """Refuses a tensor whose layout the operation cannot use."""
        found = " x ".join(str(length) for length in layout.shape_of(tensor.dims))
        channels, height, width = tensor.shape
        of = f"a map of {channels} channels and {height} x {width} pixels"
        self.refuse(
            node,
            f"works on a tensor of {found} made of {of} in a way that is no layer of deepViz",
            "deepViz has layers over maps N x C x H x W, channels-last maps, tokens and vectors, not over windows",
        )
