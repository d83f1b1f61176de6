"""What a recorder costs: a training loop of resnet18 in blocks of steps, in turn with and without one.

    python python/scripts/recorder_cost.py [--blocks 5] [--batch 64] [--every 100] [--threads 1] [--stem imagenet]

Images are random, 32 x 32. A block has as many steps as lie between two snapshots, and those with a recorder have one
in their middle, so that all of its writing lies within the block. Two times are compared: by the clock, and the
processor's time of the whole process, writing thread included, which other programs on the machine lengthen less. Both
vary by more than a recorder costs; so its parts are measured too: the time that the loop spends in `step()`, copies
included, and the processor's time of the writing thread. Prints medians and shares.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
import torchvision  # noqa: E402
from torch import Tensor, nn  # noqa: E402

import deepviz.writer  # noqa: E402
from deepviz.write import write_snapshot  # noqa: E402

CLASSES = 10


class RandomImages:
    """Images of random bytes, from 0 to 1, as a data set."""

    def __init__(self, count: int) -> None:
        generator = torch.Generator().manual_seed(1)
        self.pixels = torch.randint(0, 256, (count, 3, 32, 32), generator=generator, dtype=torch.uint8)

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.pixels[index].float() / 255, index % CLASSES


class Training:
    """A training loop that can be run for some steps."""

    def __init__(self, batch: int, stem: str) -> None:
        torch.manual_seed(1)
        self.model = torchvision.models.resnet18(num_classes=CLASSES)
        if stem == "small":
            self.model.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.01, momentum=0.9)
        self.images = torch.rand(batch, 3, 32, 32)
        self.labels = torch.arange(batch) % CLASSES
        self.loss_of = nn.CrossEntropyLoss()

    def steps(self, count: int, after: Callable[[Tensor], None]) -> tuple[float, float]:
        """So many steps; seconds by the clock and of the processor. `after` is called with the loss of every step."""
        wall, used = time.perf_counter(), time.process_time()
        for _ in range(count):
            loss = self.loss_of(self.model(self.images), self.labels)
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
            after(loss)
        return time.perf_counter() - wall, time.process_time() - used


def _timed_writing() -> list[float]:
    """The processor's time of the thread that writes snapshots, as the one number of a list."""
    seconds = [0.0]
    plain = write_snapshot

    def timed(*given: Any) -> None:
        began = time.thread_time()
        plain(*given)
        seconds[0] += time.thread_time() - began

    vars(deepviz.writer)["write_snapshot"] = timed
    return seconds


def measured(folder: Path, options: argparse.Namespace) -> None:
    """Prints what every block took, then medians and shares."""
    training = Training(options.batch, options.stem)
    recorder = deepviz.Recorder(
        folder / "run", training.model, test=RandomImages(100), classes=[str(index) for index in range(CLASSES)],
        every=f"{options.every} steps", optimizer=training.optimizer,
    )  # fmt: skip
    inside = 0.0
    writing = _timed_writing()

    def record(loss: Tensor) -> None:
        nonlocal inside
        began = time.perf_counter()
        recorder.step(loss=loss)
        inside += time.perf_counter() - began

    def nothing(loss: Tensor) -> None:
        # The loop reads its loss, as most do; so does a recorder on a CPU.
        float(loss.detach())

    # Half a block first: snapshots then lie in the middle of blocks.
    training.steps(options.every // 2, record)
    inside = writing[0] = 0.0
    times: dict[str, list[tuple[float, float]]] = {"without": [], "with": []}
    for block in range(options.blocks):
        for kind, after in (("without", nothing), ("with", record)):
            times[kind].append(training.steps(options.every, after))
            wall, used = times[kind][-1]
            print(f"block {block + 1} {kind:8} {wall:7.2f} s, processor {used:7.2f} s", flush=True)
    recorder.close()
    total = sum(wall for wall, _ in times["with"])
    for place, name in ((0, "clock"), (1, "processor")):
        without, with_ = (statistics.median(pair[place] for pair in times[kind]) for kind in ("without", "with"))
        print(f"{name:10} {without:.2f} s without, {with_:.2f} s with: {with_ / without - 1:+.2%}")
    print(f"in step()  {inside:.2f} s of {total:.2f} s: {inside / total:.2%}")
    used = sum(used for _, used in times["with"])
    print(f"writing    {writing[0]:.2f} s of {used:.2f} s of the processor: {writing[0] / used:.2%}")


def main() -> None:
    """Reads the options and measures in a folder of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=5)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--every", type=int, default=100, help="steps between two snapshots")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--stem", choices=["imagenet", "small"], default="imagenet", help="small: conv1 of 3 x 3")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        measured(Path(folder), options)


if __name__ == "__main__":
    main()
