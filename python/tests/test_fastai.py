"""fastai's callback, by the protocol of fastai's callbacks: the library itself is large, and is not needed."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch
from nets import SmallNet
from recorded import Images
from test_loops import lines, source, steps
from torch import Tensor

import deepviz


def module(name: str, **content: Any) -> types.ModuleType:
    made = types.ModuleType(name)
    vars(made).update(content)
    return made


class Own(Tensor):
    """As fastai's TensorImage."""


class FakeLoader:
    """A loader of fastai: bytes, normalised by the minibatch."""

    def __init__(self, images: Images, transforms: list[Any]) -> None:
        self.dataset = images
        self.after_batch = types.SimpleNamespace(fs=transforms)

    def __len__(self) -> int:
        return 3

    def do_item(self, index: int) -> tuple[Tensor, Tensor]:
        return self.dataset.pixels[index].as_subclass(Own), self.dataset.labels[index]  # type: ignore[no-untyped-call]


class Normalize:
    """As fastai's: of 1 x C x 1 x 1."""

    mean = torch.tensor([0.5, 0.4, 0.3])[None, :, None, None]
    std = torch.tensor([0.2, 0.25, 0.3])[None, :, None, None]


class RandomResizedCropGPU:
    size = (8, 8)


@pytest.fixture
def learner(monkeypatch: pytest.MonkeyPatch) -> Any:
    class Callback:
        learn: Any = None

    for name, content in (("fastai", {}), ("fastai.callback", {}), ("fastai.callback.core", {"Callback": Callback})):
        monkeypatch.setitem(sys.modules, name, module(name, **content))
    dls = types.SimpleNamespace(
        train=FakeLoader(Images(20), [Normalize()]),
        valid=FakeLoader(Images(10), [Normalize()]),
        vocab=["cat", "dog", "owl"],
    )
    recorder = types.SimpleNamespace(metric_names=["epoch", "train_loss", "valid_loss", "accuracy", "time"], values=[])
    optimizer = types.SimpleNamespace(hypers=[{"lr": 0.1, "mom": 0.9, "decouple_wd": True, "wd": 0.01}])
    more = {"recorder": recorder, "opt": optimizer, "opt_func": lambda: None}
    return types.SimpleNamespace(dls=dls, model=SmallNet(), training=True, loss=torch.tensor(1.5), **more)


def test_fastai(tmp_path: Path, learner: Any) -> None:
    run = tmp_path / "run"
    callback = deepviz.fastai(run)
    callback.learn = learner
    learner.opt_func.__name__ = "Adam"
    for _ in range(2):
        callback.before_fit()
        learner.opt.hypers[-1]["lr"] = 0.25
        for training in (True, True, True, False):
            learner.training = training
            callback.after_batch()
        learner.recorder.values.append([1.5, 1.25, 0.75])
        callback.after_epoch()
        callback.after_fit()
    assert steps(run) == [0, 3, 6]
    assert source(run)["optimiser"] == "Adam(mom=0.9, decouple_wd=True, wd=0.01)"
    assert [line["rate"] for line in lines(run, "train")] == [0.25] * 6
    assert [(line["step"], line["loss"], line["error"]) for line in lines(run, "test")] == [
        (3, 1.25, 0.25),
        (6, 1.25, 0.25),
    ]
    corpus = json.loads((run / "corpus" / "corpus.json").read_text())
    assert corpus["classes"] == ["cat", "dog", "owl"] and (corpus["train"], corpus["test"]) == (20, 10)
    assert (run / "corpus" / "test.bin").read_bytes()[20:] == Images(10).pixels.numpy().tobytes()
    assert "mean = [0.5, 0.4" in (run / "run.toml").read_text()


def test_fastai_does_not_record_while_it_looks_for_a_rate(tmp_path: Path, learner: Any) -> None:
    callback = deepviz.fastai(tmp_path / "run")
    callback.learn = learner
    learner.lr_finder = object()
    callback.before_fit()
    callback.after_batch()
    callback.after_epoch()
    callback.after_fit()
    assert not (tmp_path / "run").exists()


def test_fastai_refuses_sizes_that_items_do_not_show(tmp_path: Path, learner: Any) -> None:
    learner.dls.train.after_batch.fs = [RandomResizedCropGPU(), Normalize()]
    callback = deepviz.fastai(tmp_path / "run")
    callback.learn = learner
    with pytest.raises(deepviz.Refused, match="`RandomResizedCropGPU` changes the size of the train images"):
        callback.before_fit()
    callback = deepviz.fastai(tmp_path / "run", train=None)
    callback.learn = learner
    callback.before_fit()
    callback.after_fit()
    assert steps(tmp_path / "run") == [0]
