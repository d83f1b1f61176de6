"""Every operator of ONNX that is lowered, compared with onnxruntime, without PyTorch."""

# mypy: disable-error-code="no-any-return"
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("onnx")

import onnx_tokens  # noqa: E402, F401
from evaluate_numpy import evaluate  # noqa: E402
from onnx_cases import CASES  # noqa: E402
from onnx_models import Build, saved  # noqa: E402

from deepviz.lower_onnx import lower_onnx, read_model  # noqa: E402


def activation(name: str, layers: str, function: Callable[[Build, str], str], **options: Any) -> None:
    """A case of something done to the maps of a convolution."""
    CASES[name] = (lambda b: b.head(function(b, b.conv(b.x, 6, 3)), 6), f"conv {layers} head", options)


def gelu_by_erf(b: Build, x: str) -> str:
    twice_cdf = b.op("Add", b.op("Erf", b.op("Div", x, b.number(2**0.5))), b.number(1.0))
    return b.op("Mul", b.op("Mul", x, twice_cdf), b.number(0.5))


def gelu_by_tanh(b: Build, x: str) -> str:
    cube = b.op("Mul", b.op("Pow", x, b.number(3.0)), b.number(0.044715))
    tanh = b.op("Tanh", b.op("Mul", b.op("Add", x, cube), b.number((2 / np.pi) ** 0.5)))
    return b.op("Mul", b.op("Mul", b.number(0.5), x), b.op("Add", tanh, b.number(1.0)))


activation("relu", "relu", lambda b, x: b.op("Relu", x))
activation("relu6", "clip", lambda b, x: b.op("Clip", x, b.number(0.0), b.number(6.0)))
activation("clip_below", "relu", lambda b, x: b.op("Clip", x, b.number(0.0)))
activation("minimum", "clip", lambda b, x: b.op("Min", x, b.number(0.3)))
activation("maximum", "clip", lambda b, x: b.op("Max", b.number(-0.1), x))
activation("leaky_relu", "leaky_relu", lambda b, x: b.op("LeakyRelu", x, alpha=0.2))
activation("prelu", "relu linear relu scale add", lambda b, x: b.op("PRelu", x, b.weight(6, 1, 1)))
activation("prelu_of_one", "relu linear relu scale add", lambda b, x: b.op("PRelu", x, b.weight(1)))
activation("sigmoid", "logistic", lambda b, x: b.op("Sigmoid", x))
activation("tanh", "tanh", lambda b, x: b.op("Tanh", x))
activation("silu", "silu", lambda b, x: b.op("Mul", x, b.op("Sigmoid", x)))
activation("hard_swish", "hard_swish", lambda b, x: b.op("HardSwish", x))
activation("hard_swish_in_parts", "hard_swish", lambda b, x: b.op("Mul", b.op("HardSigmoid", x, alpha=1 / 6), x))
activation("hard_sigmoid", "linear clip", lambda b, x: b.op("HardSigmoid", x))
activation("gelu", "gelu", lambda b, x: b.op("Gelu", x))
activation("gelu_of_tanh", "gelu", lambda b, x: b.op("Gelu", x, approximate="tanh"))
activation("gelu_by_erf", "gelu", gelu_by_erf)
activation("gelu_by_tanh", "gelu", gelu_by_tanh)
activation("square", "square", lambda b, x: b.op("Mul", x, x))
activation("powers", "abs sqrt square", lambda b, x: b.op("Pow", b.op("Sqrt", b.op("Abs", x)), b.number(2.0)))
activation("numbers", "linear", lambda b, x: b.op("Mul", b.op("Neg", b.op("Add", x, b.number(2.0))), b.number(3.0)))
activation("difference", "relu add", lambda b, x: b.op("Sub", x, b.op("Relu", x)))
activation("casts", "", lambda b, x: b.op("Cast", b.op("Dropout", b.op("Cast", x, to=11)), to=1))

HEAD = "global_average full"


@pytest.mark.parametrize("name", list(CASES))
def test_a_lowered_model_gives_the_outputs_of_onnxruntime(tmp_path: Path, name: str) -> None:
    function, layers, options = CASES[name]
    model = read_model(saved(tmp_path / "model.onnx", function, **options))
    lowered = lower_onnx(model)
    wanted = layers.replace("head", HEAD).split()
    assert [layer.type for layer in lowered.network.layers] == [*wanted, "softmax"]
    images = np.random.default_rng(5).standard_normal((4, *lowered.network.image)).astype(np.float32)
    expected = lowered.network.logits(images)
    found = evaluate(lowered.network, {key: constant.array for key, constant in lowered.arrays.items()}, images)
    largest = np.abs(expected).max()
    assert largest > 0 and np.abs(expected - found).max() <= 1e-5 * largest
