"""Context managers that restore the state of a training loop (modes, random numbers), and wrappers around models."""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .errors import Refused

if TYPE_CHECKING:
    import torch

WRAPPER_PACKAGES = "torch timm lightning lightning_fabric pytorch_lightning deepspeed apex ignite".split()
"""Packages whose modules with a child `module` are wrappers. A user's model may have a child of that name, too."""


def unwrapped(model: torch.nn.Module) -> torch.nn.Module:
    """The model without the wrappers of torch.compile, DDP and averaged weights, in any order."""
    while True:
        children = dict(model.named_children())
        inner = children.get("_orig_mod") or children.get("_forward_module")
        if inner is None and type(model).__module__.split(".")[0] in WRAPPER_PACKAGES:
            inner = children.get("module")
        if inner is None:
            return model
        model = inner


def averaged(ema: Any) -> torch.nn.Module:
    """The network of an averaged copy: its `.module`, or itself. Raises Refused where it contains only weights."""
    import torch

    inner = getattr(ema, "module", None)
    found = inner if isinstance(inner, torch.nn.Module) else ema
    if not isinstance(found, torch.nn.Module):
        raise Refused(
            f"ema= ({type(ema).__name__}) is no network and has none as `.module`; give the averaged copy of "
            "the model (torch.optim.swa_utils.AveragedModel, timm's ModelEmaV3)"
        )
    return found


@contextlib.contextmanager
def evaluation(model: torch.nn.Module) -> Iterator[None]:
    """Evaluation mode within the block; restores the mode of every module afterwards.

    Sets the flag module by module, since a model's `train()` and `eval()` may do more, such as merging weights.
    """
    modes = [(module, module.training) for module in model.modules()]
    try:
        for module, _ in modes:
            module.training = False
        yield
    finally:
        for module, mode in modes:
            module.training = mode


@contextlib.contextmanager
def same_random_numbers() -> Iterator[None]:
    """Restores the state of the random number generators of Python, PyTorch and numpy after the block."""
    torch: Any = sys.modules.get("torch")
    kinds = [getattr(torch, name, None) for name in ("cuda", "xpu")]
    devices = [kind for kind in kinds if kind is not None and _is_started(kind)]
    of_python, of_torch = random.getstate(), torch.get_rng_state() if torch is not None else None
    of_devices = [(kind, kind.get_rng_state_all()) for kind in devices]
    numpy: Any = sys.modules.get("numpy")
    of_numpy = numpy.random.get_state() if numpy is not None else None
    try:
        yield
    finally:
        random.setstate(of_python)
        if torch is not None:
            torch.set_rng_state(of_torch)
        for kind, states in of_devices:
            kind.set_rng_state_all(states)
        if of_numpy is not None:
            numpy.random.set_state(of_numpy)


def _is_started(kind: Any) -> bool:
    """Whether the process has initialised devices of this kind: reading their state would initialise them."""
    return bool(getattr(kind, "is_initialized", lambda: False)())


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Limits PyTorch to one thread within the block: single images are too small for several."""
    torch: Any = sys.modules.get("torch")
    before = torch.get_num_threads() if torch is not None else 1
    try:
        if torch is not None:
            torch.set_num_threads(1)
        yield
    finally:
        if torch is not None:
            torch.set_num_threads(before)
