"""Lowers a model of ONNX: translates its graph node by node."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ..errors import Refused
from ..lower import layout
from ..lower.attention import NO_MASKS, OTHER_FORM
from ..lower.network import IMAGE, Layer, Network, Shape, name_layers, reaching
from ..lower.trace import Failed, Scores, SplitResult, Tensor
from . import activations, arithmetic, attention, norms, views, windows
from .constants import RANDOM, attributes, folded
from .model import FREE, Model
from .names import Origins
from .patterns import recognised, refuse_part
from .runtime import logits_of
from .trace import HANDLERS, ConstantArray, Item, Node, OnnxTrace

MODULES = (activations, arithmetic, attention, norms, views, windows)
"""Modules whose import registers the handlers."""

BATCH = 2
"""Batch size for a model that takes any. Not 1, which a reshape may interpret differently."""

PASS_THROUGH = ("Identity", "Cast", "Dropout")
ATTENTION = ("Softmax", "MatMul", "Einsum", "Attention", "MultiHeadAttention")
REARRANGING = "Reshape Flatten Squeeze Unsqueeze Transpose Pad Slice Gather Split Concat".split()
"""Operators that only rearrange values, as those with which attention within windows begins."""


@dataclass(frozen=True)
class Lowered:
    """A lowered model: the network and its weights by the names that its layers give them."""

    network: Network
    arrays: dict[str, ConstantArray] = field(repr=False)


def lower_onnx(model: Model, image: Shape | None = None) -> Lowered:
    """Lowers a model to layers of deepViz.

    `image` is the shape of the images: channels, height, width. Without it the file must contain it. Raises Refused,
    with the operator and its node, where the model cannot be expressed.
    """
    batch, shape, is_last = input_of(model, image)
    walk = _Walk(model, batch)
    picture = Layer("image", [], {}, {}, shape, name=IMAGE)
    walk.run(picture, is_last)
    name, is_softmax = walk.before_softmax()
    try:
        output = walk.output(name)
    except Refused:
        walk.refuse_first(name)
        raise
    layers = [layer for layer in reaching(output, walk.trace.layers) if layer.inputs]
    layers.append(Layer("softmax", [output], {}, {}, output.shape, "probabilities", owns_name=True))
    _free_names(layers)
    name_layers(layers)
    arrays = _named(layers, walk.trace.arrays)
    return Lowered(Network(layers, shape, logits_of(model, name, is_last), is_softmax), arrays)


def input_of(model: Model, image: Shape | None) -> tuple[int, Shape, bool]:
    """Batch size, image shape, and whether channels come last. Raises Refused where the images do not fit."""
    count, *lengths = model.lengths
    first, last = tuple(lengths), (lengths[2], lengths[0], lengths[1])
    candidates = [(first, False), (last, True)] if first[0] in (1, 3, FREE) else [(last, True), (first, False)]
    for found, is_last in candidates:
        wanted = image or found
        if all(length in (FREE, side) for length, side in zip(found, wanted, strict=True)) and FREE not in wanted:
            return count or BATCH, (wanted[0], wanted[1], wanted[2]), is_last
    takes = " x ".join(str(length or "?") for length in lengths)
    if image is None:
        raise Refused(f"{model.path} takes images of {takes}, so their size is not known; export it for images of one")
    given = " x ".join(str(length) for length in image)
    raise Refused(
        f"{model.path} takes images of {takes}, and the images are {given} (channels, height, width); give those that "
        "the network was made for"
    )


def _free_names(layers: list[Layer]) -> None:
    """Leaves the name of a module to its layer with weights: Keras has activation functions in such modules."""
    weighted = {layer.module for layer in layers if layer.arrays and layer.owns_name}
    for layer in layers:
        layer.owns_name = layer.owns_name and (bool(layer.arrays) or layer.module not in weighted)


def _named(layers: list[Layer], constant: dict[str, ConstantArray]) -> dict[str, ConstantArray]:
    """Names weights by layer and role, and updates the layers accordingly."""
    arrays = {}
    for layer in layers:
        for role, key in layer.arrays.items():
            name = f"{layer.name}.{role}"
            arrays[name], layer.arrays[role] = constant[key], name
    return arrays


class _Walk:
    """The values of a graph by name. What layers cannot express is refused only where it is used."""

    def __init__(self, model: Model, batch: int) -> None:
        self.model = model
        self.origins = Origins(model.nodes)
        self.values: dict[str, Item] = {}
        self.producers = {name: proto for proto in model.nodes for name in proto.output if name}
        self.failed: dict[int, str] = {}
        users = Counter(name for proto in model.nodes for name in proto.input)
        users[model.output] += 1
        self.trace = OnnxTrace(batch, users)

    def run(self, image: Layer, is_last: bool) -> None:
        """Computes the values of all nodes."""
        from onnx import numpy_helper

        for tensor in self.model.proto.graph.initializer:
            half = self.model.halves.get(tensor.name, "")
            self.values[tensor.name] = ConstantArray(numpy_helper.to_array(tensor), tensor.name, half)
        whole = self.trace.as_map(image)
        n, c, h, w = whole.dims
        self.values[self.model.input] = whole.viewed((n, h, w, c)) if is_last else whole
        for proto in self.model.nodes:
            try:
                results = self._results(proto)
            except Refused as error:
                self.failed[id(proto)] = str(error)
                results = [Failed(str(error))] * len(proto.output)
            for name, value in zip(proto.output, results, strict=False):
                self.values[name] = value

    def _results(self, proto: Any) -> list[Any]:
        inputs = [self.values.get(name) if name else None for name in proto.input]
        opset = self.model.opsets.get("", self.model.opsets.get("ai.onnx", 1))
        path, owns = self.origins.of(proto)
        used = len([name for name in proto.output if name and self.trace.users.get(name)])
        outputs = len(proto.output) if proto.op_type == "Split" else used
        node = Node(
            proto.op_type, proto.name, attributes(proto), tuple(inputs), tuple(proto.input), outputs, opset, path, owns
        )
        missing = [name for name, item in zip(proto.input, inputs, strict=True) if name and item is None]
        if missing:
            self.trace.refuse(node, f"takes `{missing[0]}`, which nothing gives", "export the model again")
        if all(item is None or isinstance(item, ConstantArray) for item in inputs) and proto.op_type not in RANDOM:
            return self._constants(proto, node, [item if isinstance(item, ConstantArray) else None for item in inputs])
        handler = HANDLERS.get(proto.op_type) if proto.domain in ("", "ai.onnx") else None
        if handler is None:
            failed = next((item for item in inputs if isinstance(item, Failed)), None)
            if failed is not None:
                raise Refused(failed.reason)
            what = "is an operation that deepViz does not have"
            self.trace.refuse(node, what, "it shows networks of the operations in docs/recipes.md")
        found = recognised(self.trace, node)
        if found is None:
            if node.op not in PASS_THROUGH:
                refuse_part(self.trace, node)
            found = handler(self.trace, node)
        return list(found.items) if isinstance(found, SplitResult) else [found]

    def _constants(self, proto: Any, node: Node, inputs: list[ConstantArray | None]) -> list[ConstantArray]:
        try:
            return folded(proto, inputs, self.model.opsets)
        except Exception as error:
            lines = str(error).splitlines() or ["no reason given"]
            what = f"cannot be computed from constants ({type(error).__name__}: {lines[0][:150]})"
            self.trace.refuse(node, what, "simplify the model (onnxsim), or export it with constant folding")

    def before_softmax(self) -> tuple[str, bool]:
        """The name of the values before the softmax, and whether the model has one at its end."""
        name = self.model.output
        while (proto := self.producers.get(name)) is not None:
            if proto.op_type in ("Softmax", "LogSoftmax"):
                return self._before_pass_through(proto.input[0]), True
            if proto.op_type not in PASS_THROUGH:
                break
            name = proto.input[0]
        return self._before_pass_through(self.model.output), False

    def _before_pass_through(self, name: str) -> str:
        while (proto := self.producers.get(name)) is not None and proto.op_type in PASS_THROUGH:
            name = proto.input[0]
        return name

    def output(self, name: str) -> Layer:
        """The layer of the values with that name. Raises Refused where they are no class outputs."""
        value = self.values.get(name)
        if isinstance(value, Failed):
            raise Refused(value.reason)
        if not isinstance(value, Tensor):
            raise Refused(f"the outputs of {self.model.path} do not depend on its input, so it cannot be recorded")
        shape = layout.shape_of(value.dims)
        dims = tuple(dim for dim in value.dims[1:] if dim)
        is_row = value.is_vector and value.dims[0] == layout.axis("N", self.trace.batch)
        if not is_row or len(dims) > 1 or layout.size(dims[0] if dims else ()) != value.shape[0]:
            found = " x ".join(["N", *(str(length) for length in shape[1:])])
            raise Refused(
                f"the outputs of {self.model.path} are {found}, so it cannot be recorded; deepViz shows classifiers, "
                "with outputs N x classes"
            )
        if value.shape[0] < 2:
            raise Refused(
                f"{self.model.path} has one output, so it cannot be recorded; give it an output for each class"
            )
        node = Node("output", name, {}, (), (), 1, 0)
        return self.trace.vector(value.viewed((value.dims[0], dims[0])), node)

    def refuse_first(self, name: str) -> None:
        """Refuses the first inexpressible node that the outputs depend on: it says more than later ones."""
        needed: set[int] = set()
        pending = [name]
        while pending:
            proto = self.producers.get(pending.pop())
            if proto is not None and id(proto) not in needed:
                needed.add(id(proto))
                pending.extend(proto.input)
        failed = [proto for proto in self.producers.values() if id(proto) in needed and id(proto) in self.failed]
        if not failed:
            return
        first = failed[0]
        is_within = any(isinstance(self.values.get(name), Scores) for name in first.input)
        # The name of an attention operator says more than those of the rearrangements before it. Anything else is
        # named itself.
        if is_within or first.op_type in REARRANGING or self._is_attention(first):
            for proto in failed:
                if self._is_attention(proto):
                    node = Node(proto.op_type, proto.name, {}, (), (), 1, 0)
                    self.trace.refuse(node, OTHER_FORM, NO_MASKS)
        raise Refused(self.failed[id(first)]) from None

    def _is_attention(self, proto: Any) -> bool:
        """Whether a node is a part of attention: not a product with weights."""
        has_weights = any(isinstance(self.values.get(name), ConstantArray) for name in proto.input)
        return proto.op_type in ATTENTION and not (proto.op_type == "MatMul" and has_weights)
