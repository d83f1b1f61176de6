"""Lowers a model: exports it, and translates its program node by node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from ..errors import Refused
from . import arithmetic, attention, layout, norms, views, windows
from .export import BATCH, Program, export, logits_of
from .network import IMAGE, Layer, Network, name_layers, reaching
from .trace import HANDLERS, Constant, Failed, Memory, Node, Scores, Tensor, Trace, Value, Weight, operation

if TYPE_CHECKING:
    import torch

MODULES = (arithmetic, attention, norms, views, windows)
"""Modules whose import registers the handlers."""

ATTENTION = ("scaled_dot_product_attention", "multi_head_attention_forward", "softmax", "matmul", "bmm", "einsum")

REARRANGING = tuple(
    "view reshape flatten unflatten permute transpose roll pad slice select index unbind chunk split".split()
)
"""Operations that only rearrange values, as those with which attention within windows begins."""

SOFTMAXES = ("softmax", "log_softmax", "_softmax", "_log_softmax")


def lower(model: torch.nn.Module, example: torch.Tensor) -> Network:
    """Lowers a model to layers of deepViz.

    `example` is an input, C x H x W or N x C x H x W, on the model's device. The model is exported in evaluation mode;
    modes and random numbers are restored. Raises Refused, naming the operation and its module, where it cannot be.
    """
    program = export(model, example)
    trace = _walk(program)
    try:
        output, before_softmax = _output(trace, program.output)
    except Refused:
        _refuse_first(trace, program)
        raise
    layers = [layer for layer in reaching(output, trace.layers) if layer.inputs]
    layers.append(Layer("softmax", [output], {}, {}, output.shape, "probabilities", owns_name=True))
    name_layers(layers)
    return Network(layers, program.image, logits_of(model, program, before_softmax), before_softmax is not None)


def _walk(program: Program) -> Trace:
    """Translates every node of the program. What cannot be expressed is refused only if the outputs need it."""
    trace = Trace(BATCH)
    image = Layer("image", [], {}, {}, program.image, name=IMAGE)
    for index, node in enumerate(program.nodes):
        trace.order[node] = index
    for node in program.nodes:
        if node.op == "placeholder":
            trace.values[node] = _placeholder(trace, program, node, image)
        elif node.op == "call_function":
            _call(trace, node)
        elif node.op != "output":
            trace.values[node] = Failed(f"the exported program has a `{node.op}` node, so it cannot be recorded")
    return trace


def _placeholder(trace: Trace, program: Program, node: Node, image: Layer) -> Value:
    if node.name in program.inputs:
        tensor = trace.as_map(image)
        tensor.box.nodes.append(node)
        return tensor
    name = program.weights.get(node.name)
    if name is not None:
        return Weight(name, tuple(int(length) for length in node.meta["val"].shape))
    number = program.constants.get(node.name)
    if number is not None:
        return Constant(number)
    return Failed(
        "the model computes with a tensor that is made in its forward pass, so this network cannot be recorded; "
        "keep it as a buffer (register_buffer)"
    )


def arguments(node: Node) -> dict[str, Any]:
    """The arguments of a call by their names in the operation's schema, defaults included."""
    schema = getattr(node.target, "_schema", None)
    if schema is None:
        return dict(zip("abcdef", node.args, strict=False))
    given = dict(node.kwargs)
    for place, argument in enumerate(schema.arguments):
        if place < len(node.args):
            given[argument.name] = node.args[place]
        elif argument.name not in given:
            given[argument.name] = argument.default_value
    return given


def _call(trace: Trace, node: Node) -> None:
    name = operation(node)
    is_in_place = name.endswith("_") and not name.endswith("__")
    try:
        value = _handled(trace, node, name.removesuffix("_") if is_in_place else name)
        if is_in_place and isinstance(value, Tensor):
            value = _written(trace, node, value)
    except Refused as error:
        value = Failed(str(error))
        changed = trace.values.get(node.args[0]) if is_in_place and node.args else None
        if isinstance(changed, Tensor):
            # Other tensors of the same memory depend on this write, so they cannot be expressed either.
            for box in (changed.box, *changed.box.overlapping()):
                for alias in box.nodes:
                    trace.values[alias] = value
    trace.values[node] = value
    if isinstance(value, Tensor):
        value.box.nodes.append(node)


def _handled(trace: Trace, node: Node, name: str) -> Value:
    handler = HANDLERS.get(name)
    if handler is not None:
        return handler(trace, node, arguments(node))
    _refuse_missing(trace, node)


def _refuse_missing(trace: Trace, node: Node) -> NoReturn:
    if operation(node).lstrip("_") in ATTENTION:
        trace.refuse(node, attention.OTHER_FORM, attention.NO_MASKS)
    what = "is an operation that deepViz does not have"
    trace.refuse(node, what, "it shows networks of the operations in docs/recipes.md")


def _refuse_first(trace: Trace, program: Program) -> None:
    """Refuses the first inexpressible node that the outputs depend on: it says more than those that follow from it."""
    needed: set[Node] = set()
    pending = [program.output]
    while pending:
        node = pending.pop()
        if node not in needed:
            needed.add(node)
            pending.extend(node.all_input_nodes)
    last = program.output.args[0][0]
    failed = [node for node in program.nodes if node in needed and isinstance(trace.values.get(node), Failed)]
    if not failed:
        return
    first = failed[0]
    word = operation(first).removesuffix("_").lstrip("_")
    is_within = word in ATTENTION or any(isinstance(trace.values.get(node), Scores) for node in first.all_input_nodes)
    # The name of an attention operation says more than those of the rearrangements before it. Anything else is named
    # itself.
    if is_within or word in REARRANGING:
        for node in failed:
            if node.op == "call_function" and operation(node).lstrip("_") in ATTENTION and node is not last:
                _refuse_missing(trace, node)
    for node in failed:
        found = trace.values[node]
        if isinstance(found, Failed) and node is not last:
            raise Refused(found.reason) from None


def _written(trace: Trace, node: Node, result: Tensor) -> Tensor:
    """Writes the result of an in-place operation to the memory, where all of its views see it."""
    target = node.args[0]
    changed = trace.tensor(target, node)
    box = changed.box
    if result.box is box:
        return result

    def is_used_later(box: Memory) -> bool:
        at = trace.order[node]
        return any(trace.order[user] > at for alias in box.nodes if alias is not target for user in alias.users)

    is_doubtful = (box.may_be_copied or result.dims != changed.dims) and is_used_later(box)
    if is_doubtful or any(is_used_later(other) for other in box.overlapping()):
        trace.refuse(
            node,
            "writes in place into memory that another tensor shares, which is used later",
            "use the operation that is not in place",
        )
    box.layer = result.layer
    return Tensor(box, result.dims)


def _output(trace: Trace, output: Node) -> tuple[Layer, Node | None]:
    """The layer before the softmax, and, where the program has a softmax itself, the node before that."""
    (node,) = output.args[0]
    before = None
    if operation(node) in SOFTMAXES and arguments(node)["dim"] in (1, -1):
        before = node = node.args[0]
    tensor = trace.tensor(node, output)
    shape = layout.shape_of(tensor.dims)
    if not tensor.is_vector or len(shape) != 2:
        found = " x ".join(["N", *(str(length) for length in shape[1:])])
        raise Refused(
            f"the model's outputs are {found}, so it cannot be recorded; deepViz shows classifiers, with outputs "
            "N x classes"
        )
    if shape[1] < 2:
        raise Refused(
            "the model has one output, so it cannot be recorded; give it an output for each class (two of them, with "
            "cross_entropy instead of binary_cross_entropy)"
        )
    return trace.vector(tensor, node), before
