#!/usr/bin/env python3
"""Writes the values that the tests of deepviz-net compare with: crates/net/tests/reference/.

Every case is a small network given to PyTorch in double precision: images, weights, each layer's
activations, the summed logistic loss, and its gradients by every weight and by the input. Where there
is batch normalisation, activations are those of evaluation (with running statistics), loss and
gradients those of training, and in place of the running statistics' gradients stand the minibatch's
mean and unbiased variance. Run it again only when a case is added; the files are part of the repository.

    python -m pip install torch numpy safetensors
    python scripts/reference/ops.py [CASE ...]

An operation's own cases stand in its folder, crates/net/src/ops/OPERATION/reference.py: `CASES`, as below.
Those are named there; with names, only they are written.
"""

import json
import pathlib
import runpy
import sys
import zlib

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file
from torch_layers import (
    average_pool,
    batch_norm,
    cmrnorm,
    cnorm,
    conv,
    elementwise,
    full,
    global_average,
    local,
    max_pool,
    rnorm,
)

NET = pathlib.Path(__file__).parents[2] / "crates/net"
OUT = NET / "tests/reference"
CLASSES = 3
SCALE = 0.01


# name, what the recipe's layer says, what PyTorch does with it, and the settings of both; `inputs` names layers where
# that is not the one before.
CONV = ("conv", conv)
LOCAL = ("local", local)
FULL = ("full", full)
MAX = ('pool pool="max"', max_pool)
AVERAGE = ('pool pool="average"', average_pool)
RELU = ("relu", elementwise(F.relu))
NORM = ("batch_norm", batch_norm)
GELU = ("gelu", elementwise(F.gelu))
MEAN = ("global_average", global_average)

CASES = {
    "conv": ((3, 9, 8), [("a", CONV, dict(filters=10, size=5, padding=2))]),
    "conv_stride": (
        (4, 9, 8),
        [
            ("a", CONV, dict(filters=8, size=3, stride=2, padding=1)),
            ("b", CONV, dict(filters=6, size=4, stride=3, padding=2)),
        ],
    ),
    "conv_groups": (
        (4, 7, 7),
        [
            ("a", CONV, dict(filters=12, size=3, padding=1, groups=2)),
            ("b", CONV, dict(filters=9, size=3, stride=2, groups=3)),
        ],
    ),
    "local": (
        (3, 6, 5),
        [
            ("a", LOCAL, dict(filters=6, size=3, padding=1)),
            ("b", LOCAL, dict(filters=5, size=3, padding=1, stride=2)),
        ],
    ),
    "full": ((2, 4, 5), [("a", FULL, dict(outputs=11)), ("r", RELU, {})]),
    "max_pool": (
        (2, 8, 8),
        [("a", CONV, dict(filters=9, size=3, padding=1)), ("b", MAX, dict(size=3, stride=2))],
    ),
    "average_pool": (
        (2, 8, 8),
        [("a", CONV, dict(filters=9, size=3, padding=1)), ("b", AVERAGE, dict(size=3, stride=2))],
    ),
    "rnorm": (
        (2, 7, 6),
        [
            ("a", CONV, dict(filters=5, size=3)),
            ("b", ("rnorm", rnorm), dict(size=3, scale=0.7, power=0.75)),
        ],
    ),
    "cnorm": (
        (2, 7, 6),
        [
            ("a", CONV, dict(filters=5, size=3)),
            ("b", ("cnorm", cnorm), dict(size=3, scale=0.7, power=0.75)),
        ],
    ),
    "cmrnorm": (
        (2, 6, 6),
        [
            ("a", CONV, dict(filters=11, size=3)),
            ("b", ("cmrnorm", cmrnorm), dict(size=5, scale=0.9, power=0.75)),
        ],
    ),
    "activations": (
        (3, 5, 5),
        [
            ("a", CONV, dict(filters=6, size=3, padding=1)),
            ("tanh", ("tanh a=1.5 b=0.5", elementwise(lambda x: 1.5 * torch.tanh(0.5 * x))), {}),
            ("b", CONV, dict(filters=6, size=3, padding=1)),
            ("logistic", ("logistic", elementwise(torch.sigmoid)), {}),
            ("c", CONV, dict(filters=6, size=3, padding=1)),
            ("brelu", ("brelu limit=0.5", elementwise(lambda x: x.clamp(0, 0.5))), {}),
            ("d", CONV, dict(filters=6, size=3, padding=1)),
            ("abs", ("abs", elementwise(torch.abs)), {}),
            ("linear", ("linear a=2.0 b=0.1", elementwise(lambda x: 2 * x + 0.1)), {}),
            ("sqrt", ("sqrt", elementwise(torch.sqrt)), {}),
            ("square", ("square", elementwise(torch.square)), {}),
        ],
    ),
    # The published nets, thinner and on smaller images.
    "like_80sec": (
        (3, 16, 16),
        [
            ("conv1", CONV, dict(filters=8, size=5, padding=2)),
            ("pool1", MAX, dict(size=3, stride=2)),
            ("relu1", RELU, {}),
            ("conv2", CONV, dict(filters=8, size=5, padding=2)),
            ("relu2", RELU, {}),
            ("pool2", AVERAGE, dict(size=3, stride=2)),
            ("conv3", CONV, dict(filters=16, size=5, padding=2)),
            ("relu3", RELU, {}),
            ("pool3", AVERAGE, dict(size=3, stride=2)),
            ("fc", FULL, dict(outputs=12)),
            ("relu4", RELU, {}),
        ],
    ),
    "like_11pct": (
        (3, 12, 12),
        [
            ("conv1", CONV, dict(filters=12, size=5, padding=2)),
            ("relu1", RELU, {}),
            ("pool1", MAX, dict(size=3, stride=2)),
            ("norm1", ("cmrnorm", cmrnorm), dict(size=9, scale=0.001, power=0.75)),
            ("conv2", CONV, dict(filters=12, size=5, padding=2)),
            ("relu2", RELU, {}),
            ("norm2", ("cmrnorm", cmrnorm), dict(size=9, scale=0.001, power=0.75)),
            ("pool2", MAX, dict(size=3, stride=2)),
            ("local3", LOCAL, dict(filters=12, size=3, padding=1)),
            ("relu3", RELU, {}),
            ("local4", LOCAL, dict(filters=8, size=3, padding=1)),
            ("relu4", RELU, {}),
        ],
    ),
    "modern_activations": (
        (3, 5, 5),
        [
            ("a", CONV, dict(filters=6, size=3, padding=1)),
            ("gelu", GELU, {}),
            ("b", CONV, dict(filters=6, size=3, padding=1)),
            ("tanh", ('gelu form="tanh"', elementwise(lambda x: F.gelu(x, approximate="tanh"))), {}),
            ("c", CONV, dict(filters=6, size=3, padding=1)),
            ("silu", ("silu", elementwise(F.silu)), {}),
            ("d", CONV, dict(filters=6, size=3, padding=1)),
            ("leaky", ("leaky_relu slope=0.1", elementwise(lambda x: F.leaky_relu(x, 0.1))), {}),
            ("mean", MEAN, {}),
        ],
    ),
    "depthwise": (
        (3, 8, 8),
        [
            ("a", CONV, dict(filters=9, size=1, stride=2, bias="false")),
            ("b", CONV, dict(filters=18, size=3, padding=1, groups=9)),
        ],
    ),
    "batch_norm": (
        (3, 8, 8),
        [
            ("a", CONV, dict(filters=9, size=3, padding=1, bias="false")),
            ("n", NORM, {}),
            ("r", RELU, {}),
            ("b", CONV, dict(filters=10, size=3, stride=2, padding=1, bias="false")),
            ("p", MAX, dict(size=2, stride=2)),
            ("m", NORM, dict(epsilon=0.01, weight="false")),
            ("g", GELU, {}),
            ("c", CONV, dict(filters=8, size=2, bias="false")),
            ("o", NORM, {}),
        ],
    ),
}


def words_of(value):
    return json.dumps(value, separators=(",", ":")) if isinstance(value, list) else value


def forward(layers, image, parameters):
    """The values of every layer, by name."""
    values, last = {"data": image}, "data"
    for layer, (_, function), settings in layers:
        own = {key: value for key, value in settings.items() if key != "inputs"}
        inputs = [values[name] for name in settings.get("inputs", [last])]
        values[layer] = function(*inputs, parameters(layer), **own)
        last = layer
    return values


def run(name, shape, layers, seed):
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (5, *shape), generator=generator, dtype=torch.uint8)
    labels = torch.arange(5) % CLASSES
    parameters, tensors, text = {}, {}, []

    class Parameters:
        def __init__(self, layer, training):
            self.layer, self.training = layer, training

        def __call__(self, kind, dims):
            key = f"{self.layer}.{kind}"
            if key not in parameters:
                fan = 4 if kind != "weight" or len(dims) == 1 else int(np.prod(dims[-3:] if len(dims) > 2 else dims[1:]))
                value = torch.randn(dims, generator=generator, dtype=torch.float64) / fan**0.5
                if kind == "running_var":
                    value = value.abs() + 0.3
                # Exactly what the file will hold.
                parameters[key] = value.float().double().requires_grad_()
            return parameters[key]

    # As the recipe computes it: in single precision.
    x = (images.float() * np.float32(SCALE)).double().requires_grad_()
    ends = [*layers, ("logits", FULL, dict(outputs=CLASSES))]
    values = forward(ends, x, lambda layer: Parameters(layer, False))
    for layer, (kind, _), settings in ends:
        tensors[f"activation.{layer}"] = values[layer]
        words = " ".join(f"{key}={words_of(value)}" for key, value in settings.items())
        text.append(f"{layer} {kind} {words}".strip())
    tensors["activation.probs"] = F.softmax(values["logits"].flatten(1), 1)
    y = forward(ends, x, lambda layer: Parameters(layer, True))["logits"]
    logits = y.flatten(1)
    loss = F.cross_entropy(logits, labels, reduction="sum")
    loss.backward()
    tensors["loss"] = loss.reshape(1)
    tensors["gradient.input"] = x.grad
    for key, value in parameters.items():
        tensors[f"parameter.{key}"] = value
        tensors[f"gradient.{key}"] = value.grad
    arrays = {
        key: np.ascontiguousarray(value.detach().numpy().astype(np.float32))
        for key, value in tensors.items()
    }
    arrays["images"] = images.numpy()
    arrays["labels"] = labels.numpy().astype(np.uint8)
    # The test adds the last layers itself.
    metadata = {"layers": "\n".join(text[:-1]), "torch": torch.__version__}
    save_file(arrays, OUT / f"{name}.safetensors", metadata)
    print(f"{name}: loss {loss.item():.6f}")


def cases():
    """Names, networks and seeds."""
    for number, (name, (shape, layers)) in enumerate(CASES.items()):
        yield name, shape, layers, 100 + number
    for path in sorted((NET / "src/ops").glob("*/reference.py")):
        for name, (shape, layers) in runpy.run_path(str(path))["CASES"].items():
            yield name, shape, layers, zlib.crc32(name.encode())


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    found = {case[0]: case for case in cases()}
    for name in sys.argv[1:] or found:
        if name not in found:
            sys.exit(f"no case {name}; there are {', '.join(found)}")
        run(*found[name])
