"""Models of what ONNX does to maps, and the layers that they become."""

# mypy: disable-error-code="no-any-return"
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx_models import CLASSES, Build

Case = Callable[[Build], str]
CASES: dict[str, tuple[Case, str, dict[str, Any]]] = {}
"""What builds a model, the types of its layers without the softmax, and options of Build."""


def case(layers: str, **options: Any) -> Callable[[Case], Case]:
    """Keeps a case under its name; `head` among the layers are those of Build.head."""

    def keep(function: Case) -> Case:
        CASES[function.__name__] = (function, layers, options)
        return function

    return keep


@case("conv conv conv head")
def convolutions(b: Build) -> str:
    x = b.conv(b.x, 6, 3, pads=[1, 0, 2, 1], strides=[2, 1], name="/stem/conv/Conv")
    x = b.op("Conv", x, b.weight(6, 1, 3, 3), group=6, dilations=[1, 2], pads=[1, 2, 1, 2])
    return b.head(b.op("Conv", x, b.weight(8, 3, 1, 1), group=2), 8)


@case("conv conv conv head")
def automatic_padding(b: Build) -> str:
    x = b.conv(b.x, 6, 3, auto_pad="SAME_UPPER", strides=[2, 2])
    x = b.conv(x, 6, 6, size=2, auto_pad="SAME_LOWER")
    return b.head(b.conv(x, 6, 6, auto_pad="VALID"), 6)


@case("pad conv head")
def padding_beyond_filters(b: Build) -> str:
    return b.head(b.conv(b.x, 5, 3, size=1, pads=[1, 1, 1, 1]), 5)


@case("pool pool pool pool head")
def pools(b: Build) -> str:
    x = b.op("MaxPool", b.x, kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 0], ceil_mode=1)
    x = b.op("AveragePool", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1)
    x = b.op("AveragePool", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    return b.head(b.op("MaxPool", x, kernel_shape=[2, 2], auto_pad="SAME_UPPER", strides=[2, 2]), 3)


@case("pool adaptive_pool full", lengths=("n", 3, 9, 8))
def whole_maps(b: Build) -> str:
    x = b.op("MaxPool", b.x, kernel_shape=[2, 2], dilations=[2, 1], strides=[1, 1])
    return b.op("Gemm", b.op("Flatten", b.op("GlobalMaxPool", x)), b.weight(3, CLASSES))


@case("global_average full")
def mean_of_axes(b: Build) -> str:
    x = b.op("ReduceMean", b.x, b.whole(2, 3), keepdims=0)
    return b.op("Add", b.op("MatMul", x, b.weight(3, CLASSES)), b.weight(CLASSES))


@case("global_average full", opset=13)
def older_forms(b: Build) -> str:
    x = b.op("ReduceMean", b.x, axes=[-1, -2], keepdims=1)
    x = b.op("Unsqueeze", b.op("Squeeze", x, b.whole(2, 3)), b.whole(0))
    x = b.op("Squeeze", x, b.whole(0))
    return b.op("Gemm", x, b.weight(3, CLASSES), b.weight(1, CLASSES), alpha=0.5, beta=2.0)


@case("clip pad slice pool full", opset=9, lengths=(2, 3, 9, 8))
def attributes_for_inputs(b: Build) -> str:
    x = b.op("Clip", b.x, min=-0.5, max=1.0)
    x = b.op("Pad", x, pads=[0, 0, 1, 0, 0, 0, 0, 2], value=0.25)
    x = b.op("Slice", x, axes=[1], starts=[1], ends=[3])
    x = b.op("MaxPool", x, kernel_shape=[5, 5], strides=[5, 5])
    return b.op("Gemm", b.op("Reshape", x, b.whole(0, -1)), b.weight(8, CLASSES), b.weight(CLASSES))


@case("batch_norm layer_norm group_norm group_norm head", opset=21)
def norms(b: Build) -> str:
    x = b.op("BatchNormalization", b.x, b.weight(3), b.weight(3), b.weight(3), b.positive(3), epsilon=1e-3)
    x = b.op("Transpose", x, perm=[0, 2, 3, 1])
    x = b.op("LayerNormalization", x, b.weight(3), b.weight(3), axis=-1)
    x = b.op("Transpose", x, perm=[0, 3, 1, 2])
    x = b.op("InstanceNormalization", x, b.weight(3), b.weight(3))
    return b.head(b.op("GroupNormalization", x, b.weight(3), b.weight(3), num_groups=1), 3)


@case("conv group_norm head")
def group_norm_of_older_exports(b: Build) -> str:
    x = b.conv(b.x, 6, 3)
    shape = b.op("Shape", x)
    ones, zeros = b.constant(np.ones(2, np.float32)), b.constant(np.zeros(2, np.float32))
    grouped = b.op("InstanceNormalization", b.op("Reshape", x, b.whole(0, 2, -1)), ones, zeros)
    x = b.op("Reshape", grouped, shape)
    return b.head(b.op("Add", b.op("Mul", x, b.weight(6, 1, 1)), b.weight(6, 1, 1)), 6)


@case("layer_norm conv head")
def layer_norm_in_parts(b: Build) -> str:
    x = b.op("Transpose", b.x, perm=[0, 2, 3, 1])
    centred = b.op("Sub", x, b.op("ReduceMean", x, b.whole(-1)))
    variance = b.op("ReduceMean", b.op("Pow", centred, b.number(2.0)), b.whole(-1))
    deviation = b.op("Sqrt", b.op("Add", variance, b.number(1e-6)))
    x = b.op("Mul", b.op("Div", centred, deviation), b.weight(3))
    x = b.op("Add", x, b.weight(3))
    # A product over channels that come last is a convolution.
    x = b.op("Add", b.op("MatMul", x, b.weight(3, 5)), b.weight(5))
    return b.head(b.op("Transpose", x, perm=[0, 3, 1, 2]), 5)


@case("layer_norm head")
def layer_norm_of_tensorflow(b: Build) -> str:
    mean = b.op("ReduceMean", b.x, b.whole(1))
    negative, view = b.op("Neg", mean), b.op("Reshape", mean, b.whole(-1, 1, 9, 8))
    away = b.op("Sub", b.x, view)
    variance = b.op("Add", b.op("ReduceMean", b.op("Mul", away, away), b.whole(1)), b.number(1e-3))
    inverse = b.op("Mul", b.op("Reciprocal", b.op("Sqrt", variance)), b.weight(1, 3, 1, 1))
    # The bias may be added to either part.
    shift = b.op("Add", b.op("Mul", negative, inverse), b.weight(3, 1, 1))
    return b.head(b.op("Add", b.op("Mul", b.x, inverse), shift), 3)


@case("layer_norm head")
def layer_norm_of_jax(b: Build) -> str:
    x = b.op("Transpose", b.x, perm=[0, 2, 3, 1])
    mean = b.op("ReduceMean", x, b.whole(-1))
    squares = b.op("ReduceMean", b.op("Mul", x, x), b.whole(-1))
    variance = b.op("Max", b.op("Sub", squares, b.op("Mul", mean, mean)), b.number(0.0))
    deviation = b.op("Sqrt", b.op("Add", variance, b.number(1e-6)))
    x = b.op("Mul", b.op("Div", b.op("Sub", x, mean), deviation), b.weight(3))
    return b.head(b.op("Transpose", b.op("Add", x, b.weight(3)), perm=[0, 3, 1, 2]), 3)


@case("cmrnorm linear head")
def response_norm(b: Build) -> str:
    return b.head(b.op("LRN", b.x, size=3, alpha=0.3, beta=0.75, bias=2.0), 3)


@case("conv conv add relu conv global_average full logistic multiply head")
def shortcut_and_gate(b: Build) -> str:
    x = b.conv(b.x, 6, 3)
    x = b.op("Relu", b.op("Add", x, b.conv(x, 6, 6, pads=[1, 1, 1, 1])))
    x = b.conv(x, 6, 6)
    gate = b.op("Gemm", b.op("Flatten", b.op("GlobalAveragePool", x)), b.weight(6, 6), b.weight(6))
    gate = b.op("Reshape", b.op("Sigmoid", gate), b.whole(-1, 6, 1, 1))
    return b.head(b.op("Mul", x, gate), 6)


# `linear` is affine, a x + b of each value; what PyTorch calls nn.Linear is `full`.
@case("linear scale head")
def normalised_in_the_graph(b: Build) -> str:
    x = b.op("Div", b.op("Sub", b.x, b.number(0.5)), b.number(0.25))
    x = b.op("Sub", b.number(1.0), x)
    return b.head(b.op("Sub", b.op("Div", x, b.positive(1, 3, 1, 1)), b.weight(3, 1, 1)), 3)


@case("conv conv slice slice concat channel_shuffle head")
def channels(b: Build) -> str:
    x = b.conv(b.conv(b.x, 4, 3), 8, 4)
    parts = b.op("Split", x, b.whole(2, 4, 2), outputs=3, axis=1)
    x = b.op("Concat", parts[0], b.op("Slice", x, b.whole(2), b.whole(8), b.whole(1)), axis=1)
    shape = b.op("Shape", x)
    sides = b.op("Slice", shape, b.whole(2), b.whole(4))
    wide = b.op("Concat", b.op("Slice", shape, b.whole(0), b.whole(1)), b.whole(2, 4), sides, axis=0)
    x = b.op("Transpose", b.op("Reshape", x, wide), perm=[0, 2, 1, 3, 4])
    return b.head(b.op("Reshape", x, shape), 8)


@case("conv relu pool full", lengths=("n", 9, 8, 3))
def channels_last(b: Build) -> str:
    x = b.conv(b.op("Transpose", b.x, perm=[0, 3, 1, 2]), 5, 3)
    x = b.op("Transpose", b.op("Relu", x), perm=[0, 2, 3, 1])
    x = b.op("MaxPool", b.op("Transpose", x, perm=[0, 3, 1, 2]), kernel_shape=[3, 3], strides=[2, 3])
    x = b.op("Reshape", b.op("Transpose", x, perm=[0, 2, 3, 1]), b.whole(-1, 30))
    return b.op("Add", b.op("MatMul", x, b.weight(30, CLASSES)), b.weight(CLASSES))


@case("pad conv scale head", lengths=("n", 9, 8, 3))
def padding_of_channels_last(b: Build) -> str:
    x = b.op("Pad", b.x, b.whole(0, 0, 1, 0, 0, 1, 0, 0))
    x = b.op("Conv", b.op("Transpose", x, perm=[0, 3, 1, 2]), b.weight(5, 3, 3, 3), strides=[2, 2])
    x = b.op("Mul", b.op("Transpose", x, perm=[0, 2, 3, 1]), b.weight(5))
    return b.head(b.op("Transpose", x, perm=[0, 3, 1, 2]), 5)


@case("conv head", lengths=(1, 3, 9, 8))
def one_image_at_a_time(b: Build) -> str:
    x = b.op("GlobalAveragePool", b.conv(b.x, 6, 3))
    return b.op("Gemm", b.op("Reshape", x, b.whole(1, 6)), b.weight(CLASSES, 6), transB=1)


@case("conv head", lengths=(3, 3, 9, 8))
def three_images_at_a_time(b: Build) -> str:
    x = b.op("Softmax", b.head(b.conv(b.x, 6, 3), 6), axis=1)
    return b.op("Identity", x)


@case("conv linear head")
def weights_of_weights(b: Build) -> str:
    weight = b.op("Transpose", b.weight(3, 3, 3, 6), perm=[3, 2, 0, 1])
    weight = b.op("Sub", weight, b.op("ReduceMean", weight, b.whole(1, 2, 3)))
    x = b.op("Conv", b.x, weight)
    return b.head(b.op("Mul", x, b.op("Constant", value_float=3.0)), 6)


@case("conv slice linear concat head")
def padded_channels(b: Build) -> str:
    x = b.op("Pad", b.conv(b.x, 6, 3), b.whole(0, 0, 0, 0, 0, 2, 0, 0))
    return b.head(x, 8)


@case("pool pool head")
def borders_before_maxima(b: Build) -> str:
    x = b.op("Pad", b.x, b.whole(0, 0, 1, 0, 0, 0, 1, 1), mode="edge")
    x = b.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2])
    x = b.op("Pad", x, b.whole(0, 0, 0, 1, 0, 0, 1, 1), b.number(-float(np.finfo(np.float32).max)))
    return b.head(b.op("MaxPool", x, kernel_shape=[2, 3]), 3)


@case("conv pool slice head")
def thinned_and_gathered(b: Build) -> str:
    x = b.op("Slice", b.conv(b.x, 6, 3), b.whole(0), b.whole(99), b.whole(2), b.whole(2))
    return b.head(b.op("Gather", x, b.whole(1, 2, 3), axis=1), 3)
