"""A Keras model as a PyTorch module, which deepViz can translate.

The axes of Keras's kernels are in another order than PyTorch's. The mirror computes the same with transposed views of
the same memory, so that a snapshot of the mirror is a snapshot of the model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from .errors import Refused
from .keras_layers import (
    SAME_AT_INFERENCE,
    BatchNormalization,
    Convolution,
    Dense,
    Function,
    Normalization,
    Pool,
    activation_of,
    rectifier,
)
from .modes import same_random_numbers

TOLERANCE = 1e-4
"""Allowed difference between the outputs of mirror and model, relative to the largest output."""

MERGES: dict[str, Callable[..., Tensor]] = {
    "Add": lambda *inputs: _folded(torch.add, *inputs),
    "Multiply": lambda *inputs: _folded(torch.mul, *inputs),
    "Subtract": lambda *inputs: _folded(torch.sub, *inputs),
}


def _folded(operation: Callable[[Tensor, Tensor], Tensor], *inputs: Any) -> Tensor:
    parts = list(inputs[0]) if isinstance(inputs[0], (list, tuple)) else list(inputs)
    result: Tensor = parts[0]
    for part in parts[1:]:
        result = operation(result, part)
    return result


class Mirror(nn.Module):
    """The model with inputs N x C x H x W."""

    def __init__(self, model: Any, is_channels_last: bool) -> None:
        super().__init__()
        functional = getattr(model, "_functional", None) or model
        if not hasattr(functional, "_run_through_graph"):
            raise Refused(
                f"the Keras model {type(model).__name__} shows no graph of layers, so it cannot be recorded; make it "
                "of keras.Sequential or keras.Model(inputs, outputs), and call it once"
            )
        # In a tuple, so that PyTorch does not register the model as a submodule, whose arrays would be listed twice.
        self._graph = (functional,)
        self._parts: dict[int, nn.Module] = {}
        self.is_channels_last = is_channels_last
        for operation in functional.operations:
            if type(operation).__name__ != "InputLayer":
                part = self._part(operation)
                self._parts[id(operation)] = part
                self.add_module(operation.name.replace(".", "_").replace("/", "_"), part)

    def forward(self, images: Tensor) -> Tensor:
        """Class outputs of images N x C x H x W."""

        def part_of(operation: Any) -> Callable[..., Any]:
            part: Callable[..., Any] = self._parts.get(id(operation), lambda x: x)
            # Keyword arguments such as `training` have no meaning here.
            return lambda *inputs, **_: part(*inputs)

        found = self._graph[0]._run_through_graph([images], operation_fn=part_of)
        while isinstance(found, (list, tuple)) and len(found) == 1:
            found = found[0]
        return found  # type: ignore[no-any-return]

    def _part(self, layer: Any) -> nn.Module:
        kind = type(layer).__name__
        if hasattr(layer, "_run_through_graph") or getattr(layer, "_functional", None) is not None:
            return Mirror(layer, self.is_channels_last)
        return self._with_weights(layer, kind) or Function(self._function(layer, kind))

    def _with_weights(self, layer: Any, kind: str) -> nn.Module | None:
        if kind == "Conv2D":
            return Convolution(layer, layer.kernel, layer.bias)
        if kind == "DepthwiseConv2D":
            return Convolution(layer, layer.kernel, layer.bias, is_depthwise=True)
        if kind == "SeparableConv2D":
            first = Convolution(layer, layer.depthwise_kernel, None, is_depthwise=True)
            second = Convolution(layer, layer.pointwise_kernel, layer.bias)
            second.stride, second.dilation = (1, 1), (1, 1)
            # The activation is applied after both halves.
            first.activation = lambda x: x
            return nn.Sequential(first, second)
        if kind == "Dense":
            return Dense(layer)
        if kind == "BatchNormalization":
            return BatchNormalization(layer, (-1, 3) if self.is_channels_last else (1,))
        if kind == "Normalization":
            return Normalization(layer)
        return Pool(layer) if kind in ("MaxPooling2D", "AveragePooling2D") else None

    def _function(self, layer: Any, kind: str) -> Callable[..., Tensor]:
        if kind in SAME_AT_INFERENCE:
            return lambda x: x
        if kind == "Activation":
            return activation_of(layer)
        if kind in ("ReLU", "LeakyReLU"):
            return rectifier(layer)
        if kind == "Softmax":
            return lambda x: torch.softmax(x, 1)
        if kind in MERGES:
            return MERGES[kind]
        if kind == "Concatenate":
            return lambda *inputs: torch.cat(_list(inputs), self._axis(layer, inputs))
        if kind == "Flatten":
            return self._flatten
        if kind == "Reshape":
            return lambda x: self._reshaped(layer, x)
        if kind == "ZeroPadding2D":
            (top, bottom), (left, right) = layer.padding
            return lambda x: nn.functional.pad(x, (left, right, top, bottom))
        if kind == "Rescaling" and isinstance(layer.scale, (int, float)) and isinstance(layer.offset, (int, float)):
            scale, offset = float(layer.scale), float(layer.offset)
            return lambda x: x * scale + offset
        if kind in ("GlobalAveragePooling2D", "GlobalMaxPooling2D"):
            operation = torch.mean if kind == "GlobalAveragePooling2D" else torch.amax
            return lambda x: operation(x, (2, 3), keepdim=bool(layer.keepdims))
        raise Refused(f"the Keras layer `{layer.name}` is a {kind}, which deepViz does not have; replace it")

    def _axis(self, layer: Any, inputs: Any) -> int:
        """The axis in the mirror's order of dimensions of an axis of the Keras layer."""
        count = _list(inputs)[0].dim()
        axis = layer.axis % count
        return (0, 2, 3, 1)[axis] if self.is_channels_last and count == 4 else axis

    def _flatten(self, x: Tensor) -> Tensor:
        # In the order that the weights of the next layer expect.
        if x.dim() == 4 and self.is_channels_last:
            x = x.permute(0, 2, 3, 1)
        return x.reshape(x.shape[0], -1)

    def _reshaped(self, layer: Any, x: Tensor) -> Tensor:
        shape = tuple(layer.target_shape)
        maps = (1, 1, -1) if self.is_channels_last else (-1, 1, 1)
        if x.dim() == 2 and len(shape) == 3 and all(want in (-1, has) for want, has in zip(maps, shape, strict=True)):
            return x[:, :, None, None]
        if len(shape) == 1 and x.dim() == 4:
            return self._flatten(x)
        raise Refused(f"the Keras layer `{layer.name}` reshapes to {shape}, so it cannot be recorded; use Flatten")


def _list(inputs: Any) -> list[Tensor]:
    return list(inputs[0]) if isinstance(inputs[0], (list, tuple)) else list(inputs)


def mirror_of(model: Any, is_channels_last: bool) -> Mirror:
    """The mirror of a Keras model on PyTorch. Raises Refused for unknown layers, and where outputs differ."""
    shapes = getattr(model, "input_shape", None)
    if not isinstance(shapes, tuple) or len(shapes) != 4 or None in shapes[1:]:
        raise Refused(
            f"the Keras model takes {shapes}, so it cannot be recorded; give it one input of a known size "
            "(keras.layers.Input((32, 32, 3)))"
        )
    # The class name is recorded as the name of the model.
    name = type(model).__name__ if model.name.startswith(("sequential", "functional")) else model.name
    mirror: Mirror = type(name, (Mirror,), {})(model, is_channels_last)
    with same_random_numbers(), torch.no_grad():
        first = next(iter(mirror.parameters()), None)
        images = torch.rand(2, *shapes[1:], device=None if first is None else first.device)
        expected = model(images, training=False)
        found = mirror(images.permute(0, 3, 1, 2).contiguous() if is_channels_last else images)
        largest = float(expected.abs().max())
        if found.shape != expected.shape or not float((found - expected).abs().max()) <= TOLERANCE * largest:
            raise Refused("deepViz's copy of the Keras model computes other outputs, so it cannot be recorded")
    return mirror
