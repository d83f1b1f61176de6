#!/usr/bin/env python3
r"""The statistics of a run by PyTorch and scikit-learn, side by side with `deepviz stats`.

    cargo run --release -p deepviz-stats --example export_unit -- RUN CORPUS STEP train OUT
    python3 scripts/peers/stats_peer.py RUN OUT --deepviz target/release/deepviz [--split train] [--checkpoints 3]

and with deepViz's own inference, the network alone over the same images, on checkpoints spread over the run:

    cargo build --release -p deepviz-stats --example bare_forward
    python3 scripts/peers/stats_peer.py RUN OUT --deepviz target/release/deepviz --checkpoints 8 \\
        --forward target/release/examples/bare_forward --corpus CORPUS

For each of the last checkpoints, over the images of the split: outputs, probabilities, confusion counts, 30 clusters
of the features by cosine and of the logits by Euclidean distance (KMeans, from the centres of the checkpoint before,
or k-means++ at the first), the 20 images nearest to each centre, and the 16 images that activate each filter of each
layer most. deepViz does the same and more (activity by class, predictions of each image, everything into SQLite).
The two take turns, checkpoint by checkpoint; neither is charged for its start and for loading the images. OUT holds
the decoded pixels and labels of the split, which `export_unit` wrote from statistics of any one checkpoint.

Needs Python 3.11, numpy, torch, safetensors and scikit-learn.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from sklearn.cluster import KMeans

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "check"))
from stats_values import apply  # noqa: E402

BATCH = 500
CLUSTERS, NEAREST, TOP = 30, 20, 16


class Top:
    """The images with the greatest outputs of each filter of a layer, and where."""

    def __init__(self):
        self.values = self.images = self.places = None

    def add(self, output, first):
        flat = output.flatten(2) if output.dim() == 4 else output.unsqueeze(2)
        values, places = flat.max(2)
        images = torch.arange(first, first + len(values)).unsqueeze(1).expand_as(values)
        if self.values is not None:
            values = torch.cat([self.values, values])
            images = torch.cat([self.images, images])
            places = torch.cat([self.places, places])
        self.values, order = values.topk(min(TOP, len(values)), 0)
        self.images, self.places = images.gather(0, order), places.gather(0, order)


def statistics(recipe, tensors, pixels, labels, before):
    """All of one checkpoint; returns centres for the next and the seconds by part."""
    layers = recipe["layer"]
    logits_layer = layers[-1]["inputs"][0]
    full = [layer for layer in layers if layer["type"] == "full"][-1]
    features_layer = full["inputs"][0]
    started = time.perf_counter()
    rows = {logits_layer: [], features_layer: []}
    tops = {layer["name"]: Top() for layer in layers}
    mean = tensors.get("data.mean")
    for first in range(0, len(pixels), BATCH):
        x = pixels[first : first + BATCH].float()
        if mean is not None:
            x = x - mean
        values = {"data": x * recipe["data"]["scale"]}
        for layer in layers:
            values[layer["name"]] = apply(layer, [values[i] for i in layer["inputs"]], tensors)
            tops[layer["name"]].add(values[layer["name"]], first)
        for name in rows:
            rows[name].append(values[name].flatten(1))
    rows = {name: torch.cat(parts) for name, parts in rows.items()}
    probabilities = torch.softmax(rows[logits_layer], 1)
    counts = np.zeros((probabilities.shape[1],) * 2, dtype=np.int64)
    np.add.at(counts, (labels, probabilities.argmax(1).numpy()), 1)
    forward = time.perf_counter() - started

    features = rows[features_layer]
    sets = {
        features_layer: torch.nn.functional.normalize(features).numpy(),
        logits_layer: rows[logits_layer].numpy(),
    }
    centres = {}
    for name, data in sets.items():
        start = before.get(name)
        init = {"init": start, "n_init": 1} if start is not None else {"init": "k-means++", "n_init": 10}
        fit = KMeans(CLUSTERS, random_state=0, **init).fit(data)
        centres[name] = fit.cluster_centers_
        distances = ((data - fit.cluster_centers_[fit.labels_]) ** 2).sum(1)
        for cluster in range(CLUSTERS):
            members = np.flatnonzero(fit.labels_ == cluster)
            members[np.argsort(distances[members])[:NEAREST]]
    return centres, forward, time.perf_counter() - started - forward


def ours(arguments, run):
    """Seconds of `deepviz stats` for the one checkpoint that has none."""
    command = [arguments.deepviz.resolve(), "stats", run, "--split", arguments.split, "--json"]
    command += ["--threads", str(arguments.threads)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return json.loads(lines[-1])["seconds"]


def bare(arguments, step):
    """Seconds of deepViz's inference alone."""
    command = [arguments.forward.resolve(), arguments.run, arguments.corpus, str(step), arguments.split]
    output = subprocess.run([*command, str(arguments.threads)], check=True, capture_output=True, text=True).stdout
    return json.loads(output)["seconds"]


def against_forward(arguments):
    """`deepviz stats` over every checkpoint in turn, each started from the one before, and the network alone."""
    everything = sorted((arguments.run / "snapshots").glob("*.safetensors"))
    timed = {everything[round(i * (len(everything) - 1) / (arguments.checkpoints - 1))]
             for i in range(arguments.checkpoints)}
    whole, alone = [], []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "run"
        (copy / "snapshots").mkdir(parents=True)
        shutil.copy(arguments.run / "run.toml", copy)
        for snapshot in sorted(timed):
            shutil.copy(snapshot, copy / "snapshots")
            # Before and after, for the machine's speed changes.
            before = bare(arguments, int(snapshot.stem))
            whole.append(ours(arguments, copy))
            alone.append((before + bare(arguments, int(snapshot.stem))) / 2)
            print(f"{snapshot.stem}: deepviz stats {whole[-1]:.2f} s, the network alone {alone[-1]:.2f} s, "
                  f"ratio {whole[-1] / alone[-1]:.2f}", flush=True)
    print(f"{arguments.threads} threads: {sum(whole) / sum(alone):.2f} times the network alone")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("exported", type=Path)
    parser.add_argument("--split", default="train")
    parser.add_argument("--deepviz", type=Path, required=True)
    parser.add_argument("--checkpoints", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--forward", type=Path)
    parser.add_argument("--corpus", type=Path)
    arguments = parser.parse_args()
    if arguments.forward:
        against_forward(arguments)
        return
    torch.set_num_threads(arguments.threads)
    recipe = tomllib.loads((arguments.run / "run.toml").read_text())["recipe"]
    pixels = torch.from_numpy(np.load(arguments.exported / "pixels.npy"))
    labels = np.load(arguments.exported / "labels.npy").astype(np.int64)
    snapshots = sorted((arguments.run / "snapshots").glob("*.safetensors"))[-arguments.checkpoints :]
    before, mine, theirs = {}, [], []
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        copy = Path(folder) / "run"
        (copy / "snapshots").mkdir(parents=True)
        shutil.copy(arguments.run / "run.toml", copy)
        for snapshot in snapshots:
            before, forward, clusters = statistics(recipe, load_file(snapshot), pixels, labels, before)
            theirs.append(forward + clusters)
            shutil.copy(snapshot, copy / "snapshots")
            mine.append(ours(arguments, copy))
            print(
                f"{snapshot.stem}: PyTorch and scikit-learn {theirs[-1]:.2f} s (network {forward:.2f}, clusters "
                f"{clusters:.2f}), deepviz stats {mine[-1]:.2f} s, ratio {theirs[-1] / mine[-1]:.2f}",
                flush=True,
            )
        size = (copy / "stats.sqlite").stat().st_size
    print(f"{len(labels)} images, {arguments.threads} threads: ratio {sum(theirs) / sum(mine):.2f}; "
          f"{size / len(mine) / 1e6:.2f} MB a checkpoint")


if __name__ == "__main__":
    main()
