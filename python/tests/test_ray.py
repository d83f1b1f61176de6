"""Statistics on the nodes of a Ray cluster: two on this machine, over loopback. Needs ray and $DEEPVIZ_BINARY."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import deepviz
from deepviz.folder import VARIABLE

ray = pytest.importorskip("ray")
BINARY = os.environ.get(VARIABLE, "")
pytestmark = [
    pytest.mark.skipif(not BINARY, reason=f"${VARIABLE} does not name the deepviz program"),
    pytest.mark.slow,
]
COMMAND = [sys.executable, "-m", "deepviz.ray"]
CHECKPOINTS = 7
WAIT_S = 300

# Stands in for the program on the nodes: a file beside the run holds the number of a checkpoint that is disturbed.
# `held` waits, when it is first computed, until the process that called it has been killed; `stuck` waits each time;
# `failing` ends with an error.
PROGRAM = f"""#!{sys.executable}
import os, pathlib, sys, time
if sys.argv[1:3] == ["stats", "unit"]:
    beside = pathlib.Path(sys.argv[3]).parent
    checkpoint = sys.argv[sys.argv.index("--checkpoint") + 1]
    def is_said(name):
        return (beside / name).exists() and (beside / name).read_text() == checkpoint
    if is_said("failing"):
        sys.exit("error: there is no memory left")
    first = not (beside / "began").exists()
    if is_said("stuck") or is_said("held") and first:
        parent = os.getppid()
        (beside / "began.new").write_text(str(parent))
        (beside / "began.new").rename(beside / "began")
        while os.getppid() == parent:
            time.sleep(0.02)
        sys.exit(1)
os.execv({BINARY!r}, [{BINARY!r}, *sys.argv[1:]])
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a cluster of two nodes, of one CPU each."""
    from ray.cluster_utils import Cluster

    program = tmp_path_factory.mktemp("program") / "deepviz"
    program.write_text(PROGRAM)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    with pytest.MonkeyPatch.context() as patch:
        # Nodes take it from the process that starts them.
        patch.setenv(VARIABLE, str(program))
        patch.setenv("PYTHONPATH", str(Path(deepviz.__file__).parents[1]))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        # Whatever its name says: Ray then keeps 127.0.0.1 instead of the machine's address in a network.
        patch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        node: dict[str, Any] = {"num_cpus": 1, "node_ip_address": "127.0.0.1", "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args=node)
        try:
            cluster.add_node(**node)
            cluster.wait_for_nodes()
            yield cluster.address
        finally:
            cluster.shutdown()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run without statistics."""
    folder = tmp_path_factory.mktemp("trained")
    program("corpus", "make", "shapes", "--out", str(folder / "shapes"), "--images", "1200", "--seed", "1")
    options = ["--epochs", "1", "--snapshot-every", f"{CHECKPOINTS - 1} per epoch", "--quiet"]
    program("train", "shapes-quick", "--corpus", str(folder / "shapes"), "--out", str(folder / "run"), *options)
    return folder / "run"


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the run without statistics, in a folder of its own."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


def program(*arguments: str) -> str:
    done = subprocess.run([BINARY, *arguments], capture_output=True, text=True, check=False, timeout=WAIT_S)
    assert done.returncode == 0, done.stderr
    return done.stdout


def started(run: Path, address: str, *options: str) -> subprocess.Popen[str]:
    """The command over a run, which is under way."""
    environment = {**os.environ, "PYTHONPATH": str(Path(deepviz.__file__).parents[1])}
    command = [*COMMAND, str(run), "--address", address, *options]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)


def until(path: Path, work: subprocess.Popen[str]) -> str:
    """What a file holds, when it is there."""
    deadline = time.monotonic() + WAIT_S
    while not path.exists():
        if work.poll() is not None or time.monotonic() > deadline:
            work.kill()
            pytest.fail(f"{path} never came: {work.communicate()[1]}")
        time.sleep(0.02)
    return path.read_text()


def statistics(run: Path) -> dict[str, list[Any]]:
    """All that a database holds, without times. Ids, which follow the order of arrival, are replaced: those of units by
    step and split.

    Exact: every blob of every table, byte by byte. The REST interface shows the same, but rounded and in part.
    """
    found: dict[str, list[Any]] = {}
    with closing(sqlite3.connect(run / "stats.sqlite")) as connection:
        connection.row_factory = sqlite3.Row
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {table: [dict(row) for row in connection.execute(f"SELECT * FROM {table}")] for table in tables}
    units = {row["id"]: (row["step"], row["split"]) for row in rows["unit"]}
    sets = {row["id"]: (*units[row["unit_id"]], row["layer"], row["metric"]) for row in rows["cluster_set"]}
    for table, items in rows.items():
        for row in items:
            for key in ("id", "seconds", "computed_at"):
                row.pop(key, None)
            for key, names in (("unit_id", units), ("cluster_set_id", sets)):
                if key in row:
                    row[key] = names[row[key]]
        found[table] = sorted(items, key=repr)
    return found


def test_a_killed_ray_worker_loses_no_statistics_and_changes_none(run: Path, address: str, tmp_path: Path) -> None:
    (tmp_path / "held").write_text("2")
    with started(run, address) as work:
        os.kill(int(until(tmp_path / "began", work)), signal.SIGKILL)
        _, messages = work.communicate(timeout=WAIT_S)
    assert work.returncode == 0, messages
    assert messages.count("merged") == CHECKPOINTS and f"({CHECKPOINTS} of {CHECKPOINTS})" in messages
    assert program("stats", "plan", str(run)) == ""
    alone = Path(shutil.copytree(run, tmp_path / "alone", ignore=shutil.ignore_patterns("stats.sqlite*")))
    for checkpoint in range(CHECKPOINTS):
        part = str(tmp_path / f"{checkpoint}.part")
        program("stats", "unit", str(alone), "--checkpoint", str(checkpoint), "--device", "cpu", "--out", part)
        program("stats", "merge", str(alone), part)
    expected, found = statistics(alone), statistics(run)
    assert len(expected["unit"]) == 2 * CHECKPOINTS and len(expected["assignment"]) == 4 * CHECKPOINTS
    assert len(expected["ledger"]) == 2 and expected.keys() == found.keys()
    for table, rows in expected.items():
        assert found[table] == rows, table


def test_what_fails_is_named_and_the_others_are_merged(run: Path, address: str, tmp_path: Path) -> None:
    (tmp_path / "failing").write_text("3")
    with started(run, address, "--split", "test") as work:
        _, messages = work.communicate(timeout=WAIT_S)
    assert work.returncode == 1
    assert "checkpoint 3 failed: " in messages and "there is no memory left" in messages
    assert messages.endswith("error: not computed: checkpoints 3; the others are merged\n")
    assert program("stats", "plan", str(run), "--split", "test") == "3\n"


def test_ctrl_c_merges_what_has_arrived(run: Path, address: str, tmp_path: Path) -> None:
    (tmp_path / "stuck").write_text("1")
    with started(run, address, "--split", "test") as work:
        until(tmp_path / "began", work)
        assert work.stderr is not None
        # One arrives, and the stuck one keeps the program from its end.
        lines = iter(work.stderr.readline, "")
        assert any("merged" in line for line in lines)
        work.send_signal(signal.SIGINT)
        messages = "".join(lines)
        work.wait(timeout=WAIT_S)
    assert work.returncode == 130 and "stopping; " in messages, messages
    missing = program("stats", "plan", str(run), "--split", "test").split()
    assert "1" in missing and len(missing) < CHECKPOINTS
    assert messages.count("merged") == CHECKPOINTS - len(missing) - 1


def test_a_run_that_a_node_cannot_read_is_reported(run: Path, address: str, tmp_path: Path) -> None:
    from deepviz.ray import computed

    with pytest.raises(RuntimeError, match="must lie under this path on every node"):
        computed(str(tmp_path / "elsewhere"), "0", [])
    done = subprocess.run([*COMMAND, str(tmp_path)], capture_output=True, text=True, check=False, timeout=WAIT_S,
                          env={**os.environ, "PYTHONPATH": str(Path(deepviz.__file__).parents[1])})  # fmt: skip
    assert done.returncode == 1 and done.stderr.startswith("error: cannot open the run: not a run folder")


def test_without_ray_one_sentence_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "ray.py").write_text("raise ImportError('none')")
    path = os.pathsep.join([str(tmp_path), str(Path(deepviz.__file__).parents[1])])
    done = subprocess.run(
        [*COMMAND, "run"], capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": path}
    )
    assert done.returncode == 1
    assert done.stderr == "error: Ray is not installed; pip install 'deepviz[ray]'\n"
