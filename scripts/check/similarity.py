#!/usr/bin/env python3
"""Checks the comparison of two checkpoints with numpy, scipy and statsmodels.

    python3 scripts/check/similarity.py http://127.0.0.1:7878 A[:CHECKPOINT] B[:CHECKPOINT] [--images 200]

Recomputes the server's results for layers (CKA without bias, Procrustes), units (correlations, assignment) and errors
(McNemar's exact test, Benjamini and Hochberg, the score interval) from its activations and predictions. Needs
numpy, scipy and statsmodels. Prints the largest differences; ends with an error where one exceeds 1e-5 (1e-4 for the
correlations of single units, whose activations are sums of 32-bit floats).
"""

from __future__ import annotations

import argparse
import json
import sys
import urllib.parse
import urllib.request

import numpy as np
from scipy.linalg import svdvals
from scipy.optimize import brentq, linear_sum_assignment
from scipy.stats import norm
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

TOLERANCE = 1e-5
UNIT_TOLERANCE = 1e-4
# Features of a layer beyond which the server computes no Procrustes similarity.
MAX_PROCRUSTES = 512


class Server:
    """The REST interface of one server."""

    def __init__(self, address: str) -> None:
        """At this address."""
        self.address = address.rstrip("/")

    def bytes(self, path: str) -> tuple[bytes, dict[str, str]]:
        """The body and the headers of an answer."""
        with urllib.request.urlopen(self.address + path) as answer:
            return answer.read(), {key.lower(): value for key, value in answer.headers.items()}

    def json(self, path: str, **query):
        """An answer as JSON."""
        text = urllib.parse.urlencode({key: value for key, value in query.items() if value is not None})
        return json.loads(self.bytes(f"{path}?{text}" if text else path)[0])


def maps(server: Server, base: str, layers: list[str], ids: list[int]) -> dict[str, np.ndarray]:
    """The activations of layers, images by channels by rows by columns."""
    found = {}
    for layer in set(layers):
        rows = []
        for image in ids:
            body, headers = server.bytes(f"{base}/layers/{urllib.parse.quote(layer)}/filters/*/channels/*/apply/{image}?format=f32")
            shape = json.loads(headers["x-deepviz-shape"])
            rows.append(np.frombuffer(body, "<f4").reshape(shape[0], *shape[-2:]).astype(np.float64))
        found[layer] = np.array(rows)
    return found


def pooled(values: np.ndarray, grid: list[int]) -> np.ndarray:
    """Averages over overlapping cells as torch.nn.AdaptiveAvgPool2d: images by positions by channels."""
    height, width = values.shape[2:]
    cells = []
    for row in range(grid[0]):
        tall = slice(row * height // grid[0], -(-(row + 1) * height // grid[0]))
        for column in range(grid[1]):
            wide = slice(column * width // grid[1], -(-(column + 1) * width // grid[1]))
            cells.append(values[:, :, tall, wide].mean(axis=(2, 3)))
    return np.stack(cells, axis=1)


def cka(x: np.ndarray, y: np.ndarray) -> float:
    """Linear CKA with the estimator of HSIC without bias (Song and others, 2012, equation 5)."""

    def hsic(k: np.ndarray, l: np.ndarray) -> float:
        n = len(k)
        cross = k.sum(axis=0) @ l.sum(axis=1)
        total = np.trace(k @ l) + k.sum() * l.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * cross
        return total / (n * (n - 3))

    def gram(x: np.ndarray) -> np.ndarray:
        k = x @ x.T
        np.fill_diagonal(k, 0)
        return k

    k, l = gram(x - x.mean(0)), gram(y - y.mean(0))
    return hsic(k, l) / np.sqrt(hsic(k, k) * hsic(l, l))


def procrustes(x: np.ndarray, y: np.ndarray) -> float:
    """The sum of the singular values of XᵀY, both centred and of norm 1."""
    x, y = x - x.mean(0), y - y.mean(0)
    return svdvals((x / np.linalg.norm(x)).T @ (y / np.linalg.norm(y))).sum()


def score_interval(b: int, c: int, n: int) -> tuple[float, float]:
    """Tango's score interval of (b - c) / n, by root finding."""

    def score(difference: float) -> float:
        a, linear = 2 * n, -b - c + (2 * n - b + c) * difference
        share = (np.sqrt(linear**2 + 4 * a * c * difference * (1 - difference)) - linear) / (2 * a)
        return (b - c - n * difference) / np.sqrt(n * (2 * share + difference * (1 - difference)))

    middle, z = (b - c) / n, norm.ppf(0.975)
    return (
        brentq(lambda d: score(d) - z, -1 + 1e-12, middle - 1e-12),
        brentq(lambda d: score(d) + z, middle + 1e-12, 1 - 1e-12),
    )


def check_layers(server: Server, path: str, other: dict, bases: list[str], images: int, ids: list[int]) -> float:
    """The largest difference among CKA and Procrustes of all pairs of layers."""
    answer = server.json(f"{path}/layers", images=images, **other)
    features = []
    for base, layers in zip(bases, (answer["layers"]["a"], answer["layers"]["b"])):
        values = maps(server, base, [layer["measured_at"] for layer in layers], ids)
        rows = [pooled(values[layer["measured_at"]], layer["grid"]).reshape(len(ids), -1) for layer in layers]
        features.append(rows)
    worst = 0.0
    for i, x in enumerate(features[0]):
        for j, y in enumerate(features[1]):
            for name, compute in (("cka", cka), ("procrustes", procrustes)):
                found = answer[name][i][j]
                if found is None:
                    is_wide = name == "procrustes" and max(x.shape[1], y.shape[1]) > MAX_PROCRUSTES
                    assert is_wide or min(np.ptp(x, axis=0).max(), np.ptp(y, axis=0).max()) < 1e-5, (name, i, j)
                    continue
                expected = compute(x, y)
                assert np.isfinite(expected), (name, i, j)
                worst = max(worst, abs(found - expected))
    print(f"layers: {len(features[0])} x {len(features[1])}, largest difference {worst:.1e}")
    return worst


def check_units(server: Server, path: str, other: dict, bases: list[str], images: int, ids: list[int], layer: str) -> float:
    """The largest difference among the correlations of matched units, which are scipy's assignment."""
    answer = server.json(f"{path}/units", images=images, layer=layer, **other)
    sides = [pooled(maps(server, base, [at], ids)[at], answer["grid"]) for base, at in zip(bases, answer["measured_at"])]
    x, y = (side.reshape(-1, side.shape[2]) for side in sides)
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = np.corrcoef(x.T, y.T)[: x.shape[1], x.shape[1] :]
    correlation = np.nan_to_num(correlation)
    rows, columns = linear_sum_assignment(correlation, maximize=True)
    best = {(int(a), int(b)) for a, b in zip(rows, columns) if correlation[a, b] > answer["chance"]}
    found = {(pair["a"], pair["b"]) for pair in answer["pairs"]}
    total = sum(correlation[pair] for pair in best) - sum(correlation[pair] for pair in found)
    worst = max([abs(pair["correlation"] - correlation[pair["a"], pair["b"]]) for pair in answer["pairs"]], default=0.0)
    print(
        f"units of {layer}: {len(found)} of {min(answer['units'])} matched above {answer['chance']:.3f}, "
        f"{len(best ^ found)} pairs otherwise (sum {total:+.1e}), largest difference {worst:.1e}"
    )
    # Two assignments with the same sum are both right.
    return max(worst, abs(total) / max(len(best), 1))


def check_errors(server: Server, path: str, other: dict) -> float:
    """The largest difference among p-values and the interval; the cells of the
    confusion matrix that are more than noise are the same."""
    answer = server.json(f"{path}/errors", **other)
    items, cursor = [], None
    while True:
        page = server.json(f"{path}/images", which="all", limit=10000, cursor=cursor, **other)
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    classes = len(answer["classes"])
    label = np.array([item["true_class"] for item in items])
    a, b = (np.array([item[side]["predicted"] for item in items]) for side in "ab")

    def exact(first: np.ndarray, second: np.ndarray) -> float:
        table = [[(first & second).sum(), (first & ~second).sum()], [(~first & second).sum(), (~first & ~second).sum()]]
        return mcnemar(table, exact=True).pvalue if table[0][1] + table[1][0] else 1.0

    worst = abs(answer["p"] - exact(a == label, b == label))
    p_values = np.ones((classes, classes))
    for i in range(classes):
        for j in range(classes):
            own = label == i
            p_values[i, j] = exact(own & (a == j), own & (b == j))
    significant = multipletests(p_values.ravel(), alpha=0.05, method="fdr_bh")[0].reshape(p_values.shape)
    flagged = np.zeros_like(significant)
    for cell in answer["cells"]:
        at = (cell["true_class"], cell["predicted"])
        worst = max(worst, abs(cell["p"] - p_values[at]))
        flagged[at] = cell["significant"]
    assert (flagged == significant).all(), "other cells are more than noise"
    for name, predicted in (("a", a), ("b", b)):
        counts = np.zeros((classes, classes), dtype=int)
        np.add.at(counts, (label, predicted), 1)
        assert (counts == np.array(answer["counts"][name])).all(), "other counts"
    interval = score_interval(answer["only_a"], answer["only_b"], len(items))
    worst = max(worst, abs(answer["difference_interval"][0] + interval[1]), abs(answer["difference_interval"][1] + interval[0]))
    print(f"errors: {significant.sum()} of {classes**2} cells more than noise, largest difference {worst:.1e}")
    return worst


def main() -> int:
    """Compares everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("server")
    parser.add_argument("a")
    parser.add_argument("b")
    parser.add_argument("--images", type=int, default=200)
    args = parser.parse_args()
    server = Server(args.server)
    (run, checkpoint), (b, b_checkpoint) = (tuple((side + ":last").split(":")[:2]) for side in (args.a, args.b))
    bases = [
        f"/api/runs/{urllib.parse.quote(run)}/checkpoints/{checkpoint}",
        f"/api/runs/{urllib.parse.quote(b)}/checkpoints/{b_checkpoint}",
    ]
    path, other = f"{bases[0]}/compare", {"b": b, "b_checkpoint": b_checkpoint}
    corpus = server.json(f"/api/runs/{run}")["corpus"]
    images = min(args.images, corpus["test"])
    ids = [corpus["train"] + place * corpus["test"] // images for place in range(images)]
    layers = [layer["layer"] for layer in server.json(f"{path}/layers", images=images, **other)["layers"]["a"]]
    own = {layer["name"] for layer in server.json(f"/api/runs/{b}")["layers"]}
    worst = check_layers(server, path, other, bases, images, ids)
    worst = max(worst, check_errors(server, path, other))
    units = [check_units(server, path, other, bases, images, ids, layer) for layer in layers if layer in own]
    is_equal = worst <= TOLERANCE and max(units, default=0.0) <= UNIT_TOLERANCE
    print("equal" if is_equal else "DIFFERENT")
    return 0 if is_equal else 1


if __name__ == "__main__":
    sys.exit(main())
