#!/usr/bin/env python3
"""Checks deepViz's statistics of one snapshot against PyTorch and scikit-learn.

    python3 scripts/check/stats_values.py RUN CORPUS STEP [--split test|train|all]

`deepviz stats RUN` must have been run. The network is built in PyTorch from RUN/run.toml, its
weights come from the same safetensors file, and its inputs are the same decoded pixels (JPEG decoders
differ in the last bit). Required: identical confusion counts, probabilities within 1e-4, and for
each cluster set an inertia at most 1 % above KMeans(n_init=10). Exit 1 where one does not hold.

Needs Python 3.11, numpy, torch, safetensors and scikit-learn.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from sklearn.cluster import KMeans

REPOSITORY = Path(__file__).resolve().parents[2]


def pool(x, layer):
    """Pooling whose windows are cut at the edge of the image; an average is over the remaining pixels."""
    if layer.get("start", 0) != 0:
        sys.exit("a pool that starts outside of the image is not known to this script")
    size, stride = layer["size"], layer["stride"]
    if layer["pool"] == "max":
        return F.max_pool2d(x, size, stride, ceil_mode=True)
    return F.avg_pool2d(x, size, stride, ceil_mode=True, count_include_pad=False)


def apply(layer, inputs, tensors):
    x, kind, name = inputs[0], layer["type"], layer["name"]
    weight, bias = tensors.get(f"{name}.weight"), tensors.get(f"{name}.bias")
    if kind == "conv":
        return F.conv2d(x, weight, bias, layer["stride"], layer["padding"], groups=layer["groups"])
    if kind == "full":
        return F.linear(x.flatten(1), weight, bias)
    if kind == "pool":
        return pool(x, layer)
    if kind == "cmrnorm" and not layer["blocked"]:
        # Krizhevsky's window for even sizes differs from PyTorch's; odd ones agree.
        return F.local_response_norm(x, layer["size"], layer["scale"], layer["power"], 1.0)
    if kind == "softmax":
        return torch.softmax(x.flatten(1), 1)
    if kind in ("relu", "tanh", "logistic", "identity", "dropout"):
        functions = {"relu": F.relu, "tanh": torch.tanh, "logistic": torch.sigmoid}
        return functions.get(kind, lambda x: x)(x)
    sys.exit(f"a layer of type {kind} is not known to this script")


def forward(recipe, tensors, pixels, wanted):
    """The outputs of the wanted layers for all images, [n, c*h*w] each."""
    outputs = {name: [] for name in wanted}
    mean = tensors.get("data.mean")
    for batch in torch.from_numpy(pixels).split(500):
        x = batch.float()
        if mean is not None:
            x = x - mean
        x = x * recipe["data"]["scale"]
        crop = recipe["data"].get("crop")
        if crop:
            top, left = (x.shape[2] - crop) // 2, (x.shape[3] - crop) // 2
            x = x[:, :, top : top + crop, left : left + crop]
        values = {"data": x}
        for layer in recipe["layer"]:
            values[layer["name"]] = apply(layer, [values[i] for i in layer["inputs"]], tensors)
        for name in wanted:
            outputs[name].append(values[name].flatten(1))
    return {name: torch.cat(rows).numpy() for name, rows in outputs.items()}


def check_clusters(unit, out, outputs):
    good = True
    for index, cluster_set in enumerate(unit["cluster_sets"]):
        rows = outputs[cluster_set["layer"]].astype(np.float64)
        if cluster_set["metric"] == "cosine":
            length = np.linalg.norm(rows, axis=1, keepdims=True)
            rows = np.where(length > 0, rows / np.where(length > 0, length, 1), rows)
        centres = np.load(out / f"centres_{index}.npy").astype(np.float64)
        assignments = np.load(out / f"assignments_{index}.npy")
        own = float(((rows - centres[assignments]) ** 2).sum())
        started = time.time()
        reference = KMeans(cluster_set["clusters"], init="k-means++", n_init=10, random_state=0).fit(
            rows.astype(np.float32)
        )
        seconds = time.time() - started
        ratio = cluster_set["inertia"] / reference.inertia_
        consistent = abs(own / cluster_set["inertia"] - 1) < 1e-3
        good &= ratio <= 1.01 and consistent
        print(
            f"  clusters of {cluster_set['layer']} by {cluster_set['metric']} ({cluster_set['origin']}): "
            f"inertia {cluster_set['inertia']:.6g}, scikit-learn's best of ten {reference.inertia_:.6g} "
            f"({seconds:.1f} s), ratio {ratio:.4f}; recomputed from the stored centres {own:.6g}"
        )
    return good


def check(run, corpus, step, split, out):
    command = ["cargo", "run", "--release", "--quiet", "-p", "deepviz-stats", "--example", "export_unit", "--"]
    subprocess.run([*command, run, corpus, str(step), split, out], cwd=REPOSITORY, check=True)
    unit = json.loads((out / "unit.json").read_text())
    recipe = tomllib.loads((run / "run.toml").read_text())["recipe"]
    tensors = load_file(unit["snapshot"])
    labels = np.load(out / "labels.npy").astype(np.int64)
    logits = np.load(out / "logits.npy")
    confusion = np.load(out / "confusion.npy")
    layers = {s["layer"] for s in unit["cluster_sets"]} | {unit["logits_layer"]}
    with torch.no_grad():
        outputs = forward(recipe, tensors, np.load(out / "pixels.npy"), layers)
    theirs = outputs[unit["logits_layer"]]
    counts = np.zeros_like(confusion)
    np.add.at(counts, (labels, theirs.argmax(1)), 1)
    difference = np.abs(
        torch.softmax(torch.from_numpy(logits).double(), 1) - torch.softmax(torch.from_numpy(theirs).double(), 1)
    ).max()
    same = bool((counts == confusion).all())
    error = 1 - np.trace(confusion) / confusion.sum()
    print(f"step {step}, {split}: {len(labels)} images, error {100 * error:.2f} %")
    print(f"  confusion counts {'identical' if same else 'DIFFER: ' + str(np.abs(counts - confusion).sum() // 2)}")
    print(f"  probabilities differ by {difference:.2e} at most")
    good = check_clusters(unit, out, outputs)
    return same and bool(difference <= 1e-4) and good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("step", type=int)
    parser.add_argument("--split", choices=["test", "train", "all"], default="all")
    arguments = parser.parse_args()
    run, corpus = arguments.run.resolve(), arguments.corpus.resolve()
    splits = ["test", "train"] if arguments.split == "all" else [arguments.split]
    results = []
    for split in splits:
        with tempfile.TemporaryDirectory() as out:
            results.append(check(run, corpus, arguments.step, split, Path(out)))
    print("agreed" if all(results) else "DISAGREED")
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
