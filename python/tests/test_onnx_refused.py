"""What of ONNX is no layer of deepViz is refused in one sentence that names the operator and its node."""

# mypy: disable-error-code="no-any-return"
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("onnx")

from onnx_models import Build, saved  # noqa: E402

from deepviz import Refused  # noqa: E402
from deepviz.lower_onnx import lower_onnx, read_model  # noqa: E402
from deepviz.lower_onnx.names import Origins, nested, owner  # noqa: E402

Step = Callable[[Build, str], str]


def attention(b: Build, x: str) -> str:
    flat = b.op("Reshape", x, b.whole(0, 6, -1))
    turned = b.op("Transpose", flat, perm=[0, 2, 1])
    scores = b.op("Softmax", b.op("MatMul", flat, turned, name="/attn/MatMul"), axis=-1)
    return b.op("Reshape", b.op("MatMul", scores, flat), b.op("Shape", x))


def heads(b: Build, x: str) -> list[str]:
    turned = b.op("Transpose", b.op("Reshape", x, b.whole(0, 2, 3, -1)), perm=[0, 1, 3, 2])
    return [turned, turned, turned]


def attended(b: Build, x: str, change: Callable[[str], str]) -> str:
    """Attention whose products of queries and keys something is done to."""
    query, key, value = heads(b, x)
    scores = change(b.op("MatMul", query, b.op("Transpose", key, perm=[0, 1, 3, 2])))
    found = b.op("MatMul", b.op("Softmax", scores, axis=-1), value)
    return b.op("Reshape", b.op("Transpose", found, perm=[0, 1, 3, 2]), b.op("Shape", x))


REFUSED: dict[str, tuple[Step, str]] = {
    "elu": (lambda b, x: b.op("Elu", x, name="/act/Elu"), "`Elu` (node `/act/Elu`) is an activation function that"),
    "softplus": (lambda b, x: b.op("Softplus", x), "`Softplus` is an activation function that deepViz does not have"),
    "upsampling": (
        lambda b, x: b.op("Resize", x, "", b.constant(np.array([1, 1, 2, 2], np.float32))),
        "`Resize` is an operation that deepViz does not have",
    ),
    "transposed": (lambda b, x: b.op("ConvTranspose", x, b.weight(6, 6, 3, 3)), "`ConvTranspose` is an operation"),
    "attention": (attention, "`MatMul` (node `/attn/MatMul`) is a part of attention in a form that"),
    "mask": (
        lambda b, x: attended(b, x, lambda scores: b.op("Add", scores, b.weight(42, 42))),
        "`Softmax` is a part of attention in a form that",
    ),
    "function_of_products": (
        lambda b, x: attended(b, x, lambda scores: b.op("Mul", scores, b.op("Sigmoid", scores))),
        "`Softmax` is a part of attention in a form that",
    ),
    "causal": (
        lambda b, x: b.op("Reshape", b.op("Attention", *heads(b, x), is_causal=1), b.op("Shape", x)),
        "`Attention` is a part of attention in a form that",
    ),
    "tokens_of_images": (
        lambda b, x: b.op("Concat", b.weight(1, 2, 7, 6), x, axis=1),
        "takes weights where activations are expected",
    ),
    "upsampling_before_attention": (
        lambda b, x: attended(b, b.op("Resize", x, "", b.constant(np.array([1, 1, 2, 2], np.float32))), str),
        "`Resize` is an operation that deepViz does not have",
    ),
    "padding": (lambda b, x: b.op("Pad", x, b.whole(0, 0, 1, 1, 0, 0, 1, 1), mode="reflect"), "pads by `reflect`"),
    "maximum": (lambda b, x: b.op("Max", x, b.op("Relu", x)), "takes the larger or smaller of activations"),
    "weights_of_images": (
        lambda b, x: b.op(
            "Conv", x, b.op("Reshape", b.op("Slice", x, b.whole(0), b.whole(1), b.whole(0)), b.whole(-1, 6, 1, 1))
        ),
        "takes 0 to 1 of an axis that is neither channels, rows nor columns",
    ),
    "deviation": (
        lambda b, x: b.op("Sub", x, b.op("ReduceMean", x, b.whole(1, 2, 3))),
        "takes a difference from a mean",
    ),
    "per_pixel": (lambda b, x: b.op("Add", x, b.weight(1, 6, 7, 6)), "takes weights of 1 x 6 x 7 x 6"),
    "reversed": (
        lambda b, x: b.op("Gather", x, b.whole(5, 4, 3, 2, 1, 0), axis=1),
        "takes values in an order of its own",
    ),
    "quotient": (lambda b, x: b.op("Div", b.number(1.0), b.op("Exp", x)), "`Exp` is a function"),
    "statistics": (
        lambda b, x: b.op("BatchNormalization", x, *(b.positive(6) for _ in range(4)), outputs=3, training_mode=1)[0],
        "takes the minibatch's statistics",
    ),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_what_cannot_be_lowered_is_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    step, expected = REFUSED[name]
    opset = 23 if name == "causal" else 20
    path = saved(tmp_path / "model.onnx", lambda b: b.head(step(b, b.conv(b.x, 6, 3)), 6), opset=opset)
    with pytest.raises(Refused) as caught:
        lower_onnx(read_model(path))
    message = str(caught.value)
    assert expected in message and "\n" not in message and "cannot be recorded; " in message


def test_attention_without_a_change_is_not_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "model.onnx", lambda b: b.head(attended(b, b.conv(b.x, 6, 3), str), 6))
    types = [layer.type for layer in lower_onnx(read_model(path)).network.layers]
    assert types == ["conv", "attention_weights", "attention", "global_average", "full", "softmax"]


def test_outputs_that_are_no_classes_are_refused(tmp_path: Path) -> None:
    for output, expected in (
        (lambda b: b.conv(b.x, 6, 3), "outputs of .* are N x 6 x 7 x 6"),
        (lambda b: b.op("Gemm", b.op("Flatten", b.x), b.weight(216, 1)), "has one output"),
        (lambda b: b.op("Identity", b.weight(2, 4)), "do not depend on its input"),
    ):
        with pytest.raises(Refused, match=expected):
            lower_onnx(read_model(saved(tmp_path / "model.onnx", output)))


def test_several_inputs_are_refused(tmp_path: Path) -> None:
    import onnx

    b = Build()
    b.constant(np.zeros((1, 3, 1, 1), np.float32), "mask")
    model = b.model(b.head(b.op("Add", b.x, "mask"), 3))
    del model.graph.initializer[0]
    model.graph.input.append(onnx.helper.make_tensor_value_info("mask", 1, [1, 3, 1, 1]))
    onnx.save(model, str(tmp_path / "model.onnx"))
    with pytest.raises(Refused, match=r"has 2 inputs \(x, mask\)"):
        read_model(tmp_path / "model.onnx")


def test_paths_of_modules_come_from_nodes_and_weights() -> None:
    from onnx import helper

    assert nested(["layer1", "layer1.0", "conv1"]) == "layer1.0.conv1"
    assert nested(["features", "features.1", "block", "block.0", "block.0.0"]) == "features.1.block.0.0"
    assert owner("layer1.0.conv1.weight") == "layer1.0.conv1"
    assert owner("onnx::Conv_193") == owner("weights") == owner("const_fold_opt__12") == ""
    assert owner("sequential/conv2d/kernel:0") == "sequential.conv2d"
    assert owner("resnetv17_conv0_weight") == "resnetv17_conv0"
    kept = {"pkg.torch.onnx.name_scopes": "['', 'layer1', 'layer1.0', 'layer1.0.relu', 'relu_1']"}
    nodes = [
        helper.make_node("Conv", [], [], name="/layer1/layer1.0/conv1/Conv"),
        helper.make_node("Add", [], [], name="/layer1/layer1.0/Add"),
        helper.make_node("Relu", [], [], name="node_relu_1"),
        helper.make_node("Relu", [], [], name="Relu_12"),
        helper.make_node("Relu", [], [], name="act_fwd"),
    ]
    for key, value in kept.items():
        nodes[2].metadata_props.add(key=key, value=value)
    origins = Origins(nodes)
    found = [origins.of(node) for node in nodes]
    assert found == [
        ("layer1.0.conv1", True),
        ("layer1.0", False),
        ("layer1.0.relu", True),
        ("", False),
        ("act", True),
    ]
    names = ["Partitioned/net/conv2d/Conv2D", "Partitioned/net/conv2d/BiasAdd", "Partitioned/net/dense/MatMul"]
    keras = [helper.make_node("Identity", [], [], name=name) for name in names]
    rooted = Origins(keras)
    assert [rooted.of(node)[0] for node in keras] == ["conv2d", "conv2d", "dense"]
