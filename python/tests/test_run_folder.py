"""The run folder: new, replaced, resumed, locked; the end of a program; other ranks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from nets import SmallNet
from recorded import Images, recorder
from test_write import PACKAGE
from torch import nn
from torch.utils.data import DataLoader

import deepviz


def test_an_existing_run_is_not_changed(tmp_path: Path) -> None:
    run = tmp_path / "run"
    recorder(run, SmallNet()).close()
    before = (run / "run.toml").read_bytes()
    with pytest.raises(deepviz.Refused, match=r'holds a run already.*resume="replace"'):
        recorder(run, SmallNet())
    assert (run / "run.toml").read_bytes() == before
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").touch()
    with pytest.raises(deepviz.Refused, match=r"other files \(thesis\.tex\)"):
        recorder(tmp_path / "other", SmallNet())
    with pytest.raises(deepviz.Refused, match="holds no run to resume"):
        recorder(tmp_path / "new", SmallNet(), resume="append")


def test_a_run_is_replaced_only_when_the_new_one_can_be_recorded(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with recorder(run, SmallNet(), every="1 step") as made:
        made.step(loss=1.0)
    with pytest.raises(deepviz.Refused):
        recorder(run, nn.Conv2d(3, 3, 3), resume="replace")
    assert (run / "snapshots" / "000001.safetensors").exists() and (run / "run.toml").exists()
    recorder(run, SmallNet(), resume="replace").close()
    assert [path.name for path in (run / "snapshots").iterdir()] == ["000000.safetensors"]
    assert (run / "metrics.jsonl").read_text() == ""


def test_a_resumed_run_continues_where_it_ended(tmp_path: Path) -> None:
    run = tmp_path / "run"
    model = SmallNet()
    with recorder(run, model, every="2 steps") as made:
        for _ in range(5):
            made.step(loss=1.0)
    # A process that was killed while it wrote a line.
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"step":6,"ep')
    before = (run / "run.toml").read_bytes()
    with recorder(run, model, every="2 steps", resume="append") as made:
        assert made.now == 5
        made.step(loss=2.0)
    assert (run / "run.toml").read_bytes() == before
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [(line["step"], line["loss"]) for line in lines] == [*[(step, 1.0) for step in range(1, 6)], (6, 2.0)]
    with pytest.raises(deepviz.Refused, match="another network"):
        recorder(run, nn.Sequential(nn.Flatten(), nn.Linear(192, 3)), resume="append")
    with recorder(run, model, resume="append", first_step=3) as made:
        made.step(loss=3.0)
    steps = sorted(int(path.stem) for path in (run / "snapshots").iterdir())
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert steps == [0, 2, 3, 4] and [line["loss"] for line in lines] == [1.0, 1.0, 1.0, 3.0]


def test_a_run_is_locked_while_it_is_recorded(tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    made = recorder(tmp_path / "run", SmallNet())
    assert (tmp_path / "run" / "train.lock").read_text() == str(os.getpid())

    def is_locked() -> bool:
        with (tmp_path / "run" / "train.lock").open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return True
            return False

    assert is_locked()
    with pytest.raises(deepviz.Refused, match=f"recorded by process {os.getpid()}"):
        recorder(tmp_path / "run", SmallNet(), resume="replace")
    # Workers of a loader are forks, which must not close what is the trainer's.
    for _ in DataLoader(Images(4), num_workers=1, multiprocessing_context="fork"):
        pass
    assert is_locked()
    made.close()
    assert not is_locked()
    made.close()


AT_EXIT = """
import sys
sys.path[:0] = [{package!r}, {tests!r}]
import torch
torch.set_num_threads(1)
from pathlib import Path
from nets import SmallNet
from recorded import recorder
made = recorder(Path(sys.argv[1]), SmallNet())
made.step(loss=torch.tensor(0.5))
{end}
"""


@pytest.mark.parametrize(("end", "status"), [("", 0), ("raise KeyboardInterrupt", 1)])
def test_a_program_that_ends_without_close_leaves_a_whole_run(tmp_path: Path, end: str, status: int) -> None:
    code = AT_EXIT.format(package=str(PACKAGE), tests=str(PACKAGE / "tests"), end=end)
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "run")], check=False, capture_output=True)
    assert (done.returncode == 0) == (status == 0), done.stderr
    assert (tmp_path / "run" / "snapshots" / "000001.safetensors").exists()
    assert json.loads((tmp_path / "run" / "metrics.jsonl").read_text())["loss"] == 0.5


def test_other_ranks_do_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    with recorder(tmp_path / "run", nn.Conv2d(1, 1, 1)) as made:
        assert not made.is_active
        made.step(loss=1.0)
        made.eval(loss=1.0, error=0.5)
        made.snapshot()
    assert not (tmp_path / "run").exists()
    monkeypatch.setenv("RANK", "0")
    recorder(tmp_path / "run", SmallNet()).close()
    assert (tmp_path / "run" / "run.toml").exists()
