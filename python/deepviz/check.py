"""The check of a run: what PyTorch itself gives for some images, which deepViz compares with its own outputs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .lower import Network
from .lower.export import full_precision
from .modes import evaluation, same_random_numbers

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

    # Shared arrays under one of their names: under two they would have to be one object.
    named = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    arrays = {
        name: array.detach().to("cpu", torch.float32) if array.is_floating_point() else array.detach().cpu()
        for name, array in named.items()
    }
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
