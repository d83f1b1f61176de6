#!/usr/bin/env python3
"""Compares one whole training step of every recipe with PyTorch's: loss, every gradient, every
updated weight, every running statistic.

deepViz does the step (the example `training_step` of deepviz-train: weights as training starts from
them, a full minibatch of the corpus, no augmentation, no dropout) and writes all of it down. PyTorch
does it again in double precision from the same weights and inputs. Every tensor is compared by
max |a - b| / max |b|, which must not exceed 1e-4. How far PyTorch's own single precision is from its
double is told beside it: where a value lies within rounding of a kink (a relu's 0, two equal maxima) the
two part, and batch normalisation hands that on to all.

    python -m pip install torch numpy safetensors
    deepviz corpus make shapes --out /tmp/shapes
    python scripts/check_training_step.py /tmp/shapes > docs/parity.md
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile
import tomllib

import torch
import torch.nn.functional as F
from safetensors import safe_open
from torch_recipe import Parameters, layer_function

ROOT = pathlib.Path(__file__).resolve().parent.parent
ALLOWED = 1e-4


def updated(recipe, rates, name, layer, weight, gradient):
    """The weight after the step."""
    train, is_bias = recipe["train"], name.endswith(".bias")
    factor = layer["bias_rate_factor" if is_bias else "rate_factor"]
    rate = rates[is_bias] * factor
    key = "bias_decay" if is_bias else "decay"
    decay, momentum = layer.get(key, train[key]), layer.get("momentum", train["momentum"])
    if train["optimiser"] == "cuda-convnet":
        # PyTorch has no optimiser with the rate inside the velocity; from a velocity of 0 it is this.
        return weight - rate * gradient - rate * decay * weight
    weight = weight.detach().clone().requires_grad_()
    weight.grad = gradient.clone()
    settings = dict(lr=rate, weight_decay=decay)
    kind = train["optimiser"]
    if kind in ("pytorch", "nesterov"):
        optimiser = torch.optim.SGD([weight], momentum=momentum, nesterov=kind == "nesterov", **settings)
    elif kind == "adagrad":
        optimiser = torch.optim.Adagrad([weight], eps=train["epsilon"], **settings)
    else:
        betas = (momentum, train["beta2"])
        optimiser = torch.optim.AdamW([weight], betas=betas, eps=train["epsilon"], **settings)
    optimiser.step()
    return weight.detach()


def distance(found, expected):
    largest = expected.abs().max().item()
    apart = (found - expected).abs().max().item()
    return apart / largest if largest > 0 else (0.0 if apart == 0 else float("inf"))


def step(recipe, tensors, precision):
    """PyTorch's loss, and the parameters with their gradients."""
    tensors = {name: value.detach().to(precision, copy=True) for name, value in tensors.items()}
    start = {name[7:]: value.requires_grad_() for name, value in tensors.items() if name.startswith("before.")}
    outputs = {"data": tensors["input"]}
    for layer in recipe["layer"][:-1]:
        inputs = [outputs[name] for name in layer["inputs"]]
        outputs[layer["name"]] = layer_function(layer)(inputs, Parameters(layer["name"], start))
    logits = outputs[recipe["layer"][-1]["inputs"][0]].flatten(1)
    loss = F.cross_entropy(logits, tensors["labels"].long(), label_smoothing=recipe["train"]["label_smoothing"])
    loss.backward()
    return loss.item(), start


def check(path):
    """Distances of loss, gradients, weights and statistics; each with the tensor that is worst."""
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name).double() for name in file.keys()}
    recipe = tomllib.loads(metadata["recipe"])
    loss, start = step(recipe, tensors, torch.float64)
    _, single = step(recipe, tensors, torch.float32)
    rates = (float(metadata["rate"]), float(metadata["bias_rate"]))
    labels = tensors["labels"]
    found = float(metadata["loss_sum"]) / len(labels)
    worst = {"loss": (abs(found - loss) / abs(loss), "")}
    layers = {layer["name"]: layer for layer in recipe["layer"]}

    def note(what, name, found, expected):
        worst[what] = max(worst.get(what, (0.0, "")), (distance(found, expected), name))

    for name, before in start.items():
        layer, gradient, after = layers[name.split(".")[0]], tensors[f"gradient.{name}"], tensors[f"after.{name}"]
        if ".running_" in name:
            batch = before.grad
            note("statistic", f"minibatch's {name}", gradient, batch)
            share = layer["running_momentum"]
            note("statistic", name, after, (1 - share) * before.detach() + share * batch)
            continue
        note("gradient", name, gradient / len(labels), before.grad)
        note("single", name, single[name].grad.double(), before.grad)
        note("weight", name, after, updated(recipe, rates, name, layer, before.detach(), before.grad))
    return recipe["name"], len(labels), sum(v.numel() for v in start.values()), worst, metadata["device"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", help="a corpus of 32x32 colour images and ten classes")
    parser.add_argument("recipes", nargs="*", type=pathlib.Path, help="by default all of models/")
    parser.add_argument("--cargo", default="cargo", help="how cargo is called")
    arguments = parser.parse_args()
    recipes = arguments.recipes or sorted((ROOT / "models").glob("*.toml"))
    rows, beyond = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for path in recipes:
            out = f"{folder}/step.safetensors"
            command = [arguments.cargo, "run", "-q", "-p", "deepviz-train", "--example", "training_step", "--"]
            subprocess.run([*command, str(path), arguments.corpus, out], check=True, cwd=ROOT)
            name, images, values, worst, device = check(out)
            for what, (value, where) in worst.items():
                if what != "single" and not value <= ALLOWED:
                    beyond[f"{name}: {what} {where}"] = what
            cells = []
            for what in ("loss", "gradient", "weight", "statistic", "single"):
                value, where = worst.get(what, (None, ""))
                cells.append("" if value is None else f"{value:.1e}" + (f" `{where}`" if where else ""))
            rows.append(f"| `{name}` | {images} | {values:,} | " + " | ".join(cells) + " |")
    print(HEAD.format(torch=torch.__version__, device=device, allowed=ALLOWED))
    print("\n".join(rows))
    verdict = "Not within it: " + ", ".join(beyond) + "." if beyond else "All are within it."
    if set(beyond.values()) & {"gradient", "weight"}:
        verdict += KINKS
    print(f"\n{verdict}")
    sys.exit(bool(beyond))


KINKS = """

Gradients part where a value lies within rounding of a kink (a relu's 0, two equal maxima) and falls on its other side in
double precision. Batch normalisation hands that on to every gradient before it, in PyTorch's single precision too: the
last column says how far that is. Besides, of equal maxima in a window deepViz gives each the whole gradient, as
cuda-convnet does, and PyTorch the first; rounded GELUs are equal now and then."""

HEAD = """# One training step, compared with PyTorch

One whole training step of every recipe in `models/`, from the same weights (as training starts from them) and on the
same full minibatch of the generated `shapes` corpus: by deepViz ({device}; float32), and by PyTorch {torch} in
double precision. No augmentation, no dropout. Of every tensor, max |a - b| / max |b| was taken; the table gives the
largest of these and where it was. Allowed is {allowed:g}.

```
deepviz corpus make shapes --out /tmp/shapes
python scripts/check_training_step.py /tmp/shapes > docs/parity.md
```

| recipe | images | values | loss | gradient | updated weight | running statistic | PyTorch's own single precision: gradient |
|---|---:|---:|---:|---|---|---|---|"""


if __name__ == "__main__":
    main()
