"""Asks `deepviz serve` how far its outputs lie from PyTorch's, for every run that lower_zoo.py --save wrote.

    python python/scripts/check_zoo.py FOLDER --binary target/release/deepviz

Prints a line a run: the difference relative to the largest recorded output, and seconds. Exits with 1 where one is more
than 1e-5 or cannot be told.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.request import urlopen

LIMIT = 1e-5
WAIT_S = 300.0


def get(address: str) -> Any:
    """The JSON of an answer; the first one of a run loads and applies its network."""
    with urlopen(address, timeout=900) as answer:
        return json.load(answer)


def main() -> int:
    """Prints the lines; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder of runs")
    parser.add_argument("--binary", required=True, help="the deepviz program")
    options = parser.parse_args()
    command = [options.binary, "serve", str(options.folder), "--addr", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            assert server.stdout is not None
            # Warnings may come before it.
            lines = iter(server.stdout.readline, "")
            found = next((match for line in lines if (match := re.search(r"^deepViz at (http://\S+)", line))), None)
            if not found:
                print("the server gave no address")
                return 1
            return _checked(found[1].rstrip("/"))
        finally:
            server.terminate()


def check_of(address: str) -> dict[str, Any]:
    """The `check` of a run, asked for until its images are read."""
    deadline = time.monotonic() + WAIT_S
    while True:
        check: dict[str, Any] = get(address)["check"] or {"problem": "the run has none"}
        if check.get("difference") is not None or time.monotonic() > deadline:
            return check
        time.sleep(0.2)


def _checked(address: str) -> int:
    wrong = []
    listed = get(f"{address}/api/runs")
    for run in listed["runs"]:
        began = time.perf_counter()
        check = check_of(f"{address}/api/runs/{run['id']}")
        difference = check.get("difference")
        print(
            f"{run['id']:24} {difference} {check.get('problem') or ''} {time.perf_counter() - began:.1f} s", flush=True
        )
        # Written so that NaN and nothing are wrong.
        if difference is None or not difference <= LIMIT:
            wrong.append(run["id"])
    print(f"{len(listed['runs'])} runs; more than {LIMIT}: {', '.join(wrong) or 'none'}; {listed['problems']}")
    return 1 if wrong or listed["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
