"""Makes a run of the checkpoints that a training program saved."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import setup
from .checkpoint_clock import metrics_of, positions, stamp_of
from .checkpoint_files import Given as Checkpoints
from .checkpoint_files import checkpoint_paths, read_checkpoint
from .clock import Clock, Every, clock_of
from .corpus import Given
from .errors import Refused
from .lower import Network
from .modes import unwrapped
from .run import Resume, RunFolder
from .say import say
from .tensors import arrays_of, bytes_view, dtype_name
from .weights import Kind, Shape, find_weights
from .worker import Mode
from .write import Array, TrainingPosition, write_snapshot, write_text

if TYPE_CHECKING:
    import torch


def record_checkpoints(
    path: str | os.PathLike[str],
    model: torch.nn.Module,
    checkpoints: Checkpoints,
    *,
    train: Any = None,
    test: Any = None,
    corpus: str | os.PathLike[str] | None = None,
    example: torch.Tensor | None = None,
    classes: Sequence[str] | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    key: str | None = None,
    weights: Kind = "model",
    steps_per_epoch: int | None = None,
    limit: tuple[int, int] = (5000, 5000),
    name: str | None = None,
    resume: Resume = "new",
    worker: Mode = "auto",
) -> list[int]:
    """Records checkpoints as a run that deepViz shows. Returns their steps, ascending.

    ```python
    deepviz.record_checkpoints("runs/mine", model, "ckpts/*.pt", test=test_set)
    ```

    path: the run folder, which must not hold a run yet (`resume="replace"` deletes an existing one).
    model: the network of the checkpoints, with any weights; it is not changed.
    checkpoints: a pattern, a folder, or a list of files: .pt, .pth, .ckpt, .pth.tar, .safetensors, and folders of
        Hugging Face's Trainer (`checkpoint-500`), in shards or not. Nothing in them is executed.
    key: the dictionary that contains the weights, where it cannot be found automatically (`"state_dict.teacher"`).
    weights: `"ema"` takes the averaged weights, `"model"` those that were trained.
    steps_per_epoch: needed where checkpoints have only epochs and `train` is no loader; else an epoch counts as a step.

    The other arguments are those of Recorder. Steps come from the checkpoint (`global_step`, `step`, `epoch`), from
    `trainer_state.json`, or from the number in its name. Raises deepviz.Refused, in one sentence, where a file cannot
    be read, has other weights than the model, or two files have the same step. Then no run is written.
    """
    if resume not in ("new", "replace"):
        raise Refused(f'resume={resume!r} is not known here; write "new" or "replace"')
    if weights not in ("model", "ema"):
        raise Refused(f'weights={weights!r} is not known; write "model" or "ema"')
    reader = _Reader(checkpoint_paths(checkpoints), key, weights)
    clock = clock_of(train, steps_per_epoch, Every(1, "steps"), 1)
    # The user's model is not changed.
    network = copy.deepcopy(unwrapped(model))
    given = Given(train, test, classes, setup.given_normalisation(mean, std), limit)
    options = setup.RecorderOptions(network, given, corpus, example, name or Path(path).name, None, worker)
    folder = RunFolder(path, resume)
    try:
        return _record(folder, options, reader, clock)
    finally:
        folder.close()


def _record(folder: RunFolder, options: setup.RecorderOptions, reader: _Reader, clock: Clock) -> list[int]:
    when: dict[Path, TrainingPosition] = {}

    def check_all(model: torch.nn.Module, network: Network) -> None:
        # Before the corpus is written: that may take minutes.
        reader.expect(model, network.arrays)
        when.update(reader.positions(clock))

    prepared = setup.prepare(folder, options, check_all)
    paths = list(when)
    lines = "".join(metric.line() for metric in metrics_of(paths, clock))
    if lines:
        write_text(folder.path / "metrics.jsonl", lines)
    for index, file in enumerate(paths):
        found = reader.arrays(file)
        write_snapshot(folder.path, when[file], [_array(name, found[name]) for name in prepared.network.arrays])
        if index == 0:
            _load(prepared.model, found)
            setup.write_run(folder, options, prepared, when[file].step)
    say(f"{len(paths)} checkpoints are recorded in {folder.path}")
    return [position.step for position in when.values()]


@dataclass
class _Reader:
    """Reads the arrays of checkpoints under the model's names."""

    paths: list[Path]
    key: str | None
    kind: Kind

    def expect(self, model: torch.nn.Module, names: Sequence[str]) -> None:
        """Sets the names of the arrays to read. Arrays that no state_dict contains are taken from the model."""
        saved = set(model.state_dict())
        own = {name: array.detach() for name, array in arrays_of(model).items() if name in set(names)}
        self._own = {name: array for name, array in own.items() if name not in saved}
        self._wanted: dict[str, Shape] = {name: tuple(own[name].shape) for name in names if name in saved}

    def positions(self, clock: Clock) -> dict[Path, TrainingPosition]:
        """The position of every checkpoint, by step. Raises Refused where one does not fit or two share a step."""
        stamps = {}
        for path in self.paths:
            content = read_checkpoint(path)
            weights = self._find(path, content)
            stamps[path] = stamp_of(path, content, is_alone=len(self.paths) == 1)
            if weights.where != "state_dict" and len(stamps) == 1:
                say(f"weights are taken from {path.name}: {weights.where}")
        found = positions(stamps, clock)
        kept: dict[int, Path] = {}
        for path, position in list(found.items()):
            other = kept.setdefault(position.step, path)
            if other is path:
                continue
            if not self._are_alike(other, path):
                raise Refused(
                    f"{other} and {path} are both of step {position.step}; leave one of them out, by a narrower pattern"
                )
            say(f"{path} is left out: it holds the same weights as {other}")
            del found[path]
        return found

    def _are_alike(self, one: Path, other: Path) -> bool:
        """Whether two checkpoints hold the same weights, as `last` and `best` copies do."""
        import torch

        first, second = self.arrays(one), self.arrays(other)
        return all(torch.equal(first[name], second[name]) for name in first)

    def arrays(self, path: Path) -> dict[str, torch.Tensor]:
        """The arrays of a checkpoint under the model's names."""
        return {**self._own, **self._find(path, read_checkpoint(path)).arrays}

    def _find(self, path: Path, content: Mapping[str, Any]) -> Any:
        return find_weights(str(path), content, self._wanted, key=self.key, kind=self.kind)


def _array(name: str, tensor: torch.Tensor) -> Array:
    """An array for a snapshot: in the checkpoint's precision, but double as single."""
    import torch

    kept = tensor.detach().to(torch.float32) if tensor.dtype == torch.float64 else tensor.detach()
    return Array(name, dtype_name(kept), tuple(kept.shape), bytes_view(kept))


def _load(model: torch.nn.Module, arrays: Mapping[str, torch.Tensor]) -> None:
    """Loads a checkpoint's weights into the model, whose outputs for some images are then stored with the run."""
    import torch

    own = arrays_of(model)
    with torch.no_grad():
        for name, array in arrays.items():
            own[name].copy_(array)
