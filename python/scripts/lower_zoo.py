"""Lowers 34 classifiers of torchvision and timm and compares each with PyTorch: the table of docs/import.md.

    python python/scripts/lower_zoo.py [NAME ...] [--table FILE] [--save FOLDER]

Weights and running statistics are random, so that every array matters. A lowered network is computed from its
layers and arrays alone by tests/evaluate.py. Prints a line a network: layers, difference relative to the largest
output, seconds of lowering; or the refusal. `--table` writes the same as a table of Markdown. `--save` records every
lowered network as a run of one snapshot and eight random images, so that `deepviz inspect FOLDER/NAME` compares
the program's own outputs with PyTorch's. Exits with 1 where one differs by more than 5e-6, or fewer than 30 are lowered
of all.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import timm  # noqa: E402
import torch  # noqa: E402
import torchvision  # noqa: E402
from evaluate import evaluate  # noqa: E402

from deepviz import Recorder, Refused  # noqa: E402
from deepviz.lower import lower  # noqa: E402
from deepviz.tensors import arrays_of  # noqa: E402

TORCHVISION = """alexnet vgg16_bn resnet18 resnet50 densenet121 googlenet inception_v3 mobilenet_v2 mobilenet_v3_large
shufflenet_v2_x1_0 squeezenet1_1 efficientnet_b0 convnext_tiny regnet_y_400mf mnasnet1_0 vit_b_16 swin_t
maxvit_t""".split()
TIMM = """resnetv2_50 dm_nfnet_f0 repvgg_a0 resnext50_32x4d seresnet50 tf_efficientnet_b0 ghostnet_100 xception41
mixer_b16_224 deit_tiny_patch16_224 convmixer_768_32 res2net50_14w_8s hrnet_w18_small cspresnet50 vgg11
rexnet_100""".split()
LIMIT = 5e-6
"""Attention is computed by other kernels of PyTorch than products and a softmax: 1e-6 of the largest output."""
WANTED = 30
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


@dataclass(frozen=True)
class Outcome:
    """What became of a network: layers, difference and seconds, or the refusal."""

    library: str
    name: str
    layers: int = 0
    difference: float = 0.0
    seconds: float = 0.0
    refusal: str = ""

    def line(self) -> str:
        """For people, as it comes."""
        found = f"{self.layers:4} layers, difference {self.difference:.1e}, {self.seconds:.1f} s"
        return f"{self.library:11} {self.name:22} {f'refused: {self.refusal}' if self.refusal else found}"

    def row(self) -> str:
        """A row of the table."""
        if self.refusal:
            return f"| {self.library} | {self.name} | | | | {self.refusal} |"
        return f"| {self.library} | {self.name} | {self.layers} | {self.difference:.1e} | {self.seconds:.1f} | |"


class RandomImages:
    """Images of random bytes, normalised, as a data set."""

    def __init__(self, side: int, count: int = 8) -> None:
        generator = torch.Generator().manual_seed(4)
        self.pixels = torch.randint(0, 256, (count, 3, side, side), generator=generator, dtype=torch.uint8)

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        mean, std = (torch.tensor(numbers)[:, None, None] for numbers in (MEAN, STD))
        return (self.pixels[index].float() / 255 - mean) / std, index


def made(library: str, name: str) -> tuple[torch.nn.Module, int]:
    """A network with random weights, and the side of its images."""
    torch.manual_seed(1)
    if library == "timm":
        found: Any = timm.create_model(name, pretrained=False)
        return found, int(found.pretrained_cfg["input_size"][1])
    options = {"init_weights": True} if name in ("googlenet", "inception_v3") else {}
    model = torchvision.models.get_model(name, weights=None, **options)
    return model, 299 if name == "inception_v3" else 224


def randomise(model: torch.nn.Module) -> None:
    """Makes running statistics and affine weights other than 0 and 1, and classifiers that are all zeros random."""
    generator = torch.Generator().manual_seed(3)
    for module in model.modules():
        if isinstance(module, torch.nn.Linear) and not module.weight.any():
            module.weight.copy_(torch.randn(module.weight.shape, generator=generator) * module.in_features**-0.5)
    norms: list[Any] = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for module in norms:
        shape = module.weight.shape
        module.running_mean.copy_(torch.randn(shape, generator=generator) * 0.1)
        module.running_var.copy_(torch.rand(shape, generator=generator) + 0.5)
        module.weight.mul_(1 + 0.1 * torch.randn(shape, generator=generator))
        module.bias.add_(0.1 * torch.randn(shape, generator=generator))


def compared(library: str, name: str, save: Path | None) -> Outcome:
    """Lowers a network and computes it both ways; records it in a folder where one is given."""
    model, side = made(library, name)
    with torch.no_grad():
        randomise(model)
        images = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(2))
        began = time.perf_counter()
        try:
            network = lower(model, images)
        except Refused as error:
            return Outcome(library, name, refusal=str(error))
        seconds = time.perf_counter() - began
        expected = model.eval()(images)
        found = evaluate(network, arrays_of(model), images)
        largest = float(expected.abs().max())
        difference = float((expected - found).abs().max()) / largest if largest > 0 else float("inf")
    if save is not None:
        classes = [f"class {index}" for index in range(network.classes)]
        given: dict[str, Any] = {"mean": MEAN, "std": STD, "every": "1 step", "resume": "replace"}
        Recorder(save / name, model, test=RandomImages(side), classes=classes, **given).close()
    return Outcome(library, name, len(network.layers), difference, seconds)


def main() -> int:
    """Prints the table; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="networks (all without any)")
    parser.add_argument("--table", type=Path, help="file of Markdown to write")
    parser.add_argument("--save", type=Path, help="folder for a run of every lowered network")
    options = parser.parse_args()
    torch.set_num_threads(1)
    chosen = [("torchvision", name) for name in TORCHVISION] + [("timm", name) for name in TIMM]
    chosen = [(library, name) for library, name in chosen if not options.names or name in options.names]
    outcomes = []
    for library, name in chosen:
        outcomes.append(compared(library, name, options.save))
        print(outcomes[-1].line(), flush=True)
    lowered = [outcome for outcome in outcomes if not outcome.refusal]
    # Written so that NaN is wrong.
    wrong = [outcome.name for outcome in lowered if not outcome.difference <= LIMIT]
    summary = f"{len(lowered)} of {len(chosen)} lowered; different: {', '.join(wrong) or 'none'}"
    print(summary)
    if options.table:
        head = "| library | network | layers | difference | seconds | refused because |\n|---|---|---|---|---|---|"
        options.table.write_text("\n".join([head, *(outcome.row() for outcome in outcomes), "", summary, ""]))
    return 1 if wrong or (not options.names and len(lowered) < WANTED) else 0


if __name__ == "__main__":
    sys.exit(main())
