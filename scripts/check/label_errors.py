#!/usr/bin/env python3
"""Plants wrong labels in CIFAR-10 and measures how many of them the list of possible label errors finds.

    python3 scripts/check/label_errors.py target/release/deepviz CIFAR10 --out /tmp/planted

CIFAR10 is a folder of class folders (`train/<class>/*`, `test/<class>/*`), as `deepviz corpus fetch cifar10` and an
unpacking of it give. For each rate a corpus is made of `--images` training images and a fifth as many test images, in
which that share of the labels of either split is replaced by another class, each as likely (seeded); a network is trained
on it, statistics are computed, and the exported list is compared with what was planted. Two tables are printed for each
rate: precision and recall of the first 50, 100, as many as were planted, and all of the list.

Labels that were wrong before count as right, so that precision is a lower bound. Needs nothing but Python. On one thread
the three trainings take a few minutes each.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path


def plant(source: Path, target: Path, images: int, rate: float, seed: int) -> dict[tuple[str, str], str]:
    """Makes a corpus with wrong labels. Returns the true class of each (split, path) with a wrong one."""
    chance = random.Random(seed)
    classes = sorted(folder.name for folder in (source / "train").iterdir() if folder.is_dir())
    planted = {}
    for split, count in (("train", images), ("test", images // 5)):
        files = [(name, path) for name in classes for path in sorted((source / split / name).iterdir())]
        chosen = chance.sample(files, count)
        wrong = set(chance.sample(range(count), round(rate * count)))
        for name in classes:
            (target / split / name).mkdir(parents=True, exist_ok=True)
        for number, (truth, path) in enumerate(chosen):
            label = chance.choice([name for name in classes if name != truth]) if number in wrong else truth
            # A unique name: two classes may have files of the same name.
            place = target / split / label / f"{number:05}{path.suffix}"
            os.link(path, place) if path.stat().st_dev == target.stat().st_dev else shutil.copy(path, place)
            if number in wrong:
                planted[(split, str(place.relative_to(target)))] = truth
    return planted


def run(*command: str | Path) -> None:
    """Runs a command of deepViz and waits for its end."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")


def exported(binary: str, folder: Path) -> dict[str, list[dict]]:
    """The exported list of each split."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([binary, "serve", str(folder), "--addr", f"127.0.0.1:{port}"], stdout=subprocess.DEVNULL)
    try:
        base = f"http://127.0.0.1:{port}/api/runs/{folder.name}/suspects/export?format=json&split="
        answer = {}
        for split in ("train", "test"):
            for _ in range(600):
                try:
                    with urllib.request.urlopen(base + split) as body:
                        answer[split] = json.load(body)["items"]
                    break
                except OSError:
                    time.sleep(0.2)
            else:
                sys.exit("the server does not answer")
        return answer
    finally:
        server.terminate()
        server.wait()


def table(rows: list[dict], planted: dict[tuple[str, str], str], split: str) -> None:
    """Prints precision and recall of the first entries of the list."""
    truths = {path: truth for (of, path), truth in planted.items() if of == split}
    hits = [row["path"] in truths for row in rows]
    named = [row["suggestion"] == truths.get(row["path"]) for row in rows]
    print(f"  {split}: {len(truths)} planted, {len(rows)} in the list")
    for what, count in (("50", 50), ("100", 100), ("planted", len(truths)), ("all", len(rows))):
        count = min(count, len(rows))
        found = sum(hits[:count])
        print(
            f"    first {what:>7} ({count:5}): precision {found / max(1, count):.2f}, recall {found / max(1, len(truths)):.2f},"
            f" suggestion right for {sum(named[:count])} of {found}"
        )


def main() -> None:
    """Plants, trains, measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("cifar10", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--recipe", default="cifar10-80sec")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--rates", type=float, nargs="+", default=[0.01, 0.05, 0.10])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for rate in options.rates:
        name = f"planted-{100 * rate:g}"
        corpus, folder = options.out / f"{name}-images", options.out / name
        for old in (corpus, folder):
            shutil.rmtree(old, ignore_errors=True)
        corpus.mkdir(parents=True)
        planted = plant(options.cifar10, corpus, options.images, rate, options.seed)
        threads = ["--threads", str(options.threads)]
        began = time.monotonic()
        run(
            *(options.binary, "train", options.recipe, "--corpus", corpus, "--out", folder, "--quiet"),
            *("--epochs", str(options.epochs), "--seed", str(options.seed), *threads),
        )
        run(options.binary, "stats", folder, "--split", "all", *threads)
        measured = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        error = [line["error"] for line in measured if line.get("kind") == "test"][-1]
        print(f"{100 * rate:g} % planted, {options.images} training images, {options.epochs} epochs, "
              f"test error (against the planted labels) {100 * error:.1f} %, {time.monotonic() - began:.0f} s")
        lists = exported(options.binary, folder)
        for split in ("train", "test"):
            table(lists[split], planted, split)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
