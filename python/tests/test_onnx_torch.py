"""What PyTorch and Keras export to ONNX: the layers of the file compared with PyTorch's own outputs."""

from __future__ import annotations

import copy
import warnings
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import numpy as np  # noqa: E402
from evaluate import evaluate  # noqa: E402
from nets import NETS, Classifier, randomise_statistics_and_weights  # noqa: E402

import deepviz  # noqa: E402
from deepviz.lower_onnx import Lowered, lower_onnx, read_model  # noqa: E402

EXPORTERS = ("script", "dynamo")


def exported(model: Any, images: Any, path: Path, exporter: str, **options: Any) -> Path:
    """A file of a model for any number of images."""
    if exporter == "dynamo":
        pytest.importorskip("onnxscript")
        how: dict[str, Any] = {"dynamic_shapes": ({0: torch.export.Dim("n")},), "verbose": False}
    else:
        how = {"dynamic_axes": {"images": {0: "n"}}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        given = copy.deepcopy(model).eval()
        how = {"input_names": ["images"], "dynamo": exporter == "dynamo", **how, **options}
        torch.onnx.export(given, (images,), str(path), **how)
    return path


def difference(lowered: Lowered, images: Any, expected: Any) -> float:
    """The largest difference of the layers' outputs from the expected ones, relative to the largest of these."""
    arrays = {name: torch.tensor(np.ascontiguousarray(constant.array)) for name, constant in lowered.arrays.items()}
    found = evaluate(lowered.network, arrays, images)
    return float((found - torch.as_tensor(expected)).abs().max()) / float(torch.as_tensor(expected).abs().max())


def randomise_norms(model: Any) -> Any:
    """Running statistics and weights of batch normalisation other than 0 and 1, small enough for deep networks."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                shape = module.weight.shape
                module.running_mean.copy_(torch.randn(shape, generator=generator) * 0.1)
                module.running_var.copy_(torch.rand(shape, generator=generator) + 0.5)
                module.weight.mul_(1 + 0.1 * torch.randn(shape, generator=generator))
                module.bias.add_(0.1 * torch.randn(shape, generator=generator))
    return model


@pytest.mark.slow
@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_large", "densenet121", "efficientnet_b0"])
def test_networks_of_torchvision_give_their_outputs(tmp_path: Path, name: str, exporter: str) -> None:
    models = pytest.importorskip("torchvision.models")
    torch.manual_seed(1)
    model = randomise_norms(models.get_model(name, weights=None, num_classes=10))
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected = model.eval()(images)
        lowered = lower_onnx(read_model(exported(model, images, tmp_path / "model.onnx", exporter)))
        assert difference(lowered, images, expected) <= 1e-5
        assert difference(lowered, images, lowered.network.logits(images.numpy())) <= 1e-5
    names = {layer.name for layer in lowered.network.layers}
    assert {"resnet18": {"layer2.0.conv1", "fc"}, "densenet121": {"features.denseblock1.denselayer1.conv1"}}.get(
        name, {"features.0.0"}
    ) <= names


NOT_EXPORTED = {("channels", "script"), ("norms", "script"), ("pools", "script"), ("pools", "dynamo")}
"""What torch.onnx.export cannot write for any number of images: channel_shuffle, instance norm, adaptive pools."""


@pytest.mark.parametrize(
    ("name", "exporter"),
    [(name, exporter) for name in sorted(NETS) for exporter in EXPORTERS if (name, exporter) not in NOT_EXPORTED],
)
def test_bodies_give_the_outputs_of_onnxruntime(tmp_path: Path, name: str, exporter: str) -> None:
    # Not PyTorch's: the exporter to TorchScript forgets what writes in place change.
    torch.manual_seed(2)
    body, channels = NETS[name]
    model = randomise_statistics_and_weights(Classifier(body(), channels))
    images = torch.randn(2, 3, 13, 10)
    model_file = read_model(exported(model, images, tmp_path / "model.onnx", exporter))
    if (name, exporter) == ("norms", "dynamo"):
        # An instance norm that is written as batch normalisation of all images' maps.
        with pytest.raises(deepviz.Refused, match="works on a tensor of 1 x 16 x 13 x 10"):
            lower_onnx(model_file)
        return
    lowered = lower_onnx(model_file)
    with torch.no_grad():
        assert difference(lowered, images, lowered.network.logits(images.numpy())) <= 1e-5


@pytest.mark.slow
def test_a_model_of_keras_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras")
    if keras.config.backend() != "torch":
        pytest.skip("Keras was imported with another backend")
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(8, 3, padding="same", strides=2),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.SeparableConv2D(12, 3, padding="same", activation="swish"),
            layers.MaxPooling2D(3, 2, padding="same"),
            layers.Flatten(),
            layers.Dense(4, activation="softmax"),
        ]
    )
    images = np.random.default_rng(1).integers(0, 256, (9, 16, 16, 3)).astype(np.float32)
    expected = np.asarray(model.predict(images, verbose=0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.export(str(tmp_path / "model.onnx"), format="onnx", verbose=False)
    lowered = lower_onnx(read_model(tmp_path / "model.onnx"))
    assert [layer.type for layer in lowered.network.layers][-3:] == ["pool", "full", "softmax"]
    first = torch.tensor(images.transpose(0, 3, 1, 2))
    logits = lowered.network.logits(first.numpy())
    exponentials = np.exp(logits - logits.max(1, keepdims=True))
    assert np.abs(exponentials / exponentials.sum(1, keepdims=True) - expected).max() <= 1e-5
    assert difference(lowered, first, logits) <= 1e-5
    # Keras's own images: rows, columns, channels, from 0 to 255.
    test = (images, np.arange(9) % 4)
    assert deepviz.import_onnx(tmp_path / "run", tmp_path / "model.onnx", test=test, classes=list("abcd")) == [0]
