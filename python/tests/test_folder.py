"""A corpus that is a folder, described by the deepviz program (here a script in its place)."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
import torch
from labelled import PREPROCESS, Folder, written
from nets import SmallNet

import deepviz
from deepviz import Refused
from deepviz.folder import VARIABLE, describe_folder
from deepviz.normalisation import Normalisation

BINARY = """#!/bin/sh
[ "$1 $2 $4" = "corpus info --json" ] || exit 2
cat "$3/info.json" || { echo "error: no corpus" >&2; exit 1; }
"""


def test_a_folder_is_described_by_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "program"
    program.write_text(BINARY)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv(VARIABLE, str(program))
    made = written(tmp_path, Folder(10, PREPROCESS, 2), Folder(20, PREPROCESS))
    info = {
        "name": "mine",
        "identity": made.identity,
        "image_shape": [3, 8, 8],
        "train": 20,
        "test": 10,
        "classes": [{"name": name} for name in made.classes],
    }
    folder = tmp_path / "corpus"
    (folder / "info.json").write_text(json.dumps(info))
    found = describe_folder(folder, made.normalisation)
    assert (found.path, found.identity, found.ids) == (str(folder), made.identity, made.ids)
    # Of a recorder's own corpus the inputs can be had from its bytes.
    assert found.images is not None and made.images is not None
    assert torch.allclose(found.images, made.images, atol=1e-6)
    run = deepviz.Recorder(
        tmp_path / "run",
        SmallNet(),
        corpus=folder,
        mean=[0.485, 0.456, 0.406],
        std=[0.229, 0.224, 0.225],
        every="5 steps",
    )
    run.close()
    assert not (tmp_path / "run" / "corpus").exists() and (tmp_path / "run" / "check.safetensors").exists()
    with pytest.raises(Refused, match=r"add mean="):
        deepviz.Recorder(tmp_path / "run2", SmallNet(), corpus=folder, every="5 steps")
    with pytest.raises(Refused, match=r"cannot read the corpus.*no corpus"):
        describe_folder(tmp_path, made.normalisation)
    info["image_shape"] = None
    (folder / "info.json").write_text(json.dumps(info))
    with pytest.raises(Refused, match="several sizes"):
        describe_folder(folder, made.normalisation)


def test_without_the_program_a_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", os.fspath(tmp_path / "python"))
    with pytest.raises(Refused, match="DEEPVIZ_BINARY"):
        describe_folder(tmp_path, Normalisation())
