"""PyTorch's training of a recipe on a GPU, in its variants, for compare_gpu.py. Imported, not run."""

import math
import time

# No figure depends on it; a small one keeps the weights finite.
RATE = 1e-6


def prepare(torch, precision):
    """Switches that are PyTorch's as a whole."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision != "float32"
    torch.backends.cudnn.benchmark = True


def layer_of(layer, shape):
    """As `layer_function`, in the form that is fastest for PyTorch. `shape` is its first input's."""
    import torch.nn.functional as F
    from torch_layers import same
    from torch_recipe import layer_function

    kind, side = layer["type"], shape[1:]
    size, stride = layer.get("size"), layer.get("stride")
    if kind == "conv" and all(same(length, size, stride, layer["padding"]) == layer["padding"] for length in side):
        # Nothing has to be padded apart.
        padding, groups = layer["padding"], layer["groups"]

        def conv(inputs, p):
            bias = p("bias", None) if layer["bias"] else None
            return F.conv2d(inputs[0], p("weight", None), bias, stride, padding, groups=groups)

        return conv
    if kind == "pool" and all((length - size) // stride + 1 == layer.get("outputs") for length in side):
        pool = F.max_pool2d if layer["pool"] == "max" else F.avg_pool2d
        return lambda inputs, p: pool(inputs[0], size, stride)
    if kind == "batch_norm":

        def norm(inputs, p):
            weight, bias = (p(key, None) if layer[key] else None for key in ("weight", "bias"))
            statistics = p("running_mean", None), p("running_var", None)
            return F.batch_norm(inputs[0], *statistics, weight, bias, True, layer["running_momentum"], layer["epsilon"])

        return norm
    return layer_function(layer)


def network(torch, facts):
    """The recipe's network; a call of it gives the loss."""
    import torch.nn.functional as F

    class Layer(torch.nn.Module):
        """A layer's parameters, as the layers' functions ask for them."""

        def __init__(self, layer, parameters):
            super().__init__()
            for name, shape in parameters:
                if name.startswith("running_"):
                    self.register_buffer(name, torch.full(shape, float(name == "running_var")))
                    continue
                value = torch.randn(shape) / math.sqrt(math.prod(shape[1:])) if len(shape) > 1 else torch.ones(shape)
                factor = layer["bias_rate_factor" if name == "bias" else "rate_factor"]
                self.register_parameter(name, torch.nn.Parameter(value, requires_grad=factor != 0))

        def forward(self, kind, shape):
            return getattr(self, kind)

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            shapes = {layer["name"]: layer["shape"] for layer in facts["layers"]}
            # The first is the data.
            parameters = {
                layer["name"]: [(it["name"].split(".")[1], it["shape"]) for it in layer["parameters"]]
                for layer in facts["layers"]
            }
            *layers, last = facts["recipe"]["layer"]
            self.steps = []
            self.layers = torch.nn.ModuleList()
            for layer in layers:
                self.layers.append(Layer(layer, parameters[layer["name"]]))
                inputs = layer["inputs"]
                self.steps.append((layer["name"], inputs, layer_of(layer, shapes[inputs[0]])))
            self.logits = last["inputs"][0]
            self.smoothing = facts["recipe"]["train"]["label_smoothing"]

        def forward(self, x, labels):
            outputs = {"data": x}
            for (name, inputs, function), layer in zip(self.steps, self.layers):
                outputs[name] = function([outputs[it] for it in inputs], layer)
            return F.cross_entropy(outputs[self.logits].flatten(1), labels, label_smoothing=self.smoothing)

    return Network()


def muon(weights, velocities, gradients, momenta):
    """A step as docs/recipes.md tells it, of filters."""
    for w, v, g, momentum in zip(weights, velocities, gradients, momenta):
        v.mul_(momentum).add_(g)
        x = (g + momentum * v).flatten(1)
        is_tall = x.shape[0] > x.shape[1]
        x = x.mT if is_tall else x
        x = x / (x.norm() + 1e-7)
        for _ in range(3):
            gram = x @ x.mT
            x = 3.4445 * x + (-4.7750 * gram + 2.0315 * (gram @ gram)) @ x
        x = x.mT if is_tall else x
        w.mul_(math.sqrt(w.shape[0]) / w.norm()).sub_(RATE * x.reshape(w.shape))


class Variant:
    """PyTorch's training in one of its variants."""

    def __init__(self, torch, facts, name, precision, batch, device):
        self.torch, self.device, self.batch = torch, device, batch
        torch.manual_seed(0)
        self.net = net = network(torch, facts).to(device)
        x = torch.randn(batch, *facts["layers"][0]["shape"], device=device)
        if name.endswith("channels-last"):
            net, x = net.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
        labels = torch.randint(0, facts["classes"], (batch,), device=device)
        move, half = muon, precision == "bf16"
        if name.startswith("compile"):
            # Tuning takes minutes on a CPU, where this only has to run.
            net = torch.compile(net, mode="max-autotune" if device == "cuda" else None)
            move = torch.compile(muon)
        filters, optimiser = self.optimiser(facts["recipe"])
        weights = [weight for weight, _ in filters]
        velocities, momenta = [torch.zeros_like(weight) for weight in weights], [momentum for _, momentum in filters]

        def step():
            if device == "cuda":
                torch.compiler.cudagraph_mark_step_begin()
            optimiser.zero_grad(set_to_none=True)
            for weight in weights:
                weight.grad = None
            with torch.autocast(device, torch.bfloat16, enabled=half):
                loss = net(x, labels)
            loss.backward()
            optimiser.step()
            if weights:
                with torch.no_grad(), torch.autocast(device, torch.bfloat16, enabled=half):
                    move(weights, velocities, [weight.grad for weight in weights], momenta)

        self.step = step
        # As many steps as an event's clock should see are known only afterwards.
        self.seconds(3)
        self.each = self.seconds(5) / 5

    def optimiser(self, recipe):
        """Filters that Muon moves, with their momenta, and the optimiser of the rest."""
        settings, groups, filters = recipe["train"], {}, []
        kind = settings["optimiser"]
        if kind not in ("cuda-convnet", "pytorch", "nesterov", "muon"):
            raise RuntimeError(f"the optimiser {kind} is not known here")
        for layer, parameters in zip(recipe["layer"], self.net.layers):
            momentum = layer.get("momentum", settings["momentum"])
            for name, value in parameters.named_parameters():
                if not value.requires_grad:
                    continue
                if kind == "muon" and layer["type"] == "conv" and name == "weight":
                    filters.append((value, momentum))
                    continue
                key = "bias_decay" if name == "bias" else "decay"
                groups.setdefault((momentum, layer.get(key, settings[key])), []).append(value)
        groups = [
            {"params": values, "momentum": momentum, "weight_decay": decay}
            for (momentum, decay), values in groups.items()
        ]
        nesterov = kind in ("nesterov", "muon")
        return filters, self.torch.optim.SGD(groups, lr=RATE, momentum=0.9, nesterov=nesterov, fused=True)

    def seconds(self, steps):
        """How long that many steps take."""
        if self.device == "cpu":
            begin = time.perf_counter()
            for _ in range(steps):
                self.step()
            return time.perf_counter() - begin
        cuda = self.torch.cuda
        begin, end = cuda.Event(enable_timing=True), cuda.Event(enable_timing=True)
        cuda.synchronize()
        begin.record()
        for _ in range(steps):
            self.step()
        end.record()
        end.synchronize()
        return begin.elapsed_time(end) / 1000

    def speed(self, seconds):
        """Images/s."""
        steps = max(5, round(seconds / self.each))
        took = self.seconds(steps)
        self.each = took / steps
        return steps * self.batch / took
