"""`python -m deepviz record`: the command line, names of models, and its exit statuses."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from nets import SmallNet
from torch import nn

import deepviz
from deepviz.__main__ import main
from deepviz.image_folder import classes_in, image_folders
from deepviz.models import Named, model_of, named_in

PACKAGE = Path(__file__).resolve().parents[1]


def images(folder: Path, splits: tuple[str, ...] = ("train", "test")) -> Path:
    """A folder of JPEGs of several sizes, of three classes."""
    image = pytest.importorskip("PIL.Image")
    pytest.importorskip("torchvision")
    for split in splits:
        for number, name in enumerate(("cat", "dog", "owl")):
            place = folder / split / name
            place.mkdir(parents=True)
            for index in range(4):
                size = (12 + index, 10 + number)
                image.new("RGB", size, (index * 20, number * 90, 50)).save(place / f"{index}.jpg")
    return folder


def checkpoints(folder: Path, **content: Any) -> Path:
    folder.mkdir()
    for epoch in (1, 2):
        torch.save({"state_dict": SmallNet().state_dict(), "epoch": epoch, **content}, folder / f"model_{epoch}.pth")
    return folder


def arguments(tmp_path: Path, *more: str) -> list[str]:
    made = ["record", str(tmp_path / "ckpts"), "--corpus", str(tmp_path / "images"), "--out", str(tmp_path / "run")]
    return [*made, "--size", "8", "--mean", "0.5,0.5,0.5", "--std", "0.2,0.2,0.2", *more]


def test_checkpoints_become_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images(tmp_path / "images")
    checkpoints(tmp_path / "ckpts")
    assert main(arguments(tmp_path, "--model", "nets:SmallNet", "--limit", "9")) == 0
    assert f"deepviz serve {tmp_path / 'run'}" in capsys.readouterr().err
    assert sorted(path.stem for path in (tmp_path / "run" / "snapshots").iterdir()) == ["000001", "000002"]
    corpus = json.loads((tmp_path / "run" / "corpus" / "corpus.json").read_text())
    assert corpus["classes"] == ["cat", "dog", "owl"] and (corpus["train"], corpus["test"]) == (9, 9)
    assert corpus["shape"] == {"channels": 3, "height": 8, "width": 8}
    assert main(arguments(tmp_path, "--model", "nets:SmallNet")) == 1
    assert "holds a run already" in capsys.readouterr().err
    assert main(arguments(tmp_path, "--model", "nets:SmallNet", "--replace", "--steps-per-epoch", "30")) == 0
    assert sorted(path.stem for path in (tmp_path / "run" / "snapshots").iterdir()) == ["000030", "000060"]


def test_wrong_command_lines_end_with_2(tmp_path: Path) -> None:
    for more in (["--size", "0"], ["--mean", "a,b"], ["--weights", "raw"], ["--nonsense"]):
        with pytest.raises(SystemExit) as ended:
            main(arguments(tmp_path, *more))
        assert ended.value.code == 2
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2


def test_the_program_answers_and_its_modules_need_no_torch() -> None:
    code = "import sys; sys.modules['torch'] = None; import deepviz.__main__ as m; m.main(['record', '--help'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=PACKAGE, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "--corpus FOLDER" in done.stdout, done.stderr
    done = subprocess.run(
        [sys.executable, "-m", "deepviz", "record", "none.pt", "--corpus", "none", "--out", "x"],
        cwd=PACKAGE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "error: none is no folder; name the folder of the images by --corpus\n"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ([], "does not say which model it is of; add --model"),
        (["--model", "resnet18"], "does not say where the model comes from"),
        (["--model", "no_such_module:f"], "needs no_such_module, which cannot be imported"),
        (["--model", "nets:NoSuch"], "cannot be made (AttributeError"),
        (["--model", "nets:make_net"], "cannot be made (TypeError"),
        (["--model", "os:getcwd"], "gives str, which is no torch.nn.Module"),
        (["--model", "nets:SmallNet", "--key", "x"], "has none of the model's 7 arrays under `x`"),
        (["--model", "nets:SmallNet", "--weights", "ema"], 'plain weights only (`state_dict`); add weights="model"'),
    ],
)
def test_what_cannot_be_recorded_ends_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], message: str
) -> None:
    images(tmp_path / "images")
    checkpoints(tmp_path / "ckpts")
    assert main(arguments(tmp_path, *more)) == 1
    said = capsys.readouterr().err.splitlines()
    assert said[-1].startswith("error: ") and message in said[-1]
    assert not (tmp_path / "run" / "run.toml").exists()


def test_the_models_name_is_found(tmp_path: Path) -> None:
    file = tmp_path / "a.pt"
    timm = {"arch": "resnet10t", "version": 2, "args": argparse.Namespace(model="resnet10t", num_classes=3)}
    assert named_in(file, timm) == Named("timm:resnet10t", 3)
    assert named_in(file, {"arch": "resnet18", "best_acc1": 0.5}) == Named("torchvision:resnet18")
    assert named_in(file, {"model": {}, "args": argparse.Namespace(model="resnet50")}) == Named("torchvision:resnet50")
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "convnext_tiny", "num_classes": 10}))
    assert named_in(file, {}) == Named("timm:convnext_tiny", 10)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "resnet"}))
    assert named_in(tmp_path, {}) == Named(f"transformers:{tmp_path}")
    (tmp_path / "config.json").write_text("[")
    with pytest.raises(deepviz.Refused, match="does not say which model"):
        named_in(tmp_path, {})


def test_models_by_name() -> None:
    pytest.importorskip("torchvision")
    made = model_of(Named("torchvision:squeezenet1_1", 7))
    assert [item for item in made.modules() if isinstance(item, nn.Conv2d)][-1].out_channels == 7
    pytest.importorskip("timm")
    assert model_of(Named("timm:resnet10t", 7)).get_classifier().out_features == 7  # type: ignore[operator, union-attr]
    with pytest.raises(deepviz.Refused, match=r"--model timm:no_such cannot be made \(RuntimeError: .*check its name"):
        model_of(Named("timm:no_such"))


def test_images_are_resized_and_cut(tmp_path: Path) -> None:
    images(tmp_path, ("val",))
    train, test = image_folders(tmp_path, 8, [0.5] * 3, [0.2] * 3)
    assert train is None and len(test) == 12 and test[0][0].shape == (3, 8, 8)
    assert classes_in(tmp_path) == ["cat", "dog", "owl"] == classes_in(tmp_path / "val")
    images(tmp_path / "other", ("train",))
    with pytest.raises(deepviz.Refused, match="has no test images"):
        image_folders(tmp_path / "other", 8, [0.5] * 3, [0.2] * 3)
    (tmp_path / "empty").mkdir()
    with pytest.raises(deepviz.Refused, match="is no folder of images"):
        image_folders(tmp_path / "empty", 8, [0.5] * 3, [0.2] * 3)
