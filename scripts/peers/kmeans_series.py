#!/usr/bin/env python3
"""A run's series of clusters beside scikit-learn's: inertia, time from the same starts, and how many images keep
their cluster.

    cargo run --release -p deepviz-stats --example export_series -- RUN CORPUS SPLIT OUT [CHECKPOINTS]
    python3 scripts/peers/kmeans_series.py OUT

For every checkpoint and clustering (of a layer's features by a metric: `set` in series.json): KMeans over the same
rows from the centres of the checkpoint before (n_init 1; at
the first checkpoint k-means++ with 10 starts), its inertia beside deepViz's, its seconds beside those of deepViz's own
steps from the same centres (which `export_series` took, a moment before). Kept are images whose cluster has the number
it had at the checkpoint before. deepViz leaves images where they were that are almost as near to that centre as to the
nearest (docs/statistics.md): its inertia counts them where they are; how many are not in their nearest cluster is
printed beside it. In brackets stands how deepViz's clustering was initialised (`origin`).

Needs Python 3.11, numpy and scikit-learn.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
from sklearn.cluster import KMeans


def strays(rows, centres, assignments):
    """The share of rows that another centre is nearer to, beyond rounding."""
    norms = (centres.astype(np.float64) ** 2).sum(1)
    count = 0
    for start in range(0, len(rows), 4096):
        block = rows[start:start + 4096].astype(np.float64)
        squared = (block ** 2).sum(1)[:, None] - 2 * block @ centres.T.astype(np.float64) + norms
        own = squared[np.arange(len(block)), assignments[start:start + 4096]]
        count += int((own > squared.min(1) * (1 + 1e-4) + 1e-9).sum())
    return count / len(rows)


def main():
    folder = Path(sys.argv[1])
    series = json.loads((folder / "series.json").read_text())
    for name in sorted({entry["set"] for entry in series}):
        entries = [entry for entry in series if entry["set"] == name]
        worst, ours, theirs, kept, before = 0.0, 0.0, 0.0, [], None
        for entry in entries:
            load = lambda what, entry=entry: np.load(folder / f"{entry['step']}_{name}_{what}.npy")
            rows, assignments = load("rows"), load("assignments")
            previous = folder / f"{entry['previous']}_{name}_centres.npy"
            warm = entry["previous"] is not None and previous.exists()
            init = {"init": np.load(previous), "n_init": 1} if warm else {"init": "k-means++", "n_init": 10}
            clusters = len(load("centres"))
            started = time.perf_counter()
            fit = KMeans(clusters, random_state=0, **init).fit(rows)
            seconds = time.perf_counter() - started
            ratio = entry["inertia"] / fit.inertia_
            worst = max(worst, ratio)
            if warm and entry["warm_seconds"] is not None:
                ours, theirs = ours + entry["warm_seconds"], theirs + seconds
            if before is not None:
                kept.append(float((assignments == before).mean()))
            before = assignments
            away = strays(rows, load("centres"), assignments)
            print(f"{name} step {entry['step']}: inertia {ratio:.4f} of scikit-learn's ({entry['origin']}), "
                  f"kept {100 * kept[-1] if kept else float('nan'):.1f} %, not in the nearest {100 * away:.1f} %")
        late = kept[len(kept) // 2:]
        print(f"== {name}, {len(entries)} checkpoints of {len(rows)} images: inertia at most {worst:.4f} of "
              f"scikit-learn's; from the same starts {ours:.2f} s beside {theirs:.2f} s; kept in the later half "
              f"{100 * min(late):.1f} to {100 * max(late):.1f} %, median {100 * float(np.median(late)):.1f} %")


if __name__ == "__main__":
    main()
