"""Kills recording programs while they write, and looks at what they leave behind.

    python python/scripts/kill_recorder.py [--kills 200] [--seed 1] [--binary target/debug/deepviz]

A program records a network of 8 MB, a snapshot a step, every value of which is the step's number plus 1. It is killed
(SIGKILL) at a random moment: while it writes snapshots, while it starts, or while it replaces the run; then it is
started again with `resume="auto"`. After every kill the program `deepviz` reads the run, and each new snapshot with its
hash; a snapshot must hold the values of its own step, none that was there may be gone, the run must not be locked, and
the next start must resume at the step after the last. Prints figures; exits with 1 at the first fault.
"""

from __future__ import annotations

import argparse
import collections
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402

import deepviz  # noqa: E402
from deepviz.folder import binary  # noqa: E402

WAIT_S = 120.0
KINDS = {"writing": 70, "starting": 15, "replacing": 15}
"""What a program is killed in, and how often of a hundred."""


class Images:
    """Images of random bytes, as a data set."""

    classes = ("one", "two", "three")

    def __init__(self, count: int) -> None:
        self.pixels = torch.randint(0, 256, (count, 3, 8, 8), generator=torch.Generator().manual_seed(1))

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.pixels[index].float() / 255, index % 3


def network() -> nn.Module:
    """Two million weights."""
    return nn.Sequential(nn.Conv2d(3, 64, 3, padding=1), nn.Flatten(), nn.Linear(4096, 512), nn.Linear(512, 3))


def fill(model: nn.Module, step: int) -> None:
    """Makes every weight the number of the step after."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(step + 1)


def record(run: Path, resume: Any, steps: int | None = None) -> int:
    """Records for so many steps, or until the end of the process; returns the step at which it began."""
    model = network()
    fill(model, 0)
    options: dict[str, Any] = {"train": Images(500), "test": Images(100), "steps_per_epoch": 10, "every": "1 step"}
    with deepviz.Recorder(run, model, resume=resume, **options) as recorder:
        first = recorder.now
        while steps is None or recorder.now < first + steps:
            fill(model, recorder.now + 1)
            recorder.step(loss=1.0, error=0.5)
    return first


def inspected(path: Path) -> Any:
    """What `deepviz inspect` says; it reads a snapshot whole and compares its hash."""
    done = subprocess.run([binary(), "inspect", str(path), "--json"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Trial:
    """A run that is recorded, killed and looked at again and again."""

    def __init__(self, run: Path, seed: int) -> None:
        self._run = run
        self._random = random.Random(seed)
        self._steps: list[int] = []
        self.counts: collections.Counter[str] = collections.Counter()

    def kill(self) -> None:
        """Starts the program, kills it and looks at what is there."""
        kind = self._random.choices(list(KINDS), list(KINDS.values()))[0]
        process = multiprocessing.get_context("fork").Process(
            target=record, args=(self._run, "replace" if kind == "replacing" else "auto"), daemon=True
        )
        process.start()
        if kind == "writing":
            self._await_growth(process)
        time.sleep(self._random.uniform(0, {"writing": 0.4, "starting": 1.0, "replacing": 1.5}[kind]))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL, f"the program ended by itself: {process.exitcode}"
        self.counts[kind] += 1
        self.look(has_replaced=kind == "replacing")

    def _await_growth(self, process: Any) -> None:
        """Returns when there is a snapshot that was not."""
        deadline = time.monotonic() + WAIT_S
        while set(self._found()) <= set(self._steps) and process.is_alive():
            assert time.monotonic() < deadline, "no snapshot came"
            time.sleep(0.002)

    def _found(self) -> list[int]:
        return sorted(int(path.stem) for path in (self._run / "snapshots").glob("[0-9]*.safetensors"))

    def look(self, has_replaced: bool) -> None:
        """Raises AssertionError where something is not as it must be; then removes all but the last snapshots."""
        self.counts["half-written files"] += len(list(self._run.rglob(".writing-*")))
        if not (self._run / "run.toml").exists():
            assert has_replaced or not self._steps, "the run is gone"
            self.counts["kills before there was a run"] += 1
            # Snapshots may be left of what was there before; the next start removes them.
            self._steps = []
            return
        said = inspected(self._run)
        assert not said["live"], "the run is still locked"
        problems = [entry["problem"] for entry in said["checkpoints"] if entry["problem"]]
        assert not problems, problems
        before, steps = self._steps, self._found()
        # The run that was replaced may be there still; then it is whole.
        is_same = steps[: len(before)] == before
        assert has_replaced or is_same, f"{before} became {steps}"
        new = steps[len(before) :] if is_same else steps
        last = before[-1] if before and is_same else new[0] - 1
        assert new == list(range(last + 1, last + 1 + len(new))), f"after step {last} came {new}"
        for step in new:
            self._look_at(step)
        self.counts["snapshots"] += len(new)
        self.counts["runs resumed"] += bool(new and before and is_same)
        self._steps = [steps[0], *steps[max(len(steps) - 2, 1) :]]
        for step in set(steps) - set(self._steps):
            (self._run / "snapshots" / f"{step:06}.safetensors").unlink()

    def _look_at(self, step: int) -> None:
        said = inspected(self._run / "snapshots" / f"{step:06}.safetensors")
        assert said["step"] == step, said["step"]
        for array in said["tensors"]:
            assert array["smallest"] == array["largest"] == step + 1, (step, array)

    def finish(self) -> None:
        """The last start, which ends as it should."""
        first = record(self._run, "auto", steps=3)
        assert first == (self._steps[-1] if self._steps else 0)
        assert not list(self._run.rglob(".writing-*")), "half-written files stay"
        self.look(has_replaced=False)


def main() -> int:
    """Reads the options, kills, prints the figures; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--binary", help="the deepviz program")
    options = parser.parse_args()
    if options.binary:
        os.environ["DEEPVIZ_BINARY"] = options.binary
    torch.set_num_threads(1)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(Path(folder) / "run", options.seed)
        for number in range(1, options.kills + 1):
            trial.kill()
            if number % 20 == 0:
                print(f"{number} kills in {time.monotonic() - began:.0f} s: {dict(trial.counts)}", flush=True)
        trial.finish()
    print("no snapshot is torn, and the run went on after every kill")
    return 0


if __name__ == "__main__":
    sys.exit(main())
