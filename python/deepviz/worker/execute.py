"""Runs the exported program of a run with the weights of a snapshot, up to the requested layers."""

from __future__ import annotations

import contextlib
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..checkpoint_files import read_safetensors
from ..errors import Refused
from ..write import snapshot_path
from .form import Form, attention_weights, filled
from .network import WORKER_FILE
from .program import MODEL_FILE

if TYPE_CHECKING:
    import torch


class Runner:
    """A run's program and the weights of one snapshot."""

    def __init__(self, run: Path) -> None:
        """Loads the program. Raises Refused, in one sentence, where it cannot be."""
        self.run = run
        content = _description(run / WORKER_FILE)
        self.image: tuple[int, ...] = tuple(content["image"])
        self._batch: int | None = content["batch"]
        self._layers: dict[str, tuple[str, Form]] = {
            layer["name"]: (layer["node"], Form(layer["form"], tuple(layer["output"]), layer["skip"]))
            for layer in content["layers"]
        }
        self._exported = _exported(run / MODEL_FILE)
        missing = {node for node, _ in self._layers.values()} - {node.name for node in self._exported.graph.nodes}
        if missing:
            raise Refused(f"{MODEL_FILE} has no node {sorted(missing)[0]}, which {WORKER_FILE} names; record it again")
        self._loaded: tuple[int, str] | None = None
        self._arrays: dict[str, torch.Tensor] = {}

    def forms(self, names: list[str]) -> list[Form]:
        """The forms of layers. Raises Refused for an unknown one."""
        unknown = [name for name in names if name not in self._layers]
        if unknown:
            raise Refused(f"the run has no layer {unknown[0]!r} that the worker computes")
        return [self._layers[name][1] for name in names]

    def load(self, step: int, digest: str) -> None:
        """Loads the weights of a snapshot. Raises Refused where its hash differs or it lacks arrays."""
        if self._loaded == (step, digest):
            return
        path = snapshot_path(self.run, step)
        found = _hash_of(path)
        if found != digest:
            raise Refused(f"{path.name} has the hash {found}, and {digest} was asked for")
        self._loaded = None
        self._arrays = {name: array.float() for name, array in read_safetensors(path).items()}
        self._loaded = (step, digest)

    def outputs(self, names: list[str], images: torch.Tensor) -> list[torch.Tensor]:
        """The outputs of layers for images N x C x H x W: float32, N x C x H x W each."""
        import torch

        if not names or len(images) == 0:
            return [torch.empty(0, *form.output) for form in self.forms(names)]
        nodes: dict[str, list[tuple[str, Form]]] = {}
        for name in names:
            node, form = self._layers[name]
            nodes.setdefault(node, []).append((name, form))
        count = len(images)
        with torch.no_grad():
            if self._batch is None:
                found = [self._computed(nodes, images)]
            else:
                padding = images[-1:].expand(-count % self._batch, *images.shape[1:])
                parts = torch.split(torch.cat([images, padding]), self._batch)
                found = [self._computed(nodes, part) for part in parts]
        if len(found) == 1 and len(found[0][names[0]]) == count:
            return [found[0][name] for name in names]
        return [torch.cat([part[name] for part in found])[:count] for name in names]

    def _computed(self, nodes: Mapping[str, list[tuple[str, Form]]], images: torch.Tensor) -> dict[str, torch.Tensor]:
        import torch

        kept: dict[str, torch.Tensor] = {}
        waiting = set(nodes)

        class Enough(Exception):
            pass

        class Run(torch.fx.Interpreter):
            def run_node(self, n: torch.fx.Node) -> Any:
                wanted = nodes.get(n.name, ())
                for name, form in wanted:
                    if form.kind == "attention":
                        arguments, options = self.fetch_args_kwargs_from_env(n)
                        kept[name] = filled(form, attention_weights(*arguments, **options))
                result = super().run_node(n)
                for name, form in wanted:
                    if form.kind != "attention":
                        kept[name] = filled(form, result)
                waiting.discard(n.name)
                if not waiting:
                    raise Enough
                return result

        run = Run(self._exported.graph_module)
        run.extra_traceback = False
        with contextlib.suppress(Enough):
            run.run(*self._arguments(images), enable_io_processing=False)
        return kept

    def _arguments(self, images: torch.Tensor) -> list[Any]:
        """The arguments of the program: weights of the snapshot, and its own constants."""
        signature, own = self._exported.graph_signature, self._exported.state_dict
        parameters, buffers = signature.inputs_to_parameters, signature.inputs_to_buffers
        constants = {**signature.inputs_to_lifted_tensor_constants, **signature.inputs_to_lifted_custom_objs}
        persistent = set(own)
        given: list[Any] = []
        for node in self._exported.graph.nodes:
            if node.op != "placeholder":
                continue
            place = node.name
            if place in parameters:
                given.append(self._array(parameters[place], own[parameters[place]]))
            elif place in buffers:
                name = buffers[place]
                array = own[name] if name in persistent else self._exported.constants[name]
                is_kept = name in persistent and array.is_floating_point()
                # A copy: a program may write into its buffers.
                given.append((self._array(name, array) if is_kept else array).clone())
            elif place in constants:
                given.append(self._exported.constants[constants[place]])
            else:
                given.append(images)
        return given

    def _array(self, name: str, own: torch.Tensor) -> torch.Tensor:
        name = name.removeprefix("net.")
        found = self._arrays.get(name)
        if found is None or found.shape != own.shape:
            what = "lacks" if found is None else "has another shape of"
            raise Refused(f"the snapshot {what} the array `{name}`, which the network needs")
        return found


def _description(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        is_known = content["format"] == "deepviz worker" and content["version"] == 1
    except FileNotFoundError:
        raise Refused(f"{path} is not there: the run is not recorded for the worker") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refused(f"{path} cannot be read ({type(error).__name__}); record the run again") from None
    if not is_known:
        raise Refused(f"{path} is of another version; use the deepviz package that recorded it")
    return content


def _exported(path: Path) -> Any:
    import torch

    try:
        return torch.export.load(path)
    except Exception as error:
        # The file may be damaged, of another version of PyTorch, or need a library's operations.
        reason = str(error).strip().partition("\n")[0][:200]
        raise Refused(
            f"{path} cannot be loaded by PyTorch {torch.__version__} ({type(error).__name__}: {reason})"
        ) from error


def _hash_of(path: Path) -> str:
    """The hash in a snapshot's metadata."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            return str(json.loads(file.read(min(length, 100 << 20)))["__metadata__"]["hash"])
    except FileNotFoundError:
        raise Refused(f"the run has no snapshot {path.name}") from None
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        raise Refused(f"{path} is no whole snapshot") from None
