"""The recorder in training loops: complete runs, and training that is the same with and without it."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from evaluate import evaluate
from nets import SmallNet
from recorded import Images, recorder
from test_write import digest_of, read_snapshot
from torch import nn
from torch.utils.data import DataLoader

import deepviz
from deepviz.lower import lower
from deepviz.tensors import arrays_of


def trained(path: Path | None, epochs: int = 2) -> tuple[bytes, object]:
    """A small training with everything random, recorded where a path is given.

    Gives the bytes of all weights, and what random numbers come next.
    """
    torch.manual_seed(5)
    random.seed(5)
    model = SmallNet()
    # A part that the user has frozen keeps its mode.
    model.norm.eval()
    loader = DataLoader(Images(20), batch_size=8, shuffle=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    made = None
    if path is not None:
        made = recorder(path, model, train=loader, optimizer=optimizer, every="1 step")
        assert model.training and not model.norm.training and model.dropout.training
    for _ in range(epochs):
        for images, labels in loader:
            outputs = model(images + random.random() * 1e-3)
            loss = F.cross_entropy(outputs, labels)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if made is not None:
                made.step(loss=loss, error=(outputs.argmax(1) != labels).float().mean())
        if made is not None:
            made.eval(loss=0.5, error=0.25)
    if made is not None:
        made.close()
    content = b"".join(bytes(tensor.detach().numpy().tobytes()) for tensor in model.state_dict().values())
    return content, (torch.rand(1).item(), random.random())


def test_training_is_the_same_to_the_byte(tmp_path: Path) -> None:
    assert trained(tmp_path / "run") == trained(None)


def test_a_run_is_complete(tmp_path: Path) -> None:
    tomllib = pytest.importorskip("tomllib")
    run = tmp_path / "run"
    trained(run)
    info = tomllib.loads((run / "run.toml").read_text())
    assert info["format"] == 2 and info["classes"] == ["one", "two", "three"] and info["name"] == "run"
    assert info["image"] == {"channels": 3, "height": 8, "width": 8}
    assert info["source"]["model"] == "SmallNet" and info["source"]["optimiser"] == "SGD(lr=0.1, momentum=0.9)"
    assert info["recipe"]["data"] == {"values": "unit", "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.25, 0.3]}
    corpus = json.loads((run / "corpus" / "corpus.json").read_text())
    assert (info["corpus"]["path"], info["corpus"]["identity"]) == ("corpus", corpus["identity"])
    assert (info["corpus"]["train"], info["corpus"]["test"]) == (20, 10) == (corpus["train"], corpus["test"])
    assert (run / "corpus" / "train.bin").read_bytes()[40:] == Images(20).pixels.numpy().tobytes()
    steps = sorted(int(path.stem) for path in (run / "snapshots").iterdir())
    assert steps == [0, 1, 2, 3, 4, 5, 6]
    metadata, arrays = read_snapshot(run / "snapshots" / "000004.safetensors")
    assert metadata["hash"] == digest_of(metadata, arrays)
    # Three steps an epoch, of 8, 8 and 4 images.
    assert (float(metadata["epoch"]), metadata["images_seen"]) == (4 / 3, "28")
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [(line["kind"], line["step"]) for line in lines] == [
        *[("train", step) for step in (1, 2, 3)],
        ("test", 3),
        *[("train", step) for step in (4, 5, 6)],
        ("test", 6),
    ]
    assert all(line["rate"] == 0.1 and 0 < line["loss"] < 10 and 0 <= line["error"] <= 1 for line in lines)
    assert lines[0]["images_per_s"] > 0 and lines[3]["error"] == 0.25
    assert not list(run.rglob(".writing-*"))


def test_the_check_holds_the_outputs_of_the_model(tmp_path: Path) -> None:
    tomllib = pytest.importorskip("tomllib")
    torch.manual_seed(1)
    model = SmallNet()
    with recorder(tmp_path / "run", model) as made:
        made.step()
    check = tomllib.loads((tmp_path / "run" / "run.toml").read_text())["check"]
    assert check["step"] == 0 and check["images"] == [20, 21, 22, 23, 25, 26, 27, 28]
    _, arrays = read_snapshot(tmp_path / "run" / check["file"])
    outputs = torch.frombuffer(bytearray(arrays[0][3]), dtype=torch.float32).reshape(arrays[0][2])
    # From the run's own files alone: bytes of the corpus, weights of the snapshot, layers.
    pixels = (tmp_path / "run" / "corpus" / "test.bin").read_bytes()[20:]
    images = torch.frombuffer(bytearray(pixels), dtype=torch.uint8).reshape(10, 3, 8, 8)
    images = Images(1).transform(images[[index - 20 for index in check["images"]]].float() / 255)
    _, weights = read_snapshot(tmp_path / "run" / "snapshots" / "000000.safetensors")
    named = {name: torch.frombuffer(bytearray(data), dtype=torch.float32).reshape(s) for name, _, s, data in weights}
    found = evaluate(lower(model, images), named, images)
    assert arrays[0][0] == "outputs" and torch.allclose(found, outputs, atol=1e-6)


def test_low_precision_is_stored_and_checked_in_single(tmp_path: Path) -> None:
    torch.manual_seed(2)
    model = SmallNet().to(torch.bfloat16)
    recorder(tmp_path / "run", model).close()
    _, arrays = read_snapshot(tmp_path / "run" / "snapshots" / "000000.safetensors")
    assert {dtype for _, dtype, *_ in arrays} == {"BF16"}
    _, check = read_snapshot(tmp_path / "run" / "check.safetensors")
    outputs = torch.frombuffer(bytearray(check[0][3]), dtype=torch.float32).reshape(check[0][2])
    images = torch.stack([Images(10, seed=2)[index][0] for index in (0, 1, 2, 3, 5, 6, 7, 8)])
    assert torch.allclose(copy.deepcopy(model).float().eval()(images), outputs, atol=1e-5)


def test_an_error_of_the_thread_is_raised_at_the_next_step(tmp_path: Path) -> None:
    run = tmp_path / "run"
    made = recorder(run, SmallNet(), every="1 step")
    folder = run / "snapshots"
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    made.step()
    with pytest.raises(FileNotFoundError):
        made.step()
    folder.mkdir()
    made.step()
    made.close()
    assert (folder / "000003.safetensors").exists()


def test_changed_models_are_refused(tmp_path: Path) -> None:
    model = SmallNet()
    made = recorder(tmp_path / "run", model, every="1 step")
    model.fc = nn.Linear(64, 5)
    with pytest.raises(deepviz.Refused, match=r"`fc\.weight` has the shape \(5, 64\)"):
        made.step()
    model.fc = nn.Linear(64, 3)
    made.close()


def test_outputs_and_classes_must_agree(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, 1000))
    with pytest.raises(deepviz.Refused, match=r"1000 outputs, and there are 3 classes.*classes="):
        recorder(tmp_path / "run", model)


def test_arrays_are_those_of_the_state_dict() -> None:
    model = SmallNet()
    model.fc2 = model.fc
    model.register_buffer("hidden", torch.ones(2), persistent=False)
    assert {*arrays_of(model)} == {*model.state_dict(), "hidden"}
