"""The worker as a process: its answers, its errors, and what ends it."""

# mypy: disable-error-code="no-any-return, operator"
from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from external import ROOT, Client, described, difference, expected, randomise_all
from recorded import recorder
from token_nets import images, tokens
from torch import Tensor, nn

from deepviz.worker.network import external

LIMIT = 1e-5


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two steps."""
    path = tmp_path_factory.mktemp("worker") / "run"
    model = tokens()
    made = recorder(path, model, every="1 step")
    randomise_all(model, 8)
    made.step(loss=1.0)
    made.close()
    return path


@pytest.fixture(scope="module")
def client(run: Path) -> Iterator[Client]:
    with Client(run) as client:
        yield client
        assert client.close() == 0


@pytest.mark.parametrize("step", [0, 1])
def test_outputs_are_pytorchs(run: Path, client: Client, step: int) -> None:
    model = tokens()
    if step == 1:
        randomise_all(model, 8)
    layers = described(run)
    found = client.ask(step, images(), [layer["name"] for layer in layers])
    wanted = expected(model, images(), layers)
    assert {layer["name"] for layer in layers} - {*wanted} == {"blocks.0.gelu", "blocks.1.gelu"}
    for name, value in wanted.items():
        assert difference(found[name], value) <= LIMIT, name
    # One image, other layers, in another order; layers of the middle alone; no images, no layers.
    one = client.ask(step, images()[1:2], ["fc", "blocks.0.attn.attention_weights"])
    assert difference(one["fc"], wanted["fc"][1:2]) <= LIMIT and list(one) == ["fc", "blocks.0.attn.attention_weights"]
    assert client.ask(step, images()[:0], ["fc"])["fc"].shape == (0, 3)
    assert client.ask(step, images(), []) == {}


def test_errors_are_reported_and_the_next_request_is_answered(run: Path, client: Client) -> None:
    assert client.ask(0, images(), ["fc", "blocks.9"]) == "the run has no layer 'blocks.9' that the worker computes"
    assert "has the hash sha256:" in client.ask(0, images(), ["fc"], hash="sha256:00")
    assert "no snapshot 000007" in client.ask(7, images(), ["fc"], hash="sha256:00")
    assert "TypeError" in client.ask(0, images(), ["fc"], layers=None)
    assert client.hello == {"protocol": 1, "torch": torch.__version__}
    assert client.ask(0, images(), ["fc"])["fc"].shape == (3, 3)


def test_the_worker_continues_after_ctrl_c(run: Path) -> None:
    """A terminal sends it to all processes at once; the one that asks decides when to stop."""
    with Client(run) as client:
        before = client.ask(0, images(), ["fc"])["fc"]
        client.process.send_signal(signal.SIGINT)
        assert difference(client.ask(0, images(), ["fc"])["fc"], before) == 0
        assert client.close() == 0


def test_a_line_that_is_no_request_ends_the_worker(run: Path) -> None:
    client = Client(run)
    client.process.stdin.write(b"hello\n")
    client.process.stdin.flush()
    assert "no line of JSON" in client.line()["error"]
    assert client.close() == 1


@pytest.mark.parametrize("file", ["model.pt2", "worker.json", "nothing"])
def test_a_run_that_cannot_be_loaded_is_one_sentence(run: Path, tmp_path: Path, file: str) -> None:
    for name in ("model.pt2", "worker.json"):
        content = (run / name).read_bytes()
        (tmp_path / name).write_bytes(content[: len(content) // 2] if name == file else content)
    if file == "nothing":
        (tmp_path / "worker.json").unlink()
    command = [sys.executable, "-m", "deepviz.worker", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, input=b"", capture_output=True, check=False)
    lines = done.stdout.splitlines()
    assert done.returncode == 1 and len(lines) == 1 and str(tmp_path) in json.loads(lines[0])["error"]


def test_a_model_with_a_fixed_batch_size_is_computed_in_such_batches(tmp_path: Path) -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = tokens()

        def forward(self, x: Tensor) -> Tensor:
            first, second = x[0], x[1]
            return self.inner(torch.stack([first, second]))

    network = external(Two(), images(1))
    assert not network.is_dynamic
    model = Two().eval()
    recorder(tmp_path / "run", model).close()
    with Client(tmp_path / "run") as client:
        found = client.ask(0, images(5), ["inner.fc", "inner.norm"])
    with torch.no_grad():
        assert difference(found["inner.fc"], model.inner(images(5))) <= LIMIT
    assert found["inner.norm"].shape == (5, 8 * 16)
