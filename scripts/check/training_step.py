#!/usr/bin/env python3
"""Compares one whole training step of every recipe with PyTorch's: loss, every gradient, every
updated weight, every running statistic.

deepViz computes the step (the example `training_step` of deepviz-train: weights as training starts from
them, a full minibatch of the corpus or a few images of it, no augmentation, no dropout) and writes all values to a file. PyTorch
repeats it in double precision from the same weights and inputs. Every tensor is compared by
max |a - b| / max |b|, which must not exceed 1e-4. The difference between PyTorch's single and double
precision is printed beside it: where a value lies within rounding of a kink (a relu's 0, two equal maxima) the
two differ, and batch normalisation spreads that to all images.

    python -m pip install torch numpy safetensors
    deepviz corpus make shapes --out /tmp/shapes
    python scripts/check/training_step.py /tmp/shapes > docs/parity.md
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

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts/reference"))
from torch_recipe import Parameters, layer_function  # noqa: E402

ALLOWED = 1e-4

# Images of a step with batch normalisation, and how many other choices of images are tried.
FEW, TRIES = 2, 20


def muon(weight, gradient, rate, momentum):
    """Filters after a step from a velocity of 0: three steps of the iteration towards an orthogonal matrix."""
    filters = len(weight)
    x = (gradient + momentum * gradient).reshape(filters, -1)
    is_tall = x.shape[0] > x.shape[1]
    x = x.T if is_tall else x
    x = x / (x.norm() + 1e-7)
    for _ in range(3):
        gram = x @ x.T
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    x = x.T if is_tall else x
    return weight * filters**0.5 / weight.norm() - rate * x.reshape(weight.shape)


def updated(recipe, rates, name, layer, weight, gradient):
    """The weight after the step."""
    train, is_bias = recipe["train"], name.endswith(".bias")
    factor = layer["bias_rate_factor" if is_bias else "rate_factor"]
    rate = rates[is_bias] * factor
    key = "bias_decay" if is_bias else "decay"
    decay, momentum = layer.get(key, train[key]), layer.get("momentum", train["momentum"])
    if train["optimiser"] == "cuda-convnet":
        # PyTorch has no optimiser with the rate inside the velocity; from a velocity of 0 the step is this.
        return weight - rate * gradient - rate * decay * weight
    kind = train["optimiser"]
    if kind == "muon" and weight.dim() == 4:
        return weight if rate == 0 else muon(weight, gradient, rate, momentum)
    weight = weight.detach().clone().requires_grad_()
    weight.grad = gradient.clone()
    settings = dict(lr=rate, weight_decay=decay)
    if kind in ("pytorch", "nesterov", "muon"):
        optimiser = torch.optim.SGD([weight], momentum=momentum, nesterov=kind != "pytorch", **settings)
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
    """Distances of loss, gradients, weights and statistics; each with the tensor that differs most."""
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


def one_step(arguments, path, out):
    """deepViz's step, compared. With batch normalisation, of the first few images for which PyTorch's single and
    double precision agree: for others no single precision can be told right."""
    command = [arguments.cargo, "run", "-q", "-p", "deepviz-train", "--example", "training_step", "--"]
    command += [str(path), arguments.corpus, out]
    has_norm = "batch_norm" in path.read_text()
    tries = [[str(FEW), str(FEW * attempt)] for attempt in range(TRIES)] if has_norm else [[]]
    for chosen in tries:
        subprocess.run([*command, *chosen], check=True, cwd=ROOT)
        found = check(out)
        if not has_norm or found[3]["single"][0] <= ALLOWED / 10:
            break
    return found


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
            name, images, values, worst, device = one_step(arguments, path, f"{folder}/step.safetensors")
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
double precision; the last column says how far PyTorch's own single precision is from its double."""

HEAD = """# One training step, compared with PyTorch

One whole training step of every recipe in `models/`, from the same weights (as training starts from them) and on the
same minibatch of the generated `shapes` corpus: by deepViz ({device}; float32), and by PyTorch {torch} in
double precision. No augmentation, no dropout. Of every tensor, max |a - b| / max |b| was taken; the table gives the
largest of these and where it was. Allowed is {allowed:g}.

With batch normalisation every gradient depends on every image, and one value within rounding of a kink (a relu's 0, two
equal maxima) that falls on its other side shows in all of them, in PyTorch's single precision as in ours. There the step
is of the first two images for which PyTorch's single and double precision agree within a tenth of what is allowed.
Filters that start as the identity were moved a little before (by normal noise of 0.05), for what they pass on of a gelu
are windows full of the same rounded 0.

```
deepviz corpus make shapes --out /tmp/shapes
python scripts/check/training_step.py /tmp/shapes > docs/parity.md
```

| recipe | images | values | loss | gradient | updated weight | running statistic | PyTorch's own single precision: gradient |
|---|---:|---:|---:|---|---|---|---|"""


if __name__ == "__main__":
    main()
