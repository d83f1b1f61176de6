"""Chooses the nodes of a program that are recorded as layers: the outputs of modules, and attention weights."""

from __future__ import annotations

from dataclasses import dataclass

from ..lower.trace import Node, operation
from .form import MAX_TOKENS, Form
from .graph import Call, Graph, calls

FUNCTIONS = (
    "conv2d conv_transpose2d linear batch_norm layer_norm group_norm instance_norm rms_norm relu gelu silu leaky_relu "
    "elu selu celu mish hardtanh hardswish hardsigmoid sigmoid tanh softplus relu6 prelu max_pool2d avg_pool2d "
    "adaptive_avg_pool2d adaptive_max_pool2d upsample_nearest2d upsample_bilinear2d upsample_bicubic2d pixel_shuffle"
).split()
"""Functions that are recorded where a user's module calls them."""
PRODUCTS = "matmul bmm einsum".split()


@dataclass(frozen=True)
class Chosen:
    """A node that is recorded: its form, its layer's path, and the module's class or the function, for people."""

    node: Node
    form: Form
    path: str
    text: str


class Choice:
    """The chosen nodes, by the nodes that computed their values. No values are chosen twice.

    `attention` are nodes of scaled_dot_product_attention, whose weights are recorded although they do not return them;
    `left_out` those whose weights are not recorded, each with a remark for the user.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.by_root: dict[Node, Chosen] = {}
        self.attention: dict[Node, Chosen] = {}
        self.left_out: dict[Node, str] = {}
        self._members: dict[Call, list[Node]] = {}
        self._outer: set[Call] = set()
        for node in graph.program.nodes:
            if node.op == "call_function":
                self._enter(node)
                self._choose_attention(node)
        self._choose_outputs()

    def in_order(self) -> list[tuple[Node, Chosen]]:
        """What was chosen and the nodes that computed it, in the order of computation."""
        chosen = [*self.attention.items(), *self.by_root.items()]
        return sorted(chosen, key=lambda item: self.graph.order[item[0]])

    def choose_output(self, node: Node) -> None:
        """Chooses the node of the logits, N x classes, where its values are not chosen as a vector."""
        form, root = self.graph.form(node), self.graph.root(node)
        if form is not None and (root not in self.by_root or self.by_root[root].form.output != form.output):
            self.by_root.pop(root, None)
            self._choose(node, *_of_function(node))

    def _enter(self, node: Node) -> None:
        """Notes the calls of modules that a node lies in."""
        stack = calls(node)
        for call in stack:
            self._members.setdefault(call, []).append(node)
        self._outer.update(stack[:-1])

    def _choose_outputs(self) -> None:
        outputs = {call: node for call in self._members if (node := self._output(call)) is not None}
        leaves = [call for call in outputs if call not in self._outer]
        plain = [call for call in leaves if "drop" not in call.kind.rpartition(".")[2].lower()]
        # Where several modules have the same output node, the innermost names it.
        outer = sorted((call for call in outputs if call in self._outer), key=lambda call: -call.path.count("."))
        for call in plain + outer:
            self._choose(outputs[call], _path(call), call.kind.rpartition(".")[2])
        for node in self.graph.program.nodes:
            if node.op == "call_function" and operation(node).removesuffix("_") in FUNCTIONS:
                inner = calls(node)[-1:]
                if not inner or not inner[0].kind.startswith("torch.nn.modules."):
                    self._choose(node, *_of_function(node))
        for call in leaves:
            # Dropout does nothing in evaluation mode; its input is recorded.
            self._choose(outputs[call], _path(call), operation(self.graph.root(outputs[call])).removesuffix("_"))

    def _output(self, call: Call) -> Node | None:
        """The last node of a module that others use."""
        inside = set(self._members[call])
        for node in reversed(self._members[call]):
            if self.graph.form(node) is not None and any(user not in inside for user in self.graph.users[node]):
                return node
        return None

    def _choose(self, node: Node, path: str, text: str) -> None:
        root, form = self.graph.root(node), self.graph.form(node)
        # Attention weights were chosen before; a view of the image is the image itself.
        if form is not None and root not in self.by_root and root is not self.graph.image and path:
            self.by_root[root] = Chosen(node, form, path, text)

    def _choose_attention(self, node: Node) -> None:
        name = operation(node)
        if name == "scaled_dot_product_attention":
            form = _of_attention(self._shape(node.args[0]), self._shape(node.args[1]))
        elif name in ("softmax", "_softmax") and self._is_multiplied(node):
            lengths = self.graph.lengths(node) or ()
            form = Form("map", lengths) if len(lengths) == 3 else None
        else:
            return
        if form is None:
            self.left_out[node] = "the weights of its attention, within windows or groups, are left out"
        elif max(form.output[1:]) > MAX_TOKENS:
            queries, keys = form.output[1:]
            self.left_out[node] = f"attention weights of {queries} x {keys} are left out"
        else:
            path = ".".join(part for part in (_of_function(node)[0].rpartition(".")[0], "attention_weights") if part)
            kept = self.attention if form.kind == "attention" else self.by_root
            kept[node] = Chosen(node, form, path, "softmax")

    def _shape(self, node: Node) -> tuple[int, ...]:
        return self.graph.lengths(node) or ()

    def _is_multiplied(self, node: Node) -> bool:
        """Whether a softmax over the last axis goes into a product, as attention weights do."""
        axes = node.meta["val"].dim()
        if node.args[1] not in (-1, axes - 1) or axes < 3:
            return False
        pending, seen = list(self.graph.users[node]), set[Node]()
        while pending:
            user = pending.pop()
            if user.op == "call_function" and operation(user) in PRODUCTS:
                return True
            # Heads may be mixed on the way.
            if user not in seen and _lengths(user) == _lengths(node):
                pending.extend(self.graph.users[user])
            seen.add(user)
        return False


def _lengths(node: Node) -> list[str]:
    """The lengths of a tensor's axes, sorted."""
    return sorted(str(length) for length in getattr(node.meta.get("val"), "shape", ()))


def _of_attention(query: tuple[int, ...], key: tuple[int, ...]) -> Form | None:
    if len(query) != 3 or len(key) != 3:
        return None
    return Form("attention", (query[0], query[1], key[1]))


def _path(call: Call) -> str:
    """A module's path; the class of the model itself."""
    return call.path or call.kind.rpartition(".")[2].lower()


def _of_function(node: Node) -> tuple[str, str]:
    """The path of a layer that is a function within a module, and the function's name."""
    inner, name = calls(node)[-1:], operation(node).removesuffix("_")
    path = inner[0].path if inner else ""
    return (f"{path}.{name}" if path else name), name
