"""The dictionaries of layers, as cuda-convnet's parser makes them: a list in cuda-convnet,
a dictionary by name in cuda-convnet2 (`second`)."""

from math import ceil

import numpy as np

NEURONS = {"relu": (), "logistic": (), "ident": (), "abs": (), "softrelu": (), "square": (), "tanh": ("a", "b"),
           "linear": ("a", "b"), "brelu": ("a",)}


class Builder:
    """Takes layers one by one; weights come from `random`, with a deviation by the number of inputs."""

    def __init__(self, random, second=False):
        self.random, self.second, self.layers = random, second, []

    def find(self, name):
        return next(layer for layer in self.layers if layer["name"] == name)

    def add(self, name, kind, inputs=None, outputs=None, **keys):
        layer = {"name": name, "type": kind, "outputs": outputs, **keys}
        if inputs is not None:
            sources = [self.find(source) for source in inputs]
            layer["numInputs"] = [source["outputs"] for source in sources]
            layer["inputLayers"] = sources
            names = [known["name"] for known in self.layers]
            layer["inputs"] = list(inputs) if self.second else [names.index(source) for source in inputs]
            if outputs is None:
                layer["outputs"] = sources[0]["outputs"]
        if self.second:
            layer.update(id=len(self.layers), gpu=[0])
        layer.update(requiresParams="weights" in keys, usesActs=True, usesInputs=False, gradConsumer=True,
                     actsTarget=-1, actsGradTarget=-1, conserveMem=False)
        self.layers.append(layer)
        return layer

    def weights(self, shape, order="C", fan=None):
        deviation = 1 / np.sqrt(fan or shape[0])
        return np.array(self.random.standard_normal(shape) * deviation, dtype=np.float32, order=order)

    def data(self, name="data", index=0, outputs=192):
        return self.add(name, "data", outputs=outputs, dataIdx=index)

    def learnt(self, weights, biases, sources=None):
        count = len(weights)
        source = {"weightSourceLayers": [""] * count} if self.second else {"weightSourceLayerIndices": [-1] * count}
        rate = [{"type": "const", "params": {"base": 0.001}}] if self.second else [0.001] * count
        return {"weights": weights, "weightsInc": [np.zeros_like(weight) for weight in weights], "biases": biases,
                "biasesInc": np.zeros_like(biases), "initW": [0.01] * count, "initB": 0.0, "epsW": rate, "epsB": 0.002,
                "momW": [0.9] * count, "momB": 0.9, "wc": [0.004] * count, **source, **(sources or {})}

    def conv(self, name, source, filters, size, kind="conv", padding=0, stride=1, groups=1, shared=True):
        channels, side = self.image(source)
        modules = 1 + ceil((2 * padding + side - size) / stride)
        filter_channels = channels // groups
        rows = filter_channels * size * size
        is_local = kind == "local"
        weights = self.weights((rows * (modules ** 2 if is_local else 1), filters), fan=rows)
        biases = filters if shared and not is_local else filters * modules ** 2
        keys = {"channels": [channels], "padding": [-padding], "stride": [stride], "filterSize": [size],
                "filters": filters, "groups": [groups], "randSparse": [False], "filterChannels": [filter_channels],
                "imgPixels": [side * side], "imgSize": [side], "filterPixels": [size * size], "modulesX": modules,
                "modules": modules ** 2, "partialSum": 1}
        if not is_local:
            keys["sharedBiases"] = shared
        biases = np.array(self.random.standard_normal((biases, 1)) * 0.1, dtype=np.float32)
        layer = self.add(name, kind, [source], filters * modules ** 2, **keys, **self.learnt([weights], biases))
        layer["image"] = (filters, modules)
        return layer

    def image(self, name):
        """Channels and side of a layer's maps; of the data three channels."""
        layer = self.find(name)
        if "image" in layer:
            return layer["image"]
        return 3, int(np.sqrt(layer["outputs"] // 3))

    def pool(self, name, source, kind, size=3, stride=2, start=0, outputs=0, **more):
        channels, side = self.image(source)
        across = outputs or ceil((side - start - size) / stride) + 1
        layer = self.add(name, "pool", [source], channels * across ** 2, pool=kind, channels=channels, sizeX=size,
                         stride=stride, start=start, outputsX=across, imgPixels=side * side, imgSize=side, **more)
        layer["image"] = (channels, across)

    def norm(self, name, source, kind, size, scale, power, blocked=False, **more):
        channels, side = self.image(source)
        divided = scale / (size if kind == "cmrnorm" else size ** 2)
        layer = self.add(name, kind, [source], channels=channels, size=size, scale=divided, pow=power, blocked=blocked,
                         imgPixels=side * side, imgSize=side, **more)
        layer["image"] = (channels, side)

    def neuron(self, name, source, kind, *values):
        params = dict(zip(NEURONS[kind], values, strict=True))
        neuron = {"type": kind, "params": params, "usesActs": True, "usesInputs": False}
        layer = self.add(name, "neuron", [source], neuron=neuron)
        self.same_image(layer, source)

    def same(self, name, source, kind, **keys):
        self.same_image(self.add(name, kind, source if isinstance(source, list) else [source], **keys), source)

    def same_image(self, layer, source):
        first = self.find(source[0] if isinstance(source, list) else source)
        if "image" in first:
            layer["image"] = first["image"]

    def fc(self, name, sources, outputs, shared_from=None):
        weights = [self.weights((self.find(source)["outputs"], outputs), order="F") for source in sources]
        keys = {}
        if shared_from is not None:
            weights = [self.find(shared_from)["weights"][0]]
            place = [known["name"] for known in self.layers].index(shared_from)
            own = {"weightSourceLayers": [shared_from]} if self.second else {"weightSourceLayerIndices": [place]}
            keys = {**own, "weightSourceMatrixIndices": [0]}
        biases = np.array(self.random.standard_normal((1, outputs)) * 0.1, dtype=np.float32, order="F")
        self.add(name, "fc", sources, outputs, **self.learnt(weights, biases, keys))

    def cost(self, labels, softmax):
        self.add("logprob", "cost.logreg", [labels, softmax], 2, coeff=1.0)

    def state(self):
        """The layers as a checkpoint has them: without what only this script needs."""
        for layer in self.layers:
            layer.pop("image", None)
        return {layer["name"]: layer for layer in self.layers} if self.second else self.layers
