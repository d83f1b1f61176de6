"""Keras's callback with Keras itself, on PyTorch: its models are mirrored, and what is recorded is what they have."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from evaluate import evaluate
from test_loops import lines, source, steps
from test_write import read_snapshot

import deepviz
from deepviz.keras_mirror import mirror_of
from deepviz.lower import lower
from deepviz.tensors import arrays_of

os.environ["KERAS_BACKEND"] = "torch"
keras = pytest.importorskip("keras")
if keras.backend.backend() != "torch":
    pytest.skip("Keras runs on another backend", allow_module_level=True)
np = pytest.importorskip("numpy")
L = keras.layers


def plain() -> Any:
    return keras.Sequential(
        [
            L.Input((8, 8, 3)),
            L.RandomFlip(),
            L.Conv2D(4, 3, padding="same", strides=2, activation="relu"),
            L.BatchNormalization(),
            L.MaxPooling2D(),
            L.Dropout(0.3),
            L.Flatten(),
            L.Dense(3, activation="softmax"),
        ]
    )


def branched() -> Any:
    images = L.Input((17, 16, 3))
    x = L.Normalization(mean=[0.4, 0.5, 0.6], variance=[0.1, 0.2, 0.3])(L.Rescaling(1 / 127.5, offset=-1)(images))
    x = L.Conv2D(8, 3, padding="same", strides=2, use_bias=False)(x)
    x = L.Activation("swish")(L.BatchNormalization(scale=False)(x))
    y = L.DepthwiseConv2D(3, padding="same")(x)
    gate = L.Reshape((1, 1, 8))(L.GlobalAveragePooling2D()(y))
    gate = L.Conv2D(8, 1, activation="sigmoid")(L.Conv2D(2, 1, activation="relu")(gate))
    x = L.Subtract()([L.Add()([x, L.Multiply()([y, gate])]), y])
    z = L.SeparableConv2D(5, 3, padding="same", activation="relu6")(x)
    x = L.Concatenate()([x, L.LeakyReLU(negative_slope=0.1)(z)])
    x = L.AveragePooling2D(2, padding="same")(L.ZeroPadding2D(((1, 0), (0, 2)))(x))
    x = L.MaxPooling2D(3, 2, padding="same")(x)
    inner = keras.Sequential([L.Input(x.shape[1:]), L.Conv2D(6, 2, dilation_rate=2, padding="same"), L.ReLU(6)])
    x = inner(x) + L.Conv2D(6, 1)(x)
    return keras.Model(images, L.Dense(4)(L.GlobalAveragePooling2D()(x)))


@pytest.mark.parametrize("make", [plain, branched])
def test_a_mirror_lowers_and_computes_what_the_model_does(make: Any) -> None:
    model = make()
    torch.manual_seed(1)
    for variable in model.weights:
        if "seed" not in variable.path:
            variable.assign(torch.rand(tuple(variable.shape)) * 0.5 + 0.1)
    mirror = mirror_of(model, True)
    images = torch.rand(3, 3, *model.input_shape[1:3])
    network = lower(mirror, images)
    with torch.no_grad():
        expected = model(images.permute(0, 2, 3, 1), training=False)
        assert torch.allclose(mirror(images), expected, atol=1e-5)
        found = evaluate(network, arrays_of(mirror), images)
        assert torch.allclose(found.softmax(1) if make is plain else found, expected, atol=1e-5)
    # The mirror's weights are the model's memory.
    model.layers[-1].kernel.assign(torch.zeros(tuple(model.layers[-1].kernel.shape)))
    name = next(name for name in arrays_of(mirror) if name.startswith(model.layers[-1].name))
    assert not arrays_of(mirror)[name].any()


def images_and_labels(count: int, scale: float, seed: int = 1) -> tuple[Any, Any]:
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (count, 8, 8, 3))
    return (pixels * scale).astype("float32"), random.integers(0, 3, (count, 1))


def fitted(callbacks: list[Any], train: Any, test: Any, fits: int = 1) -> Any:
    keras.utils.set_random_seed(3)
    model = plain()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    for _ in range(fits):
        history = model.fit(*train, batch_size=8, epochs=2, callbacks=callbacks, validation_data=test, verbose=0)
    return model, history


@pytest.mark.parametrize("scale", [1.0, 1 / 255])
def test_keras_records_a_whole_run_and_does_not_change_training(tmp_path: Path, scale: float) -> None:
    train, test = images_and_labels(20, scale), images_and_labels(10, scale, seed=2)
    run = tmp_path / "run"
    options = {"train": train, "test": test, "classes": ["cat", "dog", "owl"], "every": "1 step"}
    model, history = fitted([deepviz.keras(run, **options)], train, test)
    alone, _ = fitted([], train, test)
    for ours, theirs in zip(model.weights, alone.weights, strict=True):
        assert torch.equal(ours.value, theirs.value)
    assert steps(run) == [0, 1, 2, 3, 4, 5, 6]
    assert source(run)["optimiser"] == "Adam(learning_rate=0.001)" and source(run)["model"] == "Sequential"
    corpus = json.loads((run / "corpus" / "corpus.json").read_text())
    assert corpus["shape"] == {"channels": 3, "height": 8, "width": 8} and corpus["train"] == 20
    pixels = np.rint(train[0] / scale).astype("uint8").transpose(0, 3, 1, 2)
    assert (run / "corpus" / "train.bin").read_bytes()[40:] == pixels.tobytes()
    assert f'values = "{"byte" if scale == 1.0 else "unit"}"' in (run / "run.toml").read_text()
    _, arrays = read_snapshot(run / "snapshots" / "000006.safetensors")
    kernel = next(data for name, _, shape, data in arrays if shape == (4, 3, 3, 3))
    assert kernel == model.layers[1].kernel.value.detach().permute(3, 2, 0, 1).contiguous().numpy().tobytes()
    assert [line["step"] for line in lines(run, "train")] == [1, 2, 3, 4, 5, 6]
    assert all(line["rate"] == pytest.approx(1e-3) for line in lines(run, "train"))
    found = lines(run, "test")
    assert [line["step"] for line in found] == [3, 6]
    assert found[1]["loss"] == pytest.approx(history.history["val_loss"][-1])
    assert found[1]["error"] == pytest.approx(1 - history.history["val_accuracy"][-1])


def test_two_calls_of_fit_are_one_run(tmp_path: Path) -> None:
    train = images_and_labels(20, 1.0)
    fitted([deepviz.keras(tmp_path / "run", test=train, classes=["a", "b", "c"])], train, train, fits=2)
    assert steps(tmp_path / "run") == [0, 3, 6, 9, 12]


class Subclass(keras.Model):  # type: ignore[misc, name-defined]
    input_shape = (None, 8, 8, 3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: keras.Sequential([L.Input((8, 8, 3)), L.UpSampling2D(), L.Flatten()]), "is a UpSampling2D, which"),
        (lambda: keras.Sequential([L.Input((8, 8, 3)), L.Dense(3)]), "is dense over maps"),
        (lambda: keras.Sequential([L.Input((8, 8, 3)), L.Conv2D(3, 3, activation="selu")]), "the activation selu"),
        (
            lambda: keras.Sequential([L.Input((8, 8, 3)), L.DepthwiseConv2D(3, depth_multiplier=2)]),
            "depth multiplier",
        ),
        (lambda: keras.Sequential([L.Input((8, 8, 3)), L.BatchNormalization(axis=1)]), "does not normalise channels"),
        (lambda: keras.Sequential([L.Input((8, 8, 3)), L.Reshape((4, 16, 3))]), "reshapes to"),
        (lambda: keras.Sequential([L.Input((8, 8, 3)), L.ReLU(threshold=0.5)]), "has a threshold"),
        (lambda: keras.Sequential([L.Input((None, None, 3)), L.Conv2D(3, 3)]), "give it one input of a known size"),
        (Subclass, "shows no graph of layers"),
    ],
)
def test_layers_without_a_mirror_are_refused(make: Any, message: str) -> None:
    with pytest.raises(deepviz.Refused, match=message):
        mirror_of(make(), True)


def test_other_backends_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    callback = deepviz.keras(tmp_path / "run")
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(deepviz.Refused, match="Keras runs on jax, so the model cannot be recorded"):
        callback.on_train_begin()
