"""The worker: networks that deepViz has no layers for, recorded, and computed by a process as PyTorch computes them."""

# mypy: disable-error-code="no-any-return, operator"
from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from external import Client, described, difference, expected, hash_of, randomise_all
from nets import NETS, SmallNet, make_net
from recorded import Images, recorder
from test_write import read_snapshot
from token_nets import images, tokens
from torch import Tensor, nn
from torch.utils.data import DataLoader

import deepviz
from deepviz.worker.execute import Runner
from deepviz.worker.form import attention_weights, form_of
from deepviz.worker.network import external

LIMIT = 1e-5


def text(run: Path) -> str:
    return (run / "run.toml").read_text(encoding="utf-8")


def compare(run: Path, model: nn.Module, given: Tensor, step: int = 0) -> int:
    """Compares a worker's outputs with PyTorch's; returns how many layers both have."""
    layers = described(run)
    with Client(run) as client:
        found = client.ask(step, given, [layer["name"] for layer in layers])
    assert isinstance(found, dict), found
    return are_alike(model, given, layers, found)


def are_alike(model: nn.Module, given: Tensor, layers: list[dict[str, Any]], found: dict[str, Tensor]) -> int:
    """Compares outputs of layers with PyTorch's own; returns how many there are. The last are the logits."""
    wanted = expected(model, given, layers)
    for name, value in wanted.items():
        assert difference(found[name], value) <= LIMIT, name
    with torch.no_grad():
        outputs = model(given)
    # Of a model that ends in a softmax the logits are its input.
    is_alike = difference(found[layers[-1]["name"]], outputs) <= LIMIT
    assert is_alike or difference(F.log_softmax(found[layers[-1]["name"]], 1), outputs) <= LIMIT
    return len(wanted)


def test_layers_are_the_outputs_of_modules_and_attention() -> None:
    network = external(tokens(), images(1))
    layers = {layer.name: layer for layer in network.layers}
    inner = "norm1 attn.qkv attn.attention_weights attn.proj norm2 up gelu down".split()
    blocks = [f"blocks.{index}{name}" for index in (0, 1) for name in [*("." + part for part in inner), ""]]
    assert list(layers) == ["patch", *blocks, "norm", "fc", "probabilities"]
    assert [layer.type for layer in network.layers] == ["external"] * 21 + ["softmax"]
    for first in network.layers[:-1]:
        assert any(first in later.inputs for later in network.layers[network.layers.index(first) + 1 :])
    inputs = {name: [layer.name for layer in layers[name].inputs] for name in layers}
    assert inputs["patch"] == ["data"] and inputs["probabilities"] == ["fc"]
    assert inputs["blocks.0.attn.attention_weights"] == ["blocks.0.attn.qkv"]
    assert inputs["blocks.0.attn.proj"] == ["blocks.0.attn.attention_weights", "blocks.0.attn.qkv"]
    assert inputs["blocks.1"] == ["blocks.0", "blocks.1.attn.proj", "blocks.1.down"]
    assert layers["blocks.1.attn.attention_weights"].shape == (2, 17, 17)
    assert layers["blocks.0.up"].table() == {
        "name": "blocks.0.up",
        "type": "external",
        "inputs": ["blocks.0.norm2"],
        "module": "Linear",
        "output": [16, 4, 4],
        "remark": "without the class token",
        "weight": [16, 8],
        "arrays": {"weight": "blocks.0.up.weight"},
    }
    assert layers["patch"].keys["weight"] == [8, 3, 2, 2] and layers["fc"].shape == (3, 1, 1)


def test_messages_and_files_of_the_worker(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    recorder(run, tokens()).close()
    (said,) = [line for line in capsys.readouterr().err.splitlines() if "worker" in line]
    assert "`softmax` in module `blocks.1.attn` (Attention)" in said
    assert "need Python" in said and "`deepviz stats`, `deepviz serve --worker python`" in said
    assert 'forward = "worker"' in text(run) and "[check]" in text(run)
    _, arrays = read_snapshot(run / "snapshots" / "000000.safetensors")
    assert {name for name, *_ in arrays} == {*tokens().state_dict()}
    with pytest.raises(deepviz.Refused, match="is a part of attention"):
        recorder(tmp_path / "no", tokens(), worker="never")
    with pytest.raises(deepviz.Refused, match="worker='yes' is not known"):
        recorder(tmp_path / "no", tokens(), worker="yes")
    own = tmp_path / "own"
    recorder(own, SmallNet()).close()
    assert "forward" not in text(own) and not (own / "model.pt2").exists()
    # A run that is replaced leaves nothing of the worker behind.
    recorder(run, SmallNet(), resume="replace").close()
    assert not (run / "model.pt2").exists() and not (run / "worker.json").exists()


@pytest.mark.parametrize("name", [*NETS, "flat"])
def test_networks_of_deepvizs_own_layers_are_computed_too(tmp_path: Path, name: str) -> None:
    class Some(Images):
        def __getitem__(self, index: int) -> tuple[Tensor, int]:
            return F.pad(super().__getitem__(index)[0], (0, 2, 0, 5), "circular"), index % 3

    model, given = make_net(name), images(5, 3, 13, 10)
    recorder(tmp_path / "run", model, train=DataLoader(Some(8), 4), test=Some(8), worker="always").close()
    layers = described(tmp_path / "run")
    runner = Runner(tmp_path / "run")
    runner.load(0, hash_of(tmp_path / "run", 0))
    names = [layer["name"] for layer in layers]
    found = {layer: outputs.flatten(1) for layer, outputs in zip(names, runner.outputs(names, given), strict=True)}
    assert are_alike(model, given, layers, found) >= 2


def test_half_precision_is_widened(tmp_path: Path) -> None:
    half = tokens().to(torch.bfloat16)
    recorder(tmp_path / "run", half).close()
    _, arrays = read_snapshot(tmp_path / "run" / "snapshots" / "000000.safetensors")
    assert {dtype for _, dtype, *_ in arrays} == {"BF16"}
    compare(tmp_path / "run", copy.deepcopy(half).float(), images())
    assert {array.dtype for array in half.state_dict().values()} == {torch.bfloat16}


def test_checkpoints_become_a_run_of_the_worker(tmp_path: Path) -> None:
    model = tokens()
    half = {key: value.half() for key, value in randomise_all(tokens(), 9).state_dict().items()}
    torch.save({"model": half}, tmp_path / "model_3.pt")
    steps = deepviz.record_checkpoints(tmp_path / "run", model, tmp_path / "model_3.pt", test=Images(9))
    model.load_state_dict(torch.load(tmp_path / "model_3.pt")["model"])
    compare(tmp_path / "run", model, images(), steps[0])


def test_training_is_the_same_to_the_byte(tmp_path: Path) -> None:
    def trained(path: Path | None) -> tuple[bytes, float]:
        torch.manual_seed(5)
        model = tokens().train()
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
        loader = DataLoader(Images(20), batch_size=8, shuffle=True)
        made = None if path is None else recorder(path, model, train=loader, every="1 step")
        for batch, labels in loader:
            loss = F.cross_entropy(model(batch), labels)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if made is not None:
                made.step(loss=loss)
        if made is not None:
            made.close()
        return b"".join(value.numpy().tobytes() for value in model.state_dict().values()), torch.rand(1).item()

    assert trained(tmp_path / "run") == trained(None)
    recorder(tmp_path / "run", tokens(), resume="append", worker="never").close()


@pytest.mark.parametrize("case", ["plain", "scaled", "causal", "flags", "numbers", "grouped"])
def test_weights_of_attention(case: str) -> None:
    q, k = torch.randn(2, 4, 5, 8), torch.randn(2, 2 if case == "grouped" else 4, 6, 8)
    cases: dict[str, dict[str, Any]] = {
        "plain": {},
        "scaled": {"scale": 0.3},
        "causal": {"is_causal": True},
        "flags": {"attn_mask": torch.ones(5, 6, dtype=torch.bool).tril()},
        "numbers": {"attn_mask": torch.randn(2, 1, 5, 6)},
        "grouped": {"enable_gqa": True},
    }
    options = cases[case]
    v = torch.eye(6).expand(2, k.shape[1], 6, 6)
    wanted = F.scaled_dot_product_attention(q, k, v, **options)
    assert torch.allclose(attention_weights(q, k, v, **options), wanted, atol=1e-6)


def test_forms() -> None:
    def found(lengths: tuple[int, ...], is_last: bool = False) -> Any:
        form = form_of(lengths, is_last)
        return form and (form.kind, form.output, form.skip)

    assert found((5,)) == ("vector", (5, 1, 1), 0)
    assert found((4, 6, 7)) == ("map", (4, 6, 7), 0) and found((4, 6, 7), True) == ("last", (7, 4, 6), 0)
    assert found((196, 8)) == ("tokens", (8, 14, 14), 0) and found((197, 8)) == ("tokens", (8, 14, 14), 1)
    assert found((198, 8)) == ("tokens", (8, 14, 14), 2) and found((199, 8)) == ("tokens", (8, 199, 1), 0)
    assert found((2, 3, 4, 5)) is None and found((0, 3)) is None


SMALL = [
    ("timm", "vit_tiny_patch16_224", {"img_size": 32}, 32),
    ("timm", "deit_tiny_distilled_patch16_224", {"img_size": 32}, 32),
    ("timm", "dm_nfnet_f0", {}, 64),
    ("timm", "hrnet_w18_small", {}, 64),
    ("timm", "cait_xxs24_224", {"img_size": 32}, 32),
    ("torchvision", "swin_t", {}, 64),
    ("torchvision", "vit_b_16", {"image_size": 32}, 32),
]


@pytest.mark.slow
@pytest.mark.parametrize(("library", "name", "options", "side"), SMALL)
def test_networks_of_libraries(tmp_path: Path, library: str, name: str, options: dict[str, Any], side: int) -> None:
    torch.manual_seed(1)
    if library == "timm":
        model = pytest.importorskip("timm").create_model(name, pretrained=False, num_classes=3, **options)
    else:
        models = pytest.importorskip("torchvision").models
        model = models.get_model(name, weights=None, num_classes=3, **options)
    pairs = [(image, index % 3) for index, image in enumerate(images(8, 3, side, side).clamp(0, 1))]
    given: DataLoader[Any] = DataLoader(pairs)  # type: ignore[arg-type]
    randomise_all(model)
    example: dict[str, Any] = {"classes": ["a", "b", "c"], "mean": [0.0] * 3, "std": [1.0] * 3, "train": given}
    # Without it some of them are lowered to deepViz's own layers.
    example["worker"] = "always"
    bytes_ = [((image * 255).round() / 255, label) for image, label in pairs]
    recorder(tmp_path / "run", model, test=bytes_, **{**example, "train": bytes_, "steps_per_epoch": 1}).close()
    assert compare(tmp_path / "run", model, images(2, 3, side, side)) >= 40
