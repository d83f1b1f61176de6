"""What the deepviz program makes of a recorded run: the same predictions as PyTorch. Needs $DEEPVIZ_BINARY."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import torch
import torch.nn.functional as F
from nets import NETS, Classifier, randomise_statistics_and_weights
from recorded import Images
from torch import Tensor, nn
from torch.utils.data import DataLoader

import deepviz
from deepviz.folder import VARIABLE

BINARY = os.environ.get(VARIABLE, "")
pytestmark = pytest.mark.skipif(not BINARY, reason=f"${VARIABLE} does not name the deepviz program")

COUNT = 90
SPLIT = {"train": (0, Images(60)), "test": (60, Images(COUNT, seed=2))}


def run_program(*arguments: str) -> str:
    done = subprocess.run([BINARY, *arguments], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@contextmanager
def served(run: Path) -> Iterator[str]:
    """The address of a run's REST interface."""
    command = [BINARY, "serve", str(run), "--addr", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            assert server.stdout is not None
            # Warnings may come before it.
            lines = iter(server.stdout.readline, "")
            found = next((match for line in lines if (match := re.search(r"^deepViz at (http://\S+)", line))), None)
            assert found is not None
            yield f"{found[1].rstrip('/')}/api/runs/{run.name}"
        finally:
            server.terminate()


def get(address: str) -> Any:
    with urlopen(address, timeout=60) as answer:
        return json.load(answer)


def inputs(split: str) -> Tensor:
    images = SPLIT[split][1]
    return torch.stack([images[index][0] for index in range(len(images))])


def make_net(name: str) -> nn.Module:
    """A body of nets.py; those take images of any size."""
    torch.manual_seed(4)
    body, channels = NETS[name]
    return randomise_statistics_and_weights(Classifier(body(), channels))


def recorded(run: Path, model: nn.Module) -> list[dict[str, Tensor]]:
    """A short training in single steps, recorded; the model's probabilities of both splits at every snapshot."""
    loader = DataLoader(SPLIT["train"][1], batch_size=20, shuffle=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    found = []

    def probabilities() -> None:
        was = [module.training for module in model.modules()]
        with torch.no_grad():
            found.append({split: model.eval()(inputs(split)).softmax(1) for split in SPLIT})
        for module, mode in zip(model.modules(), was, strict=True):
            module.training = mode

    with deepviz.Recorder(run, model, train=loader, test=SPLIT["test"][1], every="1 step") as recorder:
        probabilities()
        for images, labels in loader:
            loss = F.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            recorder.step(loss=loss)
            probabilities()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", ["windows", "pools", "activations", "channels", "gate", "next", "shortcut", "shared"])
def test_statistics_are_those_of_pytorch(tmp_path: Path, name: str) -> None:
    run = tmp_path / name
    expected = recorded(run, make_net(name))
    assert f"{2 * len(expected)} units computed, 0 up to date, 0 failed" in run_program("stats", str(run))
    with served(run) as address:
        listed = get(address)
        assert [item["step"] for item in listed["checkpoints"]] == list(range(len(expected)))
        assert not any(item["problem"] for item in listed["checkpoints"])
        for split, (first, images) in SPLIT.items():
            counts = get(f"{address}/confusion?split={split}")["counts"]
            for index, probabilities in enumerate(expected):
                wanted = torch.zeros(3, 3, dtype=torch.int64)
                pairs = torch.stack([images.labels, probabilities[split].argmax(1)])
                wanted.index_put_(tuple(pairs), torch.tensor(1), accumulate=True)
                assert counts[index] == wanted.flatten().tolist(), (split, index)
            for image in range(len(images)):
                found = get(f"{address}/images/{first + image}/history")
                assert found["true_class"] == int(images.labels[image])
                of_image = torch.stack([probabilities[split][image] for probabilities in expected])
                assert torch.allclose(torch.tensor(found["probabilities"]), of_image, rtol=0, atol=1e-4)


def test_the_program_agrees_with_the_recorded_outputs(tmp_path: Path) -> None:
    recorded(tmp_path / "run", make_net("gate"))
    with served(tmp_path / "run") as address:
        for _ in range(100):
            check = get(address)["check"]
            if check["difference"] is not None:
                break
            # Its images are being read.
            time.sleep(0.1)
    assert check["agrees"] is True and check["difference"] <= 1e-5 and check["images"] == 8
