"""Snapshots are copied on the training thread, then hashed and written on another."""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .tensors import Copies
from .write import TrainingPosition, write_snapshot

if TYPE_CHECKING:
    import torch


class SnapshotWriter:
    """Writes snapshots with one thread and one set of copies: a second snapshot waits until the first is written."""

    def __init__(self, run: Path, names: Sequence[str], source: Mapping[str, torch.Tensor]) -> None:
        self.run = run
        self._copies = Copies(names, source)
        self._positions: queue.Queue[TrainingPosition | None] = queue.Queue()
        self._is_idle = threading.Event()
        self._is_idle.set()
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None

    def take(self, source: Mapping[str, torch.Tensor], position: TrainingPosition) -> None:
        """Copies the arrays, to be written while the program continues. Raises the error of the previous snapshot."""
        self.wait()
        self._copies.take(source)
        self._is_idle.clear()
        if self._thread is None:
            self._thread = threading.Thread(target=self._write_all, name="deepviz snapshots", daemon=True)
            self._thread.start()
        self._positions.put(position)

    def wait(self) -> None:
        """Waits until everything is written. Raises an error of the thread, once."""
        self._is_idle.wait()
        self.check()

    def check(self) -> None:
        """Raises an error of the thread, once."""
        error, self._error = self._error, None
        if error is not None:
            raise error

    def close(self) -> None:
        """Ends the thread when everything is written."""
        self._is_idle.wait()
        if self._thread is not None:
            self._positions.put(None)
            self._thread.join()
            self._thread = None
        self.check()

    def _write_all(self) -> None:
        while (position := self._positions.get()) is not None:
            try:
                write_snapshot(self.run, position, self._copies.arrays())
            except BaseException as error:
                self._error = error
            finally:
                self._is_idle.set()
