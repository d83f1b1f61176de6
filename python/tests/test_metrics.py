"""Lines of metrics: when there are any, and that reading a loss waits for no GPU."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from nets import SmallNet
from recorded import recorder

import deepviz
from deepviz.losses import PendingMetric
from deepviz.write import TrainingPosition


def lines(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


class Distant:
    """A number on another device: it says when it is read."""

    is_cuda = False
    device = torch.device("xpu")

    def __init__(self, number: float, read: list[float]) -> None:
        self.number = number
        self.read = read

    def detach(self) -> Distant:
        return self

    def numel(self) -> int:
        return 1

    def clone(self) -> Distant:
        # Memory of its own: the loop may write into the tensor again.
        return Distant(self.number, self.read)

    def __float__(self) -> float:
        self.read.append(self.number)
        return self.number


def test_a_loss_on_another_device_is_read_one_step_later(tmp_path: Path) -> None:
    read: list[float] = []
    made = recorder(tmp_path / "run", SmallNet())
    loss = Distant(1.0, read)
    made.step(loss=loss, error=Distant(0.5, read))
    loss.number = 9.0
    assert read == [] and lines(tmp_path / "run") == []
    made.step(loss=Distant(2.0, read))
    assert read == [1.0, 0.5]
    made.close()
    assert [(line["step"], line["loss"], line["error"]) for line in lines(tmp_path / "run")] == [
        (1, 1.0, 0.5),
        (2, 2.0, None),
    ]


def test_losses_of_every_image_are_averaged() -> None:
    pending = PendingMetric()
    pending.store(torch.tensor([1.0, 2.0, 6.0], requires_grad=True), None, TrainingPosition(1, 0.0, 0), None, 0.0)
    metric = pending.pop()
    assert metric is not None and metric.loss == 3.0
    assert pending.pop() is None


def test_a_loss_that_is_not_finite_is_null(tmp_path: Path) -> None:
    with recorder(tmp_path / "run", SmallNet()) as made:
        made.step(loss=torch.tensor(math.nan), error=1.0)
        made.step(loss=math.inf)
        made.eval(loss=math.nan, error=0.9)
    found = lines(tmp_path / "run")
    assert [(line["kind"], line["loss"], line["error"]) for line in found] == [
        ("train", None, 1.0),
        ("train", None, None),
        ("test", None, 0.9),
    ]
    assert "nan" not in (tmp_path / "run" / "metrics.jsonl").read_text().lower()


def test_without_a_loss_no_metrics_are_recorded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with recorder(tmp_path / "run", SmallNet()) as made:
        capsys.readouterr()
        made.step()
        assert capsys.readouterr().err == ""
        for _ in range(2):
            made.step(error=0.5)
            made.eval(loss=1.0, error=None)
            made.eval(loss=None, error=None)
        said = capsys.readouterr().err.splitlines()
        with pytest.raises(TypeError):
            made.eval(loss=1.0)  # type: ignore[call-arg]
    assert said == [
        "deepviz: a train measurement without loss= is not recorded; give the recorder loss= too",
        "deepviz: a test measurement without error= is not recorded; give the recorder error= too",
    ]
    assert lines(tmp_path / "run") == [] and made.now == 3


def test_the_learning_rate_is_that_of_the_step(tmp_path: Path) -> None:
    model = SmallNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
    with recorder(tmp_path / "run", model, optimizer=optimizer) as made:
        made.step(loss=1.0)
        optimizer.param_groups[0]["lr"] = 0.05
        made.step(loss=1.0)
        made.log(loss=0.5, rate=0.01)
    assert [line["rate"] for line in lines(tmp_path / "run")] == [0.2, 0.05, 0.01]


def test_a_new_recorder_is_closed_by_with_after_an_error_too(tmp_path: Path) -> None:
    with pytest.raises(KeyError), recorder(tmp_path / "run", SmallNet()) as made:
        made.step(loss=1.5)
        raise KeyError
    assert [line["loss"] for line in lines(tmp_path / "run")] == [1.5]
    assert (tmp_path / "run" / "snapshots" / "000001.safetensors").exists()
    assert isinstance(made, deepviz.Recorder)
