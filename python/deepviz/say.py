"""Messages of the recorder while a program trains: single lines on stderr."""

from __future__ import annotations

import sys


def say(line: str) -> None:
    """Prints a line with the prefix `deepviz`."""
    print(f"deepviz: {line}", file=sys.stderr, flush=True)
