"""How long after a training program is started its first picture can be seen: resnet18 on a folder of JPEGs.

    python python/scripts/first_picture.py --data FOLDER [--limit 2000] [--first] [--binary target/release/deepviz]

Serves an empty folder, starts python/examples/loop.py, which records into it, and asks the server for the filters of
the first layer until it answers with a PNG: of the weights before the first step, and of those after half an epoch.
Prints when each came, from the start of the program and from the first training step (which follows run.toml).
FOLDER holds `train` and `test`, and in each a folder a class. Exits with 1 where the first picture took over 60 s from
the first step.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from deepviz.folder import binary  # noqa: E402

GOAL_S = 60.0
WAIT_S = 1800.0
PNG = b"\x89PNG\r\n\x1a\n"
NAME = "first"


def address_of(server: subprocess.Popen[str]) -> str:
    """Where a server listens, once it does."""
    assert server.stdout is not None
    for line in iter(server.stdout.readline, ""):
        if found := re.search(r"^deepViz at (http://\S+)", line):
            return found[1].rstrip("/")
    raise SystemExit("the server gave no address")


def is_picture(address: str) -> bool:
    """Whether an address answers with a PNG."""
    try:
        with urlopen(address, timeout=60) as answer:
            return bool(answer.read(len(PNG)) == PNG)
    except HTTPError:
        return False


def moment(happened: Callable[[], bool], program: subprocess.Popen[bytes]) -> float:
    """Waits until `happened()` is true; returns the time."""
    deadline = time.monotonic() + WAIT_S
    while not happened():
        if program.poll() not in (None, 0):
            raise SystemExit(f"the program ended with {program.returncode}")
        if time.monotonic() > deadline:
            raise SystemExit(f"it did not happen in {WAIT_S:.0f} s")
        time.sleep(0.02)
    return time.monotonic()


def measured(folder: Path, options: argparse.Namespace, address: str) -> float:
    """Prints when things happened; returns how long after the first step the first picture came."""
    command = [sys.executable, str(ROOT / "examples" / "loop.py"), "--data", options.data, "--out", str(folder / NAME)]
    command += ["--epochs", "1", "--size", str(options.size)]
    if options.limit:
        command += ["--limit", str(options.limit)]
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    began = time.monotonic()
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}) as program:
        picture = f"{address}/api/runs/{NAME}/checkpoints/{{}}/layers/conv1/filters/*/channels/*"
        try:
            moments = {"the first training step begins": moment((folder / NAME / "run.toml").exists, program)}
            first = moment(lambda: is_picture(picture.format(0)), program)
            moments["filters before it, as a picture"] = first
            if not options.first:
                after = moment(lambda: is_picture(picture.format(1)), program)
                moments["filters after half an epoch, as a picture"] = after
        finally:
            program.terminate()
    step = next(iter(moments.values()))
    for what, when in moments.items():
        print(f"{what:42} {when - began:6.1f} s after the start, {when - step:6.1f} s after the first step began")
    return first - step


def main() -> int:
    """Reads the options and measures; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder that holds train/CLASS/*.jpg and test/CLASS/*.jpg")
    parser.add_argument("--limit", type=int, help="train on so many images (default: all)")
    parser.add_argument("--size", type=int, default=32, help="side of the images in pixels (default: 32)")
    parser.add_argument("--first", action="store_true", help="stop at the first picture")
    parser.add_argument("--binary", help="the deepviz program")
    options = parser.parse_args()
    program = options.binary or binary()
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "serve", folder, "--addr", "127.0.0.1:0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
            try:
                seconds = measured(Path(folder), options, address_of(server))
            finally:
                server.terminate()
    return 0 if seconds < GOAL_S else 1


if __name__ == "__main__":
    sys.exit(main())
