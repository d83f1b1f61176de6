"""cuda-convnet's layers, one loop after another and in double precision. Maps are channels x height x width."""

import numpy as np


def windows(image, start, size, stride, count):
    """Rows or columns of each window, cut with the image."""
    for index in range(count):
        first = start + index * stride
        yield index, range(max(first, 0), min(first + size, image))


def conv(layer, x, is_local):
    [channels], [pad], [stride], [size] = layer["channels"], layer["padding"], layer["stride"], layer["filterSize"]
    filters, modules, [groups] = layer["filters"], layer["modulesX"], layer["groups"]
    side = layer["imgSize"][0]
    x, weights = x.reshape(channels, side, side), layer["weights"][0].astype(np.float64)
    biases, inside = layer["biases"].astype(np.float64).ravel(), channels // groups
    rows = inside * size * size
    out = np.zeros((filters, modules, modules))
    for k in range(filters):
        first = k // (filters // groups) * inside
        for my in range(modules):
            for mx in range(modules):
                module = my * modules + mx
                total = biases[k * modules ** 2 + module if biases.size > filters else k]
                for c in range(inside):
                    for fy in range(size):
                        for fx in range(size):
                            y, column = my * stride + pad + fy, mx * stride + pad + fx
                            if 0 <= y < side and 0 <= column < side:
                                row = (c * size + fy) * size + fx + (module * rows if is_local else 0)
                                total += weights[row, k] * x[first + c, y, column]
                out[k, my, mx] = total
    return out.ravel()


def pool(layer, x):
    channels, side, count = layer["channels"], layer["imgSize"], layer["outputsX"]
    x, out = x.reshape(channels, side, side), np.zeros((channels, count, count))
    settings = (side, layer["start"], layer["sizeX"], layer["stride"], count)
    for i, rows in windows(*settings):
        for j, columns in windows(*settings):
            part = x[:, rows.start:rows.stop, columns.start:columns.stop]
            out[:, i, j] = part.max(axis=(1, 2)) if layer["pool"] == "max" else part.mean(axis=(1, 2))
    return out.ravel()


def norm(layer, x):
    channels, side, size = layer["channels"], layer["imgSize"], layer["size"]
    x, kind = x.reshape(channels, side, side), layer["type"]
    base, out = float(layer.get("minDiv", 1.0)), np.zeros((channels, side, side))
    if kind == "cmrnorm":
        for f in range(channels):
            first = f // size * size if layer["blocked"] else f - size // 2
            part = x[max(first, 0):min(first + size, channels)]
            out[f] = x[f] * (base + layer["scale"] * (part ** 2).sum(axis=0)) ** -layer["pow"]
        return out.ravel()
    around = dict(windows(side, -(size // 2), size, 1, side))

    def cut(maps, i, j):
        return maps[:, around[i].start:around[i].stop, around[j].start:around[j].stop]

    squares = x.copy()
    if kind == "cnorm":
        for i in range(side):
            for j in range(side):
                squares[:, i, j] = x[:, i, j] - cut(x, i, j).mean(axis=(1, 2))
    for i in range(side):
        for j in range(side):
            total = (cut(squares, i, j) ** 2).sum(axis=(1, 2))
            out[:, i, j] = x[:, i, j] * (base + layer["scale"] * total) ** -layer["pow"]
    return out.ravel()


def neuron(layer, x):
    kind, values = layer["neuron"]["type"], layer["neuron"]["params"]
    a, b = values.get("a"), values.get("b")
    return {
        "ident": lambda: x,
        "relu": lambda: np.maximum(x, 0),
        "brelu": lambda: np.minimum(a, np.maximum(x, 0)),
        "softrelu": lambda: np.where(x > 4, x, np.log1p(np.exp(np.minimum(x, 4)))),
        "logistic": lambda: 1 / (1 + np.exp(-x)),
        "tanh": lambda: a * np.tanh(b * x),
        "abs": lambda: np.abs(x),
        "square": lambda: x ** 2,
        "linear": lambda: a * x + b,
    }[kind]()


def softmax(x):
    powers = np.exp(x - x.max())
    return powers / powers.sum()


def dense(layer, inputs):
    parts = [x @ weights.astype(np.float64) for x, weights in zip(inputs, layer["weights"], strict=True)]
    return np.sum(parts, axis=0) + layer["biases"].astype(np.float64).ravel()


def apply(layer, inputs):
    x, kind = inputs[0], layer["type"]
    if kind in ("conv", "local"):
        return conv(layer, x, kind == "local")
    return {
        "pool": lambda: pool(layer, x),
        "rnorm": lambda: norm(layer, x),
        "cnorm": lambda: norm(layer, x),
        "cmrnorm": lambda: norm(layer, x),
        "neuron": lambda: neuron(layer, x),
        "softmax": lambda: softmax(x),
        "fc": lambda: dense(layer, inputs),
        "eltsum": lambda: sum(c * v for c, v in zip(layer["coeffs"], inputs, strict=True)),
        "concat": lambda: np.concatenate(inputs),
        "pass": lambda: x,
        "dropout": lambda: x,
        "dropout2": lambda: layer["keep"] * x,
    }[kind]()


def outputs(layers, image):
    """Every layer's values for one image, as the network sees it, by the layers' names."""
    values = {}
    for layer in layers:
        if layer["type"] == "data":
            values[layer["name"]] = image.ravel() if layer["dataIdx"] == 0 else None
        elif not layer["type"].startswith("cost."):
            sources = [source["name"] for source in layer["inputLayers"]]
            value = apply(layer, [values[source] for source in sources])
            # Nouri's fork: at a test, the values that remain of a dropped layer.
            values[layer["name"]] = value * (1 - layer.get("dropout", 0.0))
    return values
