"""The recorder: two lines in a training loop make a run that deepViz shows while it trains."""

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
from .losses import PendingMetric
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
    model: a classifier of images; wrappers (DDP, torch.compile, averaged weights) are removed.
    ema: the averaged copy of the model (torch's AveragedModel, timm's ModelEma, or an object with a `.module`), to
        record its weights instead of the model's.
    train, test: loaders or map-style data sets of (image, label) with the network's inputs C x H x W; their images are
        stored as the run's corpus, up to `limit` of each.
    corpus: a folder that deepViz reads, instead of train and test.
    example: an input C x H x W, needed where its shape cannot be seen from the images.
    classes, mean, std: needed where the data sets do not have them.
    every: how often a snapshot is saved: `"100 steps"`, `"5 per epoch"`, `"1 epoch"`.
    steps_per_epoch: needed where `train` is no loader.
    optimizer: its kind and settings are recorded in run.toml, its learning rate in the metrics.
    resume: `"new"`, `"replace"` (deletes an existing run), `"append"` (continues after its last snapshot, or
        after `first_step` updates, removing what was recorded later) or `"auto"` (`"append"` where there is a run,
        else `"new"`: for programs that are restarted from their checkpoint).

    worker: whether a Python process (`python -m deepviz.worker`) computes the layers: `"auto"` where deepViz does not
        support them, `"always"`, or `"never"`, which refuses such a network.

    In a distributed run every process creates a recorder, and only the first one records. Raises deepviz.Refused, in
    one sentence, where something cannot be recorded.
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
        options = setup.RecorderOptions(
            recorded, given, corpus, example, name or Path(path).resolve().name, optimizer, worker
        )
        self._clock = setup.clock(train, steps_per_epoch, self._every)
        self._folder = RunFolder(path, resume)
        try:
            prepared = setup.prepare(self._folder, options)
            self._model = prepared.model
            self._step = setup.first_step(self._folder, first_step)
            self._writer = SnapshotWriter(self._folder.path, prepared.network.arrays, prepared.arrays())
            self._metrics = (self._folder.path / "metrics.jsonl").open("a", encoding="utf-8")
            self._pending = PendingMetric()
            self._reported: set[str] = set()
            self._last_time = time.perf_counter()
            # A resumed run has this snapshot already, and the model may not have loaded its weights yet.
            self._last_snapshot = self._step if self._folder.has_snapshot(self._step) else -1
            self.snapshot()
            self._writer.wait()
            setup.write_run(self._folder, options, prepared, self._step)
        except BaseException:
            self._folder.close()
            raise
        self._at_exit = _AtExit(self)

    @property
    def now(self) -> int:
        """The number of updates done."""
        return self._step if self.is_active else 0

    def step(self, loss: Any = None, error: Any = None) -> None:
        """Call after every update, with the minibatch's mean loss and its share of misclassified images.

        Tensors are read at the next step, so that nothing waits for a GPU. Without a loss no metrics are recorded.
        Saves a snapshot when one is due. Raises the error of the previous snapshot, if it failed.
        """
        if self._is_closed or os.getpid() != self._process:
            return
        self._writer.check()
        self._flush()
        self._step += 1
        now = time.perf_counter()
        speed = self._clock.images_per_step / max(now - self._last_time, 1e-9)
        self._last_time = now
        if self._has_all(loss, error, "train"):
            self._pending.store(loss, error, self._position(), self._rate(), speed)
        if self._every.is_due(self._step, self._clock.steps_per_epoch):
            self.snapshot()

    def eval(self, loss: Any, error: Any) -> None:
        """Records the current mean loss and share of misclassified images over the test split.

        A point of the test curve needs both: nothing is recorded where one is None, which is reported once.
        """
        if self._is_closed or os.getpid() != self._process:
            return
        self._flush()
        if not self._has_all(loss, error, "test"):
            return
        self._pending.store(loss, error, self._position(), self._rate(), 0.0, kind="test")
        self._flush()

    def log(self, loss: Any, error: Any = None, rate: float | None = None) -> None:
        """Records a training loss and error of the last step, for loops that report them separately from `step`."""
        if self._is_closed or os.getpid() != self._process:
            return
        self._flush()
        self._pending.store(loss, error, self._position(), self._rate() if rate is None else rate, 0.0)

    def snapshot(self) -> None:
        """Saves a snapshot of the weights now, unless this step has one."""
        if self._is_closed or os.getpid() != self._process or self._last_snapshot == self._step:
            return
        self._writer.take(arrays_of(self._model), self._position())
        self._last_snapshot = self._step
        # The time of the copy does not count for the next minibatch.
        self._last_time = time.perf_counter()

    def close(self) -> None:
        """Saves the snapshot of the last step, waits until everything is written, and closes the run."""
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
                self._at_exit.cancel()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _has_all(self, loss: Any, error: Any, kind: Literal["train", "test"]) -> bool:
        """Whether a line of metrics can be written: readers treat a missing loss as a diverged one."""
        if loss is not None and (error is not None or kind == "train"):
            return True
        if (loss is not None or error is not None) and kind not in self._reported:
            self._reported.add(kind)
            missing = "loss" if loss is None else "error"
            say(f"a {kind} measurement without {missing}= is not recorded; give the recorder {missing}= too")
        return False

    def _position(self) -> TrainingPosition:
        return self._clock.position(self._step)

    def _rate(self) -> float | None:
        groups = getattr(self._optimizer, "param_groups", None)
        return float(groups[0]["lr"]) if groups else None

    def _flush(self) -> None:
        metric = self._pending.pop()
        if metric is not None:
            self.write_metric(metric)

    def write_metric(self, metric: Metric) -> None:
        """Appends a line to metrics.jsonl."""
        if not self._is_closed:
            self._metrics.write(metric.line())
            self._metrics.flush()


class _AtExit:
    """Closes a recorder when the program ends. Holds only a weak reference, so that it can be garbage-collected."""

    def __init__(self, recorder: Recorder) -> None:
        reference = weakref.ref(recorder)

        def close() -> None:
            found = reference()
            if found is not None:
                found.close()

        self._close = close
        atexit.register(close)

    def cancel(self) -> None:
        """Unregisters the closing."""
        atexit.unregister(self._close)


__all__ = ["Recorder", "Refused"]
