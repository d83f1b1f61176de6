"""The outputs that a run is checked with: in single precision, whatever the model computes in."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from evaluate import evaluate
from nets import make_net
from torch import Tensor, nn

from deepviz.check import check_outputs
from deepviz.lower import lower
from deepviz.tensors import arrays_of


def images() -> Tensor:
    return torch.randn(5, 3, 13, 10, generator=torch.Generator().manual_seed(7))


def close(found: Tensor, expected: Tensor) -> bool:
    return bool((found - expected).abs().max() <= 1e-5 * expected.abs().max())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("name", ["gate", "flat"])
def test_outputs_are_those_of_single_precision(dtype: torch.dtype, name: str) -> None:
    # `flat` ends in a softmax: of it the values before are wanted, from the program as far as that.
    model = make_net(name).to(dtype).train()
    network = lower(model, images())
    found = check_outputs(model, network, images())
    single = copy.deepcopy(model).float()
    arrays = {key: tensor.detach() for key, tensor in arrays_of(single).items()}
    assert found.dtype == torch.float32 and close(found, evaluate(network, arrays, images()))
    if name == "flat":
        with torch.no_grad():
            assert close(F.log_softmax(found, 1), single.eval()(images()))
    assert model.training and next(model.parameters()).dtype == dtype


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_shared_weights_and_those_that_nothing_takes_do_not_matter(dtype: torch.dtype) -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.again = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1)
            self.again.weight = self.first.weight
            self.auxiliary = nn.Linear(3, 7)
            self.fc = nn.Linear(3, 4)

        def forward(self, x: Tensor) -> Tensor:
            return F.softmax(self.fc(self.again(self.first(x).relu()).mean((2, 3))), 1)

    torch.manual_seed(1)
    model = Tied().to(dtype)
    network = lower(model, images())
    assert len({layer.arrays["weight"] for layer in network.layers if layer.type == "conv"}) == 1
    found = check_outputs(model, network, images())
    arrays = {name: tensor.detach().float() for name, tensor in arrays_of(model).items()}
    assert found.dtype == torch.float32 and close(found, evaluate(network, arrays, images()))


def test_a_model_that_converts_its_input_is_checked_in_its_own_precision() -> None:
    class Half(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = make_net("gate")
            self.fc = nn.Linear(3, 3).to(torch.bfloat16)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.fc(self.inner(x).to(torch.bfloat16))
            return out

    model = Half().eval()
    found = check_outputs(model, lower(model, images()), images())
    with torch.no_grad():
        assert torch.equal(found, model(images()).float())
