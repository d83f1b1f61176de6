"""Checkpoints become runs: whatever file holds them, under whatever names, in the order of their steps."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from nets import SmallNet
from recorded import Images
from test_write import digest_of, read_snapshot
from torch import Tensor, nn

import deepviz
from deepviz.checkpoint_clock import positions, stamp_of
from deepviz.checkpoint_files import checkpoint_paths, read_checkpoint, read_safetensors
from deepviz.clock import Clock
from deepviz.tensors import bytes_view, dtype_name
from deepviz.write import Array, write_safetensors

State = dict[str, Tensor]


def state(seed: int = 1, model: type[nn.Module] = SmallNet) -> State:
    torch.manual_seed(seed)
    made = model()
    for tensor in made.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand(tensor.shape) + 0.1)
    return made.state_dict()


def floats(tensors: State) -> State:
    return {name: tensor for name, tensor in tensors.items() if tensor.is_floating_point()}


def save_safetensors(path: Path, tensors: State) -> None:
    arrays = [Array(name, dtype_name(item), tuple(item.shape), bytes_view(item)) for name, item in tensors.items()]
    write_safetensors(path, arrays, {"format": "pt"})


def recorded(tmp_path: Path, checkpoints: Any, **options: Any) -> dict[int, dict[str, tuple[str, bytes]]]:
    """Dtype and bytes of every array of every snapshot."""
    options = {"test": Images(10), **options}
    deepviz.record_checkpoints(tmp_path / "run", SmallNet(), checkpoints, **options)
    found = {}
    for path in sorted((tmp_path / "run" / "snapshots").iterdir()):
        metadata, arrays = read_snapshot(path)
        assert metadata["hash"] == digest_of(metadata, arrays)
        found[int(metadata["step"])] = {name: (dtype, data) for name, dtype, _, data in arrays}
    return found


def expected(tensors: State) -> dict[str, tuple[str, bytes]]:
    return {name: (dtype_name(item), bytes(bytes_view(item))) for name, item in floats(tensors).items()}


def kept(tmp_path: Path, content: Any, name: str = "model_7.pt") -> Path:
    path = tmp_path / name
    torch.save(content, path)
    return path


def test_a_folder_of_checkpoints_becomes_a_run_in_the_order_of_steps(tmp_path: Path) -> None:
    tomllib = pytest.importorskip("tomllib")
    folder = tmp_path / "ckpts"
    folder.mkdir()
    states = {step: state(step) for step in (9, 10, 100)}
    for step, content in states.items():
        torch.save({"model": content, "optimizer": {"lr": 0.1}}, folder / f"model_{step}.pt")
    (folder / "notes.txt").write_text("no checkpoint")
    torch.save({}, folder / "optimizer.pt")
    model = SmallNet()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    steps = deepviz.record_checkpoints(tmp_path / "run", model, folder, test=Images(10), train=Images(20))
    assert steps == [9, 10, 100]
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name])
    for step, content in states.items():
        _, arrays = read_snapshot(tmp_path / "run" / "snapshots" / f"{step:06}.safetensors")
        assert {name: (dtype, data) for name, dtype, _, data in arrays} == expected(content)
    info = tomllib.loads((tmp_path / "run" / "run.toml").read_text())
    assert info["check"]["step"] == 9 and info["corpus"]["train"] == 20
    # The check is of the first checkpoint, and not of the weights that the model came with.
    model.load_state_dict(states[9])
    images = torch.stack([Images(10)[index - 20][0] for index in info["check"]["images"]])
    outputs = read_safetensors(tmp_path / "run" / "check.safetensors")["outputs"]
    assert torch.allclose(outputs, model.eval()(images), atol=1e-6)


def test_outputs_before_a_softmax_of_the_models_own_are_of_the_checkpoint(tmp_path: Path) -> None:
    class Ends(SmallNet):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x).softmax(1)

    path = kept(tmp_path, state(5))
    deepviz.record_checkpoints(tmp_path / "run", Ends(), path, test=Images(10))
    model = SmallNet()
    model.load_state_dict(state(5))
    outputs = read_safetensors(tmp_path / "run" / "check.safetensors")["outputs"]
    images = torch.stack([Images(10)[index][0] for index in (0, 1, 2, 3, 5, 6, 7, 8)])
    assert torch.allclose(outputs, model.eval()(images), atol=1e-5)


class Foreign:
    """A class that torch.load refuses."""

    def __init__(self) -> None:
        self.value = 3


FILES = {
    "plain": lambda path, tensors: torch.save(tensors, path),
    "legacy": lambda path, tensors: torch.save(
        {"state_dict": tensors, "args": argparse.Namespace(lr=1)}, path, _use_new_zipfile_serialization=False
    ),
    "namespace": lambda path, tensors: torch.save(
        {"model": tensors, "args": argparse.Namespace(model="x", out=Path("y"))}, path
    ),
    "foreign": lambda path, tensors: torch.save({"net": tensors, "config": Foreign()}, path),
    "below": lambda path, tensors: torch.save({"trainer": {"weights": tensors}, "model": {"weights": tensors}}, path),
    "wrapped": lambda path, tensors: torch.save(
        {"state_dict": {f"module._orig_mod.module.{name}": item for name, item in tensors.items()}}, path
    ),
    "prefix": lambda path, tensors: torch.save(
        {"state_dict": {f"net.backbone.{name}": item for name, item in tensors.items()} | {"head": torch.ones(2)}}, path
    ),
    "inner": lambda path, tensors: torch.save(
        {name.replace("conv.", "conv._orig_mod."): item for name, item in tensors.items()}, path
    ),
}


@pytest.mark.parametrize("form", FILES)
def test_the_weights_are_found_in_any_form(tmp_path: Path, form: str) -> None:
    path = tmp_path / "model_7.pt"
    FILES[form](path, state())
    assert recorded(tmp_path, path) == {7: expected(state())}


def test_a_pickled_module_is_read_without_its_class(tmp_path: Path) -> None:
    model = SmallNet()
    model.load_state_dict(state())
    path = kept(tmp_path, {"ema": model.half(), "model": None})
    with pytest.raises(deepviz.Refused, match=r'averaged weights only \(`ema`\); add weights="ema"'):
        recorded(tmp_path, path)
    assert not (tmp_path / "run" / "run.toml").exists()
    found = recorded(tmp_path, path, weights="ema")
    assert found == {7: expected({name: item.half() for name, item in floats(state()).items()})}
    torch.save(model.float(), path)
    assert recorded(tmp_path, path, resume="replace").keys() == {7}


class Harmful:
    def __init__(self, call: Any, argument: str) -> None:
        self.call = (call, (argument,))

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("call", [os.system, eval])
def test_code_in_a_checkpoint_is_never_executed(tmp_path: Path, call: Any) -> None:
    mark = tmp_path / "called"
    line = f"touch {mark}" if call is os.system else f"open({str(mark)!r}, 'w')"
    path = kept(tmp_path, {"state_dict": state(), "x": Harmful(call, line)})
    if call is os.system:
        with pytest.raises(deepviz.Refused, match=r"posix\.system"):
            read_checkpoint(path)
    else:
        assert set(read_checkpoint(path)) == {"state_dict", "x"}
    assert not mark.exists()
    # Classes that were allowed for this file are not allowed for the caller's torch.load afterwards.
    with pytest.raises(Exception, match=r"[Uu]nsupported"):
        torch.load(path, weights_only=True)


def test_folders_of_the_trainer_with_their_measurements(tmp_path: Path) -> None:
    history = [
        {"step": 5, "epoch": 0.5, "loss": 2.0, "learning_rate": 0.1},
        {"step": 10, "epoch": 1.0, "eval_loss": 1.5, "eval_accuracy": 0.75},
        {"step": 10, "epoch": 1.0, "train_runtime": 3.0},
    ]
    for step in (10, 20):
        folder = tmp_path / "out" / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        tensors = list(floats(state(step)).items())
        if step == 10:
            save_safetensors(folder / "model.safetensors", dict(tensors))
        else:
            parts = {"model-1.safetensors": dict(tensors[:2]), "model-2.safetensors": dict(tensors[2:])}
            for name, part in parts.items():
                save_safetensors(folder / name, part)
            names = {name: part for part, content in parts.items() for name in content}
            (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}))
        known = {"global_step": step, "epoch": step / 10, "log_history": history}
        (folder / "trainer_state.json").write_text(json.dumps(known))
        torch.save({}, folder / "optimizer.pt")
    assert recorded(tmp_path, tmp_path / "out", train=Images(20)) == {
        10: expected(state(10)),
        20: expected(state(20)),
    }
    metadata, _ = read_snapshot(tmp_path / "run" / "snapshots" / "000020.safetensors")
    assert (float(metadata["epoch"]), metadata["images_seen"]) == (2.0, "40")
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    found = [(line["kind"], line["step"], line["loss"], line["error"], line["rate"]) for line in lines]
    assert found == [("train", 5, 2.0, None, 0.1), ("test", 10, 1.5, 0.25, None)]
    (tmp_path / "out" / "checkpoint-20" / "model-2.safetensors").unlink()
    with pytest.raises(deepviz.Refused, match=r"names the file model-2\.safetensors, which is not beside it"):
        read_checkpoint(tmp_path / "out" / "checkpoint-20")


def test_every_snapshot_has_its_checkpoints_precision(tmp_path: Path) -> None:
    halves = {name: item.half() if item.is_floating_point() else item for name, item in state(1).items()}
    doubles = {name: item.double() if item.is_floating_point() else item for name, item in state(2).items()}
    paths = [kept(tmp_path, halves, "model_1.pt"), kept(tmp_path, doubles, "model_2.pt")]
    assert recorded(tmp_path, paths) == {1: expected(halves), 2: expected(state(2))}


def test_two_files_of_a_step(tmp_path: Path) -> None:
    for name in ("a_3.pt", "b_3.pt"):
        kept(tmp_path, state(), name)
    (tmp_path / "best.pt").hardlink_to(tmp_path / "a_3.pt")
    # Copies are one checkpoint.
    assert recorded(tmp_path, str(tmp_path / "*_3.pt")).keys() == {3}
    kept(tmp_path, state(2), "b_3.pt")
    with pytest.raises(deepviz.Refused, match=r"a_3\.pt and .*b_3\.pt are both of step 3"):
        recorded(tmp_path, str(tmp_path / "*_3.pt"), resume="replace")
    assert len(checkpoint_paths([tmp_path / "a_3.pt", str(tmp_path / "best.pt")])) == 1


def test_a_network_alone_is_step_0_and_others_must_say_theirs(tmp_path: Path) -> None:
    one = kept(tmp_path, state(), "resnet18.pt")
    assert recorded(tmp_path, one).keys() == {0}
    other = kept(tmp_path, state(2), "best.pt")
    with pytest.raises(deepviz.Refused, match=r"neither the content nor the name of .*best\.pt says"):
        recorded(tmp_path, [one, other], resume="replace")


def test_epochs_become_steps_where_their_length_is_known(tmp_path: Path) -> None:
    paths = [kept(tmp_path, {"model": state(number), "epoch": number}, f"net_{number}.pt") for number in (1, 2)]
    assert len(paths) == 2
    pattern = str(tmp_path / "net_*.pt")
    assert recorded(tmp_path, pattern).keys() == {1, 2}
    assert recorded(tmp_path, pattern, steps_per_epoch=30, resume="replace").keys() == {30, 60}
    kept(tmp_path, {"model": state(), "step": 7}, "net_3.pt")
    with pytest.raises(deepviz.Refused, match="its epoch alone, so they cannot be put in order; add steps_per_epoch="):
        recorded(tmp_path, pattern, resume="replace")


@pytest.mark.parametrize("kind", ["SGD", "AdamW"])
def test_epochs_that_are_counted_from_0_are_not_the_untrained_network(
    tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    model = nn.Linear(4, 3)
    options = {"momentum": 0.9} if kind == "SGD" else {}
    optimizer = getattr(torch.optim, kind)(model.parameters(), lr=0.01, **options)
    for epoch in range(3):
        for _ in range(5):
            optimizer.zero_grad()
            model(torch.randn(2, 4)).sum().backward()
            optimizer.step()
        content = {"epoch": epoch, "model": model.state_dict(), "optimizer": optimizer.state_dict()}
        torch.save(content, tmp_path / f"epoch{epoch}.pt")
    stamps = {path: stamp_of(path, read_checkpoint(path)) for path in sorted(tmp_path.glob("*.pt"))}
    found = [(at.step, at.epoch) for at in positions(stamps, Clock(5, 10, 2)).values()]
    assert found == [(5, 1.0), (10, 2.0), (15, 3.0)]
    # Adam counts its updates itself.
    steps = [at.step for at in positions(stamps, Clock(None, None, None)).values()]
    assert steps == ([5, 10, 15] if kind == "AdamW" else [1, 2, 3])
    assert "epochs are counted from 1" in capsys.readouterr().err


def test_a_checkpoint_of_the_middle_of_epoch_0_says_its_step() -> None:
    optimizer = {"state": {0: {"momentum_buffer": 1}}}
    content = [{"epoch": epoch, "global_step": step, "optimizer": optimizer} for epoch, step in ((0, 3), (1, 7))]
    stamps = {Path(f"{one['global_step']}.pt"): stamp_of(Path("a.pt"), one) for one in content}
    assert [(at.step, at.epoch) for at in positions(stamps, Clock()).values()] == [(3, 0.0), (7, 1.0)]


def adam(updates: int | None) -> dict[str, Any]:
    """What Adam saves after so many updates of a parameter; nothing before the first."""
    return {"state": {} if updates is None else {0: {"step": torch.tensor(float(updates)), "exp_avg": torch.zeros(1)}}}


def steps_of(*content: dict[str, Any]) -> list[int]:
    stamps = {Path(f"{number}.pt"): stamp_of(Path("last.pt"), one) for number, one in enumerate(content)}
    return [at.step for at in positions(stamps, Clock()).values()]


def test_counts_of_an_optimiser_are_steps_only_where_all_rise_with_the_epochs() -> None:
    at = [{"epoch": epoch, "optimizer": adam(updates)} for epoch, updates in ((0, None), (1, 40), (2, 80))]
    assert steps_of(*at) == [0, 40, 80]
    # Begun anew after the first epoch, and a checkpoint without its optimiser: the epochs say the order.
    assert steps_of(at[0], at[2], {"epoch": 3, "optimizer": adam(20)}) == [0, 2, 3]
    assert steps_of(at[1], {"epoch": 2}) == [1, 2]


def test_the_state_that_adagrad_has_before_its_first_update_is_no_update() -> None:
    optimizer = torch.optim.Adagrad([nn.Parameter(torch.zeros(2))])
    assert optimizer.state_dict()["state"]
    assert not stamp_of(Path("last.pt"), {"epoch": 0, "optimizer": optimizer.state_dict()}).has_updates


def test_nothing_is_written_where_a_checkpoint_does_not_fit(tmp_path: Path) -> None:
    paths = [kept(tmp_path, state(), "model_1.pt"), kept(tmp_path, {"x": torch.ones(2)}, "model_2.pt")]
    with pytest.raises(deepviz.Refused, match=r"model_2\.pt has none of the model's 7 arrays in it"):
        recorded(tmp_path, paths)
    assert not (tmp_path / "run" / "corpus").exists() and not (tmp_path / "run" / "run.toml").exists()
    # The folder can be used again.
    assert recorded(tmp_path, paths[0]).keys() == {1}


def test_a_path_without_checkpoints_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("")
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards" / ".metadata").write_text("")
    (tmp_path / "shards" / "__0_0.distcp").write_text("")
    cases = {
        "*.pt": "names no checkpoint",
        "a.txt": "is no checkpoint that can be read",
        "none": "names no checkpoint",
        ".": "distributed checkpoint",
    }
    for name, message in cases.items():
        with pytest.raises(deepviz.Refused, match=message):
            checkpoint_paths(str(tmp_path / name))
    with pytest.raises(deepviz.Refused, match="no checkpoints are given"):
        checkpoint_paths([])
    for options in ({"weights": "raw"}, {"resume": "append"}):
        with pytest.raises(deepviz.Refused, match="is not known"):
            deepviz.record_checkpoints(tmp_path / "run", SmallNet(), tmp_path, test=Images(3), **options)  # type: ignore[arg-type]
