"""Conversions between tensors, arrays and bytes, and reusable memory for copies of a model's arrays.

Images may be tensors of PyTorch or arrays of numpy; the latter work without PyTorch.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .errors import Refused
from .write import Array

if TYPE_CHECKING:
    import torch


def is_array(image: Any) -> bool:
    """Whether an object is an array of numpy."""
    return type(image).__module__ == "numpy" and hasattr(image, "tobytes")


def is_float(image: Any) -> bool:
    """Whether a tensor or an array holds floating point."""
    return bool(image.dtype.kind == "f") if is_array(image) else bool(image.dtype.is_floating_point)


def is_bytes(image: Any) -> bool:
    """Whether a tensor or an array holds bytes."""
    return str(image.dtype).removeprefix("torch.") == "uint8"


def converted(image: Any, kind: str) -> Any:
    """A copy of a tensor or an array on the CPU: `float64`, `float32` or `uint8`."""
    if is_array(image):
        return image.astype(kind)
    import torch

    return image.detach().to("cpu", getattr(torch, kind), copy=True)


def like(numbers: Sequence[float], image: Any) -> Any:
    """Numbers as a tensor or an array, whichever the image is, with the image's dtype."""
    if is_array(image):
        import numpy

        return numpy.asarray(numbers, dtype=image.dtype)
    import torch

    return torch.tensor(numbers, dtype=image.dtype)


def stacked(images: Sequence[Any]) -> Any:
    """Stacks tensors or arrays of one shape."""
    if is_array(images[0]):
        import numpy

        return numpy.stack(images)
    import torch

    return torch.stack(list(images))


def pixels_of(data: bytes, shape: tuple[int, int, int]) -> Any:
    """Bytes as an image: a tensor where PyTorch is imported, else an array."""
    torch: Any = sys.modules.get("torch")
    if torch is not None:
        return torch.frombuffer(bytearray(data), dtype=torch.uint8).reshape(shape)
    import numpy

    return numpy.frombuffer(data, dtype=numpy.uint8).reshape(shape)


def bytes_view(tensor: Any) -> memoryview:
    """The bytes of a tensor, row by row, without a copy where it is contiguous. The tensor must outlive it."""
    if is_array(tensor):
        return memoryview(tensor.tobytes())
    tensor = tensor.detach().cpu().contiguous()
    length = tensor.numel() * tensor.element_size()
    if length == 0:
        return memoryview(b"")
    block = (ctypes.c_ubyte * length).from_address(tensor.data_ptr())
    # The view references the block, and the block the tensor that owns the memory.
    block.owner = tensor  # type: ignore[attr-defined]
    return memoryview(block).cast("B")


def arrays_of(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Parameters and buffers by their names in the `state_dict`; shared ones under each of their names."""
    parameters = dict(model.named_parameters(remove_duplicate=False))
    return {**parameters, **dict(model.named_buffers(remove_duplicate=False))}


def dtype_name(tensor: torch.Tensor) -> str:
    """`F32`, `F16` or `BF16`; double precision is stored as F32. Raises Refused for other kinds."""
    import torch

    names = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.float64: "F32"}
    if tensor.dtype not in names:
        raise Refused(f"weights of {tensor.dtype} cannot be kept; deepViz reads float32, float16 and bfloat16")
    return names[tensor.dtype]


class Copies:
    """Memory for copies of named arrays. Allocated once: fresh memory costs three times the copy itself."""

    def __init__(self, names: Sequence[str], source: Mapping[str, torch.Tensor]) -> None:
        import torch

        self.buffers: dict[str, torch.Tensor] = {}
        self.dtypes: dict[str, str] = {}
        self._event: torch.cuda.Event | None = None
        for name in names:
            tensor = source[name]
            self.dtypes[name] = dtype_name(tensor)
            kept = torch.float32 if tensor.dtype == torch.float64 else tensor.dtype
            # Only into pinned memory does a GPU copy while the program continues.
            self.buffers[name] = torch.empty(tensor.shape, dtype=kept, pin_memory=tensor.is_cuda)

    def take(self, source: Mapping[str, torch.Tensor]) -> None:
        """Copies the current values of the arrays. Raises Refused where one is missing or has another shape."""
        import torch

        is_on_gpu = False
        with torch.no_grad():
            for name, buffer in self.buffers.items():
                tensor = source.get(name)
                if tensor is None or tensor.shape != buffer.shape:
                    found = "is not there any more" if tensor is None else f"has the shape {tuple(tensor.shape)} now"
                    raise Refused(f"the array `{name}` {found}; make a new recorder for a model that is changed")
                buffer.copy_(tensor, non_blocking=tensor.is_cuda)
                is_on_gpu = is_on_gpu or tensor.is_cuda
        if is_on_gpu:
            self._event = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._event.record()

    def arrays(self) -> list[Array]:
        """Waits for the copies and returns them as arrays of a snapshot."""
        if self._event is not None:
            self._event.synchronize()
            self._event = None
        return [
            Array(name, self.dtypes[name], tuple(buffer.shape), bytes_view(buffer))
            for name, buffer in self.buffers.items()
        ]
