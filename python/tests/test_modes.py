"""What a recorder leaves as it was: modes and random numbers; and the wrappers that it takes off."""

# mypy: disable-error-code="no-any-return, union-attr, type-var"
from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
from nets import SmallNet
from recorded import recorder
from test_write import read_snapshot
from torch import Tensor, nn

from deepviz.modes import evaluation, same_random_numbers, unwrapped


class Wrapper(nn.Module):
    """A model of one's own that has its network under a name that wrappers use."""

    def __init__(self) -> None:
        super().__init__()
        self.module = SmallNet()

    def forward(self, x: Tensor) -> Tensor:
        return self.module(2 * x)


def test_wrappers_are_taken_off_in_any_order() -> None:
    model = SmallNet()
    compiled = torch.compile(model)
    averaged = torch.optim.swa_utils.AveragedModel(model)
    assert unwrapped(nn.DataParallel(compiled)) is model  # type: ignore[type-var, arg-type]
    assert unwrapped(torch.compile(nn.DataParallel(compiled))) is model  # type: ignore[type-var, arg-type]
    assert type(unwrapped(averaged)) is SmallNet
    own = Wrapper()
    assert unwrapped(own) is own


def test_names_in_a_run_are_without_wrappers(tmp_path: Path) -> None:
    model = nn.DataParallel(torch.compile(SmallNet()))  # type: ignore[type-var, arg-type]
    recorder(tmp_path / "run", model).close()
    _, arrays = read_snapshot(tmp_path / "run" / "snapshots" / "000000.safetensors")
    assert {name for name, *_ in arrays} == {
        *("conv.weight", "norm.weight", "norm.bias", "norm.running_mean", "norm.running_var", "fc.weight", "fc.bias"),
    }


def test_modes_come_back_module_by_module_after_an_error_too() -> None:
    class Own(nn.Module):
        """Its modes are not changed by way of `train`, which does more than that."""

        def train(self, mode: bool = True) -> Own:
            raise AssertionError("not called")

    model = nn.Sequential(SmallNet(), nn.Sequential(Own(), nn.Dropout()))
    model[0].norm.training = False
    before = [module.training for module in model.modules()]
    with pytest.raises(KeyError), evaluation(model):
        assert not any(module.training for module in model.modules())
        raise KeyError
    assert [module.training for module in model.modules()] == before and any(before) and not all(before)


def test_random_numbers_are_restored() -> None:
    numpy = pytest.importorskip("numpy")

    def next_numbers(inside: bool) -> list[float]:
        torch.manual_seed(1), random.seed(1), numpy.random.seed(1)
        if inside:
            with pytest.raises(KeyError), same_random_numbers():
                torch.rand(3), random.random(), numpy.random.rand(5), torch.manual_seed(9)
                raise KeyError
        return [torch.rand(1).item(), random.random(), numpy.random.rand()]

    assert next_numbers(inside=True) == next_numbers(inside=False)
