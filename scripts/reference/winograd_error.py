"""The error of Winograd's transforms with tiles of 6x6 for several sets of interpolation points (and infinity),
in float32 against double precision: what the choice of points in crates/net/src/device/cpu/winograd.rs rests on.

Prints, for correlations with r x r taps that give m x m results, the error's root mean square over the output's own.
"""

import numpy as np

SIDE = 6
CHANNELS = 64
TILES = 200
POINTS = {
    "0 ±1 ±2": [0, 1, -1, 2, -2],
    "0 ±1 ±1/2": [0, 1, -1, 0.5, -0.5],
    "0 ±1/2 ±3/2": [0, 0.5, -0.5, 1.5, -1.5],
    "0 ±3/4 ±3/2": [0, 0.75, -0.75, 1.5, -1.5],
}


def matrices(m, r, points):
    """A', G and B' of y = A'((G g) (B' d))."""
    results = np.array([[p**i for p in points] + [float(i == m - 1)] for i in range(m)])
    others = [[q for q in points if q != p] for p in points]
    taps = [[p**k / np.prod([p - q for q in rest]) for k in range(r)] for p, rest in zip(points, others)]
    taps.append([0.0] * (r - 1) + [1.0])
    values = [np.concatenate([np.poly(rest)[::-1], [0.0]]) for rest in others] + [np.poly(points)[::-1]]
    return results, np.array(taps), np.array(values)


def both_sides(matrix, x):
    matrix = matrix.astype(np.float32)
    once = np.einsum("ij,...jk->...ik", matrix, x, optimize=False)
    return np.einsum("...ik,jk->...ij", once, matrix, optimize=False)


def rms(x):
    return np.sqrt(np.mean(np.square(x, dtype=np.float64)))


def errors(m, r, points):
    """Of the transforms, and of adding up directly."""
    results, taps, values = matrices(m, r, points)
    random = np.random.default_rng(1)
    d = np.maximum(random.standard_normal((TILES, CHANNELS, SIDE, SIDE)), 0).astype(np.float32)
    g = (random.standard_normal((CHANNELS, r, r)) / np.sqrt(CHANNELS * r * r)).astype(np.float32)
    spread, filters = both_sides(values, d), both_sides(taps, g)
    products = np.zeros((TILES, SIDE, SIDE), np.float32)
    exact, direct = np.zeros((TILES, m, m)), np.zeros((TILES, m, m), np.float32)
    for channel in range(CHANNELS):
        products += spread[:, channel] * filters[channel]
    for a in range(r):
        for b in range(r):
            window = d[:, :, a : a + m, b : b + m]
            for channel in range(CHANNELS):
                direct += window[:, channel] * g[channel, a, b]
            exact += np.einsum("tcij,c->tij", window.astype(np.float64), g[:, a, b].astype(np.float64))
    scale = rms(exact)
    return rms(both_sides(results, products) - exact) / scale, rms(direct - exact) / scale


for m, r in [(4, 3), (2, 5), (3, 4), (5, 2)]:
    print(f"{r}x{r} taps, {m}x{m} results")
    for name, points in POINTS.items():
        transformed, direct = errors(m, r, [float(p) for p in points])
        print(f"  {name:12} {transformed:.1e}   (directly {direct:.1e})")
