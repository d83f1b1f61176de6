"""Models of what ONNX does to tokens, and the layers that they become."""

# mypy: disable-error-code="no-any-return"
from __future__ import annotations

import numpy as np
from onnx_cases import case
from onnx_models import CLASSES, Build

CHANNELS, TOKENS = 8, 12
"""Patches of 3 x 2 of images of 9 x 8: 3 rows of 4."""

PATCHED = {"lengths": ("n", 3, 9, 8)}


def patches(b: Build) -> str:
    """N x 12 tokens x 8 channels."""
    x = b.op("Conv", b.x, b.weight(CHANNELS, 3, 3, 2), b.weight(CHANNELS), strides=[3, 2])
    return b.op("Transpose", b.op("Reshape", x, b.whole(0, CHANNELS, -1)), perm=[0, 2, 1])


def dense(b: Build, x: str, inputs: int, outputs: int, name: str = "") -> str:
    """A linear layer of the last axis."""
    bias = b.weight(outputs, name=f"{name}.bias" if name else "")
    return b.op("Add", b.op("MatMul", x, b.weight(inputs, outputs)), bias)


def heads(b: Build, x: str, order: list[int]) -> str:
    """Two heads, and the axes in that order."""
    return b.op("Transpose", b.op("Reshape", x, b.whole(0, 0, 2, 4)), perm=order)


def classes(b: Build, x: str) -> str:
    """The mean of all tokens, and classes."""
    return b.op("Gemm", b.op("ReduceMean", x, b.whole(1), keepdims=0), b.weight(CHANNELS, CLASSES))


@case("conv conv conv conv attention_weights attention global_average full", **PATCHED)
def attention_in_parts(b: Build) -> str:
    x = patches(b)
    q = heads(b, dense(b, x, 8, 8, "q"), [0, 2, 1, 3])
    k = heads(b, dense(b, x, 8, 8, "k"), [0, 2, 3, 1])
    v = heads(b, dense(b, x, 8, 8, "v"), [0, 2, 1, 3])
    scores = b.op("Div", b.op("MatMul", q, k), b.number(3.0))
    x = b.op("MatMul", b.op("Dropout", b.op("Softmax", scores, axis=3)), v)
    x = b.op("Reshape", b.op("Transpose", x, perm=[0, 2, 1, 3]), b.whole(0, 0, -1))
    return classes(b, x)


@case("conv conv slice slice slice attention_weights attention conv global_average full", **PATCHED)
def heads_among_the_images(b: Build) -> str:
    # torch.nn.MultiheadAttention of tokens x N x channels; queries and keys are multiplied by the scale's root.
    x = b.op("Transpose", patches(b), perm=[1, 0, 2])
    x = b.op("Reshape", dense(b, x, 8, 24), b.whole(TOKENS, -1, 3, 8))
    x = b.op("Squeeze", b.op("Transpose", b.op("Unsqueeze", x, b.whole(0)), perm=[3, 1, 2, 0, 4]), b.whole(3))
    parts = [b.op("Gather", x, b.constant(np.int64(index)), axis=0) for index in range(3)]
    parts = [b.op("Transpose", b.op("Reshape", part, b.whole(TOKENS, -1, 4)), perm=[1, 0, 2]) for part in parts]
    root = b.number(4**-0.25)
    q, k = (b.op("Mul", part, root) for part in parts[:2])
    x = b.op("MatMul", b.op("Softmax", b.op("MatMul", q, b.op("Transpose", k, perm=[0, 2, 1]))), parts[2])
    x = b.op("Reshape", b.op("Transpose", x, perm=[1, 0, 2]), b.whole(-1, 8))
    x = b.op("Reshape", b.op("Gemm", x, b.weight(8, 8), b.weight(8)), b.whole(TOKENS, -1, 8))
    return classes(b, b.op("Transpose", x, perm=[1, 0, 2]))


@case("conv attention_weights attention global_average full", opset=23, **PATCHED)
def attention_operator(b: Build) -> str:
    x = patches(b)
    return classes(b, b.op("Attention", x, x, x, q_num_heads=2, kv_num_heads=2))


@case("conv conv conv attention_weights attention global_average full", opset=23, **PATCHED)
def attention_operator_of_heads(b: Build) -> str:
    x = patches(b)
    q, k = (heads(b, dense(b, x, 8, 8), [0, 2, 1, 3]) for _ in range(2))
    x = b.op("Transpose", b.op("Attention", q, k, k, scale=0.25), perm=[0, 2, 1, 3])
    return classes(b, b.op("Reshape", x, b.whole(0, 0, 8)))


@case("conv class_token class_token position layer_norm crop full", **PATCHED)
def learnt_tokens_and_positions(b: Build) -> str:
    x = patches(b)
    ones = b.whole(1, 1)
    repeats = b.op("Concat", b.op("Shape", x, end=1), ones, axis=0)
    tokens = b.op("Expand", b.weight(1, 1, 8, name="cls"), repeats), b.op("Tile", b.weight(1, 2, 8), repeats)
    x = b.op("Add", b.op("Concat", *tokens, x, axis=1), b.weight(1, TOKENS + 3, 8, name="position"))
    x = b.op("LayerNormalization", x, b.weight(8), b.weight(8))
    return b.op("Gemm", b.op("Gather", x, b.constant(np.int64(0)), axis=1), b.weight(8, CLASSES))


@case("conv position global_average full", lengths=(1, 3, 9, 8))
def positions_of_zeros_are_weights(b: Build) -> str:
    return classes(b, b.op("Add", b.constant(np.zeros((1, TOKENS, 8), np.float32)), patches(b)))


@case("conv transpose conv gelu conv transpose add conv global_average full", **PATCHED)
def mixer(b: Build) -> str:
    x = patches(b)
    y = b.op("Gelu", dense(b, b.op("Transpose", x, perm=[0, 2, 1]), TOKENS, 5))
    y = b.op("Transpose", dense(b, y, 5, TOKENS), perm=[0, 2, 1])
    return classes(b, dense(b, b.op("Add", x, y), 8, 8))
