#!/usr/bin/env python3
"""Makes many runs with many checkpoints from one small run, to measure how a server starts over them.

many_runs.py RUN OUT [--runs 100] [--checkpoints 1000]

Every snapshot is the first of RUN with another step in its header (and so not whole: its hash is that of the first).
The runs share their files by hard links.
"""

import argparse
import json
import os
import struct
from pathlib import Path


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--checkpoints", type=int, default=1000)
    options = parser.parse_args()
    first = sorted((options.run / "snapshots").glob("*.safetensors"))[0].read_bytes()
    (length,) = struct.unpack("<Q", first[:8])
    header, values = json.loads(first[8 : 8 + length]), first[8 + length :]
    for number in range(options.runs):
        run = options.out / f"run-{number:03}"
        (run / "snapshots").mkdir(parents=True)
        for name in ("run.toml", "metrics.jsonl"):
            (run / name).write_bytes((options.run / name).read_bytes())
        for step in range(options.checkpoints):
            name = f"snapshots/{step:06}.safetensors"
            if number > 0:
                os.link(options.out / "run-000" / name, run / name)
                continue
            header["__metadata__"]["step"] = str(step)
            text = json.dumps(header).encode()
            (run / name).write_bytes(struct.pack("<Q", len(text)) + text + values)


if __name__ == "__main__":
    main()
