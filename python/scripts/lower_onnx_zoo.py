"""Exports the classifiers of lower_zoo.py to ONNX, lowers the files, and compares each with onnxruntime.

    python python/scripts/lower_onnx_zoo.py [NAME ...] [--exporter dynamo|script|both] [--table FILE] [--save FOLDER]

Weights and running statistics are those of lower_zoo.py. A file is exported by torch.onnx.export, by way of
torch.export (`dynamo`) or of TorchScript (`script`). A lowered network is computed from its layers and arrays alone by
tests/evaluate.py. Prints a line a file: layers, difference from onnxruntime relative to the largest output, seconds of
reading and lowering; or the refusal. `--save` imports every file that is lowered as a run of eight random images, so
that check_zoo.py compares the program's own outputs with onnxruntime's. Exits with 1 where one differs by more than
1e-5, or fewer than 31 networks are lowered of all.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "scripts")]

import numpy  # noqa: E402
import torch  # noqa: E402
from evaluate import evaluate  # noqa: E402
from lower_zoo import MEAN, STD, TIMM, TORCHVISION, RandomImages, made, randomise  # noqa: E402

import deepviz  # noqa: E402
from deepviz.lower_onnx import lower_onnx, read_model  # noqa: E402

LIMIT = 1e-5
WANTED = 31


@dataclass(frozen=True)
class Outcome:
    """What became of a file: layers, difference and seconds, or the refusal."""

    library: str
    name: str
    exporter: str
    layers: int = 0
    difference: float = 0.0
    seconds: float = 0.0
    refusal: str = ""

    def line(self) -> str:
        """For people, as it comes."""
        found = f"{self.layers:4} layers, difference {self.difference:.1e}, {self.seconds:.1f} s"
        shown = f"refused: {self.refusal}" if self.refusal else found
        return f"{self.library:11} {self.name:22} {self.exporter:7} {shown}"

    def row(self) -> str:
        """A row of the table."""
        numbers = "| |" if self.refusal else f"| {self.layers} | {self.difference:.1e}"
        return f"| {self.library} | `{self.name}` | {self.exporter} {numbers} | {self.refusal} |"


def exported(model: torch.nn.Module, side: int, exporter: str, path: Path) -> str:
    """Writes a file of ONNX for any number of images; returns the reason where the exporter cannot, else nothing."""
    images = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(2))
    options: dict[str, Any] = {"input_names": ["images"], "dynamo": exporter == "dynamo"}
    if options["dynamo"]:
        options.update(dynamic_shapes=({0: torch.export.Dim("n")},), verbose=False)
    else:
        options["dynamic_axes"] = {"images": {0: "n"}}
    try:
        # Without gradients nn.MultiheadAttention is an operation that TorchScript's exporter does not have.
        with warnings.catch_warnings(), torch.enable_grad():
            warnings.simplefilter("ignore")
            torch.onnx.export(model.eval(), (images,), str(path), **options)
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        return f"torch.onnx.export: {type(error).__name__}: {(lines or [''])[0][:150]}"
    return ""


def compared(library: str, name: str, exporter: str, save: Path | None) -> Outcome:
    """Exports a network, lowers the file and computes it both ways; imports it as a run where a folder is given."""
    model, side = made(library, name)
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        randomise(model)
        path = Path(folder) / f"{name}.onnx"
        failure = exported(model, side, exporter, path)
        if failure:
            return Outcome(library, name, exporter, refusal=failure)
        began = time.perf_counter()
        try:
            lowered = lower_onnx(read_model(path))
        except deepviz.Refused as error:
            return Outcome(library, name, exporter, refusal=str(error).replace(folder, ""))
        seconds = time.perf_counter() - began
        images = numpy.random.default_rng(2).standard_normal((2, 3, side, side)).astype(numpy.float32)
        expected = lowered.network.logits(images)
        arrays = {key: torch.tensor(numpy.ascontiguousarray(value.array)) for key, value in lowered.arrays.items()}
        found = evaluate(lowered.network, arrays, torch.tensor(images)).numpy()
        largest = float(abs(expected).max())
        difference = float(abs(expected - found).max()) / largest if largest > 0 else float("inf")
        if save is not None:
            classes = [f"class {index}" for index in range(lowered.network.classes)]
            given: dict[str, Any] = {"mean": MEAN, "std": STD, "classes": classes, "resume": "replace"}
            deepviz.import_onnx(save / f"{name}-{exporter}", path, test=RandomImages(side), **given)
    return Outcome(library, name, exporter, len(lowered.network.layers), difference, seconds)


def main() -> int:
    """Prints the table; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="networks (all without any)")
    parser.add_argument("--exporter", choices=("dynamo", "script", "both"), default="script")
    parser.add_argument("--table", type=Path, help="file of Markdown to write")
    parser.add_argument("--save", type=Path, help="folder for a run of every lowered file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    chosen = [("torchvision", name) for name in TORCHVISION] + [("timm", name) for name in TIMM]
    chosen = [(library, name) for library, name in chosen if not options.names or name in options.names]
    exporters = ("script", "dynamo") if options.exporter == "both" else (options.exporter,)
    outcomes = []
    for library, name in chosen:
        for exporter in exporters:
            outcomes.append(compared(library, name, exporter, options.save))
            print(outcomes[-1].line(), flush=True)
    lowered = [outcome for outcome in outcomes if not outcome.refusal]
    # Written so that NaN is wrong.
    wrong = [f"{outcome.name} ({outcome.exporter})" for outcome in lowered if not outcome.difference <= LIMIT]
    names = {outcome.name for outcome in lowered}
    summary = f"{len(names)} of {len(chosen)} lowered; different: {', '.join(wrong) or 'none'}"
    print(summary)
    if options.table:
        head = "| library | network | exporter | layers | difference | refused because |\n|---|---|---|---|---|---|"
        options.table.write_text("\n".join([head, *(outcome.row() for outcome in outcomes), "", summary, ""]))
    return 1 if wrong or (not options.names and len(names) < WANTED) else 0


if __name__ == "__main__":
    sys.exit(main())
