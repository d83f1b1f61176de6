"""What checkpoint files hold: which of it are the network's weights, and what it says of steps and epochs."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from test_checkpoints import State, floats, state

import deepviz
from deepviz.checkpoint_clock import Stamp, stamp_of
from deepviz.checkpoint_files import read_checkpoint, read_safetensors
from deepviz.weights import find_weights, plain_name


@pytest.mark.parametrize("content", [b"", b"junk" * 100, b"PK\x03\x04" + b"\0" * 60])
@pytest.mark.parametrize("name", ["model_1.pt", "model_1.safetensors"])
def test_damaged_files_are_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(deepviz.Refused, match=r"again|save the weights alone"):
        read_checkpoint(tmp_path / name)


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [2], "data_offsets": [0, 80]},
        {"dtype": "F32", "shape": [2], "data_offsets": [-8, 0]},
        {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]},
        {"dtype": "F32", "shape": [2]},
        [],
    ],
)
def test_safetensors_that_lie_are_refused(tmp_path: Path, entry: Any) -> None:
    header = json.dumps({"a": entry}).encode()
    path = tmp_path / "a.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * 8)
    with pytest.raises(deepviz.Refused, match="no whole safetensors file"):
        read_safetensors(path)
    path.write_bytes(struct.pack("<Q", 1 << 40) + header)
    with pytest.raises(deepviz.Refused):
        read_safetensors(path)


def test_safetensors_of_the_library_are_read(tmp_path: Path) -> None:
    library = pytest.importorskip("safetensors.torch")
    tensors = {"odd": torch.rand(3).half(), "a": torch.rand(2, 3), "b": torch.rand(5).bfloat16(), "n": torch.arange(3)}
    library.save_file(tensors, tmp_path / "x.safetensors")
    found = read_safetensors(tmp_path / "x.safetensors")
    assert found.keys() == {"odd", "a", "b"} and all(torch.equal(found[name], tensors[name]) for name in found)


def test_which_dictionary() -> None:
    tensors = floats(state())
    wanted = {name: tuple(item.shape) for name, item in tensors.items()}

    def where(content: dict[str, Any], **options: Any) -> str:
        return find_weights("a.pt", content, wanted, **options).where

    def named(prefix: str) -> State:
        return {prefix + name: item for name, item in tensors.items()}

    assert where({"model": tensors, "model_ema": named("module.")}) == "model"
    assert where({"model": tensors, "model_ema": named("module.")}, kind="ema") == "model_ema.module"
    both = {"state_dict": {**named("model."), **named("ema_model.module.")}}
    assert where(both) == "state_dict.model" and where(both, kind="ema") == "state_dict.ema_model.module"
    averaging = {"state_dict": named("model."), "current_model_state": named("model."), "averaging_state": {}}
    assert where(averaging) == "current_model_state.model" and where(averaging, kind="ema") == "state_dict.model"
    two = {"state_dict": {**named("student."), **named("teacher.")}}
    with pytest.raises(deepviz.Refused, match=r"2 times, under `state_dict\.student` and `state_dict\.teacher`"):
        where(two)
    assert where(two, key="teacher") == "state_dict.teacher" == where(two, key="state_dict.teacher.")
    with pytest.raises(deepviz.Refused, match="2 times, under `a` and `b`"):
        where({"a": tensors, "b": tensors})
    assert where({"a": tensors, "b": tensors}, key="b") == "b"
    # A name that is there as it stands needs no prefix.
    assert where({**tensors, **named("old.")}) == "the file's names as they are"
    with pytest.raises(deepviz.Refused, match=r'plain weights only \(`model`\); add weights="model"'):
        where({"model": tensors}, kind="ema")


def test_weights_that_do_not_fit_are_reported() -> None:
    tensors = floats(state())
    wanted = {name: tuple(item.shape) for name, item in tensors.items()}
    with pytest.raises(deepviz.Refused, match=r"`fc\.weight` under `model` is 7 x 64 and 3 x 64 in the model"):
        find_weights("a.pt", {"model": {**tensors, "fc.weight": torch.ones(7, 64)}}, wanted)
    rest = {f"net.{name}": item for name, item in tensors.items() if name != "fc.bias"}
    with pytest.raises(deepviz.Refused, match=r"1 of the model's 7 arrays are not under `net`, such as `fc\.bias`"):
        find_weights("a.pt", {"net": rest}, wanted)
    with pytest.raises(deepviz.Refused, match=r'it holds `a`, `b`; name the dictionary of the weights by key="\.\.\."'):
        find_weights("a.pt", {"a": 1, "b": {}}, wanted)


def test_names_without_wrappers() -> None:
    assert plain_name("_orig_mod.module._orig_mod.module.a.module.b") == "a.module.b"
    assert plain_name("module") == "module"


STAMPS: list[tuple[str, dict[str, Any], Stamp]] = [
    ("model_12.pth", {}, Stamp(12)),
    ("12.pt", {}, Stamp(12)),
    ("epoch=3-step=400.ckpt", {}, Stamp(400, 3.0)),
    ("net-epoch07-acc0.93.pt", {}, Stamp(None, 7.0)),
    ("model_12_0.93.pt", {}, Stamp(12)),
    ("checkpoint-5.pth.tar", {"epoch": 5, "arch": "resnet18", "version": 2}, Stamp(None, 6.0)),
    ("resnet18.pt", {}, Stamp(18)),
    ("best.pt", {"epoch": torch.tensor(4)}, Stamp(None, 4.0)),
    ("best.pt", {"global_step": 70, "epoch": 4}, Stamp(70, 4.0)),
    ("best.pt", {"step": True, "epoch": -1}, Stamp()),
    ("last.ckpt", {"pytorch-lightning_version": "2", "epoch": 0, "global_step": 5}, Stamp(5, 1.0)),
    ("model_3.pth", {"model": {}, "optimizer": {}, "lr_scheduler": {}, "args": None, "epoch": 3}, Stamp(None, 4.0)),
]


@pytest.mark.parametrize(("name", "content", "stamp"), STAMPS)
def test_steps_and_epochs(name: str, content: dict[str, Any], stamp: Stamp) -> None:
    assert stamp_of(Path("x") / name, content) == stamp
