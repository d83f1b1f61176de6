"""`python -m deepviz.ray RUN`: the statistics of a run's snapshots, computed on the nodes of a Ray cluster.

Every checkpoint that `deepviz stats plan` lists as missing is computed by `deepviz stats unit`, in one Ray task each.
The results travel through Ray and are merged into the run as they arrive. A node needs this package, and the run folder
and its corpus under the same paths as here.
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from .errors import Refused
from .folder import binary
from .say import say

EXAMPLES = """examples:
  python -m deepviz.ray runs/mine --address auto --cpus 4
  python -m deepviz.ray runs/mine --address auto --cpus 2 --gpus 1 --split test -- --clusters 20

What follows `--` goes to `deepviz stats unit`. The run folder and its corpus must be readable on every node, under the
same paths. `--address local` starts a Ray of this machine alone.

Exit status: 0 when all is computed, 1 when something failed, 2 for a wrong command line, 130 after Ctrl-C.
"""
POLL_S = 0.5
CANCEL_S = 30.0


class CheckpointStatistics(NamedTuple):
    """One checkpoint's statistics: the content of the file of `stats unit`, the host, and the seconds it took."""

    data: bytes
    host: str
    seconds: float


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="python -m deepviz.ray",
        description="Computes the statistics that a run lacks on the nodes of a Ray cluster.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = made.add_argument
    add("run", type=Path, metavar="RUN", help="the run folder, readable on every node")
    add("--address", default="auto", help="of the Ray cluster; auto: the one that this machine belongs to (default)")
    add("--cpus", type=int, default=1, metavar="N", help="CPUs, and threads, of a checkpoint (default: 1)")
    add("--gpus", type=float, default=0, metavar="G", help="GPUs of a checkpoint; then it is computed on one")
    add("--split", choices=("train", "test", "all"), default="all", help="which images (default: all)")
    add("options", nargs="*", metavar="OPTION", help="after `--`: options of `deepviz stats unit`")
    return made


def computed(run: str, checkpoint: str, options: list[str]) -> CheckpointStatistics:
    """Computes one checkpoint on the node that runs the task. Raises RuntimeError with the program's message."""
    host, began = socket.gethostname(), time.monotonic()
    if not os.path.isfile(os.path.join(run, "run.toml")):
        raise RuntimeError(f"{run} cannot be read on {host}; the run folder must lie under this path on every node")
    with tempfile.TemporaryDirectory(prefix="deepviz-") as folder:
        out = os.path.join(folder, "part.sqlite")
        command = [binary(), "stats", "unit", run, "--checkpoint", checkpoint, "--out", out, "--quiet", *options]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            try:
                last_line = _last_stderr_line(process)
            except BaseException:
                process.terminate()
                raise
        if process.returncode != 0:
            ended = f"it ended with status {process.returncode}"
            raise RuntimeError(f"on {host}, {shlex.join(command)}: {last_line or ended}")
        return CheckpointStatistics(Path(out).read_bytes(), host, time.monotonic() - began)


def _last_stderr_line(process: subprocess.Popen[str]) -> str:
    """Waits for a process and returns its last line on stderr. Waits briefly at a time: Ray cannot interrupt a wait."""
    while True:
        try:
            lines = process.communicate(timeout=POLL_S)[1].strip().splitlines()
        except subprocess.TimeoutExpired:
            continue
        return lines[-1] if lines else ""


class Work:
    """Computes the missing checkpoints of a run and merges their statistics."""

    def __init__(self, ray: Any, given: argparse.Namespace, checkpoints: list[str]) -> None:
        self._ray = ray
        self._run = given.run
        options = ["--threads", str(given.cpus), "--device", "cuda" if given.gpus else "cpu", "--split", given.split]
        # Ray repeats the task when its process is killed.
        remote = ray.remote(num_cpus=given.cpus, num_gpus=given.gpus, max_retries=3, retry_exceptions=True)(computed)
        options += given.options
        self._pending = {remote.remote(str(given.run), checkpoint, options): checkpoint for checkpoint in checkpoints}
        self._count, self._done = len(checkpoints), 0
        self.failed: list[str] = []

    def finish(self) -> bool:
        """Merges results as they arrive. Returns False when told to stop, after merging those that had arrived."""
        stop = Stop()
        while self._pending and not stop.is_asked:
            # Few at a time, so that neither results nor Ctrl-C wait for long.
            self._merge(self._ray.wait(list(self._pending), num_returns=1, timeout=POLL_S)[0])
        if not self._pending:
            return True
        say(f"stopping; {len(self._pending)} checkpoints are left out (Ctrl-C again to stop at once)")
        for ref in self._pending:
            self._ray.cancel(ref)
        self._merge(self._ray.wait(list(self._pending), num_returns=len(self._pending), timeout=CANCEL_S)[0])
        return False

    def _merge(self, refs: list[Any]) -> None:
        """Writes and merges results that have arrived, and notes the errors of tasks."""
        for ref in refs:
            checkpoint = self._pending.pop(ref)
            try:
                part: CheckpointStatistics = self._ray.get(ref)
                with tempfile.TemporaryDirectory(prefix="deepviz-") as folder:
                    path = Path(folder) / f"{checkpoint}.sqlite"
                    path.write_bytes(part.data)
                    _program("stats", "merge", str(self._run), str(path), "--quiet")
            except self._ray.exceptions.TaskCancelledError:
                continue
            except (Refused, OSError, self._ray.exceptions.RayError) as error:
                self.failed.append(checkpoint)
                # The last line of a task's error is what it raised; the rest are frames of Ray.
                say(f"checkpoint {checkpoint} failed: {getattr(error, 'cause', None) or error}")
            else:
                self._done += 1
                place = f"{self._done} of {self._count}"
                say(f"checkpoint {checkpoint}: {part.seconds:.1f} s on {part.host}, merged ({place})")


class Stop:
    """Notes the first Ctrl-C or SIGTERM, so that no merge is interrupted; a second one ends the program."""

    def __init__(self) -> None:
        self.is_asked = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        self.is_asked = True
        signal.signal(number, signal.SIG_DFL)


def _program(*arguments: str) -> str:
    """Runs `deepviz` and returns its output. It runs in a new session, which Ctrl-C does not reach. Raises Refused."""
    done = subprocess.run([binary(), *arguments], capture_output=True, text=True, check=False, start_new_session=True)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"{shlex.join(done.args)} ended with {done.returncode}"]
        raise Refused(lines[-1].removeprefix("error: "))
    sys.stderr.write(done.stderr)
    return done.stdout


def missing_in(run: Path, split: str) -> list[str]:
    """The checkpoints without statistics."""
    return _program("stats", "plan", str(run), "--split", split).split()


def connect(ray: Any, given: argparse.Namespace) -> None:
    """Connects to the Ray cluster. Raises Refused where there is none."""
    try:
        ray.init(address=given.address, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise Refused(f"no Ray cluster answers at --address {given.address}: {reason}") from None
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(node.get("CPU", 0) >= given.cpus and node.get("GPU", 0) >= given.gpus for node in nodes):
        say(f"no node has {given.cpus} CPUs and {given.gpus:g} GPUs now; waiting for one (Ctrl-C stops)")


def main(arguments: list[str] | None = None) -> int:
    """Runs the command. Returns its exit status."""
    given = parser().parse_args(arguments)
    given.run = given.run.expanduser().absolute()
    try:
        import ray
    except ImportError:
        print("error: Ray is not installed; pip install 'deepviz[ray]'", file=sys.stderr)
        return 1
    try:
        checkpoints = missing_in(given.run, given.split)
        if not checkpoints:
            say("no statistics are missing")
            return 0
        connect(ray, given)
        work = Work(ray, given, checkpoints)
        is_finished = work.finish()
    except Refused as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    finally:
        if ray.is_initialized():
            ray.shutdown()
    if work.failed:
        print(f"error: not computed: checkpoints {', '.join(work.failed)}; the others are merged", file=sys.stderr)
        return 1
    return 0 if is_finished else 130


if __name__ == "__main__":
    sys.exit(main())
