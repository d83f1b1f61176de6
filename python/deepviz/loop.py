"""Shared by the callbacks of all training loops: a recorder that starts with training, and which metrics it records."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from .errors import Refused
from .recorder import Recorder
from .say import say

Path = str | os.PathLike[str]

LOSSES = ("loss", "ce", "cross_entropy", "nll")
ERRORS = ("error", "err", "error_rate")
ACCURACIES = "accuracy acc acc1 acc_1 top1 top_1 acc_top1 top1_acc sparse_categorical_accuracy".split()
OF_TEST = r"(?:val|valid|validation|eval|test)[_/ .-]"


class Loop:
    """The recorder of a training loop: created when training begins; when it begins again, the run is resumed."""

    def __init__(self, path: Path, options: dict[str, Any]) -> None:
        self._path = path
        self._options = options
        self._recorder: Recorder | None = None
        self._has_begun = False
        self._has_warned = False

    def begin(self, model: Any, **given: Any) -> None:
        """Creates the recorder. Arguments of None get Recorder's defaults; the user's options take precedence."""
        self.close()
        options = {key: value for key, value in given.items() if value is not None} | self._options
        if self._has_begun:
            # Resumes where recording stopped; the new fit may count its steps from another number.
            options |= {"resume": "append", "first_step": None}
        self._recorder = Recorder(self._path, model, **options)
        self._has_begun = True

    def step(self, loss: Any = None) -> None:
        """Call after every update."""
        if self._recorder is not None:
            self._recorder.step(loss=loss)

    def log(self, loss: float, rate: float | None) -> None:
        """Records a loss that the loop reports for its last steps."""
        if self._recorder is not None:
            self._recorder.log(loss=loss, rate=rate)

    def evaluated(self, metrics: Mapping[str, Any], prefix: str = OF_TEST) -> None:
        """Records loss and error over the test images, if the metrics include them."""
        if self._recorder is None:
            return
        loss, error = self._measured(metrics, prefix)
        if loss is not None or error is not None:
            self._recorder.eval(loss=loss, error=error)

    def _measured(self, metrics: Mapping[str, Any], prefix: str) -> tuple[float | None, float | None]:
        found: dict[str, float] = {}
        for name, value in metrics.items():
            match = re.fullmatch(rf"{prefix}(.+)", name.lower())
            if match and (isinstance(value, (int, float)) or getattr(value, "numel", lambda: 0)() == 1):
                found.setdefault(re.sub(r"[^a-z0-9]", "_", match[1]), float(value))
        loss, error, accuracy = (
            next((found[name] for name in names if name in found), None) for names in (LOSSES, ERRORS, ACCURACIES)
        )
        if error is None and accuracy is not None:
            error = 1.0 - accuracy
        if error is not None and not 0.0 <= error <= 1.0:
            if not self._has_warned:
                say("the loop's accuracy or error is no share from 0 to 1, so it is not recorded")
            self._has_warned = True
            error = None
        return loss, error

    def close(self) -> None:
        """Saves the last snapshot and closes the run."""
        if self._recorder is not None:
            self._recorder.close()
            self._recorder = None


def library_of(*names: str) -> Any:
    """Imports the first of several modules that is installed. Raises Refused where none is."""
    for name in names:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not (name == error.name or name.startswith(error.name + ".")):
                # The module is installed, but one that it imports is not.
                raise
    package = names[0].split(".")[0]
    raise Refused(f"deepviz.{package} needs {package}, which is not installed; install it, or use deepviz.Recorder")


def optimizer_like(name: str, settings: Mapping[str, Any], rate: Callable[[], float]) -> Any:
    """Presents an optimiser of another library as one of PyTorch: its settings, and the current learning rate."""
    return type(name, (_Optimizer,), {})(settings, rate)


class _Optimizer:
    def __init__(self, settings: Mapping[str, Any], rate: Callable[[], float]) -> None:
        self.defaults = dict(settings)
        self._rate = rate

    @property
    def param_groups(self) -> list[dict[str, float]]:
        """One group, with the current learning rate."""
        return [{"lr": self._rate()}]
