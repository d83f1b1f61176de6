"""Lowering: a model of PyTorch becomes a list of deepViz's layers.

`torch.export` gives the model's operations in order, each with the path of its module and the names of its weights.
Every operation has a handler (windows, views, arithmetic, norms); what has none is refused by name.
"""

from .driver import lower
from .network import Layer, Network

__all__ = ["Layer", "Network", "lower"]
