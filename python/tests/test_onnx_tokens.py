"""Vision transformers that PyTorch exports to ONNX: the layers of PyTorch's own program, and the same outputs."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import onnx  # noqa: E402
from test_onnx_torch import EXPORTERS, difference, exported  # noqa: E402
from token_nets import LOWERED, images, lowered, tokens  # noqa: E402

from deepviz import Refused  # noqa: E402
from deepviz.lower import lower  # noqa: E402
from deepviz.lower_onnx import lower_onnx, read_model  # noqa: E402


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("name", LOWERED)
def test_an_exported_network_has_the_layers_and_outputs_of_the_model(tmp_path: Path, name: str, exporter: str) -> None:
    model = lowered(name).eval()
    found = lower_onnx(read_model(exported(model, images(), tmp_path / "model.onnx", exporter)))
    with torch.no_grad():
        assert difference(found, images(), model(images())) <= 2e-6
    assert difference(found, images(), found.network.logits(images().numpy())) <= 2e-6
    of_pytorch = lower(model, images()).layers
    assert [layer.type for layer in found.network.layers] == [layer.type for layer in of_pytorch]
    for layer, expected in zip(found.network.layers, of_pytorch, strict=True):
        assert layer.shape == expected.shape, layer.name
        scales = layer.keys.pop("scale", 0.0), expected.keys.pop("scale", 0.0)
        assert layer.keys == expected.keys and scales[0] == pytest.approx(scales[1], rel=1e-6), layer.name
    names = {layer.name for layer in found.network.layers}
    attention = {"query", "key", "value", "attention_weights", "attention"}
    inside = {
        "tokens": {"class_token", "position", *(f"blocks.1.attn.{part}" for part in (*attention, "qkv", "proj"))},
        "encoder": {f"layer.self_attn.{part}" for part in (*attention, "in_proj", "out_proj")},
        "sequence": {f"attend.{part}" for part in (*attention, "in_proj", "out_proj")},
    }
    assert inside.get(name, set()) <= names


@pytest.mark.parametrize("name", ["tokens", "encoder", "maps"])
def test_the_operator_attention_of_newer_files_is_the_same(tmp_path: Path, name: str) -> None:
    model = lowered(name).eval()
    file = exported(model, images(), tmp_path / "model.onnx", "dynamo", opset_version=23)
    assert "Attention" in {node.op_type for node in onnx.load(str(file)).graph.node}
    found = lower_onnx(read_model(file))
    with torch.no_grad():
        assert difference(found, images(), model(images())) <= 2e-6
    assert [layer.type for layer in found.network.layers] == [layer.type for layer in lower(model, images()).layers]


def test_a_file_of_one_image_at_a_time_has_the_same_tokens(tmp_path: Path) -> None:
    model = lowered("encoder").eval()
    file = tmp_path / "model.onnx"
    torch.onnx.export(model, (images(1),), str(file), input_names=["images"], dynamo=False)
    found = lower_onnx(read_model(file))
    with torch.no_grad():
        assert difference(found, images(), model(images())) <= 2e-6


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_a_learnt_bias_of_attention_is_refused(tmp_path: Path, exporter: str) -> None:
    with pytest.raises(Refused, match=r"`Softmax`.* is a part of attention in a form.*without windows, masks"):
        lower_onnx(read_model(exported(tokens(), images(), tmp_path / "model.onnx", exporter)))
