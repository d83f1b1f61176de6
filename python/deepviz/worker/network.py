"""Translates a model to layers that the worker computes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from .. import toml
from ..errors import Refused
from ..lower import Layer, Network, lower
from ..lower.driver import SOFTMAXES, arguments
from ..lower.export import Program, logits_of
from ..lower.network import IMAGE, name_layers, reaching
from ..lower.trace import Node, operation
from ..say import say
from ..tensors import arrays_of
from ..write import write_text
from .choice import Choice, Chosen
from .graph import Graph
from .program import exported, save

if TYPE_CHECKING:
    import torch

Mode = Literal["auto", "never", "always"]

WORKER_FILE = "worker.json"
WEIGHTED = ("conv1d", "conv2d", "linear")


@dataclass(frozen=True)
class WorkerNetwork(Network):
    """A network whose layers the worker computes: its program, and of every layer the node and form."""

    program: Program | None = field(default=None, repr=False)
    nodes: list[dict[str, Any]] = field(default_factory=list, repr=False)
    names: list[str] = field(default_factory=list, repr=False)
    is_dynamic: bool = True

    @property
    def arrays(self) -> list[str]:
        """All parameters and buffers of floating point that the `state_dict` has: the worker needs them."""
        return self.names

    def write(self, folder: Path) -> None:
        """Writes model.pt2 and worker.json."""
        import torch

        assert self.program is not None
        save(self.program, folder)
        content = {
            "format": "deepviz worker",
            "version": 1,
            "torch": str(torch.__version__),
            "image": list(self.image),
            "batch": None if self.is_dynamic else 2,
            "layers": self.nodes,
        }
        write_text(folder / WORKER_FILE, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def network_of(model: torch.nn.Module, example: torch.Tensor, worker: Mode) -> Network:
    """The network in deepViz's own layers or, where these do not express it, in those of the worker.

    Raises Refused, for what the own layers lack, where there is neither.
    """
    if worker not in ("auto", "never", "always"):
        raise Refused(f'worker={worker!r} is not known; write "auto", "never" or "always"')
    if worker == "always":
        return external(model, example)
    try:
        return lower(model, example)
    except Refused as error:
        if worker == "never":
            raise
        try:
            network = external(model, example)
        except Refused:
            raise error from None
        reason = str(error).partition(", so this network cannot be recorded")[0]
        say(
            f"{reason}; the run is recorded for a Python process, which computes its layers: statistics and "
            "activations need Python and PyTorch (`deepviz stats`, `deepviz serve --worker python`)"
        )
        return network


def external(model: torch.nn.Module, example: torch.Tensor) -> WorkerNetwork:
    """The network in layers of the type `external`, which the worker computes.

    Raises Refused where the model cannot be exported, or is no classifier.
    """
    program = exported(model, example)
    graph = Graph(program)
    output, before = _logits(program)
    lengths = graph.lengths(output)
    if lengths is None or len(lengths) != 1 or lengths[0] < 2:
        raise Refused("the model's outputs are not N x classes, so it cannot be recorded; deepViz shows classifiers")
    choice = Choice(graph)
    choice.choose_output(output)
    state = model.state_dict()
    names = [name for name, array in arrays_of(model).items() if name in state and array.is_floating_point()]
    made = Layers(choice, set(names))
    last = made.by_root[graph.root(output)]
    layers = [layer for layer in reaching(last, made.layers) if layer.inputs]
    layers.append(Layer("softmax", [last], {}, {}, last.shape, "probabilities", owns_name=True))
    name_layers(layers)
    return WorkerNetwork(
        layers=layers,
        image=program.image,
        logits=logits_of(model, program, before),
        ends_in_softmax=before is not None,
        program=program,
        nodes=[_description(layer, made.chosen[layer]) for layer in layers[:-1]],
        names=names,
        is_dynamic=not graph.batch.isdigit(),
    )


def _description(layer: Layer, chosen: Chosen) -> dict[str, Any]:
    form = chosen.form
    found: dict[str, Any] = {"name": layer.name, "node": chosen.node.name, "form": form.kind}
    return {**found, "skip": form.skip, "output": list(form.output)}


def _logits(program: Program) -> tuple[Node, Node | None]:
    """The node of the logits, and that again where the program computes a softmax of them."""
    (node,) = program.output.args[0]
    if operation(node) in SOFTMAXES and arguments(node)["dim"] in (1, -1):
        return node.args[0], node.args[0]
    return node, None


class Layers:
    """Creates the layers of the chosen nodes, in order."""

    def __init__(self, choice: Choice, names: set[str]) -> None:
        self._choice = choice
        self._graph = choice.graph
        self._names = names
        self._image = Layer("image", [], {}, {}, self._graph.program.image, name=IMAGE)
        self.layers: list[Layer] = []
        self.by_root: dict[Node, Layer] = {}
        self.chosen: dict[Layer, Chosen] = {}
        self._attention: dict[Node, Layer] = {}
        for root, chosen in choice.in_order():
            self._add(root, chosen)

    def _add(self, root: Node, chosen: Chosen) -> None:
        graph, remarks = self._graph, [chosen.form.remark]
        is_attention = chosen.form.kind == "attention"
        taken = [graph.sources[root][node] for node in root.args if _is_key(node, root)] if is_attention else None
        inputs = self._nearest(taken if taken is not None else graph.inputs(root), remarks)
        keys: dict[str, toml.Value] = {"module": chosen.text, "output": list(chosen.form.output)}
        weight, shape = self._weight(root, chosen, remarks)
        if any(remarks):
            keys["remark"] = "; ".join(dict.fromkeys(remark for remark in remarks if remark))
        if weight:
            keys["weight"] = list(shape)
        arrays = {"weight": weight} if weight else {}
        layer = Layer("external", inputs, keys, arrays, chosen.form.output, chosen.path, owns_name=True)
        self.layers.append(layer)
        self.chosen[layer] = chosen
        (self._attention if is_attention else self.by_root)[root] = layer

    def _nearest(self, nodes: list[Node], remarks: list[str]) -> list[Layer]:
        """The nearest layers that some nodes are computed from; remarks on attentions that lie between."""
        found: dict[Layer, None] = {}
        seen: set[Node] = set()
        pending = nodes[::-1]
        while pending:
            node = pending.pop()
            if node in seen or node not in self._graph.of_image:
                continue
            seen.add(node)
            layer = self._image if node is self._graph.image else self.by_root.get(node)
            if layer is not None:
                found[layer] = None
                continue
            if node in self._attention:
                found[self._attention[node]] = None
                pending.append(self._graph.sources[node][arguments(node)["value"]])
                continue
            if node in self._choice.left_out:
                remarks.append(self._choice.left_out[node])
            pending.extend(self._graph.inputs(node)[::-1])
        return list(found)

    def _weight(self, root: Node, chosen: Chosen, remarks: list[str]) -> tuple[str, tuple[int, ...]]:
        """The array that is drawn as a layer's filters, and its shape; an empty name where there is none."""
        if root.op != "call_function" or operation(root) not in WEIGHTED or chosen.form.kind == "attention":
            return "", ()
        node = arguments(root)["weight"]
        shape = tuple(int(length) for length in node.meta["val"].shape)
        if len(shape) not in (2, 4) or shape[0] != chosen.form.output[0]:
            return "", ()
        weights = self._graph.program.weights
        pending, found = [node], dict[str, Node]()
        while pending:
            source = pending.pop()
            name = weights.get(source.name, "")
            if name in self._names and tuple(source.meta["val"].shape) == shape:
                found[name] = source
            elif source not in self._graph.of_image:
                pending.extend(self._graph.inputs(source))
        if len(found) != 1:
            return "", ()
        ((name, source),) = found.items()
        if source is not node:
            remarks.append("its filters are drawn as they are before the forward pass computes others of them")
        return name, shape


def _is_key(node: Any, attention: Node) -> bool:
    """Whether an argument of an attention decides its weights."""
    given = arguments(attention)
    return any(node is given[name] for name in ("query", "key", "attn_mask") if given[name] is not None)
