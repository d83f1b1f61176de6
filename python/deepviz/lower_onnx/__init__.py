"""Lowering of ONNX: translates a file to the same layers as the model in PyTorch.

Weights and what is computed from them alone are constants; every other node has a handler. What PyTorch and ONNX share
is lowered by the handlers of deepviz.lower. Needs the package onnx, which is imported when a file is read.
"""

from .driver import Lowered, lower_onnx
from .model import Model, read_model

__all__ = ["Lowered", "Model", "lower_onnx", "read_model"]
