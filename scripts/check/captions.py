#!/usr/bin/env python3
"""Checks the captions and slices of clusters with numpy, on the pixels, names and predictions from the server.

    python3 scripts/check/captions.py http://127.0.0.1:7878 RUN [CHECKPOINT] [--split test] [--set LAYER METRIC]

Needs numpy and Pillow. Recomputes every property of every image, every caption of every cluster, what is left out as noise,
the other clusters that images are in, and a slice of each kind. Prints the largest differences; ends with an error
where an effect, a mean, an interval or an error differs by more than 1e-3, or where other captions are shown.
"""

from __future__ import annotations

import argparse
import colorsys
import io
import json
import re
import sys
import urllib.parse
import urllib.request
from statistics import NormalDist

import numpy as np
from PIL import Image

TOLERANCE = 1e-3
NAMES = (
    "brightness background contrast saturation red yellow green cyan blue magenta across down spread light_top blue_top "
    "edges aspect"
).split()
MIN_IMAGES = 5
MIN_EFFECT = 0.2
MAX_CAPTIONS = 24


class Server:
    """The REST interface of one server."""

    def __init__(self, address: str) -> None:
        """At this address."""
        self.address = address.rstrip("/")

    def bytes(self, path: str, **query: object) -> bytes:
        """The body of an answer."""
        text = urllib.parse.urlencode(query)
        with urllib.request.urlopen(f"{self.address}{path}?{text}") as answer:
            return answer.read()

    def json(self, path: str, **query: object):
        """An answer as JSON."""
        return json.loads(self.bytes(path, **query))

    def pages(self, path: str, **query: object) -> list[dict]:
        """All items of a list."""
        items: list[dict] = []
        while True:
            page = self.json(path, **query, limit=500)
            items += page["items"]
            query["cursor"] = page.get("next_cursor") or page.get("next")
            if not query["cursor"]:
                return items


def reduced(pixels: np.ndarray) -> np.ndarray:
    """Means over whole blocks, so that no side is longer than 64; height x width x 3, from 0 to 1."""
    height, width = pixels.shape[:2]
    factor = -(-max(height, width) // 64)
    rows, columns = min(factor, height), min(factor, width)
    h, w = height // rows, width // columns
    blocks = pixels[: h * rows, : w * columns].astype(np.float64).reshape(h, rows, w, columns, 3)
    return blocks.mean(axis=(1, 3)) / 255


def properties(pixels: np.ndarray) -> dict[str, float]:
    """The properties of one image, height x width x 3 bytes; those that are not defined are missing."""
    image = reduced(pixels)
    height, width = image.shape[:2]
    red, green, blue = np.moveaxis(image, 2, 0)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    border = max(1, min(height, width) // 8)
    is_border = np.ones((height, width), dtype=bool)
    is_border[border : height - border, border : width - border] = False
    background = luma[is_border].mean()
    brightest, chroma = image.max(axis=2), image.max(axis=2) - image.min(axis=2)
    found = {
        "brightness": luma.mean(),
        "background": background,
        "contrast": luma.std(),
        "saturation": chroma.sum() / brightest.sum() if brightest.sum() > 0 else 0.0,
    }
    if chroma.mean() >= 0.02:
        hues = np.array([[colorsys.rgb_to_hsv(*pixel)[0] for pixel in row] for row in image])
        sixths = np.floor(hues * 6 + 0.5 + 1e-9).astype(int) % 6
        for place, name in enumerate(NAMES[4:10]):
            found[name] = chroma[sixths == place].sum() / chroma.sum()
    mass = np.abs(luma - background)
    if mass.mean() >= 0.01:
        u = (np.arange(width) + 0.5) / width * 2 - 1
        v = ((np.arange(height) + 0.5) / height * 2 - 1)[:, None]
        across, down = (mass * u).sum() / mass.sum(), (mass * v).sum() / mass.sum()
        spread = np.sqrt((mass * ((u - across) ** 2 + (v - down) ** 2)).sum() / mass.sum())
        found |= {"across": across, "down": down, "spread": spread}
    third = max(1, height // 3)
    blueness = blue - (red + green) / 2
    found["light_top"] = luma[:third].mean() - luma[-third:].mean()
    found["blue_top"] = blueness[:third].mean() - blueness[-third:].mean()
    if height >= 3 and width >= 3:
        smooth = lambda a: a[:-2] + 2 * a[1:-1] + a[2:]  # noqa: E731
        gx = smooth(luma)[:, 2:] - smooth(luma)[:, :-2]
        gy = smooth(luma.T)[:, 2:].T - smooth(luma.T)[:, :-2].T
        found["edges"] = (np.hypot(gx / 4, gy / 4) > 0.1).mean()
    found["aspect"] = np.log2(pixels.shape[1] / pixels.shape[0])
    return found


def words_of(name: str) -> set[str]:
    """Words of two letters and more in the last part of a name, without the suffix."""
    name = re.split(r"[/\\]", name)[-1]
    stem, dot, ending = name.rpartition(".")
    stem = stem if dot and stem and len(ending.encode()) <= 4 else name
    return {run.lower() for run in re.findall(r"[^\W\d_]{2,}", stem)}


def wilson(share: float, count: int, z: float) -> tuple[float, float]:
    """The score interval of a share."""
    centre = share + z * z / (2 * count)
    half = z * np.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, (centre - half) / (1 + z * z / count)), min(1.0, (centre + half) / (1 + z * z / count))


def newcombe(p1: float, n1: int, p0: float, n0: int, z: float) -> tuple[float, float]:
    """The hybrid score interval of the difference of two shares."""
    (l1, u1), (l0, u0) = wilson(p1, n1, z), wilson(p0, n0, z)
    return p1 - p0 - np.hypot(p1 - l1, u0 - p0), p1 - p0 + np.hypot(u1 - p1, p0 - l0)


class Corpus:
    """The images of a split: properties, words and classes as columns."""

    def __init__(self, server: Server, corpus: str, split: str, classes: list[str]) -> None:
        """Reads and measures them."""
        items = server.pages(f"/api/corpora/{corpus}/images", split=split)
        items.sort(key=lambda item: item["id"])
        self.ids = np.array([item["id"] for item in items])
        self.classes = np.array([item["class"] for item in items])
        self.count = len(classes)
        measured = []
        for id_ in self.ids:
            png = server.bytes(f"/api/corpora/{corpus}/images/{id_}/pixels")
            measured.append(properties(np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))))
        self.properties = {name: np.array([of.get(name, np.nan) for of in measured]) for name in NAMES}
        own = set().union(*(words_of(name) for name in classes))
        found: dict[str, set[int]] = {}
        for row, item in enumerate(items):
            for word in words_of(item["name"]):
                found.setdefault(word, set()).add(row)
        telling = {w: r for w, r in found.items() if MIN_IMAGES <= len(r) < len(items) and w not in own}
        frequent = sorted(telling, key=lambda word: (-len(telling[word]), word))[:1000]
        self.words = {word: np.isin(np.arange(len(items)), list(telling[word])) for word in frequent}


def captions(corpus: Corpus, is_member: np.ndarray, against: str) -> dict[tuple[str, str], dict]:
    """The properties in which some images differ from the others, by more than noise and a minimal effect."""
    everything = np.ones(len(corpus.ids), dtype=bool)
    shares = {("word", word): has for word, has in corpus.words.items()}
    if against == "class":
        mix = np.bincount(corpus.classes[is_member], minlength=corpus.count)
        everything = corpus.classes == mix.argmax()
    else:
        shares |= {("class", str(k)): corpus.classes == k for k in range(corpus.count)}
    inside, outside = is_member & everything, ~is_member & everything
    z = NormalDist().inv_cdf(1 - 0.025 / (len(NAMES) + len(shares)))
    found: dict[tuple[str, str], dict] = {}
    for name, values in corpus.properties.items():
        a, b = (values[side & ~np.isnan(values)] for side in (inside, outside))
        if min(len(a), len(b)) < MIN_IMAGES:
            continue
        freedom = len(a) + len(b) - 2
        pooled = np.sqrt(((len(a) - 1) * a.var(ddof=1) + (len(b) - 1) * b.var(ddof=1)) / freedom)
        if pooled < 1e-9:
            continue
        g = (a.mean() - b.mean()) / pooled * (1 - 3 / (4 * freedom - 1))
        error = np.sqrt((len(a) + len(b)) / (len(a) * len(b)) + g * g / (2 * (len(a) + len(b))))
        found["property", name] = {
            "inside": a.mean(), "outside": b.mean(), "effect": g, "interval": (g - z * error, g + z * error)
        }
    n1, n0 = int(inside.sum()), int(outside.sum())
    for key, has in shares.items():
        if min(n1, n0) < MIN_IMAGES:
            continue
        p1, p0 = has[inside].mean(), has[outside].mean()
        h = 2 * np.arcsin(np.sqrt(p1)) - 2 * np.arcsin(np.sqrt(p0))
        if key[0] == "class" and h <= 0:
            continue
        found[key] = {"inside": p1, "outside": p0, "effect": h, "interval": newcombe(p1, n1, p0, n0, z)}
    beyond = lambda one: one["interval"][0] > 0 or one["interval"][1] < 0  # noqa: E731
    shown = {key: one for key, one in found.items() if beyond(one) and abs(one["effect"]) >= MIN_EFFECT}
    return dict(sorted(shown.items(), key=lambda one: -abs(one[1]["effect"]))[:MAX_CAPTIONS])


class Differences:
    """Collects the largest difference of each kind, and captions that only one side shows."""

    def __init__(self) -> None:
        """Starts without differences."""
        self.worst: dict[str, float] = {}
        self.unlike: list[str] = []

    def note(self, kind: str, found: float, expected: float) -> None:
        """Records the difference of two numbers that should be equal."""
        self.worst[kind] = max(self.worst.get(kind, 0.0), abs(found - expected))

    def check_captions(self, answer: dict, expected: dict, classes: list[str]) -> int:
        """Compares the captions of one cluster. Returns their number."""
        place = f"cluster {answer['index']}"
        found = {}
        for one in answer["captions"]:
            name = str(classes.index(one["name"])) if one["subject"] == "class" else one["name"]
            found[one["subject"], name] = one
        for key in found.keys() ^ expected.keys():
            # Exactly at the limit rounding decides.
            size = abs((found.get(key) or expected[key])["effect"])
            smallest = min([abs(one["effect"]) for one in expected.values()] or [MIN_EFFECT])
            if abs(size - MIN_EFFECT) > TOLERANCE and size > smallest + TOLERANCE:
                self.unlike.append(f"{place}: {key} is {'only' if key in found else 'not'} shown by the server")
        for key in found.keys() & expected.keys():
            kind = "g" if key[0] == "property" else "h"
            self.note(kind, found[key]["effect"], expected[key]["effect"])
            for side in ("inside", "outside"):
                self.note("means" if kind == "g" else "shares", found[key][side], expected[key][side])
            for n in (0, 1):
                self.note(f"interval of {kind}", found[key]["interval"][n], expected[key]["interval"][n])
        return len(found)

    def check_slice(self, answer: dict, inside: np.ndarray, outside: np.ndarray, wrong: np.ndarray, classes) -> None:
        """Compares the errors inside and outside of a slice."""
        z = NormalDist().inv_cdf(0.975)
        shares = []
        for name, side in (("inside", inside), ("outside", outside)):
            count, error = int(side.sum()), wrong[side].mean() if side.any() else 0.0
            self.note("images of a slice", answer[name]["images"], count)
            if count:
                self.note("error", answer[name]["error"], error)
                for n, end in enumerate(wilson(error, count, z)):
                    self.note("interval of the error", answer[name]["interval"][n], end)
            shares.append((error, count))
        (p1, n1), (p0, n0) = shares
        if not n1 or not n0:
            return
        for n, end in enumerate(newcombe(p1, n1, p0, n0, z)):
            self.note("interval of the difference", answer["difference"]["interval"][n], end)
        top = weights = variance = 0.0
        for k in np.unique(classes):
            a, b = wrong[inside & (classes == k)], wrong[outside & (classes == k)]
            if len(a) and len(b):
                n = len(a) + len(b)
                top += len(a) * len(b) / n * (a.mean() - b.mean())
                weights += len(a) * len(b) / n
                cubes = a.sum() * (~a).sum() * len(b) ** 3 + b.sum() * (~b).sum() * len(a) ** 3
                variance += cubes / (len(a) * len(b) * n * n)
        if weights:
            self.note("within classes", answer["within_classes"]["value"], top / weights)
            half = z * np.sqrt(variance) / weights
            self.note("its interval", answer["within_classes"]["interval"][1], min(1.0, top / weights + half))


def main() -> int:
    """Compares everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("server")
    parser.add_argument("run")
    parser.add_argument("checkpoint", nargs="?", default="last")
    parser.add_argument("--split", default="test")
    parser.add_argument("--set", nargs=2, metavar=("LAYER", "METRIC"))
    options = parser.parse_args()
    server, run = Server(options.server), f"/api/runs/{options.run}"
    detail = server.json(run)
    classes = detail["classes"]
    chosen = options.set or (detail["cluster_sets"][0]["layer"], detail["cluster_sets"][0]["metric"])
    query = {"split": options.split, "layer": chosen[0], "metric": chosen[1]}
    base = f"{run}/checkpoints/{options.checkpoint}"
    corpus = Corpus(server, detail["corpus"]["id"], options.split, classes)
    differences = Differences()

    clusters = server.json(f"{base}/clusters", **query)["clusters"]
    assigned = np.full(len(corpus.ids), -1)
    wrong = np.zeros(len(corpus.ids), dtype=bool)
    for cluster in clusters:
        members = server.pages(f"{base}/clusters/{cluster['index']}/images", **query)
        rows = np.searchsorted(corpus.ids, [item["id"] for item in members])
        differences.note("images of a cluster", len(members), cluster["size"])
        assigned[rows] = cluster["index"]
        wrong[rows] = [item["predicted"] != item["true_class"] for item in members]
    for against in ("rest", "class"):
        answer = server.json(f"{base}/clusters/captions", against=against, **query)
        shown = sum(
            differences.check_captions(one, captions(corpus, assigned == one["index"], against), classes)
            for one in answer["clusters"]
        )
        print(f"against {against}: {len(answer['clusters'])} clusters, {shown} captions")

    for other in detail["cluster_sets"]:
        there = {"to_layer": other["layer"], "to_metric": other["metric"]}
        for index in (0, len(clusters) // 2):
            parts = server.json(f"{base}/clusters/{index}/overlap", **query, **there)["parts"]
            mine = set(corpus.ids[assigned == index])
            for part in parts:
                choice = {"split": options.split, **{key[3:]: value for key, value in there.items()}}
                images = server.pages(f"{base}/clusters/{part['cluster']}/images", **choice)
                differences.note("overlap", part["images"], len(mine & {item["id"] for item in images}))

    slices = [("property", name, float(np.nanmedian(corpus.properties[name]) + 1e-6)) for name in NAMES]
    slices += [("word", word, None) for word in list(corpus.words)[:3]] + [("class", name, None) for name in classes[:2]]
    for subject, name, threshold in slices:
        for side in ("below", "above"):
            more = {} if threshold is None else {"threshold": threshold}
            query_ = {"split": options.split, "subject": subject, "name": name, "side": side, **more}
            if subject == "property":
                values = corpus.properties[name].astype(np.float32).astype(np.float64)
                holds, known = values >= threshold, ~np.isnan(values)
            else:
                holds = corpus.words[name] if subject == "word" else corpus.classes == classes.index(name)
                known = np.ones_like(holds)
            holds = ~holds if side == "below" else holds
            answer = server.json(f"{base}/slice", **query_)
            differences.check_slice(answer, known & holds, known & ~holds, wrong, corpus.classes)

    for kind, difference in differences.worst.items():
        print(f"{kind}: largest difference {difference:.1e}")
    for line in differences.unlike:
        print(line)
    is_wrong = bool(differences.unlike) or max(differences.worst.values()) > TOLERANCE
    print(f"{len(slices) * 2} slices; {'differs' if is_wrong else 'all'} within {TOLERANCE}")
    return int(is_wrong)


if __name__ == "__main__":
    sys.exit(main())
