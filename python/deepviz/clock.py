"""Steps, epochs and images seen, and when a snapshot is due."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from .errors import Refused
from .write import TrainingPosition


@dataclass(frozen=True)
class Every:
    """How often snapshots are saved: `"100 steps"`, `"5 per epoch"`, `"2 epochs"`."""

    count: int
    unit: Literal["steps", "epochs", "per epoch"]

    @classmethod
    def parse(cls, text: str) -> Every:
        """Parses the form that recipes use. Raises Refused for others."""
        found = re.fullmatch(r"\s*(\d{1,9})\s+(steps?|epochs?|per\s+epoch)\s*", text) if isinstance(text, str) else None
        if not found or int(found[1]) == 0:
            raise Refused(f'every={text!r} is no rule for snapshots; write "100 steps", "5 per epoch" or "1 epoch"')
        unit = found[2].split()[0].rstrip("s")
        return cls(int(found[1]), "per epoch" if unit == "per" else "epochs" if unit == "epoch" else "steps")

    def is_due(self, step: int, steps_per_epoch: int | None) -> bool:
        """Whether a snapshot is saved after `step` updates. Always so at step 0."""
        if step == 0:
            return True
        if self.unit == "steps":
            return step % self.count == 0
        assert steps_per_epoch is not None
        if self.unit == "epochs":
            return step % (self.count * steps_per_epoch) == 0
        # At steps round(i * steps_per_epoch / count), halves up, for every whole i.
        first = step * self.count // steps_per_epoch
        return any((2 * i * steps_per_epoch + self.count) // (2 * self.count) == step for i in (first, first + 1))


@dataclass(frozen=True)
class Clock:
    """Converts steps into epochs and images. `images` are those of an epoch, `batch` of a step; None where unknown."""

    steps_per_epoch: int | None = None
    images: int | None = None
    batch: int | None = None

    def position(self, step: int) -> TrainingPosition:
        """Epochs done and images seen after `step` updates; 0 where they are not known."""
        if not self.steps_per_epoch:
            return TrainingPosition(step, 0.0, step * (self.batch or 0))
        epochs, rest = divmod(step, self.steps_per_epoch)
        images = self.images or 0
        in_epoch = rest * self.batch if self.batch else round(images * rest / self.steps_per_epoch)
        return TrainingPosition(step, step / self.steps_per_epoch, epochs * images + min(in_epoch, images))

    @property
    def images_per_step(self) -> float:
        """Images of a minibatch; their mean over an epoch where the batch size is not known."""
        if self.batch:
            return float(self.batch)
        return self.images / self.steps_per_epoch if self.images and self.steps_per_epoch else 0.0


def clock_of(train: Any, steps_per_epoch: int | None, every: Every, processes: int) -> Clock:
    """The clock of a loader or data set. Raises Refused where `every` is in epochs and their length is not known."""
    is_loader = hasattr(train, "batch_sampler")
    batch = _batch_of(train) if is_loader else None
    length = _length(train) if is_loader else None
    steps = steps_per_epoch or length
    if steps is not None and steps < 1:
        raise Refused(f"an epoch of {steps} steps is none; check train= and steps_per_epoch=")
    if steps is None and every.unit != "steps":
        raise Refused(
            f'every="{every.count} {every.unit}" needs the number of steps an epoch; add steps_per_epoch=len(loader), '
            "or give the loader as train="
        )
    total = batch * processes if batch else None
    if steps_per_epoch and length and steps_per_epoch != length and total:
        # Gradients of several minibatches are accumulated for a step.
        total = round(total * length / steps_per_epoch)
    return Clock(steps, _images_of(train, is_loader, processes, total, steps), total)


def _length(loader: Any) -> int | None:
    try:
        return len(loader)
    except TypeError:
        return None


def _batch_of(loader: Any) -> int | None:
    batch = getattr(loader, "batch_size", None) or getattr(loader.batch_sampler, "batch_size", None)
    return int(batch) if batch else None


def _images_of(train: Any, is_loader: bool, processes: int, batch: int | None, steps: int | None) -> int | None:
    if not is_loader:
        return _length(train) if train is not None else None
    count = _length(getattr(train, "sampler", None) or ()) or _length(getattr(train, "dataset", ()))
    if count is None:
        return None
    if _length(getattr(train, "sampler", None) or ()) != _length(getattr(train, "dataset", ())):
        # A distributed sampler: each process gets its share.
        count *= processes
    drops = getattr(train, "drop_last", False) and batch and steps
    return min(count, batch * steps) if batch and steps and drops else count
