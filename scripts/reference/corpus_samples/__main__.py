#!/usr/bin/env python3
"""Makes tiny corpora of every layout that deepViz reads, with what must be read from them.

Usage: python3 scripts/reference/corpus_samples [crates/corpus/tests/data]

Each becomes NAME.tar.gz: the files of the corpus, and `expected.json` beside them with classes and images in the order
of ids (split, label, name, shape, SHA-256 of the pixels, channels x height x width). The writers are those that others
use (numpy, scipy, pyarrow, Pillow, pickle, tarfile), not deepViz. Image files hold PNG whatever their name says, so
that pixels are exact. Needs numpy, scipy, pyarrow and Pillow.
"""

import sys
from pathlib import Path

import batches  # noqa: F401
import lists  # noqa: F401
import tables  # noqa: F401
from sample import SAMPLES, Sample


def main():
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "crates/corpus/tests/data")
    out.mkdir(parents=True, exist_ok=True)
    for name, fill in SAMPLES.items():
        made = Sample(name)
        fill(made)
        made.save(out / f"{name}.tar.gz")
    total = sum(file.stat().st_size for file in out.iterdir())
    print(f"{len(SAMPLES)} samples, {total} bytes in {out}")


if __name__ == "__main__":
    main()
