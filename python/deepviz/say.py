"""What the recorder says while a program trains: a line at a time, on stderr."""

from __future__ import annotations

import sys


def say(line: str) -> None:
    """Prints a line that tells where it comes from."""
    print(f"deepviz: {line}", file=sys.stderr, flush=True)
