#!/usr/bin/env python3
"""Trains every recipe for a while and prints a hash of each run: same seed, same bytes, per vector level.

    run_hashes.py --binary DEEPVIZ [--binary OTHER] [--levels portable,avx2,avx512] [--recipes a,b] [--steps 200]
                  [--corpus FOLDER] [--write FILE]

`shapes-quick` is trained to its end; the others for the first 200 steps of 16 images each, on generated shapes of 32 x 32
pixels (or the images of --corpus). The hash is over the tensors of all snapshots and the metrics without their speeds.
With two binaries their hashes are compared: exit 1 where one differs. --write saves the hashes as JSON, and --against
compares with such a file. Levels that this machine does not support are named and skipped.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FLAGS = {"portable": "", "avx2": "avx2", "avx512": "avx512f"}
BATCH = 16
LIMIT = 400


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", action="append", required=True)
    parser.add_argument("--levels", default="portable,avx2,avx512")
    parser.add_argument("--recipes", help="names in models/; all where none are given")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--corpus", help="images to train on instead of generated shapes")
    parser.add_argument("--write", help="keep the hashes in this file")
    parser.add_argument("--against", help="compare with the hashes in this file")
    return parser.parse_args()


def available(level):
    flags = Path("/proc/cpuinfo").read_text().split()
    return FLAGS[level] in ("", *flags)


def run(binary, *words):
    result = subprocess.run([binary, *map(str, words)], capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"{binary} {' '.join(map(str, words))} failed:\n{result.stderr}")


def tensors(path):
    """The bytes after a snapshot's header, whose metadata may contain the time of writing."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    return json.dumps(header, sort_keys=True).encode() + data[8 + length :]


def metrics(path):
    for line in path.read_text().splitlines():
        values = json.loads(line)
        values.pop("images_per_s", None)
        yield json.dumps(values, sort_keys=True).encode()


def digest(folder):
    total = hashlib.sha256()
    snapshots = sorted((folder / "snapshots").glob("*.safetensors"))
    if len(snapshots) < 2:
        sys.exit(f"{folder} holds {len(snapshots)} snapshots")
    for path in snapshots:
        total.update(path.name.encode() + tensors(path))
    for line in metrics(folder / "metrics.jsonl"):
        total.update(line)
    return total.hexdigest()[:24]


def train(binary, recipe, level, corpus, steps, folder):
    words = ["train", recipe, "--corpus", corpus, "--out", folder, "--device", "cpu", "--vector-level", level]
    words += ["--seed", 7, "--quiet"]
    if recipe != "shapes-quick":
        words += ["--set", f"train.batch={BATCH}", "--limit-images", LIMIT, "--epochs", -(-steps * BATCH // LIMIT)]
        words += ["--snapshot-every", f"{max(steps // 2, 1)} steps"]
    run(binary, *words)
    return digest(folder)


def main():
    args = arguments()
    levels = args.levels.split(",")
    for level in [level for level in levels if not available(level)]:
        print(f"SKIPPED {level}: this machine lacks it", flush=True)
        levels.remove(level)
    names = args.recipes.split(",") if args.recipes else sorted(path.stem for path in (ROOT / "models").glob("*.toml"))
    known = json.loads(Path(args.against).read_text()) if args.against else {}
    found, wrong = {}, 0
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        shapes = scratch / "shapes"
        run(args.binary[0], "corpus", "make", "shapes", "--out", shapes, "--images", 8000)
        # Few test images, since every snapshot is tested.
        small = scratch / "small"
        run(args.binary[0], "corpus", "make", "shapes", "--out", small, "--images", 600)
        for level in levels:
            for name in names:
                corpus = shapes if name == "shapes-quick" else args.corpus or small
                hashes = []
                for index, binary in enumerate(args.binary):
                    folder = scratch / f"{name}-{level}-{index}"
                    hashes.append(train(binary, name, level, corpus, args.steps, folder))
                key = f"{name} {level}"
                found[key] = hashes[0]
                expected = {*hashes, known.get(key, hashes[0])}
                wrong += len(expected) > 1
                print(f"{key:32} {' '.join(hashes)}{'' if len(expected) == 1 else '  DIFFERENT'}", flush=True)
    if args.write:
        Path(args.write).write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    if wrong:
        sys.exit(f"{wrong} runs differ")


if __name__ == "__main__":
    main()
