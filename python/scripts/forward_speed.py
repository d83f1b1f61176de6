"""Applies networks of torchvision to images with deepViz, onnxruntime and PyTorch, in turns, on one thread each.

    python python/scripts/forward_speed.py --example target/release/examples/bare_forward [--rounds 5] [NAME:SIZE ...]

Needs torch, torchvision and onnxruntime with onnx; for `resnet50:224` and `resnet18:32` unless others are named. Prints
images a second of each round (of all of them with the network loaded already), ratios, deepViz's largest memory.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision

import deepviz

IMAGES = {224: 64, 32: 2048}
BATCH = 32
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


class Images(torch.utils.data.Dataset[Any]):
    """Random pictures, as Normalize gives them."""

    classes = tuple(f"class {index}" for index in range(10))

    def __init__(self, count: int, size: int) -> None:
        """So many pictures of size x size."""
        generator = torch.Generator().manual_seed(size)
        self.bytes = torch.randint(0, 256, (count, 3, size, size), generator=generator, dtype=torch.uint8)
        self.mean, self.std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))

    def __len__(self) -> int:
        """How many."""
        return len(self.bytes)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        """A picture and its class."""
        return (self.bytes[index].float() / 255 - self.mean) / self.std, index % 10


def record(folder: Path, name: str, size: int) -> tuple[torch.nn.Module, torch.Tensor]:
    """Writes a run with the network and its images as the test split; returns the model and its inputs."""
    torch.manual_seed(1)
    model = torchvision.models.get_model(name, weights=None, num_classes=10).eval()
    test = Images(IMAGES.get(size, 128), size)
    recorder = deepviz.Recorder(folder, model, test=test, mean=MEAN, std=STD, steps_per_epoch=1)
    recorder.snapshot()
    recorder.close()
    return model, torch.stack([test[index][0] for index in range(len(test))])


def deepviz_seconds(example: Path, run: Path) -> tuple[float, int]:
    """Seconds of deepViz's forward pass once the weights are prepared, and the most memory of its process in bytes."""
    command = [str(example), str(run), str(run / "corpus"), "0", "test", "1"]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return float(answer["seconds"]) - float(answer["prepare_seconds"]), int(answer["memory"] or 0)


def onnx_session(model: torch.nn.Module, images: torch.Tensor) -> Any:
    """The network in onnxruntime, on one thread."""
    import onnxruntime

    file = io.BytesIO()
    axes = {"input": {0: "n"}, "output": {0: "n"}}
    torch.onnx.export(
        model, (images[:2],), file, input_names=["input"], output_names=["output"], dynamic_axes=axes, dynamo=False
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(file.getvalue(), options, providers=["CPUExecutionProvider"])


def seconds_of(apply: Any, images: torch.Tensor) -> float:
    """Seconds for all images, a batch at a time."""
    started = time.perf_counter()
    for batch in images.split(BATCH):
        apply(batch)
    return time.perf_counter() - started


def measure(example: Path, name: str, size: int, rounds: int) -> None:
    """Prints the figures of one network."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / name
        model, images = record(run, name, size)
        session = onnx_session(model, images)
        channels_last = model.to(memory_format=torch.channels_last)
        memory = 0
        found: dict[str, list[float]] = {"deepViz": [], "onnxruntime": [], "PyTorch": [], "PyTorch channels-last": []}
        with torch.inference_mode():
            plain = lambda batch: model(batch)  # noqa: E731
            last = lambda batch: channels_last(batch.contiguous(memory_format=torch.channels_last))  # noqa: E731
            runtime = lambda batch: session.run(None, {"input": np.ascontiguousarray(batch.numpy())})  # noqa: E731
            for _ in range(rounds):
                seconds, bytes_taken = deepviz_seconds(example, run)
                found["deepViz"].append(len(images) / seconds)
                memory = max(memory, bytes_taken)
                for key, apply in (("onnxruntime", runtime), ("PyTorch channels-last", last)):
                    found[key].append(len(images) / seconds_of(apply, images))
                model.to(memory_format=torch.contiguous_format)
                found["PyTorch"].append(len(images) / seconds_of(plain, images))
                model.to(memory_format=torch.channels_last)
        for key, values in found.items():
            ratios = [own / other for own, other in zip(found["deepViz"], values, strict=True)]
            print(
                f"{name}:{size} {key}: {statistics.median(values):.1f} images/s "
                f"({min(values):.1f} to {max(values):.1f}), deepViz/{key} {statistics.median(ratios):.2f} "
                f"({min(ratios):.2f} to {max(ratios):.2f})"
            )
        print(f"{name}:{size} deepViz's process: {memory / 2**20:.0f} MiB at most")


def main() -> int:
    """Measures the networks named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", default=["resnet50:224", "resnet18:32"], metavar="NAME:SIZE")
    parser.add_argument("--example", type=Path, required=True, help="the example bare_forward, built with --release")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for network in options.networks:
        name, _, size = network.partition(":")
        measure(options.example, name, int(size or 224), options.rounds)
    print(f"on {os.cpu_count()} cores")
    return 0


if __name__ == "__main__":
    sys.exit(main())
