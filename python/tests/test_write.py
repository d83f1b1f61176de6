"""The files: as docs/run-format.md says, and whole however a process ends."""

# mypy: disable-error-code="arg-type"
from __future__ import annotations

import hashlib
import json
import math
import struct
from pathlib import Path
from typing import Any

import pytest
import torch

from deepviz import toml, write
from deepviz.tensors import Copies, bytes_view, dtype_name
from deepviz.write import Array, CorpusSize, Metric, SplitFile, TrainingPosition

PACKAGE = Path(__file__).resolve().parents[1]


def read_snapshot(path: Path) -> tuple[dict[str, str], list[tuple[str, str, tuple[int, ...], bytes]]]:
    """Metadata and arrays in the order of their bytes, checked for gaps."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header: dict[str, Any] = json.loads(content[8 : 8 + length])
    metadata = header.pop("__metadata__")
    arrays, end = [], 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        first, last = entry["data_offsets"]
        assert first == end
        end = last
        arrays.append((name, entry["dtype"], tuple(entry["shape"]), content[8 + length + first : 8 + length + last]))
    assert 8 + length + end == len(content)
    return metadata, arrays


def digest_of(metadata: dict[str, str], arrays: list[tuple[str, str, tuple[int, ...], bytes]]) -> str:
    """The digest, word by word as the page has it."""
    step, epoch, images_seen = int(metadata["step"]), float(metadata["epoch"]), int(metadata["images_seen"])
    digest = hashlib.sha256(b"deepviz snapshot 2" + struct.pack("<QdQ", step, epoch, images_seen))
    for name, dtype, shape, data in arrays:
        for word in (name.encode(), dtype.encode()):
            digest.update(struct.pack("<Q", len(word)) + word)
        digest.update(struct.pack(f"<{1 + len(shape)}Q", len(shape), *shape))
        digest.update(data)
    return "sha256:" + digest.hexdigest()


def snapshot_of(tensors: dict[str, torch.Tensor]) -> list[Array]:
    return [Array(name, dtype_name(item), tuple(item.shape), bytes_view(item)) for name, item in tensors.items()]


def test_a_snapshot_reads_back(tmp_path: Path) -> None:
    (tmp_path / "snapshots").mkdir()
    tensors = {
        "conv.weight": torch.randn(2, 3, 5, 5),
        "gelb\u00e4": torch.randn(3).to(torch.bfloat16),
        "half": torch.randn(3, 3).half(),
        "turned": torch.randn(4, 3).t(),
        "single": torch.tensor(0.25),
        "none": torch.empty(0, 3),
    }
    write.write_snapshot(tmp_path, TrainingPosition(500, 1.28, 64000), snapshot_of(tensors))
    metadata, arrays = read_snapshot(tmp_path / "snapshots" / "000500.safetensors")
    assert metadata["format"] == "2" and metadata["hash"] == digest_of(metadata, arrays)
    assert (metadata["step"], float(metadata["epoch"]), metadata["images_seen"]) == ("500", 1.28, "64000")
    for (name, dtype, shape, data), tensor in zip(arrays, tensors.values(), strict=True):
        assert shape == tuple(tensor.shape)
        found = torch.frombuffer(bytearray(data), dtype=tensor.dtype) if data else torch.empty(0, dtype=tensor.dtype)
        assert torch.equal(found.reshape(shape), tensor), (name, dtype)


def test_safetensors_own_reader_agrees(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    tensors = {"a": torch.randn(3, 4), "b": torch.randn(2).to(torch.bfloat16)}
    write.write_safetensors(tmp_path / "x.safetensors", snapshot_of(tensors), {"step": "3"})
    found = safetensors.load_file(tmp_path / "x.safetensors")
    assert all(torch.equal(found[name], tensor) for name, tensor in tensors.items()) and len(found) == 2


def test_copies_are_of_the_moment_and_widen_doubles() -> None:
    source = {"a": torch.arange(6.0).reshape(2, 3).t(), "b": torch.ones(2, dtype=torch.float64)}
    copies = Copies(["a", "b"], source)
    copies.take(source)
    source["a"].add_(1)
    arrays = {array.name: array for array in copies.arrays()}
    assert bytes(arrays["a"].data) == struct.pack("<6f", 0, 3, 1, 4, 2, 5) and arrays["a"].shape == (3, 2)
    assert arrays["b"].dtype == "F32" and bytes(arrays["b"].data) == struct.pack("<2f", 1, 1)
    with pytest.raises(ValueError, match="`b` has the shape"):
        copies.take({"a": source["a"], "b": torch.ones(3)})


def test_toml_reads_back() -> None:
    tomllib = pytest.importorskip("tomllib")
    content = {
        "text": 'quotes " and \\ and \t\n\r\x00\x1f\x7f\u0085 \u00e4 \U0001f600',
        "numbers": [0, -3, 1e-5, 1e22, 0.1, -0.0, 123456789.0],
        "yes": True,
        "empty": [],
        "table": {"a.b": 1, "": "x", "inner": {"x": [1.5]}},
        "layers": [{"name": "a", "arrays": {"weight": "a.b", "odd key": "c"}}, {"name": "b"}],
        "below": {"layer": [{"name": "c"}]},
    }
    assert tomllib.loads(toml.document(content)) == content
    special = tomllib.loads(toml.document({"x": [math.inf, -math.inf, math.nan]}))["x"]
    assert special[:2] == [math.inf, -math.inf] and math.isnan(special[2])
    # Half of a pair of surrogates, as file names may have it, is no text.
    assert tomllib.loads(toml.document({"x": "a\ud800"}))["x"] == "a?"


def test_metrics_are_json_whatever_the_numbers() -> None:
    line = Metric(TrainingPosition(100, 0.2, 12800), "train", loss=math.nan, error=0.58, rate=math.inf).line()
    found = json.loads(line, parse_constant=lambda name: pytest.fail(name))
    assert line.endswith("\n") and line.count("\n") == 1
    assert found == {
        "step": 100,
        "epoch": 0.2,
        "images_seen": 12800,
        "kind": "train",
        "loss": None,
        "error": 0.58,
        "rate": None,
        "images_per_s": 0.0,
    }


def test_a_corpus_is_labels_and_then_pixels(tmp_path: Path) -> None:
    splits = {"train": [(bytes(range(12)), 1), (bytes(12), 300)], "test": [(b"\xff" * 12, 0)]}
    for name, images in splits.items():
        assert SplitFile(tmp_path / f"{name}.bin", len(images), 12).write(iter(images)) == [item[1] for item in images]
    identity = write.write_corpus_json(tmp_path, CorpusSize((3, 2, 2), 2, 1), ["a", "b"])
    assert (tmp_path / "train.bin").read_bytes() == struct.pack("<2H", 1, 300) + bytes(range(12)) + bytes(12)
    digest = hashlib.sha256(b"deepviz corpus 3" + struct.pack("<5Q", 3, 2, 2, 2, 3))
    digest.update(struct.pack("<3H", 1, 300, 0) + bytes(range(12)) + bytes(12) + b"\xff" * 12)
    assert identity == "sha256-" + digest.hexdigest()
    found = json.loads((tmp_path / "corpus.json").read_text())
    assert (found["format"], found["version"], found["identity"]) == ("deepviz corpus", 2, identity)
    assert found["shape"] == {"channels": 3, "height": 2, "width": 2} and found["classes"] == ["a", "b"]


@pytest.mark.parametrize("image", [(bytes(11), 0), (bytes(12), 1 << 16), (bytes(12), -1)])
def test_images_of_other_sizes_leave_no_file(tmp_path: Path, image: tuple[bytes, int]) -> None:
    with pytest.raises(ValueError):
        SplitFile(tmp_path / "train.bin", 1, 12).write(iter([image]))
    with pytest.raises(ValueError):
        SplitFile(tmp_path / "train.bin", 2, 12).write(iter([(bytes(12), 0)]))
    assert list(tmp_path.iterdir()) == []
