"""Small models of ONNX, built node by node."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SHAPE = (3, 9, 8)
CLASSES = 4


class Build:
    """A graph that grows; `x` is its input, images N x C x H x W or another shape."""

    def __init__(self, lengths: Sequence[int | str] = ("n", *SHAPE), opset: int = 20, seed: int = 1) -> None:
        self.lengths, self.opset = lengths, opset
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.random = np.random.default_rng(seed)
        self.x = "x"

    def constant(self, array: Any, name: str = "") -> str:
        """An initializer of these values."""
        name = name or f"w{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def weight(self, *shape: int, name: str = "") -> str:
        """An initializer of random values."""
        scale = 1 / math.sqrt(max(1, math.prod(shape[1:])))
        return self.constant((self.random.standard_normal(shape) * scale).astype(np.float32), name)

    def positive(self, *shape: int, name: str = "") -> str:
        """An initializer of random values above 0."""
        return self.constant((self.random.random(shape) + 0.5).astype(np.float32), name)

    def number(self, value: float) -> str:
        """An initializer of one number."""
        return self.constant(np.float32(value))

    def whole(self, *values: int) -> str:
        """An initializer of whole numbers."""
        return self.constant(np.asarray(values, dtype=np.int64))

    def op(self, op: str, *inputs: str, outputs: int = 1, name: str = "", **attributes: Any) -> Any:
        """A node; the name of its result, or the names of several."""
        made = [f"v{len(self.nodes)}_{place}" for place in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), made, name=name, **attributes))
        return made[0] if outputs == 1 else made

    def conv(self, x: str, filters: int, channels: int, size: int = 3, **attributes: Any) -> str:
        """A convolution with a bias."""
        found: str = self.op("Conv", x, self.weight(filters, channels, size, size), self.weight(filters), **attributes)
        return found

    def head(self, x: str, channels: int) -> str:
        """The mean of every map, and classes."""
        flat = self.op("Flatten", self.op("GlobalAveragePool", x))
        weights = (self.weight(CLASSES, channels, name="fc.weight"), self.weight(CLASSES, name="fc.bias"))
        found: str = self.op("Gemm", flat, *weights, transB=1)
        return found

    def model(self, output: str, kind: int = TensorProto.FLOAT) -> onnx.ModelProto:
        """The whole model; checked, as other programs would."""
        graph = helper.make_graph(
            self.nodes,
            "main_graph",
            [helper.make_tensor_value_info("x", kind, list(self.lengths))],
            [helper.make_tensor_value_info(output, kind, ["images", "classes"])],
            self.initializers,
        )
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], producer_name="tests")
        # onnxruntime lags behind onnx.
        made.ir_version = min(made.ir_version, 10)
        onnx.checker.check_model(made)
        return made


def saved(path: Path, output: Callable[[Build], str], **options: Any) -> Path:
    """A file of the model that a function builds."""
    built = Build(**options)
    onnx.save(built.model(output(built)), str(path))
    return path
