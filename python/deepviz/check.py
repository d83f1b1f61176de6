"""The check of a run: what PyTorch itself gives for some images, which deepViz compares with its own outputs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .lower import Network
from .lower.export import full_precision
from .modes import evaluation, same_random_numbers
from .tensors import arrays_of

if TYPE_CHECKING:
    import torch


def check_outputs(model: torch.nn.Module, network: Network, images: torch.Tensor) -> torch.Tensor:
    """The values before the softmax for the network's inputs N x C x H x W: float32, N x classes, on the CPU.

    They are computed on the CPU in single precision, whatever the model has: GPUs compute convolutions with 10 bits of
    mantissa unless told otherwise, and deepViz would be found to differ. Modes and random numbers stay.
    """
    import torch

    with evaluation(model), same_random_numbers(), torch.no_grad():
        try:
            outputs = _on_cpu(model, network, images)
        except RuntimeError:
            # The model has tensors of its own on its device, or converts to its own precision.
            first = next(iter(model.parameters()))
            with full_precision(images.to(first.device)), _no_tf32():
                outputs = network.logits(images.to(first.device, first.dtype))
    return outputs.float().cpu().contiguous()


def _on_cpu(model: torch.nn.Module, network: Network, images: torch.Tensor) -> torch.Tensor:
    import torch

    made: dict[int, torch.Tensor] = {}
    for array in arrays_of(model).values():
        kept = array.detach()
        made[id(array)] = kept.to("cpu", torch.float32) if array.is_floating_point() else kept.cpu()
    # An array of several names is one object under all of them, as PyTorch wants it.
    arrays = {name: made[id(array)] for name, array in arrays_of(model).items()}
    images = images.to("cpu", torch.float32)
    with full_precision(images):
        outputs: torch.Tensor = network.logits(images, arrays)
    if outputs.dtype != torch.float32:
        raise RuntimeError(f"outputs are {outputs.dtype}")
    return outputs


@contextlib.contextmanager
def _no_tf32() -> Iterator[None]:
    """Convolutions of a GPU in whole single precision."""
    import torch

    kept = torch.backends.cudnn.allow_tf32
    try:
        torch.backends.cudnn.allow_tf32 = False
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = kept
