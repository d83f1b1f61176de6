"""The recorder: two lines in a training loop, and the run can be looked at while it goes on."""

from __future__ import annotations

import atexit
import os
import time
import weakref
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from . import setup
from .clock import Every
from .corpus import Given
from .errors import Refused
from .losses import Pending
from .modes import averaged
from .run import Resume, RunFolder
from .say import say
from .tensors import arrays_of
from .worker import Mode
from .write import Metric, TrainingPosition
from .writer import SnapshotWriter

if TYPE_CHECKING:
    import torch


class Recorder:
    """Records a network's training as a run that deepViz shows.

    ```python
    recorder = deepviz.Recorder("runs/mine", model, train=loader, test=test_set)
    ...
        optimizer.step()
        recorder.step(loss=loss)
    ```

    path: the run folder, which must not hold a run yet (see `resume`).
    model: a classifier of images; wrappers (DDP, torch.compile, averaged weights) are taken off.
    ema: the averaged copy of the model (torch's AveragedModel, timm's ModelEma, or what has it as `.module`), where its
        weights are to be recorded instead of the model's own.
    train, test: loaders or map-style data sets of (image, label) with the network's inputs C x H x W; their images are
        kept as the run's corpus, at most `limit` of each.
    corpus: instead, a folder that deepViz reads.
    example: an input C x H x W, where images alone do not show its shape.
    classes, mean, std: where the data sets do not say them.
    every: when a snapshot is kept: `"100 steps"`, `"5 per epoch"`, `"1 epoch"`.
    steps_per_epoch: where `train` is no loader.
    optimizer: its kind and settings stand in the run, its learning rate in the metrics.
    resume: `"new"`, `"replace"` (deletes the run that is there), `"append"` (goes on after its last snapshot, or
        after `first_step` updates, from where on what is there is removed) or `"auto"` (as `"append"` where there is a
        run, else as `"new"`: for programs that are started again with their checkpoint).

    worker: whether a Python process (`python -m deepviz.worker`) is to compute the layers: `"auto"` where deepViz does
        not have them, `"always"`, or `"never"`, which refuses such a network.

    In a distributed run all processes make a recorder, and the first alone records. Raises deepviz.Refused, in one
    sentence, where something cannot be recorded.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        model: torch.nn.Module,
        *,
        train: Any = None,
        test: Any = None,
        corpus: str | os.PathLike[str] | None = None,
        example: torch.Tensor | None = None,
        classes: Sequence[str] | None = None,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        every: str = "1 epoch",
        steps_per_epoch: int | None = None,
        limit: tuple[int, int] = (5000, 5000),
        name: str | None = None,
        resume: Resume = "new",
        optimizer: torch.optim.Optimizer | None = None,
        first_step: int | None = None,
        ema: Any = None,
        worker: Mode = "auto",
    ) -> None:
        self.is_active = setup.rank() == 0
        self._is_closed = not self.is_active
        self._process = os.getpid()
        if not self.is_active:
            return
        self._every = Every.parse(every)
        self._optimizer = optimizer
        given = Given(train, test, classes, setup.given_normalisation(mean, std), limit)
        recorded = model if ema is None else averaged(ema)
        start = setup.Start(recorded, given, corpus, example, name or Path(path).resolve().name, optimizer, worker)
        self._clock = setup.clock(train, steps_per_epoch, self._every)
        self._folder = RunFolder(path, resume)
        try:
            prepared = setup.prepare(self._folder, start)
            self._model = prepared.model
            self._step = setup.first_step(self._folder, first_step)
            self._writer = SnapshotWriter(self._folder.path, prepared.network.arrays, prepared.arrays())
            self._metrics = (self._folder.path / "metrics.jsonl").open("a", encoding="utf-8")
            self._pending = Pending()
            self._told: set[str] = set()
            self._last = time.perf_counter()
            # A run that is resumed has the snapshot: the model may not have taken its weights yet.
            self._kept = self._step if self._folder.has_snapshot(self._step) else -1
            self.snapshot()
            self._writer.wait()
            setup.write_run(self._folder, start, prepared, self._step)
        except BaseException:
            self._folder.close()
            raise
        self._end = _AtExit(self)

    @property
    def now(self) -> int:
        """Updates done."""
        return self._step if self.is_active else 0

    def step(self, loss: Any = None, error: Any = None) -> None:
        """Tells that an update is done, of a minibatch with that mean loss and share of images misclassified.

        Tensors are read when the next step is, so that nothing waits for a GPU. Without a loss there is no line of
        metrics. Keeps a snapshot when one is due. Raises what went wrong with the one before.
        """
        if self._is_closed or os.getpid() != self._process:
            return
        self._writer.check()
        self._flush()
        self._step += 1
        now = time.perf_counter()
        speed = self._clock.images_per_step / max(now - self._last, 1e-9)
        self._last = now
        if self._has_all(loss, error, "train"):
            self._pending.keep(loss, error, self._position(), self._rate(), speed)
        if self._every.is_due(self._step, self._clock.steps_per_epoch):
            self.snapshot()

    def eval(self, loss: Any, error: Any) -> None:
        """Records the mean loss and the share of images misclassified over the test split, as they are now.

        A line of the test curve needs both: where one is None there is none, which is said once.
        """
        if self._is_closed or os.getpid() != self._process:
            return
        self._flush()
        if not self._has_all(loss, error, "test"):
            return
        self._pending.keep(loss, error, self._position(), self._rate(), 0.0, kind="test")
        self._flush()

    def log(self, loss: Any, error: Any = None, rate: float | None = None) -> None:
        """Records a training loss and error of the last step, where a loop tells them apart from it."""
        if self._is_closed or os.getpid() != self._process:
            return
        self._flush()
        self._pending.keep(loss, error, self._position(), self._rate() if rate is None else rate, 0.0)

    def snapshot(self) -> None:
        """Keeps a snapshot of the weights now, unless there is one of this step."""
        if self._is_closed or os.getpid() != self._process or self._kept == self._step:
            return
        self._writer.take(arrays_of(self._model), self._position())
        self._kept = self._step
        # The copy is no part of the next minibatch's time.
        self._last = time.perf_counter()

    def close(self) -> None:
        """Keeps the last step's snapshot, waits until all is written, and lets go of the run."""
        if self._is_closed or os.getpid() != self._process:
            return
        try:
            self._flush()
            self.snapshot()
        finally:
            try:
                self._writer.close()
            finally:
                self._is_closed = True
                self._metrics.close()
                self._folder.close()
                self._end.cancel()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _has_all(self, loss: Any, error: Any, kind: Literal["train", "test"]) -> bool:
        """Whether a line of metrics can be written: readers take a loss that is not there for one that diverged."""
        if loss is not None and (error is not None or kind == "train"):
            return True
        if (loss is not None or error is not None) and kind not in self._told:
            self._told.add(kind)
            missing = "loss" if loss is None else "error"
            say(f"a {kind} measurement without {missing}= is not recorded; give the recorder {missing}= too")
        return False

    def _position(self) -> TrainingPosition:
        return self._clock.position(self._step)

    def _rate(self) -> float | None:
        groups = getattr(self._optimizer, "param_groups", None)
        return float(groups[0]["lr"]) if groups else None

    def _flush(self) -> None:
        metric = self._pending.take()
        if metric is not None:
            self.write_metric(metric)

    def write_metric(self, metric: Metric) -> None:
        """Appends a line to metrics.jsonl."""
        if not self._is_closed:
            self._metrics.write(metric.line())
            self._metrics.flush()


class _AtExit:
    """Closes a recorder when the program ends, without keeping it from being collected."""

    def __init__(self, recorder: Recorder) -> None:
        reference = weakref.ref(recorder)

        def close() -> None:
            found = reference()
            if found is not None:
                found.close()

        self._close = close
        atexit.register(close)

    def cancel(self) -> None:
        """Does nothing at the end."""
        atexit.unregister(self._close)


__all__ = ["Recorder", "Refused"]
