"""The worker's protocol: a line of JSON and bytes on stdin, a line of JSON and bytes on stdout (docs/run-format.md)."""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import sys
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import Refused
from ..tensors import bytes_view
from .execute import Runner

PROTOCOL = 1
LINE_LIMIT = 16 << 20


def main(arguments: list[str] | None = None) -> int:
    """Answers requests until stdin ends. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m deepviz.worker",
        description="Computes the layers of a run for `deepviz`, which starts it and talks to it by stdin and stdout.",
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="the run folder")
    parser.add_argument("--threads", type=int, metavar="N", help="threads (default: PyTorch's own choice)")
    given = parser.parse_args(arguments)
    # Ignored: Ctrl-C also reaches the program that started the worker, which finishes its work and closes stdin.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return Worker(sys.stdin.buffer, _taken_stdout()).work(given.run, given.threads)


def _taken_stdout() -> BinaryIO:
    """Takes stdout for the answers. Output of libraries, including C code, goes to stderr from here on."""
    stream = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    sys.stdout = sys.stderr
    return stream


class Worker:
    """The loop over requests."""

    def __init__(self, requests: BinaryIO, answers: BinaryIO) -> None:
        self._requests = requests
        self._answers = answers

    def work(self, run: Path, threads: int | None) -> int:
        """Loads the run and answers requests. Returns the exit status."""
        try:
            import torch

            if threads is not None and threads > 0:
                torch.set_num_threads(threads)
            runner = Runner(run)
        except (Refused, ImportError) as error:
            self._say({"error": str(error)})
            return 1
        self._say({"protocol": PROTOCOL, "torch": str(torch.__version__)})
        while line := self._requests.readline(LINE_LIMIT):
            try:
                request = json.loads(line)
                images = int(request["images"])
                if images < 0:
                    raise ValueError(images)
            except (ValueError, KeyError, TypeError):
                # The number of bytes that follow is unknown, so that nothing after this can be read.
                self._say({"error": "a request is no line of JSON that says its number of images"})
                return 1
            try:
                block = self._read(runner, images)
                if block is None:
                    return 0
                self._answer(runner, request, block)
            except BrokenPipeError:
                return 0
            except Exception as error:
                # The program may raise anything; the next request may still be answered.
                self._say({"error": _sentence(error)})
        return 0

    def _read(self, runner: Runner, images: int) -> Any:
        """The images of a request; None where stdin ends before. All bytes are read, whatever happens."""
        import torch

        length = 4 * images * math.prod(runner.image)
        try:
            block = torch.empty(images, *runner.image)
        except (RuntimeError, MemoryError):
            while length > 0 and (part := self._requests.read(min(length, 1 << 20))):
                length -= len(part)
            raise Refused(f"{images} images do not fit into memory") from None
        view = bytes_view(block)
        while len(view) > 0:
            count = self._requests.readinto(view)  # type: ignore[attr-defined]
            if not count:
                return None
            view = view[count:]
        return block

    def _answer(self, runner: Runner, request: dict[str, Any], images: Any) -> None:
        names = [str(name) for name in request["layers"]]
        forms = runner.forms(names)
        runner.load(int(request["step"]), str(request["hash"]))
        outputs = runner.outputs(names, images)
        self._say({"floats": [math.prod(form.output) for form in forms]})
        for output in outputs:
            self._answers.write(bytes_view(output))
        self._answers.flush()

    def _say(self, answer: dict[str, Any]) -> None:
        self._answers.write(json.dumps(answer, separators=(",", ":")).encode() + b"\n")
        self._answers.flush()


def _sentence(error: Exception) -> str:
    if isinstance(error, Refused):
        return str(error)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:300] if lines else 'no reason given'}"
