#!/usr/bin/env python3
"""Measures what explanations cost on a run that is being served, and the completeness error of integrated gradients.

    python3 scripts/load/why.py http://127.0.0.1:7878 cifar10-80sec

Prints a line for each: the seconds of the first answer, and of the median of five more where those are not kept (each
asks about another image or unit). Needs statistics of the test images. Measure on a quiet machine.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
import urllib.parse
import urllib.request


class Server:
    """A served run."""

    def __init__(self, address: str, run: str) -> None:
        """At an address."""
        self.base = f"{address.rstrip('/')}/api/runs/{urllib.parse.quote(run)}"

    def get(self, path: str, **query: object) -> tuple[bytes, float]:
        """An answer and its seconds."""
        text = "?" + urllib.parse.urlencode(query) if query else ""
        start = time.perf_counter()
        with urllib.request.urlopen(self.base + path + text) as answer:
            body = answer.read()
        return body, time.perf_counter() - start

    def json(self, path: str, **query: object):
        """An answer as JSON."""
        return json.loads(self.get(path, **query)[0])


def main() -> None:
    """Measures and prints."""
    server = Server(*sys.argv[1:3])
    run = server.json("")
    corpus = run["corpus"]
    first = corpus["train"]
    images = [first + place * corpus["test"] // 200 for place in range(200)]
    last = len(run["checkpoints"]) - 1
    layers = [layer for layer in run["layers"] if layer["sheet_shape"]]

    def report(what: str, path: str, asked: list[dict], **query: object) -> None:
        seconds = [server.get(path.format(**one), **query)[1] for one in asked]
        again = statistics.median(seconds[1:]) if len(seconds) > 1 else float("nan")
        print(f"{what:58} {seconds[0] * 1000:9.0f} ms first {again * 1000:9.0f} ms others")

    of_images = [{"image": image} for image in images[:6]]
    at_all = f"{last + 1} checkpoints"
    report(f"LayerCAM of one image at {at_all}", "/images/{image}/explain", of_images, method="layercam")
    report(f"integrated gradients of one image at {at_all}", "/images/{image}/explain", of_images, method="integrated")
    hidden = layers[-2]
    units = [{"layer": hidden["name"], "unit": unit} for unit in range(6)]
    for limit in (2000,):
        seconds = []
        for one in units:
            off = f"{one['layer']}:{one['unit']}"
            seconds.append(server.get(f"/checkpoints/{last}/ablated", off=off, limit=limit)[1])
        others = statistics.median(seconds[1:])
        print(f"{'a unit off over 2,000 images':58} {seconds[0] * 1000:9.0f} ms first {others * 1000:9.0f} ms others")
    total, filters = 0.0, 0
    for layer in layers[:-1]:
        path = f"/checkpoints/{last}/layers/{urllib.parse.quote(layer['name'])}/ablation"
        body, seconds = server.get(path, limit=2000)
        filters += len(json.loads(body)["filters"])
        total += seconds
    print(f"{f'ablation of {filters} filters over 2,000 images, a checkpoint':58} {total * 1000:9.0f} ms")
    errors = []
    for image in images[:100]:
        found = server.json(f"/checkpoints/{last}/explain/{image}", method="integrated")
        errors.append(found["completeness_error"])
    middle, largest = statistics.median(errors), max(errors)
    print(f"completeness error of integrated gradients, 64 steps, 100 images: median {middle:.2%}, greatest {largest:.2%}")
    conv = layers[1]["name"]
    start = time.perf_counter()
    for unit in range(4):
        server.get(f"/layers/{conv}/filters/{unit}/visualisation", checkpoints="*", format="json")
    each = (time.perf_counter() - start) / 4
    print(f"{f'a filter of {conv} visualised at {at_all}':58} {each * 1000:9.0f} ms; of 32 by that {32 * each:.0f} s")


if __name__ == "__main__":
    main()
