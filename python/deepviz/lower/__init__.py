"""Lowering: translates a model of PyTorch to a list of deepViz's layers.

`torch.export` gives the model's operations in order, each with the path of its module and the names of its weights.
Every operation has a handler (windows, views, arithmetic, norms); operations without one are refused by name.
"""

from .driver import lower
from .network import Layer, Network

__all__ = ["Layer", "Network", "lower"]
