#!/usr/bin/env python3
"""Measures the list of possible label errors of a finished run on wrong labels that are planted in its test split.

    python3 scripts/check/label_errors_of_run.py http://127.0.0.1:7878 RUN

A network does not see the labels of the test split, so that planting wrong ones there needs no training: the outputs are
those that they would have been. Probabilities of every test image at every checkpoint are read from the server; the list
is made of them as the server does, first for the labels as they are, where it must agree with the server's, then for
labels of which a share (1, 5, 10 %) is replaced by another class, each as likely (seeded). Precision and recall are means
over several draws. Labels that were wrong before count as right, so that precision is a lower bound.

Needs numpy.
"""

from __future__ import annotations

import argparse
import json
import sys
import urllib.parse
import urllib.request

import numpy as np

RATES = (0.01, 0.05, 0.10)
TOLERANCE = 2e-3


def read(address: str, path: str):
    """An answer as JSON."""
    with urllib.request.urlopen(address.rstrip("/") + path) as answer:
        return json.load(answer)


def listed(late: np.ndarray, last: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The images of the list in order, and all scores (-1 for images outside of the list).

    `late` are probabilities at the later half of the checkpoints (checkpoints x images x classes), `last` the predicted
    classes at the last.
    """
    images = np.arange(len(labels))
    of_label = late[:, images, labels]
    others = late.copy()
    others[:, images, labels] = -np.inf
    # The margin of an image at a checkpoint: the label's probability less the greatest other.
    doubt = (others.max(axis=2) - of_label).mean(axis=0)
    classes = late.shape[2]
    counts = np.zeros((classes, classes))
    np.add.at(counts, (labels, last), 1)
    confusion = counts[labels, last] / np.bincount(labels, minlength=classes)[labels]
    score = np.where((last != labels) & (doubt > 0), doubt * (1 - np.sqrt(confusion)), -1)
    order = np.lexsort((images, -score))
    return order[: int((score >= 0).sum())], score


def main() -> None:
    """Reads the run, checks the list, plants, measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("server")
    parser.add_argument("run")
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    base = f"/api/runs/{urllib.parse.quote(options.run)}"
    run = read(options.server, base)
    first, count = run["corpus"]["train"], run["corpus"]["test"]
    rows, labels = [], []
    for image in range(first, first + count):
        history = read(options.server, f"{base}/images/{image}/history")
        rows.append(history["probabilities"])
        labels.append(history["true_class"])
    probabilities = np.array(rows).transpose(1, 0, 2)
    labels = np.array(labels)
    checkpoints = len(probabilities)
    late, last = probabilities[checkpoints // 2 :], probabilities[-1].argmax(axis=1)

    own = read(options.server, f"{base}/suspects?split=test&limit=10000")
    order, score = listed(late, last, labels)
    theirs = {item["id"] - first: item["score"] for item in own["items"]}
    both = [image for image in order if image in theirs]
    worst = max(abs(score[image] - theirs[image]) for image in both)
    only = len(set(order.tolist()) ^ set(theirs))
    print(f"{count} test images, {checkpoints} checkpoints, error {100 * (last != labels).mean():.1f} %;")
    print(f"the list: {own['total']} images, {only} in one list only, scores differ by {worst:.1e} at most")
    if worst > TOLERANCE or only > 0.01 * own["total"]:
        sys.exit("the list is not the server's")

    chance = np.random.default_rng(options.seed)
    for rate in RATES:
        planted = round(rate * count)
        found: dict[str, list[tuple[float, float, int]]] = {}
        for _ in range(options.draws):
            wrong = chance.choice(count, planted, replace=False)
            drawn = labels.copy()
            drawn[wrong] = (labels[wrong] + chance.integers(1, probabilities.shape[2], planted)) % probabilities.shape[2]
            order, _ = listed(late, last, drawn)
            hit = np.isin(order, wrong)
            for what, length in (("40", 40), ("100", 100), ("planted", planted), ("all", len(order))):
                hits = int(hit[:length].sum())
                found.setdefault(what, []).append((hits / min(length, len(order)), hits / planted, min(length, len(order))))
        print(f"{100 * rate:g} %: {planted} planted, mean of {options.draws} draws")
        for what, values in found.items():
            precision, recall, length = np.array(values).mean(axis=0)
            spread = np.array(values)[:, 0].std()
            print(f"  first {what:>7} ({length:6.0f}): precision {precision:.3f} (spread {spread:.3f}), recall {recall:.3f}")


if __name__ == "__main__":
    main()
