"""A recipe's layers as PyTorch functions, for the scripts that compare the two. Recipes have every
default written out, as `deepviz inspect RECIPE --json` and runs have them."""

import torch
import torch.nn.functional as F
from torch_layers import average_pool, batch_norm, cmrnorm, conv, full, global_average, local, max_pool, rnorm


class Parameters:
    """A layer's parameters, by kind."""

    def __init__(self, layer, tensors):
        self.layer, self.tensors, self.training = layer, tensors, True

    def __call__(self, kind, shape):
        value = self.tensors[f"{self.layer}.{kind}"]
        assert tuple(value.shape) == tuple(shape), (self.layer, kind, value.shape, shape)
        return value


def single(value):
    """As deepViz holds it: in single precision."""
    return torch.tensor(value, dtype=torch.float32).item()


def layer_function(layer):
    """What computes one layer, but for the softmax: a function of its inputs and `Parameters`."""
    kind = layer["type"]
    flag = lambda key: "true" if layer[key] else "false"
    windows = lambda *keys: {key: layer[key] for key in ("filters", "size", "stride", "padding", *keys)}
    if kind == "add":
        factors = layer["coefficients"]
        return lambda inputs, p: sum(factor * x for factor, x in zip(factors, inputs))
    if kind == "conv":
        assert layer["shared_bias"]
        settings = dict(windows("groups"), bias=flag("bias"))
        one = lambda x, p: conv(x, p, **settings)
    elif kind == "local":
        assert layer["groups"] == 1 and layer["bias"]
        settings = windows()
        one = lambda x, p: local(x, p, **settings)
    elif kind == "full":
        settings = dict(outputs=layer["outputs"], bias=flag("bias"))
        one = lambda x, p: full(x, p, **settings)
    elif kind == "pool":
        assert layer["start"] == 0
        size, stride, outputs = layer["size"], layer["stride"], layer.get("outputs")
        pool = max_pool if layer["pool"] == "max" else average_pool
        if outputs:
            one = lambda x, p: pool(x, p, size, stride)[:, :, :outputs, :outputs]
        else:
            one = lambda x, p: pool(x, p, size, stride)
    elif kind == "batch_norm":
        epsilon, weight, bias = layer["epsilon"], flag("weight"), flag("bias")
        one = lambda x, p: batch_norm(x, p, epsilon, weight, bias)
    elif kind in ("cmrnorm", "rnorm"):
        assert kind == "rnorm" or not layer["blocked"]
        norm = rnorm if kind == "rnorm" else cmrnorm
        size, scale, power = layer["size"], layer["scale"], layer["power"]
        one = lambda x, p: norm(x, p, size, scale, power)
    elif kind == "global_average":
        one = global_average
    elif kind == "dropout":
        assert layer["rate"] == 0
        one = lambda x, p: x
    elif kind == "gelu":
        form = "tanh" if layer["form"] == "tanh" else "none"
        one = lambda x, p: F.gelu(x, approximate=form)
    elif kind == "linear":
        a, b = single(layer["a"]), single(layer["b"])
        one = lambda x, p: a * x + b
    elif kind == "relu":
        one = lambda x, p: F.relu(x)
    else:
        raise SystemExit(f"no layer of type {kind} here")
    return lambda inputs, p: one(inputs[0], p)
