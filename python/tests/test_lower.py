"""Lowered networks compute what the model computes."""

# mypy: disable-error-code="no-any-return, operator"
from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from evaluate import evaluate, every_layer
from nets import NETS, Flat, make_net
from torch import Tensor, nn

from deepviz import Refused
from deepviz.lower import Network, lower
from deepviz.tensors import arrays_of
from deepviz.worker.program import exported


def images(side: tuple[int, int] = (13, 10), count: int = 4) -> Tensor:
    return torch.randn(count, 3, *side, generator=torch.Generator().manual_seed(7))


def difference(model: nn.Module, network: Network, x: Tensor) -> float:
    """The largest difference from the model's own logits, relative to the largest of these."""
    with torch.no_grad():
        expected, found = network.logits(x), evaluate(network, arrays_of(model), x)
    assert expected.abs().max() > 1e-3
    return float((expected - found).abs().max() / expected.abs().max())


@pytest.mark.parametrize("name", [*NETS, "flat"])
def test_a_lowered_network_computes_what_the_model_does(name: str) -> None:
    model = make_net(name)
    network = lower(model, images())
    assert difference(model.eval(), network, images()) <= 1e-6


@pytest.mark.parametrize("name", [*NETS, "flat"])
def test_every_weight_matters(name: str) -> None:
    # A change of any array changes the outputs, so that no layer lacks its array or takes another layer's.
    model = make_net(name).eval()
    network = lower(model, images())
    arrays = {key: tensor.detach().clone() for key, tensor in arrays_of(model).items()}
    before = evaluate(network, arrays, images())
    for key in network.arrays:
        changed = {**arrays, key: arrays[key] + 0.25}
        change = (evaluate(network, changed, images()) - before).abs().max()
        # A shift before a normalisation over the same values is taken out again.
        assert float(change) > 0 or name == "norms", key
    assert {key for key in arrays if arrays[key].is_floating_point()} == set(network.arrays)


def test_names_are_those_of_modules_and_unique() -> None:
    network = lower(make_net("next"), images())
    names = [layer.name for layer in network.layers]
    assert names[:3] == ["body.grow", "body.norm", "body.up"]
    assert names[-2:] == ["fc", "probabilities"] and len(set(names)) == len(names)
    sequential = lower(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 11 * 8, 3)), images())
    assert [layer.name for layer in sequential.layers] == ["0_conv", "1_relu", "3_full", "probabilities"]
    assert sequential.layers[0].arrays == {"weight": "0.weight", "bias": "0.bias"}


def test_names_that_mean_something_else_in_snapshots_are_not_used() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.data = nn.Conv2d(3, 4, 3)
            self.optimizer = nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.optimizer(self.data(x).mean((2, 3)))

    names = [layer.name for layer in lower(Odd(), images()).layers]
    assert names == ["data_conv", "global_average", "optimizer_full", "probabilities"]


def test_only_what_reaches_the_outputs_is_kept() -> None:
    class Auxiliary(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.fc, self.other = nn.Conv2d(3, 4, 3), nn.Linear(4, 3), nn.Linear(4, 9)

        def forward(self, x: Tensor) -> Tensor:
            x = self.conv(x).mean((2, 3))
            self.other(x).roll(1)
            return self.fc(x)

    network = lower(Auxiliary(), images())
    assert [layer.type for layer in network.layers] == ["conv", "global_average", "full", "softmax"]


def test_logits_are_those_before_a_softmax_of_the_model() -> None:
    model = make_net("flat").eval()
    network = lower(model, images())
    assert network.ends_in_softmax and network.layers[-1].type == "softmax"
    x = images(count=3)
    logits = network.logits(x)
    assert torch.allclose(F.log_softmax(logits, 1), model(x), atol=1e-6)
    assert not torch.allclose(logits, model(x), atol=1e-3)
    probabilities = every_layer(network, arrays_of(model), x)["probabilities"].flatten(1)
    assert torch.allclose(probabilities, model(x).exp(), atol=1e-6)


def test_outputs_may_be_an_object_with_logits() -> None:
    class Output:
        def __init__(self, logits: Tensor) -> None:
            self.logits = logits

    class Wrapped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Flat()

        def forward(self, pixel_values: Tensor, labels: Tensor | None = None) -> Output:
            return Output(self.inner(pixel_values))

    model = Wrapped()
    assert difference(model.eval(), lower(model, images()), images()) <= 1e-6


def test_weights_in_half_precision_are_lowered() -> None:
    assert lower(make_net("windows").to(torch.bfloat16), images()).layers[0].type == "conv"


class Doing(nn.Module):
    """A network with a function in its middle."""

    def __init__(self, function: object, channels: int = 4) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.function = function
        self.weight = nn.Parameter(torch.ones(()))
        self.fc = nn.Linear(channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.function(self, self.stem(x)).mean((2, 3)))  # type: ignore[operator]


REFUSED = {
    "roll": (lambda m, x: x.roll(1, 2), "`roll` in the model itself (Doing) is an operation"),
    "upsample": (lambda m, x: F.interpolate(x, scale_factor=2), "upsample_nearest2d"),
    "mish": (lambda m, x: F.mish(x), "`mish`.*activation function"),
    "elu": (lambda m, x: F.elu(x), "`elu`.*activation function"),
    "softplus": (lambda m, x: F.softplus(x), "`softplus` in the model itself (Doing) is a softplus"),
    "attention": (lambda m, x: F.scaled_dot_product_attention(x, x, x), "part of attention"),
    "reflection": (lambda m, x: F.pad(x, (1, 1, 1, 1), mode="reflect"), "pads by `reflect`"),
    "one scalar": (lambda m, x: x * m.weight, "`weight` of one number.*one a channel"),
    "standardised": (
        lambda m, x: F.conv2d(x, m.stem.weight.sum(1, keepdim=True) * 2, groups=4),
        "with a weight|weights",
    ),
    "dropout": (lambda m, x: F.dropout(x, 0.5), "training=self.training"),
    "spatial gate": (lambda m, x: x * x.mean(1, keepdim=True), "reduces other axes"),
    "vector to map": (lambda m, x: x + x.mean((2, 3), keepdim=True), "one value a channel to every pixel"),
    "quotient": (lambda m, x: x / (x.abs() + 1), "divides activations"),
    "write in part": (lambda m, x: (x[:, :2].relu_(), x)[1], "writes in place"),
    "write in a copy": (lambda m, x: (x.flatten(2).relu_(), x)[1], "writes in place"),
    "part of pixels": (
        lambda m, x: x.flatten(2)[:, :, :5].mean(2)[:, :, None, None],
        "neither channels, rows nor columns",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_lowered_is_refused_in_one_sentence(name: str) -> None:
    function, expected = REFUSED[name]
    with pytest.raises(Refused, match=expected.replace("(", r"\(").replace(")", r"\)")) as caught:
        lower(Doing(function), images())
    message = str(caught.value)
    assert "\n" not in message and "cannot be recorded; " in message


def test_the_module_is_named() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.Sequential(nn.Upsample(scale_factor=2)), nn.Flatten(), nn.LazyLinear(3)
    )
    model(images())
    with pytest.raises(Refused, match=r"`upsample_nearest2d` in module `1\.0` \(Upsample\)"):
        lower(model, images())


def test_outputs_that_are_no_classes_are_refused() -> None:
    with pytest.raises(Refused, match="outputs are N x 4 x 11 x 8"):
        lower(nn.Conv2d(3, 4, 3), images())
    flat = nn.Flatten()
    with pytest.raises(Refused, match="two of them, with cross_entropy"):
        lower(nn.Sequential(flat, nn.Linear(390, 1)), images())
    with pytest.raises(Refused, match="no shape yet"):
        lower(nn.Sequential(flat, nn.LazyLinear(2)), images())


def test_models_of_several_inputs_or_results_are_refused() -> None:
    class Two(nn.Module):
        def forward(self, image: Tensor, mask: Tensor) -> Tensor:
            return image * mask

    class Results(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(390, 3)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            x = self.fc(x.flatten(1))
            return x, x

    with pytest.raises(Refused, match=r"takes 2 inputs \(image, mask\)"):
        lower(Two(), images())
    with pytest.raises(Refused, match="returns 2 results"):
        lower(Results(), images())


@pytest.mark.parametrize(
    ("wrap", "expected"),
    [
        (lambda x: [{"boxes": x, "scores": x}] * 2, "returns 2 results"),
        (lambda x: [{"boxes": x, "scores": x}], "returns a list of a dict"),
        (lambda x: {"out": x, "aux": x}, "returns a dict with out, aux"),
        (lambda x: {"logits": None}, "returns a dict with logits"),
    ],
)
def test_outputs_of_detection_and_segmentation_are_refused(wrap: Callable[[Tensor], object], expected: str) -> None:
    class Wrapped(nn.Module):
        def forward(self, x: Tensor) -> object:
            return wrap(x)

    with pytest.raises(Refused, match=f"{expected} in evaluation.*deepViz shows classifiers"):
        lower(Wrapped(), images())


def test_batch_statistics_in_evaluation_are_refused() -> None:
    model = nn.Sequential(nn.BatchNorm2d(3, track_running_stats=False), nn.Flatten(), nn.Linear(390, 3))
    with pytest.raises(Refused, match="track_running_stats=True"):
        lower(model, images())


def test_what_cannot_be_traced_is_refused_with_the_reason_alone(capfd: pytest.CaptureFixture[str]) -> None:
    class Dynamic(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(390, 3)

        def forward(self, x: Tensor) -> Tensor:
            print("of the model", file=sys.stderr)
            return self.fc(x.flatten(1)) if x.sum() > 0 else x.flatten(1)[:, :3]

    expected = (
        r"^torch\.export cannot trace the model \(GuardOnDataDependentSymNode: .*, in Dynamic\.forward, line \d+ of "
        r"test_lower\.py\), so it cannot be recorded; [^\n]*$"
    )
    for function in (lower, exported):
        with pytest.raises(Refused, match=expected):
            function(Dynamic(), images())
        # PyTorch prints the graph up to there; what the model prints itself stays.
        found = capfd.readouterr()
        assert (found.out, set(found.err.splitlines())) == ("", {"of the model"})
