"""Compares every layer that deepViz computes of four classifiers with PyTorch's own modules, by forward hooks.

    python python/scripts/check_layers.py --binary target/release/deepviz [NAME ...]

Records each network with random weights (as lower_zoo.py makes them), asks `deepviz serve` for the outputs of every
layer of one image, and compares those that bear a module's name with what the module gave in PyTorch. Layers without a
module, which stand for functions (sums, concatenations, views), are compared where they feed one. Prints a line a
network: layers, how many were compared, and the largest difference relative to the layer's largest output. Exits with 1
where one is more than 1e-5.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

import numpy as np
import torch
from check_zoo import get
from lower_zoo import MEAN, STD, RandomImages, made, randomise

from deepviz import Recorder

NAMES = ("resnet18", "mobilenet_v3_large", "efficientnet_b0", "densenet121")
LIMIT = 1e-5
ADDRESS = re.compile(r"^deepViz at (http://\S+)")


@contextmanager
def served(binary: str, folder: Path) -> Iterator[str]:
    """The address of a server of the folder's runs."""
    command = [binary, "serve", str(folder), "--addr", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            assert server.stdout is not None
            lines = iter(server.stdout.readline, "")
            yield next(match[1] for line in lines if (match := ADDRESS.search(line))).rstrip("/")
        finally:
            server.terminate()


def module_outputs(model: torch.nn.Module, image: torch.Tensor) -> dict[str, list[np.ndarray]]:
    """The outputs of every module for one image, of each of its calls in order, flat."""
    outputs: dict[str, list[np.ndarray]] = {}

    def keep(name: str):
        # A copy: modules after it may change it in place.
        return lambda _, __, output: outputs.setdefault(name, []).append(output.detach().clone().numpy().ravel())

    handles = [module.register_forward_hook(keep(name)) for name, module in model.named_modules() if name]
    with torch.no_grad():
        model.eval()(image[None])
    for handle in handles:
        handle.remove()
    return outputs


def expected_of(layer: str, outputs: dict[str, list[np.ndarray]]) -> np.ndarray | None:
    """What PyTorch gives for a layer: `relu` is a module's first call, `relu_2` its second; none for a function's."""
    if layer in outputs:
        return outputs[layer][0]
    numbered = re.fullmatch(r"(.+)_(\d+)", layer)
    calls = outputs.get(numbered[1], []) if numbered else []
    return calls[int(numbered[2]) - 1] if numbered and len(calls) >= int(numbered[2]) else None


def compared(name: str, binary: str) -> bool:
    """Prints the network's line; returns whether all layers agree."""
    model, side = made("torchvision", name)
    with torch.no_grad():
        randomise(model)
    images = RandomImages(side)
    outputs = module_outputs(model, images[0][0])
    with tempfile.TemporaryDirectory() as folder:
        classes = [f"class {index}" for index in range(1000)]
        Recorder(Path(folder) / name, model, test=images, classes=classes, mean=MEAN, std=STD, every="1 step").close()
        worst, at, count = 0.0, "", 0
        with served(binary, Path(folder)) as address:
            run = f"{address}/api/runs/{name}"
            layers = [layer["name"] for layer in get(run)["layers"][1:]]
            for layer in layers:
                expected = expected_of(layer, outputs)
                if expected is None:
                    continue
                path = f"{run}/checkpoints/0/layers/{quote(layer, safe='')}?apply=0&format=f32"
                with urlopen(path, timeout=900) as answer:
                    found = np.frombuffer(answer.read(), "<f4")
                if found.shape != expected.shape:
                    print(f"{name}: {layer} has {found.size} values, PyTorch's module {expected.size}")
                    return False
                difference = float(np.abs(found - expected).max() / np.abs(expected).max())
                count += 1
                # Written so that NaN is the worst.
                if not difference <= worst:
                    worst, at = difference, layer
    print(f"{name:20} {len(layers)} layers, {count} compared with modules: at most {worst:.1e} ({at})", flush=True)
    return worst <= LIMIT and count > 0


def main() -> int:
    """Prints the lines; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=NAMES, help="networks of torchvision")
    parser.add_argument("--binary", required=True, help="the deepviz program")
    options = parser.parse_args()
    torch.set_num_threads(1)
    wrong = [name for name in options.names if not compared(name, options.binary)]
    return 0 if not wrong else 1


if __name__ == "__main__":
    sys.exit(main())
