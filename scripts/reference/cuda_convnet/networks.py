"""The networks of the checkpoints, each with layers that the others do not have."""

import numpy as np
from corpus import SHAPE
from layers import Builder
from python2 import Class, OldStyle

CASES = (7, 5)
MINIBATCH = 4


def option(name, value, module):
    parser = Class(module, "IntegerOptionParser")
    return OldStyle(module, "Option", letter=name[0], name=name, desc="an option", parser=parser, set_once=False,
                    default=OldStyle(module, "OptionExpression", expr="[-1] * num_gpus"), excuses=[], requires=[],
                    save=True, value=value, value_given=True, prefixed_letter=f"--{name}")


class Network:
    """A network whose training reads two batches of 7 and 5 images, in minibatches of 4, and tests after each."""

    mean_offset = 0.0

    def __init__(self, build, files, logits, second=False, crop=None, provider="cifar"):
        self.build, self.files, self.logits, self.softmax = build, files, logits, "probs"
        self.second, self.crop, self.provider = second, crop, provider
        if second:
            self.mean_offset = -1.0

    def builder_at(self, number):
        builder = Builder(np.random.default_rng([7, number, len(self.files[0])]), self.second)
        self.build(builder)
        return builder

    def layers_at(self, number):
        return self.builder_at(number).layers

    def batches(self, number):
        epoch, batch, _ = self.files[number]
        return (epoch - 1) * len(CASES) + batch

    def history(self, number):
        """Errors of all batches so far: per image, or (cuda-convnet2) in sum."""
        entries = []
        for index in range(self.batches(number)):
            cases = CASES[index % len(CASES)]
            times = cases if self.second else 1
            entries.append(({"logprob": [1.0 / (index + 1) * times, 0.5 / (index + 1) * times]}, cases))
        return entries

    def checkpoint(self, number):
        epoch, batch, _ = self.files[number]
        module = "python_util.options" if self.second else "options"
        values = {"train_batch_range": [1, 2], "test_batch_range": [3], "minibatch_size": MINIBATCH, "testing_freq": 1,
                  "layer_def": "example-layers/layers-tiny.cfg", "dp_type": self.provider}
        if self.second:
            values["scalar_mean"] = -1.0
        options = {name: option(name, value, module) for name, value in values.items()}
        state = {"epoch": epoch, "batchnum": batch, "train_outputs": self.history(number),
                 "test_outputs": self.history(number), "layers": self.builder_at(number).state()}
        return {"model_state": state, "op": OldStyle(module, "OptionsParser", options=options)}

    def steps(self, number):
        return sum(-(-CASES[index % 2] // MINIBATCH) for index in range(self.batches(number)))

    def images_seen(self, number):
        return sum(CASES[index % 2] for index in range(self.batches(number)))

    def epochs(self, number):
        return self.batches(number) / len(CASES)

    def inputs(self, corpus):
        """Test images as the network sees them: the mean image subtracted, the centre cut out."""
        images = corpus.test.astype(np.float64) - corpus.mean.astype(np.float32) - self.mean_offset
        if self.crop:
            first = (SHAPE[1] - self.crop) // 2
            images = images[:, :, first:first + self.crop, first:first + self.crop]
        return images


def like_80sec(net):
    net.data()
    net.data("labels", 1, 1)
    first = net.conv("conv1", "data", 4, 5, padding=2)
    first["weights"][0] *= np.float32(0.01)
    net.pool("pool1", "conv1", "max")
    net.neuron("pool1_neuron", "pool1", "relu")
    net.conv("conv2", "pool1_neuron", 4, 3, padding=1)
    net.neuron("conv2_neuron", "conv2", "relu")
    net.pool("pool2", "conv2_neuron", "avg")
    net.fc("fc5", ["pool2"], 5)
    net.neuron("fc5_neuron", "fc5", "relu")
    net.fc("fc3", ["fc5_neuron"], 3)
    net.same("probs", "fc3", "softmax")
    net.cost("labels", "probs")


def with_norms(net):
    """Nouri's fork: normalisations, filters that are not shared, dropout, several inputs."""
    net.data(outputs=108)
    net.data("labels", 1, 1)
    first = net.conv("conv1", "data", 4, 3, padding=1, shared=False)
    first["weights"][0] *= np.float32(0.02)
    net.norm("rnorm1", "conv1", "rnorm", 3, 0.5, 0.75)
    net.conv("conv2", "rnorm1", 4, 3, padding=1, groups=2, stride=2)
    net.neuron("conv2_neuron", "conv2", "tanh", 1.5, 0.7)
    net.norm("cmrnorm1", "conv2_neuron", "cmrnorm", 3, 0.8, 0.75)
    net.norm("blocked1", "cmrnorm1", "cmrnorm", 2, 0.8, 0.5, blocked=True)
    net.norm("cnorm1", "cmrnorm1", "cnorm", 3, 0.6, 0.9)
    net.same("sum1", ["cnorm1", "blocked1"], "eltsum", coeffs=[1.0, -0.5])
    net.conv("local1", "sum1", 3, 2, kind="local", padding=1, stride=2)
    net.neuron("local1_neuron", "local1", "softrelu")
    net.fc("fc6", ["local1_neuron", "conv2_neuron"], 6)
    net.find("fc6")["dropout"] = 0.25
    net.neuron("fc6_neuron", "fc6", "logistic")
    net.fc("fc3", ["fc6_neuron"], 3)
    net.same("probs", "fc3", "softmax")
    net.cost("labels", "probs")


def second(net):
    """cuda-convnet2: layers by name, dropout of both kinds, shared weights."""
    net.data()
    net.data("labels", 1, 1)
    first = net.conv("conv1", "data", 3, 3, stride=2)
    first["weights"][0] *= np.float32(0.02)
    net.neuron("conv1_neuron", "conv1", "brelu", 1.5)
    net.conv("conv1b", "conv1_neuron", 2, 1)
    net.same("pass1", "conv1b", "pass")
    net.add("both", "concat", ["conv1_neuron", "pass1"], net.find("conv1")["outputs"] + net.find("conv1b")["outputs"])
    net.find("both")["image"] = (5, net.image("conv1")[1])
    net.norm("rnorm1", "both", "cmrnorm", 5, 0.3, 0.75, minDiv=1.0)
    net.pool("pool1", "rnorm1", "avg", size=2, stride=2, start=-1, sum=False)
    net.fc("fc4", ["pool1"], 4)
    net.same("drop4", "fc4", "dropout", keep=0.5)
    net.fc("fc4b", ["drop4"], 4)
    net.neuron("fc4b_neuron", "fc4b", "abs")
    net.fc("fc4c", ["fc4b_neuron"], 4, shared_from="fc4b")
    net.same("drop4c", "fc4c", "dropout2", keep=0.75)
    net.fc("fc3", ["drop4c"], 3)
    net.same("probs", "fc3", "softmax")
    net.cost("labels", "probs")
    # Neurons that were split off have the last numbers.
    for layer in net.layers:
        layer["id"] += 100 if layer["type"] == "neuron" else 0


NETWORKS = {
    "like_80sec": Network(like_80sec, [(1, 1, "plain"), (1, 2, "zip"), (2, 1, "gzip"), (10, 1, "plain")], "fc3"),
    "with_norms": Network(with_norms, [(3, 2, "plain")], "fc3", crop=6, provider="cifar-cropped"),
    "second": Network(second, [(2, 2, "plain")], "fc3", second=True),
}


def refused(change):
    """A checkpoint of a small network in which something is that deepViz cannot compute."""

    def build(net):
        net.data()
        net.data("labels", 1, 1)
        net.conv("conv1", "data", 4, 5, stride=4)
        last = change(net) or "conv1"
        net.fc("fc3", [last], 3)
        net.same("probs", "fc3", "softmax")
        net.cost("labels", "probs")

    return lambda: Network(build, [(1, 1, "plain")], "fc3").checkpoint(0)


def blurred(net):
    net.same("blur1", "conv1", "blur", channels=4, filterSize=3, stdev=1.0, filter=np.ones((1, 3), np.float32))
    return "blur1"


def largest(net):
    net.same("max1", ["conv1", "conv1"], "eltmax")
    return "max1"


def sparse(net):
    net.find("conv1")["randSparse"] = [True]


def summed(net):
    net.pool("pool1", "conv1", "avg", size=2, sum=True)
    return "pool1"


def noisy(net):
    net.same("noise1", "conv1", "neuron", neuron={"type": "nrelu", "params": {}})
    return "noise1"


def wrong_size(net):
    net.find("conv1")["outputs"] = 100


REFUSED = {
    "blur": refused(blurred),
    "eltmax": refused(largest),
    "sparse": refused(sparse),
    "sum": refused(summed),
    "nrelu": refused(noisy),
    "outputs": refused(wrong_size),
}
