"""Lowering of elementwise operations: activation functions, sums and products, with numbers or per-channel weights.

deepViz's layer type `linear` is affine, a x + b of each value; what PyTorch calls nn.Linear is its `full`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import toml
from . import attention, layout
from .layout import Dims
from .trace import Memory, Node, Scores, Tensor, Trace, Value, Weight, handles

Keys = dict[str, toml.Value]

UNKNOWN_ACTIVATIONS = "celu elu glu hardshrink log_sigmoid mish rrelu selu softshrink softsign threshold".split()


def of_each(trace: Trace, node: Node, tensor: Tensor, kind: str, keys: Keys | None = None) -> Tensor:
    """Adds an elementwise layer, for which the order of the values does not matter."""
    return Tensor(Memory(trace.add(node, kind, [tensor.layer], tensor.shape, keys)), tensor.dims)


def _activation(kind: str, keys: Callable[[dict[str, Any]], Keys] = lambda _: {}) -> Callable[..., Value]:
    def handler(trace: Trace, node: Node, args: dict[str, Any]) -> Value:
        tensor = trace.tensor(args.get("self", args.get("input")), node)
        return of_each(trace, node, tensor, kind, keys(args))

    return handler


def _clip(low: float | None, high: float | None) -> Keys:
    bounds = {"low": low, "high": high}
    return {key: float(bound) for key, bound in bounds.items() if bound is not None}


handles("relu")(_activation("relu"))
handles("relu6")(_activation("clip", lambda _: _clip(0.0, 6.0)))
handles("sigmoid")(_activation("logistic"))
handles("silu")(_activation("silu"))
handles("tanh")(_activation("tanh"))
handles("hardswish")(_activation("hard_swish"))
handles("hardsigmoid")(_activation("hard_sigmoid"))
handles("hardtanh")(_activation("clip", lambda args: _clip(args["min_val"], args["max_val"])))
handles("abs")(_activation("abs"))
handles("square")(_activation("square"))
handles("sqrt")(_activation("sqrt"))
handles("neg")(_activation("linear", lambda _: {"a": -1.0}))


@handles("gelu")
def gelu(trace: Trace, node: Node, args: dict[str, Any]) -> Value:
    """GELU, exact or in the tanh approximation."""
    form = "tanh" if args.get("approximate") == "tanh" else "exact"
    return of_each(trace, node, trace.tensor(args["self"], node), "gelu", {"form": form})


@handles("leaky_relu")
def leaky_relu(trace: Trace, node: Node, args: dict[str, Any]) -> Value:
    """x, or slope * x below 0."""
    slope = float(args["negative_slope"])
    if slope < 0:
        trace.refuse(node, f"has the slope {slope}", "deepViz has slopes of 0 and more")
    return of_each(trace, node, trace.tensor(args["self"], node), "leaky_relu", {"slope": slope})


@handles("clamp", "clamp_min", "clamp_max", "clip")
def clamp(trace: Trace, node: Node, args: dict[str, Any]) -> Value:
    """Values limited below and above."""
    bounds = {}
    for key in ("min", "max"):
        given = args.get(key)
        bounds[key] = None if given is None else trace.number(given)
        if given is not None and bounds[key] is None:
            trace.refuse(node, "cuts off at a tensor's values", "deepViz cuts off at numbers")
    return of_each(trace, node, trace.tensor(args["self"], node), "clip", _clip(bounds["min"], bounds["max"]))


@handles("softplus")
def softplus(trace: Trace, node: Node, args: dict[str, Any]) -> Value:
    """log(1 + e^x). Not deepViz's `softrelu`, which is x from 4 on (PyTorch's from 20 on): outputs differ by 0.02."""
    trace.refuse(
        node, "is a softplus, which deepViz computes otherwise", "use another activation function (ReLU, SiLU or GELU)"
    )


@handles("pow")
def power(trace: Trace, node: Node, args: dict[str, Any]) -> Value:
    """Squares and roots."""
    exponent = trace.number(args["exponent"])
    kinds = {2.0: "square", 0.5: "sqrt"}
    if exponent not in kinds:
        trace.refuse(node, f"has the exponent {args['exponent']}", "deepViz has exponents 2 and 0.5")
    return of_each(trace, node, trace.tensor(args["self"], node), kinds[exponent])


@handles("prelu")
def prelu(trace: Trace, node: Node, args: dict[str, Any]) -> Value:
    """x, or w * x below 0, with one weight w per channel: relu(x) - w * relu(-x)."""
    tensor = trace.tensor(args["self"], node)
    name, weight = trace.weight(args["weight"], node), trace.value(args["weight"])
    assert isinstance(weight, Weight)
    if weight.axes != layout.shape_of((layout.axis("C", tensor.shape[0]),)):
        trace.refuse(node, "has one slope for all channels", "use num_parameters=channels, or LeakyReLU")
    layer, shape = tensor.layer, tensor.shape
    above = trace.add(node, "relu", [layer], shape, helps=True)
    negated = trace.add(node, "linear", [layer], shape, {"a": -1.0}, helps=True)
    below = trace.add(node, "relu", [negated], shape, helps=True)
    keys: Keys = {"weight": True, "bias": False}
    scaled = trace.add(node, "scale", [below], shape, keys, {"weight": name}, helps=True)
    return Tensor(Memory(trace.add(node, "add", [above, scaled], shape, {"coefficients": [1.0, -1.0]})), tensor.dims)


def _refused_activation(trace: Trace, node: Node, _: dict[str, Any]) -> Value:
    trace.refuse(
        node, "is an activation function that deepViz does not have", "it has relu, leaky_relu, gelu, silu and more"
    )


handles(*UNKNOWN_ACTIVATIONS)(_refused_activation)


@handles("add", "sub", "rsub", "mul", "div", "multiply", "subtract", "divide", "__iadd__", "true_divide")
def binary(trace: Trace, node: Node, args: dict[str, Any]) -> Value:
    """A sum, difference, product or quotient: of two activations, or of one with numbers or per-channel weights."""
    kind = str(node.target).split(".")[1].rstrip("_").replace("multiply", "mul").replace("divide", "div")
    kind = kind.replace("subtract", "sub").replace("true_div", "div")
    first, second = args["self"], args["other"]
    alpha = float(args.get("alpha") or 1.0)
    if args.get("rounding_mode"):
        trace.refuse(node, "rounds its quotient", "deepViz divides without rounding")
    if kind == "rsub":
        first, second, kind = second, first, "sub"
        if alpha != 1.0:
            trace.refuse(node, f"has the factor {alpha}", "deepViz has it as a product of its own")
    for number, other, is_left in ((trace.number(first), second, True), (trace.number(second), first, False)):
        if number is not None:
            scores = None if is_left and kind == "div" else trace.value(other)
            products = attention.scaled(scores, kind, number) if isinstance(scores, Scores) else None
            if products is not None:
                return products
            return _with_number(trace, node, trace.tensor(other, node), (kind, alpha), (number, is_left))
    values = trace.value(first), trace.value(second)
    if isinstance(values[0], Weight) or isinstance(values[1], Weight):
        return _with_weight(trace, node, (kind, alpha), values)
    return _of_two(trace, node, (kind, alpha), (trace.tensor(first, node), trace.tensor(second, node)))


def _with_number(
    trace: Trace, node: Node, tensor: Tensor, how: tuple[str, float], operand: tuple[float, bool]
) -> Tensor:
    """a x + b for one number."""
    (kind, alpha), (number, is_left) = how, operand
    match kind, is_left:
        case "add", _:
            a, b = (1.0, alpha * number) if not is_left else (alpha, number)
        case "sub", False:
            a, b = 1.0, -alpha * number
        case "sub", True:
            a, b = -alpha, number
        case "mul", _:
            a, b = number, 0.0
        case _:
            if is_left or number == 0.0:
                trace.refuse(node, "divides by activations or by 0", "deepViz divides by other numbers only")
            a, b = 1.0 / number, 0.0
    if (a, b) == (1.0, 0.0):
        return tensor
    return of_each(trace, node, tensor, "linear", {"a": a, "b": b})


def _with_weight(trace: Trace, node: Node, how: tuple[str, float], values: tuple[Value, Value]) -> Tensor:
    """A product or a sum with a parameter or buffer that has one value per channel."""
    kind, alpha = how
    tensor, weight = values if isinstance(values[0], Tensor) else (values[1], values[0])
    if not isinstance(tensor, Tensor) or not isinstance(weight, Weight):
        trace.refuse(node, "computes weights from weights", "deepViz takes weights as the snapshots have them")
    if kind == "add" and alpha == 1.0 and not _is_of_channels(tensor, weight):
        placed = attention.position(trace, node, tensor, weight)
        if placed is not None:
            return placed
    if not _is_of_channels(tensor, weight):
        shape = " x ".join(str(length) for length in weight.shape) or "one number"
        way_out = f"deepViz takes one a channel ({tensor.shape[0]}), or adds one a pixel and channel"
        trace.refuse(node, f"takes the weights `{weight.name}` of {shape}", way_out)
    is_difference = kind == "sub"
    if kind not in ("mul", "add", "sub") or alpha != 1.0:
        trace.refuse(node, f"divides by the weights `{weight.name}`", "deepViz multiplies by weights and adds them")
    if is_difference and tensor is values[0]:
        # x - w = -(-x + w): the array itself cannot be negated.
        minus = of_each(trace, node, tensor, "linear", {"a": -1.0})
        return of_each(trace, node, _scaled(trace, node, minus, weight, "bias"), "linear", {"a": -1.0})
    if is_difference:
        tensor = of_each(trace, node, tensor, "linear", {"a": -1.0})
    return _scaled(trace, node, tensor, weight, "weight" if kind == "mul" else "bias")


def _is_of_channels(tensor: Tensor, weight: Weight) -> bool:
    """Whether the weight's only axis lies along the tensor's channels."""
    channels = layout.axis("C", tensor.shape[0])
    shape = (1,) * (len(tensor.dims) - len(weight.shape)) + weight.shape
    if len(shape) != len(tensor.dims):
        return False
    return all(
        length == 1 or (dim == channels and length == layout.size(dim))
        for length, dim in zip(shape, tensor.dims, strict=True)
    ) and weight.axes == layout.shape_of((channels,) if channels else ())


def _scaled(trace: Trace, node: Node, tensor: Tensor, weight: Weight, role: str) -> Tensor:
    keys: Keys = {"weight": role == "weight", "bias": role == "bias"}
    layer = trace.add(node, "scale", [tensor.layer], tensor.shape, keys, {role: weight.name})
    # The layer is named by its parameter where the module computes more: `block.layer_scale`, not `block`.
    layer.owns_name = False
    return Tensor(Memory(layer), tensor.dims)


def _of_two(trace: Trace, node: Node, how: tuple[str, float], tensors: tuple[Tensor, Tensor]) -> Tensor:
    kind, alpha = how
    if kind == "div":
        trace.refuse(node, "divides activations by activations", "deepViz has no such layer")
    a, b = _alike(trace, node, tensors)
    shape = max(a.shape, b.shape, key=lambda shape: shape[1] * shape[2])
    dims = a.dims if a.shape == shape else b.dims
    factors = [1.0, -alpha if kind == "sub" else alpha]
    if kind == "mul" or a.shape != b.shape:
        if kind != "mul":
            trace.refuse(node, "adds one value a channel to every pixel of a map", "deepViz adds maps of one shape")
        if a.layer is b.layer:
            return of_each(trace, node, a, "square")
        return Tensor(Memory(trace.add(node, "multiply", [a.layer, b.layer], shape)), dims)
    if a.layer is b.layer:
        return of_each(trace, node, a, "linear", {"a": sum(factors)})
    keys: Keys = {} if factors == [1.0, 1.0] else {"coefficients": factors}
    return Tensor(Memory(trace.add(node, "add", [a.layer, b.layer], shape, keys)), dims)


def _alike(trace: Trace, node: Node, tensors: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Brings two tensors to the same layout; or one has a single pixel, and its channels are where the other's are."""
    count = max(len(tensor.dims) for tensor in tensors)
    first, second = (tensor.viewed(_broadcast(tensor.dims, count)) for tensor in tensors)
    for a, b in ((first, second), (second, first)):
        if a.dims == b.dims and a.shape == b.shape:
            return first, second
        if b.is_vector and _is_gate(a.dims, b.dims):
            return first, second
    for index, (a, b) in enumerate(((first, second), (second, first))):
        turned = attention.transposed_back(trace, node, a, like=b)
        if turned is not None:
            return (turned, b) if index == 0 else (b, turned)
    # Channels in another order are the last possibility.
    layers = [trace.map(tensor, node) if len(tensor.dims) == 4 else tensor.layer for tensor in (first, second)]
    first, second = (trace.as_map(layer) for layer in layers)
    fits = first.shape == second.shape or (first.shape[0] == second.shape[0] and (first.is_vector or second.is_vector))
    if count == 4 and fits:
        return first, second
    trace.refuse(node, "takes two tensors whose values do not stand alike", "deepViz takes maps of one shape, or gates")


def _broadcast(dims: Dims, count: int) -> Dims:
    """The dimensions extended to `count`, repeated ones with length 1."""
    plain = tuple(() if any(atom.axis == "*" for atom in dim) else dim for dim in dims)
    return ((),) * (count - len(plain)) + plain


def _is_gate(of_map: Dims, of_vector: Dims) -> bool:
    """Whether a vector can gate a map: batch and channels are in the same places, with length 1 for the pixels."""
    pairs = zip(of_map, of_vector, strict=True)
    return all(b == a or (b == () and all(atom.axis in "HW" for atom in a)) for a, b in pairs)
