"""Records the networks that deepViz has no layers for and compares the worker's outputs with PyTorch's.

    python python/scripts/worker_zoo.py [NAME ...] [--out FOLDER]

The networks are those of lower_zoo.py that are refused, with random weights, statistics, tokens and scales.
Prints a line a network: layers, how many of them a hook or PyTorch's functions show as well, the largest difference
among those relative to the layer's largest value, size of model.pt2, seconds of recording, loading and answering.
Exits with 1 where one differs by more than 1e-5.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import torch  # noqa: E402
from external import Client, described, difference, expected, randomise_all  # noqa: E402
from lower_zoo import MEAN, STD, TIMM, TORCHVISION, RandomImages, made  # noqa: E402

from deepviz import Recorder  # noqa: E402

REFUSED = "vit_b_16 swin_t maxvit_t dm_nfnet_f0 mixer_b16_224 deit_tiny_patch16_224 hrnet_w18_small".split()
LIMIT = 1e-5


def compared(library: str, name: str, out: Path) -> bool:
    """Records a network and asks the worker for all its layers; returns whether they are PyTorch's."""
    model, side = made(library, name)
    randomise_all(model)
    began = time.perf_counter()
    classes = [f"class {index}" for index in range(1000)]
    given: dict[str, Any] = {"mean": MEAN, "std": STD, "every": "1 steps", "resume": "replace"}
    Recorder(out / name, model, test=RandomImages(side), classes=classes, worker="always", **given).close()
    recorded = time.perf_counter()
    layers = described(out / name)
    images = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(2))
    with Client(out / name) as client:
        loaded = time.perf_counter()
        found = client.ask(0, images, [layer["name"] for layer in layers])
        answered = time.perf_counter()
    if isinstance(found, str):
        print(f"{library:11} {name:22} {found}", flush=True)
        return False
    wanted = expected(model, images, layers)
    differences = {key: difference(found[key], value) for key, value in wanted.items()}
    worst = max(differences, key=lambda key: differences[key])
    with torch.no_grad():
        output = difference(found[layers[-1]["name"]], model(images))
    size = (out / name / "model.pt2").stat().st_size / 1e6
    weights = sum(path.stat().st_size for path in (out / name / "snapshots").iterdir()) / 1e6
    print(
        f"{library:11} {name:22} {len(layers)} layers, {len(wanted)} compared, {differences[worst]:.1e} ({worst}), "
        f"outputs {output:.1e}, model.pt2 {size:.1f} MB, snapshot {weights:.0f} MB, recorded in {recorded - began:.1f} "
        f"s, loaded in {loaded - recorded:.1f} s, answered in {answered - loaded:.1f} s",
        flush=True,
    )
    return max(differences[worst], output) <= LIMIT


def main() -> int:
    """Prints the table; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="networks (all without any)")
    parser.add_argument("--out", type=Path, help="folder for the runs, which are kept")
    options = parser.parse_args()
    torch.set_num_threads(1)
    chosen = [(library, name) for library, all_ in (("torchvision", TORCHVISION), ("timm", TIMM)) for name in all_]
    wanted = [pair for pair in chosen if pair[1] in (options.names or REFUSED)]
    with tempfile.TemporaryDirectory() as folder:
        outcomes = [compared(*pair, options.out or Path(folder)) for pair in wanted]
    return 0 if all(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
