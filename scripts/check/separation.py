#!/usr/bin/env python3
"""Compares the areas and probes of `/separation` with scikit-learn's, on activations from the server.

    python3 scripts/check/separation.py http://127.0.0.1:7878 RUN CHECKPOINT A B [--limit 200]

Needs numpy and scikit-learn. Prints the largest differences; ends with an error where an area differs by more than 1e-3.
"""

from __future__ import annotations

import argparse
import json
import sys
import urllib.parse
import urllib.request

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

TOLERANCE = 1e-3


class Server:
    """The REST interface of one server."""

    def __init__(self, address: str) -> None:
        """At this address."""
        self.address = address.rstrip("/")

    def bytes(self, path: str) -> tuple[bytes, dict[str, str]]:
        """The body and the headers of an answer."""
        with urllib.request.urlopen(self.address + path) as answer:
            return answer.read(), {key.lower(): value for key, value in answer.headers.items()}

    def json(self, path: str):
        """An answer as JSON."""
        return json.loads(self.bytes(path)[0])


def images_of(server: Server, corpus: str, name: str, limit: int) -> list[int]:
    """Test images of a class, evenly chosen as the server does."""
    ids: list[int] = []
    cursor = ""
    while True:
        query = {"class": name, "split": "test", "limit": "500"} | ({"cursor": cursor} if cursor else {})
        page = server.json(f"/api/corpora/{corpus}/images?{urllib.parse.urlencode(query)}")
        ids += [item["id"] for item in page["items"]]
        cursor = page.get("next") or ""
        if not cursor:
            break
    count = min(limit, len(ids))
    return [ids[place * len(ids) // count] for place in range(count)]


def features(server: Server, base: str, layer: str, ids: list[int]) -> np.ndarray:
    """The mean of each map for each image."""
    rows = []
    for image in ids:
        body, headers = server.bytes(f"{base}/layers/{layer}/filters/*/channels/*/apply/{image}?format=f32")
        values = np.frombuffer(body, "<f4").reshape(json.loads(headers["x-deepviz-shape"]))
        rows.append(values.reshape(values.shape[0], -1).mean(axis=1, dtype=np.float64))
    return np.array(rows)


def probe_area(x: np.ndarray, is_first: np.ndarray) -> float:
    """The probe: ridge regression on every second image of each class, judged on the others, and the other way round."""
    half = np.zeros(len(x), dtype=bool)
    for kind in (True, False):
        half[np.flatnonzero(is_first == kind)[::2]] = True
    areas = []
    for train in (half, ~half):
        scaler = StandardScaler().fit(x[train])
        model = Ridge(alpha=0.1 * train.sum()).fit(scaler.transform(x[train]), np.where(is_first[train], 1.0, -1.0))
        areas.append(roc_auc_score(is_first[~train], model.predict(scaler.transform(x[~train]))))
    return float(np.mean(areas))


def main() -> int:
    """Compares every layer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("server")
    parser.add_argument("run")
    parser.add_argument("checkpoint")
    parser.add_argument("a")
    parser.add_argument("b")
    parser.add_argument("--limit", type=int, default=200)
    options = parser.parse_args()
    server = Server(options.server)
    base = f"/api/runs/{options.run}/checkpoints/{options.checkpoint}"
    corpus = server.json(f"/api/runs/{options.run}")["corpus"]["id"]
    found = server.json(f"{base}/separation?a={options.a}&b={options.b}&limit={options.limit}")
    ids = [images_of(server, corpus, name, options.limit) for name in (options.a, options.b)]
    is_first = np.array([True] * len(ids[0]) + [False] * len(ids[1]))
    worst = 0.0
    for layer in found["layers"]:
        x = features(server, base, layer["measured_at"], ids[0] + ids[1])
        areas = np.array([roc_auc_score(is_first, column) for column in x.T])
        areas = np.maximum(areas, 1 - areas)
        differences = {
            "best": abs(areas.max() - layer["best_area"]),
            "median": abs(np.median(areas) - layer["median_area"]),
            "probe": abs(probe_area(x, is_first) - layer["probe_area"]),
        }
        worst = max(worst, *differences.values())
        said = ", ".join(f"{name} {difference:.1e}" for name, difference in differences.items())
        print(f"{layer['layer']}: best {layer['best_area']:.4f}, probe {layer['probe_area']:.4f}; differences: {said}")
    print(f"largest difference {worst:.1e}, of {TOLERANCE} allowed")
    return int(worst > TOLERANCE)


if __name__ == "__main__":
    sys.exit(main())
