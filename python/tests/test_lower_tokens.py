"""Lowered vision transformers compute what the model computes, with the layers that one would look for."""

# mypy: disable-error-code="no-any-return, operator"
from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from evaluate import evaluate
from test_lower import difference
from token_nets import LOWERED, images, lowered
from torch import Tensor, nn

from deepviz import Refused
from deepviz.lower import lower
from deepviz.tensors import arrays_of


@pytest.mark.parametrize("name", LOWERED)
def test_a_lowered_network_computes_what_the_model_does(name: str) -> None:
    model = lowered(name).eval()
    network = lower(model, images())
    assert difference(model, network, images()) <= 2e-6


@pytest.mark.parametrize("name", LOWERED)
def test_every_weight_matters(name: str) -> None:
    model = lowered(name).eval()
    network = lower(model, images())
    arrays = {key: tensor.detach().clone() for key, tensor in arrays_of(model).items()}
    before = evaluate(network, arrays, images())
    for key in network.arrays:
        generator = torch.Generator().manual_seed(1)
        changed = {**arrays, key: arrays[key] + torch.randn(arrays[key].shape, generator=generator)}
        change = (evaluate(network, changed, images()) - before).abs().max()
        # The softmax takes out what a bias of the keys adds to all products of a query.
        assert float(change) > 1e-4 or key == "k.bias", key
    assert set(arrays) == set(network.arrays)


def test_layers_of_attention_have_names_and_shapes() -> None:
    layers = {layer.name: layer for layer in lower(lowered("tokens"), images()).layers}
    inside = "qkv query key value attention_weights attention proj".split()
    expected = [f"blocks.{block}.attn.{part}" for block in (0, 1) for part in inside]
    assert [name for name in layers if ".attn." in name] == expected
    assert layers["blocks.0.attn.attention_weights"].shape == (2, 17, 17)
    assert layers["blocks.0.attn.attention_weights"].keys == {"heads": 2}
    assert layers["blocks.1.attn.attention_weights"].keys["scale"] == pytest.approx(0.5 / 1.5)
    assert layers["class_token"].arrays == {"weight": "cls"} and layers["class_token"].shape == (8, 17, 1)
    assert layers["position"].arrays == {"weight": "position"}
    of_modules = [layer.name for layer in lower(lowered("encoder"), images()).layers]
    assert {"layer.self_attn.in_proj", "layer.self_attn.attention", "layer.self_attn.out_proj"} <= set(of_modules)


def test_maps_stay_maps_without_learnt_tokens() -> None:
    shapes = {layer.name: layer.shape for layer in lower(lowered("maps"), images()).layers}
    assert shapes["q"] == (12, 4, 4) and shapes["attention"] == (12, 4, 4)
    assert [shape for name, shape in shapes.items() if name.startswith("attention_weights")] == [
        (3, 16, 16),
        (3, 16, 4),
    ]
    shapes = {layer.name: layer.shape for layer in lower(lowered("mixer"), images()).layers}
    assert shapes["tokens.0"] == (9, 6, 1) and shapes["add"] == (6, 4, 4)


class Between(nn.Module):
    """A function of tokens between patches and classes."""

    def __init__(self, function: object) -> None:
        super().__init__()
        self.patch, self.fc = nn.Conv2d(3, 8, 2, stride=2), nn.Linear(8, 3)
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        return self.fc(self.function(x).mean(1))


def heads(x: Tensor) -> Tensor:
    return x.unflatten(2, (2, 4)).transpose(1, 2)


def joined(x: Tensor) -> Tensor:
    return x.transpose(1, 2).flatten(2)


REFUSED = {
    "causal": (
        lambda x: joined(F.scaled_dot_product_attention(heads(x), heads(x), heads(x), is_causal=True)),
        "part of attention in a form",
    ),
    "mask": (
        lambda x: joined(F.scaled_dot_product_attention(heads(x), heads(x), heads(x), torch.zeros(16, 16))),
        "`zeros`.*is an operation|made in its forward pass",
    ),
    "squared": (
        lambda x: joined((heads(x) @ heads(x).mT).square().softmax(3) @ heads(x)),
        "part of attention in a form",
    ),
    "over queries": (lambda x: joined((heads(x) @ heads(x).mT).softmax(2) @ heads(x)), "part of attention in a form"),
    "no softmax": (lambda x: joined((heads(x) @ heads(x).mT) @ heads(x)), "part of attention in a form"),
    "every second": (lambda x: x[:, ::2], "one of every 2 values"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_attention_is_refused(name: str) -> None:
    function, said = REFUSED[name]
    with pytest.raises(Refused, match=said):
        lower(Between(function), images())


def test_what_is_refused_is_named_and_not_the_attention_after_it() -> None:
    class Upsampled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = lowered("encoder")

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(F.interpolate(x, scale_factor=1, mode="bilinear"))

    with pytest.raises(Refused, match="`upsample_bilinear2d`"):
        lower(Upsampled(), images())
