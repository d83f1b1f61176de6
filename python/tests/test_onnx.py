"""Files of ONNX become runs, without PyTorch; with $DEEPVIZ_BINARY the program says whether its outputs agree."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

np = pytest.importorskip("numpy")
onnx = pytest.importorskip("onnx")

import onnx_tokens  # noqa: E402, F401
from onnx_cases import CASES  # noqa: E402
from onnx_models import CLASSES, SHAPE, Build, saved  # noqa: E402

import deepviz  # noqa: E402
from deepviz.folder import VARIABLE  # noqa: E402
from deepviz.lower_onnx import lower_onnx, read_model  # noqa: E402

BINARY = os.environ.get(VARIABLE, "")
PACKAGE = Path(__file__).resolve().parents[1]
NAMES = ["one", "two", "three", "four"]
PIXELS = np.random.default_rng(3).integers(0, 256, (12, *SHAPE), dtype=np.uint8)
LABELS = np.arange(12) % CLASSES
OPTIONS: dict[str, Any] = {"classes": NAMES, "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.25, 0.3]}


def plain(b: Build) -> str:
    x = b.op("Conv", b.x, b.weight(6, 3, 3, 3, name="stem.conv.weight"), name="/stem/conv/Conv")
    x = b.op("BatchNormalization", x, b.weight(6), b.weight(6), b.weight(6), b.positive(6), name="/stem/bn/BatchNorm")
    x = b.op("Relu", x, name="/stem/act/Relu")
    x = b.op(
        "Add", x, b.op("Conv", x, b.weight(6, 6, 1, 1), name="/block/block.0/conv/Conv"), name="/block/block.0/Add"
    )
    return b.head(x, 6)


def of_channels_last(b: Build) -> str:
    return plain_after(b, b.op("Transpose", b.x, perm=[0, 3, 1, 2]))


def plain_after(b: Build, x: str) -> str:
    return b.head(b.op("Relu", b.conv(x, 6, 3)), 6)


def imported(run: Path, files: Any, **options: Any) -> list[int]:
    return deepviz.import_onnx(run, files, **{"test": (PIXELS, LABELS), **OPTIONS, **options})


def inspected(run: Path) -> str:
    """What the program says of a run; the line of its check alone."""
    if not BINARY:
        return "outputs agree"
    done = subprocess.run([BINARY, "inspect", str(run)], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return next(line for line in done.stdout.splitlines() if line.startswith("check"))


def snapshot(path: Path) -> dict[str, tuple[str, list[int], bytes]]:
    """Dtype, shape and bytes of the arrays of a snapshot."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__")
    return {
        name: (item["dtype"], item["shape"], data[8 + length :][slice(*item["data_offsets"])])
        for name, item in header.items()
    }


def epochs(folder: Path, count: int = 3) -> list[Path]:
    folder.mkdir()
    return [saved(folder / f"model_epoch{number}.onnx", plain, seed=number) for number in range(1, count + 1)]


def test_one_file_for_every_epoch_becomes_a_run(tmp_path: Path) -> None:
    files = epochs(tmp_path / "epochs")
    assert imported(tmp_path / "run", tmp_path / "epochs", train=(PIXELS[:5], LABELS[:5]), steps_per_epoch=10) == [
        10,
        20,
        30,
    ]
    text = (tmp_path / "run" / "run.toml").read_text()
    assert 'kind = "onnx"' in text and 'version = "opset 20 by tests"' in text
    assert "outputs agree" in inspected(tmp_path / "run")
    for step, file in zip((10, 20, 30), files, strict=True):
        arrays = snapshot(tmp_path / "run" / "snapshots" / f"{step:06}.safetensors")
        weights = {item.name: onnx.numpy_helper.to_array(item) for item in onnx.load(file).graph.initializer}
        assert arrays["stem.conv.weight"] == ("F32", [6, 3, 3, 3], weights["stem.conv.weight"].tobytes())
        assert arrays["fc.weight"][2] == weights["fc.weight"].tobytes()
    # Names of nodes, where weights have none.
    assert {"stem.bn.running_var", "block.0.conv.weight", "fc.bias"} <= set(arrays)
    with pytest.raises(deepviz.Refused, match="holds a run already"):
        imported(tmp_path / "run", files)
    assert imported(tmp_path / "run", [files[1]], resume="replace") == [2]
    assert [path.stem for path in (tmp_path / "run" / "snapshots").iterdir()] == ["000002"]


@pytest.mark.parametrize("name", ["attention_in_parts", "learnt_tokens_and_positions", "mixer"])
def test_tokens_and_attention_become_a_run(tmp_path: Path, name: str) -> None:
    imported(tmp_path / "run", saved(tmp_path / "model.onnx", CASES[name][0], **CASES[name][2]))
    assert "outputs agree" in inspected(tmp_path / "run")


def test_images_may_be_given_in_many_ways(tmp_path: Path) -> None:
    last = saved(tmp_path / "last.onnx", of_channels_last, lengths=(1, 9, 8, 3))
    first = saved(tmp_path / "first.onnx", plain)
    channels_last = PIXELS.transpose(0, 2, 3, 1)
    floats = (PIXELS / np.float32(255) - np.array(OPTIONS["mean"], "f")[:, None, None]) / np.array(OPTIONS["std"], "f")[
        :, None, None
    ]
    one_hot = np.eye(CLASSES)[LABELS]
    pairs = [({"image": image, "label": int(label)}) for image, label in zip(channels_last, LABELS, strict=True)]
    found = []
    for number, (file, test) in enumerate(
        [(last, (channels_last, LABELS[:, None])), (first, (floats, one_hot)), (first, pairs)]
    ):
        run = tmp_path / f"run{number}"
        assert imported(run, file, test=test) == [0]
        assert "outputs agree" in inspected(run)
        found.append((run / "corpus" / "test.bin").read_bytes())
    assert found[0] == found[1] == found[2]


def test_a_corpus_of_another_run_is_taken(tmp_path: Path) -> None:
    if not BINARY:
        pytest.skip("a corpus folder is read by the program")
    file = saved(tmp_path / "model.onnx", plain)
    imported(tmp_path / "first", file)
    given = {"mean": OPTIONS["mean"], "std": OPTIONS["std"]}
    deepviz.import_onnx(tmp_path / "second", file, corpus=tmp_path / "first" / "corpus", **given)
    assert "outputs agree" in inspected(tmp_path / "second")


def test_without_onnxruntime_outputs_are_checked_by_the_reference_of_onnx(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    imported(tmp_path / "run", saved(tmp_path / "model.onnx", plain))
    assert "outputs agree" in inspected(tmp_path / "run")


def test_the_reference_computes_what_onnxruntime_cannot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnxruntime")

    def dilated(b: Build) -> str:
        return b.head(b.op("Conv", b.x, b.weight(6, 3, 3, 3), dilations=[2, 1], auto_pad="SAME_UPPER"), 6)

    imported(tmp_path / "run", saved(tmp_path / "model.onnx", dilated))
    assert "so onnx's reference does" in capsys.readouterr().err
    assert "outputs agree" in inspected(tmp_path / "run")


def test_images_of_any_size_take_the_run_s(tmp_path: Path) -> None:
    file = saved(tmp_path / "model.onnx", plain, lengths=("n", 3, "h", "w"))
    assert lower_onnx(read_model(file), SHAPE).network.image == SHAPE
    with pytest.raises(deepviz.Refused, match="their size is not known"):
        lower_onnx(read_model(file))


def test_the_package_needs_neither_onnx_nor_torch_to_be_imported() -> None:
    code = (
        "import sys, deepviz, deepviz.onnx_import, deepviz.__main__; "
        "sys.exit(any(name in sys.modules for name in ('onnx', 'numpy', 'torch')))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=PACKAGE, check=False).returncode == 0


def test_the_command_line_imports_a_folder_of_pictures(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    for split in ("train", "val"):
        for number, name in enumerate(NAMES):
            place = tmp_path / "images" / split / name
            place.mkdir(parents=True)
            for index in range(3):
                image.new("RGB", (12 + index, 10 + number), (index * 20, number * 60, 50)).save(place / f"{index}.png")
    epochs(tmp_path / "epochs", 2)
    for path in (tmp_path / "epochs").iterdir():
        model = onnx.load(str(path))
        for axis in model.graph.input[0].type.tensor_type.shape.dim[2:]:
            axis.dim_param = "side"
        onnx.save(model, str(path))
    line = ["import-onnx", str(tmp_path / "epochs"), "--corpus", str(tmp_path / "images"), "--size", "8"]
    command = [sys.executable, "-m", "deepviz", *line, "--out", str(tmp_path / "run")]
    done = subprocess.run(command, cwd=PACKAGE, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "add --mean and --std" in done.stderr
    command += ["--mean", "0.5", "--std", "0.25,0.25,0.25", "--limit", "5"]
    done = subprocess.run(command, cwd=PACKAGE, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "deepviz serve" in done.stderr, done.stderr
    assert sorted(path.stem for path in (tmp_path / "run" / "snapshots").iterdir()) == ["000001", "000002"]
    corpus = json.loads((tmp_path / "run" / "corpus" / "corpus.json").read_text())
    assert corpus["classes"] == sorted(NAMES) and (corpus["train"], corpus["test"]) == (5, 5)
    assert "outputs agree" in inspected(tmp_path / "run")
