#!/usr/bin/env python3
"""Reads a sheet as an array and plots it: plot_sheet.py http://127.0.0.1:7878 my-run last conv1 out.png

Needs numpy and matplotlib. docs/rest.md describes the interface.
"""

import json
import sys
import urllib.request

import matplotlib.pyplot as plt
import numpy as np


def sheet(server, run, checkpoint, layer):
    """The weights of a layer, filters x channels x rows x columns."""
    url = f"{server}/api/runs/{run}/checkpoints/{checkpoint}/layers/{layer}?format=f32"
    with urllib.request.urlopen(url) as answer:
        shape = json.loads(answer.headers["x-deepviz-shape"])
        return np.frombuffer(answer.read(), "<f4").reshape(shape)


def main():
    server, run, checkpoint, layer, out = sys.argv[1:]
    weights = sheet(server, run, checkpoint, layer)
    limit = np.abs(weights).max()
    columns = int(np.ceil(np.sqrt(len(weights))))
    rows = -(-len(weights) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(columns, rows), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, kernel in zip(axes.flat, weights):
        if len(kernel) == 3:
            axis.imshow(kernel.transpose(1, 2, 0) / (2 * limit) + 0.5)
        else:
            axis.imshow(kernel.mean(axis=0), cmap="PuOr", vmin=-limit, vmax=limit)
    figure.suptitle(f"{layer} at checkpoint {checkpoint}")
    figure.savefig(out, dpi=150)


if __name__ == "__main__":
    main()
