"""Prepares a run before the first step: translates the model, writes corpus, check and run.toml."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import toml
from .check import check_outputs
from .clock import Clock, Every, clock_of
from .corpus import Corpus, Given, classes_of, first_image, write_corpus
from .errors import Refused
from .folder import describe_folder
from .lower import Network
from .modes import unwrapped
from .normalisation import Normalisation, numbers, of_processor
from .run import RunFolder
from .say import say
from .tensors import arrays_of, bytes_view
from .version import VERSION
from .worker import Mode, WorkerNetwork, network_of
from .write import Array, snapshot_path, write_safetensors

if TYPE_CHECKING:
    import torch

CHECK_FILE = "check.safetensors"
MAX_CLASSES = 1 << 16
"""Labels are stored in two bytes."""


@dataclass(frozen=True)
class RecorderOptions:
    """The arguments of a recorder."""

    model: torch.nn.Module
    given: Given
    corpus: str | os.PathLike[str] | None
    example: torch.Tensor | None
    name: str
    optimizer: Any
    worker: Mode = "auto"


@dataclass(frozen=True)
class Prepared:
    """The result of `prepare`: the model without wrappers, its layers, its corpus (None for a resumed run)."""

    model: torch.nn.Module
    network: Network
    corpus: Corpus | None

    def arrays(self) -> dict[str, torch.Tensor]:
        """The model's arrays by name."""
        return arrays_of(self.model)


def rank() -> int:
    """The rank of this process in distributed training; 0 without it."""
    distributed: Any = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        return int(distributed.get_rank())
    # Launchers set it before the process group is initialised.
    return int(os.environ.get("RANK", "0")) if "WORLD_SIZE" in os.environ else 0


def processes() -> int:
    """The number of processes in distributed training; 1 without it."""
    distributed: Any = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        return int(distributed.get_world_size())
    return 1


def given_normalisation(mean: Any, std: Any) -> Normalisation | None:
    """The normalisation of the arguments mean= and std=; None without them."""
    if mean is None and std is None:
        return None
    return Normalisation(numbers(mean), numbers(std))


def clock(train: Any, steps_per_epoch: int | None, every: Every) -> Clock:
    """The clock of the run."""
    return clock_of(train, steps_per_epoch, every, processes())


def prepare(
    folder: RunFolder, options: RecorderOptions, check: Callable[[torch.nn.Module, Network], None] | None = None
) -> Prepared:
    """Translates the model, then writes the corpus. In this order a refusal is early and leaves an older run intact.

    `check` is called between the two, and may raise Refused.
    """
    model = unwrapped(options.model)
    corpus = describe_folder(options.corpus, _normalisation(options, model)) if options.corpus is not None else None
    # A resumed run keeps its corpus and layers.
    worker: Mode = "always" if folder.is_resumed and folder.is_for_worker() else options.worker
    network = network_of(model, _example(folder, options, corpus), worker)
    if folder.is_resumed:
        _compare(folder, network)
        return Prepared(model, network, None)
    classes = corpus.classes if corpus else classes_of(options.given)
    check_classes(network, classes)
    if check is not None:
        check(model, network)

    def begin(shape: tuple[int, int, int]) -> None:
        _check_shape(network, shape)
        folder.clear()

    if corpus is not None:
        begin(corpus.size.shape)
    else:
        given = dataclasses.replace(options.given, hint=_of_model(model))
        corpus = write_corpus(folder.path / "corpus", options.name, given, begin)
    return Prepared(model, network, corpus)


def check_classes(network: Network, classes: list[str]) -> None:
    """Raises Refused where the network's outputs are not as many as the classes, or too many."""
    if network.classes != len(classes):
        raise Refused(
            f"the model has {network.classes} outputs, and there are {len(classes)} classes; "
            "give the names of all outputs by classes=[...]"
        )
    if network.classes > MAX_CLASSES:
        raise Refused(
            f"the model has {network.classes:,} classes, and deepViz shows {MAX_CLASSES:,} at most; record a network "
            "of fewer"
        )


def _check_shape(network: Network, shape: tuple[int, int, int]) -> None:
    if network.image != shape:
        sizes = [" x ".join(str(length) for length in found) for found in (network.image, shape)]
        raise Refused(
            f"the example is {sizes[0]}, and the images are {sizes[1]}; leave example= out, or make them alike"
        )


def _normalisation(options: RecorderOptions, model: torch.nn.Module) -> Normalisation | None:
    """The normalisation of a corpus folder's images: the given one, or that of the model's `pretrained_cfg`."""
    if options.given.normalisation is not None:
        return options.given.normalisation
    found = _of_model(model)
    if found is not None:
        say(f"the images are normalised by the model's pretrained_cfg: mean {found.mean}, std {found.std}")
    return found


def _of_model(model: torch.nn.Module) -> Normalisation | None:
    """The normalisation in the `pretrained_cfg` of a model of timm."""
    return of_processor(getattr(model, "pretrained_cfg", None) or {})


def _example(folder: RunFolder, options: RecorderOptions, corpus: Corpus | None) -> torch.Tensor:
    import torch

    if options.example is not None:
        return options.example
    if corpus is not None:
        return torch.zeros(corpus.size.shape)
    if folder.is_resumed:
        return torch.zeros(folder.image())
    image: torch.Tensor = first_image(options.given)
    return image


def _compare(folder: RunFolder, network: Network) -> None:
    """Raises Refused where the network differs from that of the run."""
    layers = toml.document({"recipe": {"layer": [layer.table() for layer in network.layers]}})
    if layers.strip().partition("[[recipe.layer]]")[2] != folder.layers():
        raise Refused(f"the model is another network than that of {folder.path}; record it as a run of its own")


def first_step(folder: RunFolder, given: int | None) -> int:
    """Updates done when recording begins: 0, or `given` or the last snapshot of the run that is resumed.

    Removes snapshots and metrics after `given`: training continues differently from there.
    """
    if not folder.is_resumed:
        return given or 0
    steps = folder.steps()
    if given is not None and steps and given < steps[0]:
        raise Refused(
            f"first_step={given} lies before the first snapshot of {folder.path} ({steps[0]}); give that or a later "
            'one, or resume="replace"'
        )
    step = given if given is not None else (steps[-1] if steps else 0)
    later = [found for found in steps if found > step]
    for found in later:
        snapshot_path(folder.path, found).unlink()
    dropped = folder.truncate_metrics(step)
    if later or dropped:
        say(
            f"{len(later)} snapshots and {dropped} measurements after step {step:,} are removed: training goes on from "
            "there"
        )
    return step


def write_run(folder: RunFolder, options: RecorderOptions, prepared: Prepared, step: int) -> None:
    """Writes the outputs of the check and run.toml; a resumed run has both already."""
    corpus, network = prepared.corpus, prepared.network
    if corpus is None:
        return
    import torch

    source: dict[str, toml.Value] = {
        "kind": "pytorch",
        "version": str(torch.__version__),
        "model": type(prepared.model).__name__,
    }
    if isinstance(network, WorkerNetwork):
        network.write(folder.path)
        source["forward"] = "worker"
    if options.optimizer is not None:
        source["optimiser"] = optimiser_text(options.optimizer)
    outputs = check_outputs(prepared.model, network, corpus.images) if corpus.images is not None else None
    write_table(folder, options.name, network, corpus, source, (outputs, step))


def write_table(
    folder: RunFolder,
    name: str,
    network: Network,
    corpus: Corpus,
    source: dict[str, toml.Value],
    check: tuple[Any, int],
) -> None:
    """Writes the check (outputs for the corpus's images, None without them, and their step), then run.toml."""
    channels, height, width = network.image
    outputs, step = check
    table: dict[str, toml.Value] = {
        "format": 2,
        "name": name,
        "version": f"deepviz for Python {VERSION}",
        "classes": corpus.classes,
        "image": {"channels": channels, "height": height, "width": width},
        "corpus": {
            "name": corpus.name,
            "path": corpus.path,
            "identity": corpus.identity,
            "train": corpus.size.train,
            "test": corpus.size.test,
        },
        "source": source,
    }
    if outputs is not None:
        array = Array("outputs", "F32", tuple(outputs.shape), bytes_view(outputs))
        write_safetensors(folder.path / CHECK_FILE, [array], {"step": str(step)})
        table["check"] = {"step": step, "images": corpus.ids, "file": CHECK_FILE}
    layers = [layer.table() for layer in network.layers]
    table["recipe"] = {"name": source["model"], "data": corpus.normalisation.table(), "layer": layers}
    folder.write(table)


def optimiser_text(optimizer: Any) -> str:
    """Kind and settings of an optimiser: `SGD(lr=0.1, momentum=0.9)`; settings that are off are left out."""
    settings = getattr(optimizer, "defaults", {})
    shown = {key: value for key, value in settings.items() if value is not None and value is not False and value != 0}
    return f"{type(optimizer).__name__}({', '.join(f'{key}={value}' for key, value in shown.items())})"
