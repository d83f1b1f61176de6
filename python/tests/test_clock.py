"""When snapshots are due, and what a step is in epochs and images."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from recorded import Images
from torch.utils.data import DataLoader

import deepviz
from deepviz.clock import Clock, Every, clock_of
from deepviz.write import TrainingPosition


def test_when_snapshots_are_due() -> None:
    def due(text: str, steps: int, until: int) -> list[int]:
        return [step for step in range(until + 1) if Every.parse(text).is_due(step, steps)]

    assert due("5 per epoch", 391, 391) == [0, 78, 156, 235, 313, 391]
    assert due("100 per epoch", 3, 6) == [0, 1, 2, 3, 4, 5, 6]
    assert due("100 steps", 50, 250) == [0, 100, 200] and due("2 epochs", 50, 250) == [0, 100, 200]
    assert due("1 step", 50, 2) == [0, 1, 2]
    for text in ("", "often", "0 steps", "-1 epochs", "5 per step", "1.5 epochs"):
        with pytest.raises(deepviz.Refused, match="no rule"):
            Every.parse(text)


def test_epochs_and_images_follow_from_the_loader() -> None:
    every = Every.parse("1 epoch")
    clock = clock_of(DataLoader(Images(20), batch_size=8), None, every, 1)
    assert clock == Clock(3, 20, 8) and clock.position(4) == TrainingPosition(4, 4 / 3, 28)
    assert clock.position(3).images_seen == 20 and clock.position(2).images_seen == 16
    assert clock_of(DataLoader(Images(20), batch_size=8, drop_last=True), None, every, 1) == Clock(2, 16, 8)
    # Gradients of two minibatches make a step.
    assert clock_of(DataLoader(Images(32), batch_size=4), 4, every, 1) == Clock(4, 32, 8)
    sampler: Any = torch.utils.data.DistributedSampler(Images(20), num_replicas=2, rank=0)
    assert clock_of(DataLoader(Images(20), batch_size=5, sampler=sampler), None, every, 2) == Clock(2, 20, 10)
    assert clock_of(Images(20), 5, every, 1) == Clock(5, 20, None)
    assert Clock(5, 20, None).position(7) == TrainingPosition(7, 1.4, 28)
    assert clock_of(None, None, Every.parse("5 steps"), 1).position(7) == TrainingPosition(7, 0.0, 0)
    with pytest.raises(deepviz.Refused, match=r"add steps_per_epoch=len\(loader\)"):
        clock_of(Images(20), None, every, 1)
