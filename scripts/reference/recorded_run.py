#!/usr/bin/env python3
"""Writes crates/fixtures/src/recorded: a tiny run as the Python package records one, for the Rust tests.

    PYTHONPATH=python recorded_run.py

Needs torch. A network of 8 x 8 grey images in which one module is used twice, with four steps of training: snapshots of
steps 0, 2 and 4, and of the last weights in bfloat16 (step 6) and float16 (step 8). `expected.json` has the probabilities of
the test images as PyTorch computes them from each.
"""

import json
import shutil
from pathlib import Path

import torch
from torch import nn

import deepviz
from deepviz.tensors import arrays_of, dtype_name, memory_of
from deepviz.write import Array, TrainingPosition, write_snapshot

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / "crates/fixtures/src/recorded"
CLASSES = ["cat", "dog", "bird"]


class Images(torch.utils.data.Dataset):
    """Random images in float, as `ToTensor` and `Normalize(0.5, 0.25)` give them."""

    classes = CLASSES

    def __init__(self, count, seed):
        generator = torch.Generator().manual_seed(seed)
        self.bytes = torch.randint(0, 256, (count, 1, 8, 8), generator=generator, dtype=torch.uint8)

    def __len__(self):
        return len(self.bytes)

    def __getitem__(self, index):
        return (self.bytes[index].float() / 255 - 0.5) / 0.25, index % len(CLASSES)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU())
        self.block = nn.Conv2d(4, 4, 3, padding=1)
        self.head = nn.Linear(4 * 4 * 4, len(CLASSES))

    def forward(self, x):
        x = self.stem(x)
        x = x + self.block(self.block(x).relu())
        return self.head(nn.functional.max_pool2d(x, 2).flatten(1))


def main():
    torch.manual_seed(1)
    torch.set_num_threads(1)
    shutil.rmtree(RUN, ignore_errors=True)
    model = Net()
    train, test = Images(12, 1), Images(9, 2)
    loader = torch.utils.data.DataLoader(train, batch_size=6)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    settings = dict(mean=[0.5], std=[0.25], every="2 steps", optimizer=optimizer)
    with deepviz.Recorder(RUN, model, train=loader, test=test, **settings) as recorder:
        for _ in range(2):
            for images, labels in loader:
                optimizer.zero_grad()
                loss = nn.functional.cross_entropy(model(images), labels)
                loss.backward()
                optimizer.step()
                recorder.step(loss=loss)
    (RUN / "train.lock").unlink(missing_ok=True)
    model.eval()
    images = torch.stack([test[i][0] for i in range(len(test))])
    expected = {}
    for step, dtype in [(4, torch.float32), (6, torch.bfloat16), (8, torch.float16)]:
        rounded = {name: array.to(dtype) for name, array in arrays_of(model).items()}
        if step > 4:
            position = TrainingPosition(step, step / 2, 6 * step)
            arrays = [Array(n, dtype_name(a), tuple(a.shape), memory_of(a.contiguous())) for n, a in rounded.items()]
            write_snapshot(RUN, position, arrays)
        with torch.no_grad():
            single = {name: array.float() for name, array in rounded.items()}
            expected[step] = torch.func.functional_call(model, single, (images,)).softmax(1).tolist()
    (RUN / "expected.json").write_text(json.dumps(expected) + "\n")


if __name__ == "__main__":
    main()
