"""Keras's layers as PyTorch modules that share their memory.

Activations are N x C x H x W here, whatever the Keras model's data format is. Weights are views of Keras's variables
with their axes in PyTorch's order: training changes both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .errors import Refused

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda x: x,
    "relu": torch.relu,
    "relu6": F.relu6,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "silu": F.silu,
    "gelu": F.gelu,
    "elu": F.elu,
    "leaky_relu": lambda x: F.leaky_relu(x, 0.2),
    "hard_sigmoid": F.hardsigmoid,
    "hard_silu": F.hardswish,
    "softmax": lambda x: torch.softmax(x, 1),
}
SAME_AT_INFERENCE = (
    "Dropout SpatialDropout2D GaussianNoise GaussianDropout AlphaDropout ActivityRegularization Identity RandomFlip "
    "RandomRotation RandomZoom RandomTranslation RandomContrast RandomBrightness"
).split()


def view(variable: Any, *axes: int) -> nn.Parameter:
    """A view of a variable's memory with its axes in another order."""
    tensor: Tensor = variable.value.detach()
    return nn.Parameter(tensor.permute(*axes) if axes else tensor, requires_grad=False)


def activation_of(layer: Any) -> Callable[[Tensor], Tensor]:
    """The activation function of a layer. Raises Refused for unknown ones."""
    name = getattr(layer.activation, "__name__", type(layer.activation).__name__)
    if name not in ACTIVATIONS:
        raise Refused(f"the Keras layer `{layer.name}` has the activation {name}, which deepViz does not have")
    return ACTIVATIONS[name]


class KerasLayer(nn.Module):
    """A Keras layer, including its activation function."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.name = str(layer.name)
        self.activation: Callable[[Tensor], Tensor] = lambda x: x
        if getattr(layer, "activation", None) is not None:
            self.activation = activation_of(layer)

    def forward(self, x: Tensor) -> Tensor:
        """The layer's output."""
        return self.activation(self.before_activation(x))

    def before_activation(self, x: Tensor) -> Tensor:
        """The output before the activation."""
        raise NotImplementedError


class WindowLayer(KerasLayer):
    """A layer that slides windows over maps: its size, strides, and the padding `same` or `valid`."""

    def __init__(self, layer: Any, size: Any, dilation: Any = (1, 1)) -> None:
        super().__init__(layer)
        self.size, self.stride, self.dilation = tuple(size), tuple(layer.strides), tuple(dilation)
        self.is_same = layer.padding == "same"

    def sides(self, x: Tensor) -> tuple[int, int, int, int]:
        """Padding left, right, top and bottom. Where the total is odd, Keras pads one more at the end."""
        found: list[int] = []
        for axis in (1, 0):
            length = int(x.shape[2 + axis])
            span = self.dilation[axis] * (self.size[axis] - 1) + 1
            total = max((-(-length // self.stride[axis]) - 1) * self.stride[axis] + span - length, 0)
            found += [total // 2, total - total // 2] if self.is_same else [0, 0]
        return found[0], found[1], found[2], found[3]


class Convolution(WindowLayer):
    """Conv2D; with `is_depthwise` a DepthwiseConv2D or the first half of a SeparableConv2D."""

    def __init__(self, layer: Any, kernel: Any, bias: Any, *, is_depthwise: bool = False) -> None:
        super().__init__(layer, kernel.shape[:2], layer.dilation_rate)
        if is_depthwise and kernel.shape[3] != 1:
            raise Refused(f"the Keras layer `{layer.name}` has a depth multiplier, so it cannot be recorded; use 1")
        self.groups = int(kernel.shape[2]) if is_depthwise else int(getattr(layer, "groups", 1))
        self.weight = view(kernel, *((2, 3, 0, 1) if is_depthwise else (3, 2, 0, 1)))
        self.bias = None if bias is None else view(bias)

    def before_activation(self, x: Tensor) -> Tensor:
        left, right, top, bottom = self.sides(x)
        padding = (top, left)
        if (left, top) != (right, bottom):
            x, padding = F.pad(x, (left, right, top, bottom)), (0, 0)
        return F.conv2d(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Pool(WindowLayer):
    """MaxPooling2D and AveragePooling2D."""

    def __init__(self, layer: Any) -> None:
        super().__init__(layer, layer.pool_size)
        self.is_average = type(layer).__name__.startswith("Average")

    def before_activation(self, x: Tensor) -> Tensor:
        left, right, top, bottom = self.sides(x)
        # One more row at the end equals rounding up: windows that reach over the border are cut there.
        rounds_up = (left, top) != (right, bottom)
        if self.is_average:
            return F.avg_pool2d(x, self.size, self.stride, (top, left), rounds_up, count_include_pad=False)
        return F.max_pool2d(x, self.size, self.stride, (top, left), ceil_mode=rounds_up)


class Dense(KerasLayer):
    """Dense, for vectors."""

    def __init__(self, layer: Any) -> None:
        super().__init__(layer)
        self.weight = view(layer.kernel, 1, 0)
        self.bias = None if layer.bias is None else view(layer.bias)

    def before_activation(self, x: Tensor) -> Tensor:
        if x.dim() != 2:
            raise Refused(f"the Keras layer `{self.name}` is dense over maps, so it cannot be recorded; flatten them")
        return F.linear(x, self.weight, self.bias)


class BatchNormalization(KerasLayer):
    """BatchNormalization over channels."""

    def __init__(self, layer: Any, channel_axes: tuple[int, ...]) -> None:
        super().__init__(layer)
        if layer.axis not in channel_axes:
            raise Refused(f"the Keras layer `{layer.name}` does not normalise channels, so it cannot be recorded")
        self.weight = None if layer.gamma is None else view(layer.gamma)
        self.bias = None if layer.beta is None else view(layer.beta)
        self.register_buffer("running_mean", layer.moving_mean.value.detach())
        self.register_buffer("running_var", layer.moving_variance.value.detach())
        self.epsilon = float(layer.epsilon)

    def before_activation(self, x: Tensor) -> Tensor:
        mean, variance = self.running_mean, self.running_var
        return F.batch_norm(x, mean, variance, self.weight, self.bias, False, 0.0, self.epsilon)  # type: ignore[arg-type]


class Normalization(nn.Module):
    """Normalization by constants of the layer: a mean and a variance per channel."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        for name, value in (("running_mean", layer.mean), ("running_var", layer.variance)):
            self.register_buffer(name, torch.as_tensor(value, dtype=torch.float32).detach().flatten().clone())

    def forward(self, x: Tensor) -> Tensor:
        """The normalised images."""
        return F.batch_norm(x, self.running_mean, self.running_var, None, None, False, 0.0, 0.0)  # type: ignore[arg-type]


class Function(nn.Module):
    """A layer without weights."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Any) -> Tensor:
        return self.function(*inputs)


def rectifier(layer: Any) -> Callable[[Tensor], Tensor]:
    """ReLU with its options, and LeakyReLU."""
    slope, largest = float(layer.negative_slope), getattr(layer, "max_value", None)
    if getattr(layer, "threshold", 0) or (slope and largest is not None):
        raise Refused(f"the Keras layer `{layer.name}` has a threshold, so it cannot be recorded")
    if slope:
        return lambda x: F.leaky_relu(x, slope)
    return torch.relu if largest is None else (lambda x: torch.clamp(x, 0.0, float(largest)))
