#!/usr/bin/env python3
"""Makes crates/stats/tests/data/kmeans.json: small sets of rows and what scikit-learn makes of them.

Run: python3 scripts/reference/kmeans.py > crates/stats/tests/data/kmeans.json
Needs numpy and scikit-learn (made with scikit-learn 1.7 or later; the inertias are minima that any
version finds). The rows are rounded to four decimals first, so that both sides see the same numbers.
"""

import json
import sys

import numpy as np
from sklearn.cluster import KMeans


def overlapping_blobs(random):
    """Clusters that overlap, of different sizes: many local minima."""
    centres = random.normal(0, 2, (15, 8))
    which = random.choice(15, 700, p=np.arange(1, 16) / 120)
    return centres[which] + random.normal(0, 1, (700, 8)) * random.uniform(0.5, 1.5, (700, 1))


def directions_of_features(random):
    """Rectified, correlated, scaled to length one, as features are clustered by cosine."""
    mixing = random.normal(0, 1, (5, 16))
    rows = np.maximum(0, random.normal(0.3, 1, (500, 5)) @ mixing)
    return rows / np.maximum(1e-12, np.linalg.norm(rows, axis=1, keepdims=True))


def tiny_outputs(random):
    """What an untrained network gives: next to nothing, around a constant."""
    return 1e-3 * random.normal(0, 1, (300, 10)) + 0.01


def main():
    cases = []
    for name, make, clusters in [
        ("overlapping_blobs", overlapping_blobs, 15),
        ("directions_of_features", directions_of_features, 30),
        ("tiny_outputs", tiny_outputs, 10),
    ]:
        digits = 6 if name == "tiny_outputs" else 4
        rows = np.round(make(np.random.default_rng(7)), digits).astype(np.float32)
        inertia = KMeans(clusters, init="k-means++", n_init=10, random_state=0).fit(rows).inertia_
        cases.append(
            {
                "name": name,
                "clusters": clusters,
                "inertia": float(inertia),
                "rows": [[float(np.round(x, digits)) for x in row] for row in rows.astype(np.float64)],
            }
        )
    json.dump(cases, sys.stdout, separators=(",", ":"))
    print()


if __name__ == "__main__":
    main()
