"""`python -m deepviz.worker RUN [--threads N]`: computes a run's layers for the program `deepviz`."""

from __future__ import annotations

import sys

from .serve import main

if __name__ == "__main__":
    sys.exit(main())
