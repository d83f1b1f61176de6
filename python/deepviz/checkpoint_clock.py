"""Step and epoch of a checkpoint, from its content, the file beside it or its name; and Hugging Face's metrics."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .checkpoint_files import SUFFIXES
from .clock import Clock
from .errors import Refused
from .say import say
from .write import Metric, TrainingPosition

STEP_KEYS = ("global_step", "step", "steps", "iteration", "iter")
OPTIMIZER_KEYS = ("optimizer", "optimizer_state_dict", "optimizer_state", "optimizer_states", "optim", "opt")
TRAINER_STATE_FILE = "trainer_state.json"


@dataclass(frozen=True)
class Stamp:
    """Updates and epochs that were done when a checkpoint was saved; None where the checkpoint does not say."""

    step: int | None = None
    epoch: float | None = None
    has_updates: bool = False
    """No step is saved, but the optimiser that is saved with the weights has made updates."""
    updates: int | None = None
    """How many, where it counts them (Adam and its like do)."""


def stamp_of(path: Path, content: Mapping[str, Any], *, is_alone: bool = False) -> Stamp:
    """Step and epoch from the content, else from the Trainer's state beside the file, else from its name.

    `is_alone`: it is the only checkpoint, so that `resnet18.pth` is not read as step 18.
    """
    name = _name_of(path)
    found = [_from_content(content), _from_trainer_state(trainer_state(path)), _from_name(name)]
    step = next((stamp.step for stamp in found if stamp.step is not None), None)
    epoch = next((stamp.epoch for stamp in found if stamp.epoch is not None), None)
    if step is None and epoch is None:
        # A number that no word marks is a step only where there is no epoch: it may be that epoch.
        step = _bare_number(name, is_alone)
    # A checkpoint that says its step may be of the middle of epoch 0.
    states = _optimizer_states(content) if step is None and epoch is not None else []
    return Stamp(step, epoch, has_updates=bool(states), updates=_updates(states))


def _optimizer_states(content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What PyTorch's optimisers keep of each parameter: nothing before its first update, or a step of 0 (Adagrad)."""
    found: list[Mapping[str, Any]] = []
    for key in OPTIMIZER_KEYS:
        saved = content.get(key)
        for one in saved if isinstance(saved, (list, tuple)) else [saved]:
            state = one.get("state") if isinstance(one, Mapping) else None
            if isinstance(state, Mapping):
                states = [item for item in state.values() if isinstance(item, Mapping) and item]
                found.extend(item for item in states if _number(item.get("step")) != 0)
    return found


def _updates(states: Sequence[Mapping[str, Any]]) -> int | None:
    """The updates that an optimiser has counted (Adam and its like do); None where it does not."""
    counts = [number for state in states if (number := _number(state.get("step"))) is not None]
    return int(max(counts)) if counts and max(counts) > 0 else None


def _number(value: Any) -> float | None:
    """A non-negative number, or the value of a tensor of one element; None for anything else."""
    if isinstance(value, bool) or not (isinstance(value, (int, float)) or hasattr(value, "numel")):
        return None
    if hasattr(value, "numel"):
        if value.numel() != 1 or value.is_complex():
            return None
        value = value.item()
    return float(value) if math.isfinite(value) and value >= 0 else None


def _from_content(content: Mapping[str, Any]) -> Stamp:
    numbers = [_number(content.get(key)) for key in STEP_KEYS]
    step = next((int(number) for number in numbers if number is not None and number == int(number)), None)
    epoch = _number(content.get("epoch"))
    return Stamp(step, None if epoch is None else epoch + _epochs_to_add(content))


def _epochs_to_add(content: Mapping[str, Any]) -> int:
    """1 where the program saves the index, from 0, of the epoch that has just ended; 0 where it saves a count."""
    if "pytorch-lightning_version" in content:
        loops = content.get("loops") or {}
        progress = (loops.get("fit_loop") or {}).get("epoch_loop.batch_progress") or {}
        # Saved within an epoch: that epoch has not ended.
        return 1 if progress.get("is_last_batch", True) else 0
    is_timm = "arch" in content and "version" in content
    is_torchvision = {"model", "optimizer", "lr_scheduler", "args"} <= set(content)
    if is_timm:
        version = _number(content["version"])
        return 1 if version is not None and version >= 2 else 0
    return 1 if is_torchvision else 0


def trainer_state(path: Path) -> Mapping[str, Any]:
    """What trainer_state.json of Hugging Face's Trainer holds for a checkpoint; empty where there is none."""
    folder = path if path.is_dir() else path.parent
    if path.is_file() and not path.name.startswith(("model.safetensors", "pytorch_model.bin")):
        return {}
    try:
        found = json.loads((folder / TRAINER_STATE_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _from_trainer_state(state: Mapping[str, Any]) -> Stamp:
    step = _number(state.get("global_step"))
    return Stamp(None if step is None else int(step), _number(state.get("epoch")))


def _name_of(path: Path) -> str:
    """The name that may contain the step, without its suffix. For checkpoints of Hugging Face it is the folder's."""
    name = path.parent.name if path.name.startswith(("model.safetensors", "pytorch_model.bin")) else path.name
    for suffix in sorted((*SUFFIXES, ".onnx"), key=len, reverse=True):
        name = name.removesuffix(suffix)
    return name


def _from_name(name: str) -> Stamp:
    """The numbers that a name marks as step or epoch, as in `step=100` or `epoch_3`."""
    step = re.search(r"(?:^|[^a-z])(?:global_?)?(?:step|iter(?:ation)?)s?[=_-]?(\d+)", name, re.IGNORECASE)
    epoch = re.search(r"(?:^|[^a-z])ep(?:och)?[=_-]?(\d+)", name, re.IGNORECASE)
    return Stamp(int(step[1]) if step else None, float(epoch[1]) if epoch else None)


def _bare_number(name: str, is_alone: bool) -> int | None:
    """The last whole number in a name: not one within a word (`resnet18`) or of a decimal (`0.93`)."""
    separate = re.findall(r"(?:^|[^0-9A-Za-z.])(\d+)(?![0-9A-Za-z])(?!\.\d)", name)
    if separate:
        return int(separate[-1])
    attached = re.search(r"[A-Za-z](\d+)$", name)
    return int(attached[1]) if attached and not is_alone else None


def positions(stamps: Mapping[Path, Stamp], clock: Clock) -> dict[Path, TrainingPosition]:
    """The position of every checkpoint, in the order of their steps.

    Where checkpoints have only epochs, an epoch counts as the clock's number of steps, or as one step without it.
    Raises Refused where a checkpoint has neither, or some have steps and others only epochs.
    """
    stamps = _counted(_numbered_from_one({Path(path): stamp for path, stamp in stamps.items()}))
    if len(stamps) == 1 and not _is_known(next(iter(stamps.values()))):
        say("the checkpoint says no step, so it is kept as step 0")
        return {path: TrainingPosition(0, 0.0, 0) for path in stamps}
    for path, stamp in stamps.items():
        if not _is_known(stamp):
            raise Refused(
                f"neither the content nor the name of {path} says its step or epoch; name it by its number, as "
                "model_12.pt, or leave it out"
            )
    steps = [path for path, stamp in stamps.items() if stamp.step is not None]
    epochs = [path for path, stamp in stamps.items() if stamp.step is None]
    if steps and epochs and clock.steps_per_epoch is None:
        raise Refused(
            f"{steps[0]} says its step and {epochs[0]} its epoch alone, so they cannot be put in order; "
            "add steps_per_epoch="
        )
    if epochs and clock.steps_per_epoch is None:
        say("the checkpoints say epochs but no steps, so an epoch counts as a step (steps_per_epoch= says how many)")
    found = {path: _position(stamp, clock) for path, stamp in stamps.items()}
    return dict(sorted(found.items(), key=lambda item: item[1].step))


def _counted(stamps: dict[Path, Stamp]) -> dict[Path, Stamp]:
    """Steps from the updates that the optimisers have counted, where all counts rise with the epochs.

    They do not where one has none, or where an optimiser was made anew: then the epochs say the order.
    """
    alone = {path: stamp for path, stamp in stamps.items() if stamp.step is None and stamp.epoch is not None}
    counts = {path: 0 if stamp.epoch == 0 and not stamp.has_updates else stamp.updates for path, stamp in alone.items()}
    ordered = [counts[path] for path in sorted(alone, key=lambda path: alone[path].epoch or 0.0)]
    known = [count for count in ordered if count is not None]
    if len(known) < len(ordered) or known != sorted(set(known)) or not any(known):
        return stamps
    return {path: replace(stamp, step=counts[path]) if path in counts else stamp for path, stamp in stamps.items()}


def _numbered_from_one(stamps: dict[Path, Stamp]) -> dict[Path, Stamp]:
    """Adds 1 to all epochs where they are numbered from 0, as a trained checkpoint of epoch 0 shows."""
    first = [path for path, stamp in stamps.items() if stamp.epoch == 0 and stamp.step is None]
    if not first:
        return stamps
    if any(stamps[path].has_updates for path in first):
        say(f"{first[0]} is of epoch 0, but its optimiser has made updates: epochs are counted from 1")
        return {
            path: stamp if stamp.epoch is None else replace(stamp, epoch=stamp.epoch + 1)
            for path, stamp in stamps.items()
        }
    if len(stamps) > 1:
        say(
            f"{first[0]} counts as the untrained network, because it is of epoch 0; if it is trained, save the number "
            "of epochs that are done"
        )
    return stamps


def _is_known(stamp: Stamp) -> bool:
    return stamp.step is not None or stamp.epoch is not None


def _position(stamp: Stamp, clock: Clock) -> TrainingPosition:
    step = stamp.step
    if step is None:
        step = round((stamp.epoch or 0.0) * (clock.steps_per_epoch or 1))
    known = clock.position(step)
    epoch = stamp.epoch
    if epoch is None or (clock.steps_per_epoch and abs(epoch - known.epoch) < 1):
        # Programs count whole epochs; the clock includes the part of the epoch that has begun.
        epoch = known.epoch
    if clock.steps_per_epoch is None:
        # Without the number of steps per epoch, the images of whole epochs are still known.
        return TrainingPosition(step, epoch, known.images_seen or round(epoch * (clock.images or 0)))
    return TrainingPosition(step, epoch, known.images_seen)


def metrics_of(paths: Sequence[Path], clock: Clock) -> list[Metric]:
    """Losses, learning rates and evaluations that transformers' Trainer logged, from the last checkpoint; else none."""
    if not paths:
        return []
    history = trainer_state(paths[-1]).get("log_history")
    return [
        metric
        for entry in (history if isinstance(history, list) else [])
        if isinstance(entry, dict) and (metric := _metric(entry, clock)) is not None
    ]


def _metric(entry: Mapping[str, Any], clock: Clock) -> Metric | None:
    step, epoch = _number(entry.get("step")), _number(entry.get("epoch"))
    if step is None:
        return None
    position = _position(Stamp(int(step), epoch), clock)
    if "loss" in entry:
        loss = _number(entry["loss"])
        return None if loss is None else Metric(position, "train", loss, rate=_number(entry.get("learning_rate")))
    loss, accuracy = _number(entry.get("eval_loss")), _number(entry.get("eval_accuracy"))
    if loss is None or accuracy is None or accuracy > 1.0:
        # A point of the test curve needs both loss and error.
        return None
    return Metric(position, "test", loss, 1.0 - accuracy)
