"""Exports a model to a program, after refusing models that cannot be exported."""

from __future__ import annotations

import contextlib
import inspect
import io
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import Refused
from ..modes import evaluation, same_random_numbers
from .network import Logits, Shape
from .trace import Node

if TYPE_CHECKING:
    import torch

BATCH = 2
"""Batch size of the exported program. Not 1, which an export treats as a constant."""


@dataclass(frozen=True)
class Program:
    """An exported program: its nodes, and what its inputs are.

    `inputs` are the placeholders of images, `weights` the names of parameters and buffers by placeholder, `constants`
    the numbers of other tensors of one value.
    """

    exported: Any
    image: Shape
    nodes: list[Node]
    inputs: set[str]
    weights: dict[str, str]
    constants: dict[str, float]

    @property
    def output(self) -> Node:
        """The output node."""
        return self.nodes[-1]


def export(model: torch.nn.Module, example: torch.Tensor, is_dynamic: bool = False) -> Program:
    """Exports a model in evaluation, for two images or, `is_dynamic`, for any number of them.

    Raises Refused where that is not possible. Restores modes and random numbers.
    """
    import torch

    check(model)
    batch = two_images(model, example)
    wrapped = _classifier(model)
    with evaluation(wrapped), same_random_numbers(), torch.no_grad(), quiet(), full_precision(batch):
        try:
            lengths = ({0: torch.export.Dim("images", min=1)},) if is_dynamic else None
            exported = torch.export.export(wrapped, (batch,), dynamic_shapes=lengths, strict=False)
        except Refused:
            raise
        except Exception as error:
            raise _untraceable(error) from error
    signature = exported.graph_signature
    names = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    lifted = dict(signature.inputs_to_lifted_tensor_constants)
    constants = {
        place: float(exported.constants[name])
        for place, name in lifted.items()
        if isinstance(exported.constants.get(name), torch.Tensor) and exported.constants[name].numel() == 1
    }
    channels, height, width = (int(length) for length in batch.shape[1:])
    return Program(
        exported=exported,
        image=(channels, height, width),
        nodes=list(exported.graph.nodes),
        inputs=set(signature.user_inputs),
        weights={place: name.removeprefix("net.") for place, name in names.items()},
        constants=constants,
    )


def _untraceable(error: Exception) -> Refused:
    """The refusal of a model whose export raised an error: its first line, and the line of the model."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # What follows are symbols of PyTorch's own.
    reason = (lines[0] if lines else "no reason given").partition(" (unhinted:")[0].rstrip(".")
    return Refused(
        f"torch.export cannot trace the model ({type(error).__name__}: {reason[:300]}{_place(error)}), so it cannot be "
        "recorded; its forward pass must be the same for all images"
    )


def _place(error: Exception) -> str:
    """The innermost line of an error that is neither PyTorch's nor this package's; empty where there is none."""
    import torch

    passed = tuple(os.path.dirname(file) + os.sep for file in (torch.__file__, os.path.dirname(__file__)))
    places = [
        (frame, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if not frame.f_code.co_filename.startswith((*passed, "<"))
    ]
    if not places:
        return ""
    frame, line = places[-1]
    owner = type(frame.f_locals["self"]).__name__ + "." if "self" in frame.f_locals else ""
    return f", in {owner}{frame.f_code.co_name}, line {line} of {os.path.basename(frame.f_code.co_filename)}"


def check(model: torch.nn.Module) -> None:
    """Raises Refused for models whose weights are not ordinary tensors, and for those with several inputs."""
    for path, module in model.named_modules():
        kind = type(module)
        where = f"module `{path}`" if path else "the model"
        if "FullyShardedDataParallel" in kind.__name__ or kind.__name__.startswith("FSDP"):
            raise Refused(
                f"{where} is sharded (FSDP), so its weights are not whole in any process and it cannot be recorded; "
                "use DistributedDataParallel, or record its consolidated checkpoints"
            )
        if "quantized" in kind.__module__ or "bitsandbytes" in kind.__module__:
            raise Refused(
                f"{where} ({kind.__name__}) is quantised, so it cannot be recorded; "
                "record the network before quantisation"
            )
    for name, parameter in model.named_parameters():
        form = type(parameter).__name__
        if "Uninitialized" in form:
            raise Refused(
                f"`{name}` has no shape yet, so the model cannot be recorded; run one minibatch through it first"
            )
        if "DTensor" in form or type(parameter.data).__name__ == "DTensor":
            raise Refused(
                f"`{name}` is sharded over processes, so the model cannot be recorded; record consolidated checkpoints"
            )
    _check_inputs(model)


def _check_inputs(model: torch.nn.Module) -> None:
    try:
        parameters = inspect.signature(model.forward).parameters.values()
    except (ValueError, TypeError):
        # The export itself reports what it does not support.
        return
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [item.name for item in parameters if item.default is item.empty and item.kind in positional]
    if len(needed) > 1:
        raise Refused(
            f"the model takes {len(needed)} inputs ({', '.join(needed)}), so it cannot be recorded; "
            "deepViz shows networks of one image"
        )


def two_images(model: torch.nn.Module, example: torch.Tensor) -> torch.Tensor:
    """A batch of two like the example, on the model's device and in its precision."""
    if example.dim() not in (3, 4):
        found = " x ".join(str(length) for length in example.shape)
        raise Refused(f"the example is {found}, so the model cannot be recorded; give an image C x H x W")
    image = example[:1] if example.dim() == 4 else example[None]
    first = next((weight for weight in model.parameters() if weight.is_floating_point()), None)
    if first is not None:
        image = image.to(device=first.device, dtype=first.dtype)
    return image.expand(BATCH, *image.shape[1:]).contiguous()


def logits(output: Any) -> torch.Tensor:
    """The class outputs among what a model returns: a tensor, `.logits`, `["logits"]`, or a tuple of one."""
    import torch

    if isinstance(output, torch.Tensor):
        return output
    found = output.get("logits") if isinstance(output, Mapping) else getattr(output, "logits", None)
    if isinstance(found, torch.Tensor):
        return found
    if isinstance(output, (tuple, list)) and len(output) == 1 and isinstance(output[0], torch.Tensor):
        return output[0]
    raise Refused(
        f"the model returns {_in_words(output)} in evaluation, so it cannot be recorded; deepViz shows classifiers, "
        "which return outputs N x classes (or an object with `.logits`)"
    )


def _in_words(output: Any) -> str:
    """What a model returned: `2 results`, `a list of a dict`, `a dict with boxes, scores`."""
    name = type(output).__name__
    if isinstance(output, Mapping):
        return f"a {name} with {', '.join(str(key) for key in output) or 'nothing in it'}"
    if isinstance(output, (tuple, list)):
        return f"{len(output)} results" if len(output) != 1 else f"a {name} of a {type(output[0]).__name__}"
    return f"a {name}"


def _classifier(model: torch.nn.Module) -> torch.nn.Module:
    """Wraps the model in a module that returns only its class outputs."""
    import torch

    class Classifier(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = model

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return logits(self.net(images))

    return Classifier()


def logits_of(model: torch.nn.Module, program: Program, before: Node | None) -> Logits:
    """The function from images, N x C x H x W, to the values before the softmax, N x classes.

    Arrays that are given by name replace the model's: of another precision, on another device. `before` is the node
    before a softmax that the program ends in; then the program runs only up to that node.
    """
    import torch
    from torch.func import functional_call

    def whole(images: torch.Tensor, arrays: Mapping[str, torch.Tensor] | None = None) -> torch.Tensor:
        return logits(model(images) if arrays is None else functional_call(model, dict(arrays), (images,)))

    if before is None:
        return whole
    module = program.exported.module()
    node = next(node for node in module.graph.nodes if node.name == before.name)
    output = next(node for node in module.graph.nodes if node.op == "output")
    output.args = ((node,),)
    module.graph.eliminate_dead_code()
    module.recompile()

    def cut(images: torch.Tensor, arrays: Mapping[str, torch.Tensor] | None = None) -> torch.Tensor:
        count = len(images)
        images = torch.cat([images, images[-1:].expand(-count % BATCH, *images.shape[1:])])
        named = {f"net.{name}": array for name, array in (arrays or {}).items()}
        batches = [images[first : first + BATCH] for first in range(0, count, BATCH)]
        pairs = [functional_call(module, named, (batch,)) for batch in batches]
        return torch.cat([logits(pair) for pair in pairs])[:count]

    return cut


@contextlib.contextmanager
def full_precision(tensor: torch.Tensor) -> Iterator[None]:
    """Switches the caller's autocast off, which would add conversions to the program."""
    import torch

    with torch.autocast(tensor.device.type, enabled=False):
        yield


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hides the warnings, log lines and unfinished graphs of the export, which concern its internals."""
    level = logging.root.manager.disable
    held, graph = io.StringIO(), ""
    try:
        logging.disable(logging.ERROR)
        with warnings.catch_warnings(), contextlib.redirect_stderr(held):
            warnings.simplefilter("ignore")
            yield
    except Exception as error:
        # torch.export prints this, pages of it, to the error stream.
        graph = str(getattr(error.__cause__ or error, "partial_fx_graph", "") or "")
        raise
    finally:
        logging.disable(level)
        # What else was written, by the model or by other threads, stays.
        rest = held.getvalue().replace(f"{graph}\n", "") if graph else held.getvalue()
        if rest:
            sys.stderr.write(rest)
