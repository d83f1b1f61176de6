"""Files of ONNX that are read: precisions, weights elsewhere, damage, and files of other networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

np = pytest.importorskip("numpy")
onnx = pytest.importorskip("onnx")

from onnx_models import Build, saved  # noqa: E402
from test_onnx import NAMES, imported, inspected, plain, plain_after, snapshot  # noqa: E402

import deepviz  # noqa: E402


def test_half_precision_is_stored_as_such_and_double_is_not(tmp_path: Path) -> None:
    for kind, dtype in (("float16", "F16"), ("float64", "F32")):
        b = Build()
        output = plain(b)
        b.initializers = [
            onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(item).astype(kind), item.name)
            for item in b.initializers
        ]
        model = b.model(output, onnx.helper.np_dtype_to_tensor_dtype(np.dtype(kind)))
        onnx.save(model, str(tmp_path / f"{kind}.onnx"))
        run = tmp_path / kind
        assert imported(run, tmp_path / f"{kind}.onnx") == [0]
        assert {dtype for dtype, _, _ in snapshot(run / "snapshots" / "000000.safetensors").values()} == {dtype}
        assert "outputs agree" in inspected(run)


def test_steps_come_from_the_metadata(tmp_path: Path) -> None:
    path = saved(tmp_path / "model.onnx", plain)
    model = onnx.load(str(path))
    onnx.helper.set_model_props(model, {"step": "1200", "author": "me"})
    onnx.save(model, str(path))
    assert imported(tmp_path / "run", path) == [1200]


def test_weights_in_another_file_are_read_and_missed(tmp_path: Path) -> None:
    model = onnx.load(str(saved(tmp_path / "whole.onnx", plain)))
    options = {"save_as_external_data": True, "all_tensors_to_one_file": True, "size_threshold": 0}
    onnx.save(model, str(tmp_path / "model.onnx"), location="model.onnx.data", **options)
    assert imported(tmp_path / "run", tmp_path / "model.onnx") == [0]
    (tmp_path / "model.onnx.data").unlink()
    with pytest.raises(deepviz.Refused, match=r"are in another file, which cannot be read.*external_data=False"):
        imported(tmp_path / "other", tmp_path / "model.onnx")
    assert not (tmp_path / "other" / "run.toml").exists()


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "damaged.onnx").write_bytes(saved(tmp_path / "a.onnx", plain).read_bytes()[:500])
    (tmp_path / "notes.txt").write_text("no model")
    for name, expected in {
        "damaged.onnx": "is no whole file of ONNX",
        "notes.txt": "names no file of ONNX",
        "missing*.onnx": "names no file of ONNX",
    }.items():
        with pytest.raises(deepviz.Refused, match=expected):
            imported(tmp_path / "run", tmp_path / name)


def wider(b: Build) -> str:
    x = b.conv(b.x, 7, 3)
    return b.head(b.op("Relu", x), 7)


def strided(b: Build) -> str:
    return b.head(b.op("Relu", b.conv(b.x, 6, 3, strides=[2, 2])), 6)


def longer(b: Build) -> str:
    return b.head(b.op("Relu", b.op("Tanh", b.conv(b.x, 6, 3))), 6)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (wider, r"layer `conv` has filters 7 and not 6"),
        (strided, r"layer `conv` has stride 2 and not 1"),
        (longer, r"layer `tanh` is of type tanh and not relu"),
    ],
)
def test_files_of_other_networks_are_refused_by_name(tmp_path: Path, other: Any, expected: str) -> None:
    saved(tmp_path / "model_1.onnx", lambda b: plain_after(b, b.x))
    saved(tmp_path / "model_2.onnx", other)
    with pytest.raises(deepviz.Refused, match=rf"model_2.onnx is another network than .*model_1.onnx: {expected}"):
        imported(tmp_path / "run", tmp_path / "*.onnx")
    assert not (tmp_path / "run" / "run.toml").exists()


def test_biases_that_an_exporter_left_out_are_zeros(tmp_path: Path) -> None:
    def without(b: Build) -> str:
        x = b.op("Relu", b.op("Conv", b.x, b.weight(6, 3, 3, 3)))
        return str(b.op("Gemm", b.op("Flatten", b.op("GlobalAveragePool", x)), b.weight(4, 6), transB=1))

    saved(tmp_path / "model_0.onnx", without)
    saved(tmp_path / "model_1.onnx", lambda b: plain_after(b, b.x))
    assert imported(tmp_path / "run", tmp_path / "*.onnx") == [0, 1]
    assert "outputs agree" in inspected(tmp_path / "run")
    first, second = (snapshot(tmp_path / "run" / "snapshots" / f"00000{number}.safetensors") for number in (0, 1))
    assert list(first) == list(second)
    assert not any(first["conv.bias"][2]) and any(second["conv.bias"][2])


def test_files_of_one_step_and_of_none_are_refused(tmp_path: Path) -> None:
    for name in ("a_3.onnx", "b_3.onnx", "last.onnx"):
        saved(tmp_path / name, plain)
    with pytest.raises(deepviz.Refused, match=r"a_3.onnx and .*b_3.onnx are both of step 3"):
        imported(tmp_path / "run", [tmp_path / "a_3.onnx", tmp_path / "b_3.onnx"])
    with pytest.raises(deepviz.Refused, match=r"last.onnx says its step or epoch"):
        imported(tmp_path / "run", [tmp_path / "a_3.onnx", tmp_path / "last.onnx"])


def test_layers_of_files_whose_names_differ_are_one_network(tmp_path: Path) -> None:
    for number in (1, 2):
        model = onnx.load(str(saved(tmp_path / "x.onnx", plain, seed=number)))
        for place, node in enumerate(model.graph.node):
            node.name = f"{number}_{place}/{node.name}"
        onnx.save(model, str(tmp_path / f"model_{number}.onnx"))
    assert imported(tmp_path / "run", tmp_path / "model_*.onnx") == [1, 2]
    first, second = (snapshot(tmp_path / "run" / "snapshots" / f"00000{number}.safetensors") for number in (1, 2))
    assert list(first) == list(second) and first["fc.weight"] != second["fc.weight"]


def test_images_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    file = saved(tmp_path / "model.onnx", plain, lengths=("n", 3, 10, 10))
    with pytest.raises(deepviz.Refused, match=r"takes images of 3 x 10 x 10, and the images are 3 x 9 x 8"):
        imported(tmp_path / "run", file)
    with pytest.raises(deepviz.Refused, match="has 4 outputs, and there are 3 classes"):
        imported(tmp_path / "run", saved(tmp_path / "model.onnx", plain), classes=NAMES[:3])


def test_integer_inputs_are_refused(tmp_path: Path) -> None:
    b = Build()
    output = plain_after(b, b.op("Cast", b.x, to=1))
    onnx.save(b.model(output, onnx.TensorProto.UINT8), str(tmp_path / "model.onnx"))
    with pytest.raises(deepviz.Refused, match="takes uint8 as its input"):
        imported(tmp_path / "run", tmp_path / "model.onnx")
