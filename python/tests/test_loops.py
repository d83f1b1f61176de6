"""The callbacks of Lightning and transformers, with the libraries themselves; and what all callbacks share."""

from __future__ import annotations

import json
import logging
import sys
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from nets import SmallNet
from recorded import Images
from test_write import read_snapshot
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

import deepviz
from deepviz.loop import OF_TEST, Loop


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Without the libraries' hints about workers and loggers."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def lines(run: Path, kind: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [line for line in found if line["kind"] == kind]


def steps(run: Path) -> list[int]:
    return sorted(int(path.stem) for path in (run / "snapshots").iterdir())


def source(run: Path) -> dict[str, Any]:
    tomllib = pytest.importorskip("tomllib")
    return tomllib.loads((run / "run.toml").read_text())["source"]  # type: ignore[no-any-return]


# Lightning


def lightning_module(library: Any, attribute: str = "model", accuracy: float = 1.0) -> Any:
    class Classifier(library.LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(5)
            setattr(self, attribute, SmallNet())

        def forward(self, x: Tensor) -> Tensor:
            return getattr(self, attribute)(x)  # type: ignore[no-any-return]

        def training_step(self, batch: Any, index: int) -> Tensor:
            return F.cross_entropy(self(batch[0]), batch[1])

        def validation_step(self, batch: Any, index: int) -> None:
            outputs = self(batch[0])
            self.log("val_loss", F.cross_entropy(outputs, batch[1]))
            self.correct = (outputs.argmax(1) == batch[1]).float().mean()

        def on_validation_epoch_end(self) -> None:
            self.log("val/Accuracy", self.correct * accuracy)

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9)

    return Classifier()


def fitted(library: Any, callbacks: list[Any], module: Any, **options: Any) -> Any:
    quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    trainer = library.Trainer(callbacks=callbacks, **{"max_epochs": 2, "accelerator": "cpu", **quiet, **options})
    torch.manual_seed(3)
    trainer.fit(module, DataLoader(Images(20), batch_size=8, shuffle=True), DataLoader(Images(10), batch_size=10))
    return trainer


def test_lightning_records_a_whole_run_and_does_not_change_training(tmp_path: Path) -> None:
    library = pytest.importorskip("lightning.pytorch")
    run = tmp_path / "run"
    module, alone = lightning_module(library), lightning_module(library)
    trainer = fitted(library, [deepviz.lightning(run, every="1 step")], module)
    fitted(library, [], alone)
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, alone.state_dict()[name])
    assert steps(run) == [0, 1, 2, 3, 4, 5, 6]
    assert source(run)["model"] == "SmallNet" and source(run)["optimiser"] == "SGD(lr=0.1, momentum=0.9)"
    metadata, arrays = read_snapshot(run / "snapshots" / "000003.safetensors")
    assert float(metadata["epoch"]) == 1.0 and metadata["images_seen"] == "20"
    assert "conv.weight" in [name for name, *_ in arrays]
    assert [line["step"] for line in lines(run, "train")] == [1, 2, 3, 4, 5, 6]
    assert all(line["loss"] > 0 and line["rate"] == 0.1 for line in lines(run, "train"))
    test = lines(run, "test")
    assert [line["step"] for line in test] == [3, 6]
    assert test[1]["loss"] == pytest.approx(float(trainer.callback_metrics["val_loss"]))
    assert test[1]["error"] == pytest.approx(1 - float(module.correct))


def test_lightning_counts_updates_and_finds_the_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    library = pytest.importorskip("lightning.pytorch")
    run = tmp_path / "run"
    callback = deepviz.lightning(run, attribute="net")
    module = lightning_module(library, "net", accuracy=100.0)
    fitted(library, [callback], module, accumulate_grad_batches=2, num_sanity_val_steps=0)
    assert steps(run) == [0, 2, 4]
    metadata, _ = read_snapshot(run / "snapshots" / "000002.safetensors")
    assert metadata["images_seen"] == "20"
    # A percentage is no share, and a point of the test curve needs an error: it is left out, with a message.
    assert lines(run, "test") == []
    assert capsys.readouterr().err.count("is no share from 0 to 1") == 1
    # A second fit resumes the run.
    fitted(library, [callback], module, accumulate_grad_batches=2, max_epochs=1)
    assert steps(run) == [0, 2, 4, 6]


def test_a_lightning_module_without_the_attribute_is_the_network(tmp_path: Path) -> None:
    library = pytest.importorskip("lightning.pytorch")
    fitted(library, [deepviz.lightning(tmp_path / "run")], lightning_module(library, "net"))
    _, arrays = read_snapshot(tmp_path / "run" / "snapshots" / "000000.safetensors")
    assert "net.conv.weight" in [name for name, *_ in arrays]


def test_a_lightning_run_that_fails_is_closed(tmp_path: Path) -> None:
    library = pytest.importorskip("lightning.pytorch")

    class Fails(library.Callback):  # type: ignore[misc,name-defined]
        def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, index: int) -> None:
            if trainer.global_step == 2:
                raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        fitted(library, [deepviz.lightning(tmp_path / "run"), Fails()], lightning_module(library))
    assert steps(tmp_path / "run") == [0, 2]


# transformers


class Items(Dataset[dict[str, Any]]):
    """Images as the Trainer takes them."""

    def __init__(self, count: int) -> None:
        self.images = Images(count)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> dict[str, Any]:
        image, label = self.images[index]
        return {"pixel_values": image, "labels": label}


class ForImages(nn.Module):
    """A network as transformers has them: outputs in an object, with the loss where labels are given."""

    def __init__(self, output: Any) -> None:
        super().__init__()
        self.net = SmallNet()
        self.output = output
        self.config = types.SimpleNamespace(id2label={"0": "cat", "1": "dog", "2": "owl"})

    def forward(self, pixel_values: Tensor, labels: Tensor | None = None) -> Any:
        logits = self.net(pixel_values)
        return self.output(loss=None if labels is None else F.cross_entropy(logits, labels), logits=logits)


def hugged(library: Any, folder: Path, callback: Any, **options: Any) -> Any:
    torch.manual_seed(5)
    model = ForImages(library.modeling_outputs.ImageClassifierOutput)
    given: dict[str, Any] = {"num_train_epochs": 2, "per_device_train_batch_size": 8, "learning_rate": 0.1}
    quiet = {"report_to": "none", "disable_tqdm": True, "save_strategy": "no", "use_cpu": True}
    args = library.TrainingArguments(
        output_dir=str(folder), logging_steps=2, eval_strategy="epoch", **given, **quiet, **options
    )
    trainer = library.Trainer(
        model=model,
        args=args,
        train_dataset=Items(20),
        eval_dataset=Items(10),
        compute_metrics=lambda found: {"accuracy": float((found.predictions.argmax(1) == found.label_ids).mean())},
        callbacks=[callback] if callback else [],
    )
    trainer.train()
    return model


PROCESSOR = types.SimpleNamespace(image_mean=[0.5, 0.4, 0.3], image_std=[0.2, 0.25, 0.3])


def test_transformers_records_a_whole_run_and_does_not_change_training(tmp_path: Path) -> None:
    library = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    run = tmp_path / "run"
    callback = deepviz.transformers(run, PROCESSOR, test=Items(10), every="1 step")
    model, alone = hugged(library, tmp_path, callback), hugged(library, tmp_path, None)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, alone.state_dict()[name])
    assert steps(run) == [0, 1, 2, 3, 4, 5, 6]
    assert source(run)["optimiser"].startswith("AdamW(lr=0.1")
    assert json.loads((run / "corpus" / "corpus.json").read_text())["classes"] == ["cat", "dog", "owl"]
    assert (run / "corpus" / "train.bin").read_bytes()[40:] == Images(20).pixels.numpy().tobytes()
    assert [line["step"] for line in lines(run, "train")] == [2, 4, 6]
    assert all(line["loss"] > 0 and line["rate"] is not None for line in lines(run, "train"))
    test = lines(run, "test")
    assert [line["step"] for line in test] == [3, 6] and all(0 <= line["error"] <= 1 < 9 for line in test)
    assert all(line["loss"] > 0 for line in test)


def test_transformers_counts_updates(tmp_path: Path) -> None:
    library = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    run = tmp_path / "run"
    hugged(library, tmp_path, deepviz.transformers(run, PROCESSOR, test=Items(10)), gradient_accumulation_steps=2)
    assert steps(run) == [0, 2, 4]


def test_transformers_asks_for_the_evaluation_images(tmp_path: Path) -> None:
    library = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    with pytest.raises(deepviz.Refused, match=r"deepviz\.transformers\(path, processor, test=eval_dataset\)"):
        hugged(library, tmp_path, deepviz.transformers(tmp_path / "run", PROCESSOR))


# All of them


@pytest.mark.parametrize("name", ["lightning", "transformers", "keras", "fastai"])
def test_a_library_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for missing in (name, "lightning.pytorch", "pytorch_lightning", "fastai.callback.core"):
        monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(deepviz.Refused, match=rf"deepviz\.{name} needs {name}, which is not installed"):
        getattr(deepviz, name)(tmp_path / "run")


@pytest.mark.parametrize(
    ("metrics", "found"),
    [
        ({"val_loss": 1.0, "val_acc": 0.25}, (1.0, 0.75)),
        ({"valid/loss": torch.tensor(2.0), "valid/acc@1": torch.tensor([0.5])}, (2.0, 0.5)),
        ({"test.err": 0.1, "val_error": 0.2, "loss": 3.0, "acc": 0.9}, (None, 0.2)),
        ({"val_loss": "none", "val_acc": torch.ones(2)}, (None, None)),
        ({"train_loss": 1.0, "val_acc": 73.0}, (None, None)),
    ],
)
def test_loss_and_error_among_metrics(tmp_path: Path, metrics: dict[str, Any], found: Any) -> None:
    loop = Loop(tmp_path, {})
    assert loop._measured(metrics, OF_TEST) == found
