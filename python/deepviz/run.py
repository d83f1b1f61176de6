"""The run folder: checks that it may be written, locks it, and writes run.toml."""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from pathlib import Path
from typing import IO, Literal

from . import toml
from .errors import Refused
from .say import say
from .write import remove_temporary, snapshot_path, write_text

Resume = Literal["new", "replace", "append", "auto"]

RUN_FILE = "run.toml"
LOCK_FILE = "train.lock"
LOCK_WAIT_S = 2.0
RUN_FILES = ("run.toml", "metrics.jsonl", "check.safetensors", "model.pt2", "worker.json")


class RunFolder:
    """A run folder that is being written. It is locked, which tells readers that training is in progress."""

    def __init__(self, path: str | os.PathLike[str], resume: Resume = "new") -> None:
        """Creates or opens the folder. Raises Refused where it contains a run that `resume` does not allow for."""
        if resume not in ("new", "replace", "append", "auto"):
            raise Refused(f'resume={resume!r} is not known; write "new", "replace", "append" or "auto"')
        self.path = Path(path).expanduser()
        has_run = (self.path / RUN_FILE).exists()
        if resume == "new" and has_run:
            raise Refused(
                f'{self.path} holds a run already; choose another folder, or add resume="replace" (deletes it), '
                'resume="append" (resumes it) or resume="auto" (resumes one that is there)'
            )
        if resume == "append" and not has_run:
            raise Refused(f'{self.path} holds no run to resume; leave resume="append" out')
        others = self._foreign_files()
        if not has_run and others:
            raise Refused(
                f"{self.path} holds other files ({', '.join(others[:3])}); choose a folder of its own for the run"
            )
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(self.path)
        # Checked again: another process may have created a run while this one waited for the lock.
        has_now = (self.path / RUN_FILE).exists()
        if resume == "new" and has_now:
            self.close()
            raise Refused(f"{self.path} has just been recorded by another process; choose another folder")
        self.is_resumed = resume == "append" or (resume == "auto" and has_now)
        (self.path / "snapshots").mkdir(exist_ok=True)
        for folder in (self.path, self.path / "snapshots", self.path / "corpus"):
            remove_temporary(folder)

    def _foreign_files(self) -> list[str]:
        """Files that do not belong to a run."""
        if not self.path.is_dir():
            return []
        known = {*RUN_FILES, LOCK_FILE, "snapshots", "corpus"}
        return sorted(item.name for item in self.path.iterdir() if item.name not in known and item.name[0] != ".")

    def clear(self) -> None:
        """Deletes the existing run, run.toml first, so that no incomplete run is ever read."""
        for name in RUN_FILES:
            (self.path / name).unlink(missing_ok=True)
        for pattern in ("snapshots/*.safetensors", "corpus/*.bin", "corpus/corpus.json", "*.sqlite*"):
            for path in self.path.glob(pattern):
                path.unlink()

    def steps(self) -> list[int]:
        """Steps of the existing snapshots, ascending."""
        names = [path.stem for path in (self.path / "snapshots").glob("*.safetensors")]
        return sorted(int(name) for name in names if name.isdigit())

    def has_snapshot(self, step: int) -> bool:
        """Whether there is a snapshot of that step."""
        return snapshot_path(self.path, step).exists()

    def layers(self) -> str:
        """The text of run.toml after its first `[[recipe.layer]]`."""
        return self._text().strip().partition("[[recipe.layer]]")[2]

    def is_for_worker(self) -> bool:
        """Whether a Python process computes the run's layers."""
        return re.search(r'^forward = "worker"$', self._text(), re.MULTILINE) is not None

    def image(self) -> tuple[int, int, int]:
        """Channels, height and width of the run's images."""
        found = [re.search(rf"^{key} = (\d+)$", self._text(), re.MULTILINE) for key in ("channels", "height", "width")]
        if None in found:
            raise Refused(f"{self.path / RUN_FILE} does not say the images' size; add example=images[0]")
        channels, height, width = (int(match[1]) for match in found if match)
        return channels, height, width

    def truncate_metrics(self, step: int) -> int:
        """Removes metrics after a step, and a line that a killed process left incomplete. Returns how many."""
        path = self.path / "metrics.jsonl"
        if not path.exists():
            return 0
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if _step_of(line) is not None and (_step_of(line) or 0) <= step]
        if kept != lines:
            write_text(path, "".join(kept))
        return len(lines) - len(kept)

    def _text(self) -> str:
        return (self.path / RUN_FILE).read_text(encoding="utf-8")

    def write(self, table: dict[str, toml.Value]) -> None:
        """Writes run.toml."""
        write_text(self.path / RUN_FILE, toml.document(table))

    def close(self) -> None:
        """Releases the lock."""
        if self._lock is not None:
            with contextlib.suppress(OSError, ValueError):
                _unlock(self._lock)
                self._lock.close()
            self._lock = None


def _step_of(line: str) -> int | None:
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return None


def _locked(folder: Path) -> IO[str] | None:
    """Acquires the run's lock; None where the system has no locks. Raises Refused where another process holds it."""
    try:
        import fcntl
    except ImportError:
        return None
    file = open(folder / LOCK_FILE, "a+", encoding="ascii")
    deadline = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            # A reader that checks whether the run is live holds it for an instant.
            if time.monotonic() > deadline:
                file.seek(0)
                owner = file.read().strip() or "another"
                file.close()
                way_out = "close() that recorder first" if owner == str(os.getpid()) else "choose another folder"
                raise Refused(f"{folder} is being recorded by process {owner}; {way_out}, or end that") from None
            time.sleep(0.01)
        except OSError as error:
            # Some network file systems do not support locks.
            say(f"{folder} cannot be locked ({error.strerror}), so it is not shown as a run that goes on")
            break
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    # Workers of data loaders are forks. One that outlives this process must not keep the lock.
    os.register_at_fork(after_in_child=lambda: _closed(file))
    return file


def _closed(file: IO[str]) -> None:
    with contextlib.suppress(OSError, ValueError):
        file.close()


def _unlock(file: IO[str]) -> None:
    import fcntl

    fcntl.flock(file, fcntl.LOCK_UN)
