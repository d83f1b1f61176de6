"""The check of a run: PyTorch's outputs for some images, with which deepViz compares its own."""

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

    They are computed on the CPU in single precision, whatever the precision of the model: GPUs by default compute
    convolutions with 10 bits of mantissa, so that deepViz's outputs would differ. Restores modes and random numbers.
    """
    import torch

    with evaluation(model), same_random_numbers(), torch.no_grad():
        try:
            outputs = _on_cpu(model, network, images)
        except RuntimeError:
            # The model uses tensors that are no parameters or buffers, or converts to a fixed precision.
            first = next(iter(model.parameters()))
            with full_precision(images.to(first.device)), _no_tf32():
                outputs = network.logits(images.to(first.device, first.dtype))
    return outputs.float().cpu().contiguous()


def _on_cpu(model: torch.nn.Module, network: Network, images: torch.Tensor) -> torch.Tensor:
    import torch

    made: dict[int, torch.Tensor] = {}
    for array in arrays_of(model).values():
        detached = array.detach()
        made[id(array)] = detached.to("cpu", torch.float32) if array.is_floating_point() else detached.cpu()
    # An array with several names has to be the same object under each of them.
    arrays = {name: made[id(array)] for name, array in arrays_of(model).items()}
    images = images.to("cpu", torch.float32)
    with full_precision(images):
        outputs: torch.Tensor = network.logits(images, arrays)
    if outputs.dtype != torch.float32:
        raise RuntimeError(f"outputs are {outputs.dtype}")
    return outputs


@contextlib.contextmanager
def _no_tf32() -> Iterator[None]:
    """Switches TF32 off within the block: convolutions on a GPU compute in full single precision."""
    import torch

    previous = torch.backends.cudnn.allow_tf32
    try:
        torch.backends.cudnn.allow_tf32 = False
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = previous
