"""Runs that are resumed, replaced or killed; averaged weights."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from labelled import PREPROCESS, Compose, Folder, GaussianBlur, ToTensor
from nets import SmallNet
from recorded import recorder
from test_write import digest_of, read_snapshot
from torch import nn

import deepviz.run
from deepviz import Refused


def value_in(run: Path, step: int, name: str = "fc.bias") -> float:
    _, arrays = read_snapshot(run / "snapshots" / f"{step:06}.safetensors")
    (data,) = (data for found, _, _, data in arrays if found == name)
    return float(torch.frombuffer(bytearray(data), dtype=torch.float32)[0])


def filled(number: float) -> SmallNet:
    model = SmallNet()
    nn.init.constant_(model.fc.bias, number)
    return model


def test_a_resumed_run_keeps_its_last_snapshot(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with recorder(run, filled(1.0)) as made:
        made.step()
    # The program makes a new model and its recorder, and only then reads the checkpoint.
    model = filled(2.0)
    with recorder(run, model, resume="append") as made:
        assert made.now == 1
        nn.init.constant_(model.fc.bias, 3.0)
        made.step()
    assert [value_in(run, step) for step in (0, 1, 2)] == [1.0, 1.0, 3.0]


def test_auto_begins_a_run_and_resumes_it(tmp_path: Path) -> None:
    run = tmp_path / "run"
    for start in range(3):
        with recorder(run, filled(float(start)), resume="auto") as made:
            assert made.now == start
            made.step(loss=1.0)
    # The first step of every start is the last one of the start before, whose weights stay.
    assert [value_in(run, step) for step in range(4)] == [0.0, 0.0, 1.0, 2.0]
    assert [json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text().splitlines()] == [1, 2, 3]
    # Where the program went back to an older checkpoint, so does the run.
    with recorder(run, filled(7.0), resume="auto", first_step=1) as made:
        made.step(loss=1.0)
    assert [value_in(run, step) for step in range(3)] == [0.0, 0.0, 7.0]
    assert not (run / "snapshots" / "000003.safetensors").exists()
    # What another network left is not resumed, and stays.
    with pytest.raises(Refused, match="another network"):
        recorder(run, nn.Sequential(nn.Flatten(), nn.Linear(192, 3)), resume="auto")
    assert value_in(run, 2) == 7.0
    with pytest.raises(Refused, match=r'"append" or "auto"'):
        recorder(run, filled(1.0), resume="always")


def test_a_run_that_comes_while_its_folder_is_waited_for_is_not_cleared_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    locked = deepviz.run._locked

    def waited(folder: Path) -> Any:
        monkeypatch.setattr(deepviz.run, "_locked", locked)
        recorder(folder, filled(1.0)).close()
        return locked(folder)

    monkeypatch.setattr(deepviz.run, "_locked", waited)
    with pytest.raises(Refused, match="has just been recorded by another process"):
        recorder(run, filled(2.0))
    assert value_in(run, 0) == 1.0
    shutil.rmtree(run)
    monkeypatch.setattr(deepviz.run, "_locked", waited)
    with recorder(run, filled(2.0), resume="auto") as made:
        assert made.now == 0
    assert value_in(run, 0) == 1.0


def test_resuming_before_the_first_snapshot_is_refused(tmp_path: Path) -> None:
    run = tmp_path / "run"
    recorder(run, SmallNet(), first_step=10).close()
    assert (run / "snapshots" / "000010.safetensors").exists()
    with pytest.raises(Refused, match=r"first_step=4 lies before the first snapshot.*\(10\)"):
        recorder(run, SmallNet(), resume="append", first_step=4)
    assert (run / "snapshots" / "000010.safetensors").exists()


def test_a_run_is_not_replaced_where_the_new_images_cannot_be_stored(tmp_path: Path) -> None:
    run = tmp_path / "run"
    recorder(run, SmallNet()).close()
    before = {path: path.read_bytes() for path in sorted(run.rglob("*")) if path.is_file()}
    blurred = Folder(10, Compose([ToTensor(), GaussianBlur(), *PREPROCESS.transforms[1:]]))
    for given in ({"test": blurred}, {"test": Folder(10, PREPROCESS), "train": blurred}):
        options: dict[str, Any] = {**given, "resume": "replace", "steps_per_epoch": 2}
        if "train" in given:
            # Training images whose own transform stays, as one of a data set of the user's own kind does.
            blurred.transform = None
            options["train"] = Own(blurred)
        with pytest.raises(Refused, match="not made of bytes"):
            recorder(run, SmallNet(), **options)
        del before[run / "train.lock"]
        assert before == {path: path.read_bytes() for path in before}
        before[run / "train.lock"] = b""


class Own:
    """A data set that shows no transform."""

    def __init__(self, inner: Folder) -> None:
        self.inner = inner

    def __len__(self) -> int:
        return len(self.inner)

    def __getitem__(self, index: int) -> Any:
        image, label = self.inner[index]
        return GaussianBlur()(image.float() / 255), label


def test_a_second_recorder_of_the_same_program_is_told_to_close_the_first(tmp_path: Path) -> None:
    made = recorder(tmp_path / "run", SmallNet())
    with pytest.raises(Refused, match=rf"process {os.getpid()}; close\(\) that recorder first"):
        recorder(tmp_path / "run", SmallNet(), resume="replace")
    made.close()
    recorder(tmp_path / "run", SmallNet(), resume="replace").close()


def test_averaged_weights_are_recorded_where_they_are_given(tmp_path: Path) -> None:
    model = filled(1.0)
    averaged = torch.optim.swa_utils.AveragedModel(model)

    class Own:
        """As a loop of one's own has it."""

        module = filled(5.0)

    with recorder(tmp_path / "run", model, ema=averaged) as made:
        nn.init.constant_(model.fc.bias, 3.0)
        averaged.update_parameters(model)
        nn.init.constant_(model.fc.bias, 5.0)
        averaged.update_parameters(model)
        made.step()
    assert [value_in(tmp_path / "run", step) for step in (0, 1)] == [1.0, 4.0]
    recorder(tmp_path / "own", model, ema=Own()).close()
    assert value_in(tmp_path / "own", 0) == 5.0
    with pytest.raises(Refused, match=r"ema= \(OrderedDict\) is no network.*AveragedModel"):
        recorder(tmp_path / "other", model, ema=model.state_dict())


def _train_for_ever(run: Path, resume: Any) -> None:
    model = filled(0.0)
    made = recorder(run, model, every="1 step", resume=resume)
    while True:
        nn.init.constant_(model.fc.bias, float(made.now + 1))
        made.step(loss=1.0, error=0.5)


@pytest.mark.slow
def test_a_killed_training_leaves_a_run_that_can_be_read_and_resumed(tmp_path: Path) -> None:
    tomllib = pytest.importorskip("tomllib")
    fcntl = pytest.importorskip("fcntl")
    run = tmp_path / "run"
    # Forks: none of the twenty loads PyTorch again.
    context = multiprocessing.get_context("fork")
    last, torn, found = 0, 0, False
    for round_ in range(20):
        process = context.Process(target=_train_for_ever, args=(run, "append" if found else "new"), daemon=True)
        process.start()
        # Some end before there is a run, in the middle of its being made; most while they write snapshots.
        deadline = time.monotonic() + 60
        while round_ > 2 and not _has_grown(run, last) and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(0.05 * round_ if round_ <= 2 else 0.003 * round_)
        process.kill()
        process.join()
        found = (run / "run.toml").exists()
        if not found:
            continue
        assert tomllib.loads((run / "run.toml").read_text())["format"] == 2
        with (run / "train.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for path in sorted((run / "snapshots").glob("[0-9]*.safetensors")):
            metadata, arrays = read_snapshot(path)
            assert metadata["hash"] == digest_of(metadata, arrays) and int(metadata["step"]) == int(path.stem)
            assert value_in(run, int(path.stem)) == float(path.stem)
            last = int(path.stem)
        torn += len(list((run / "snapshots").glob(".writing-*")))
    # Some were killed in the middle of a file; otherwise the test would say nothing.
    assert found and last > 20 and torn > 0
    with recorder(run, filled(-1.0), every="1 step", resume="append") as made:
        assert made.now == last
    assert not list(run.rglob(".writing-*"))
    assert isinstance(made, deepviz.Recorder)


def _has_grown(run: Path, last: int) -> bool:
    return (run / "snapshots" / f"{last + 1:06}.safetensors").exists()
