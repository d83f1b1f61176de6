"""Reads losses that are tensors one step later, so that nothing waits for a GPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from .write import Metric, TrainingPosition


@dataclass
class _Number:
    """A number, or a one-element tensor that may still be on the GPU."""

    tensor: Any
    event: Any = None

    def read(self) -> float:
        if self.event is not None:
            self.event.synchronize()
        return float(self.tensor)


def _number(given: Any) -> _Number | None:
    if given is None:
        return None
    if not hasattr(given, "detach"):
        return _Number(float(given))
    tensor = given.detach()
    if tensor.numel() != 1:
        # One loss per image: their mean is recorded.
        tensor = tensor.float().mean()
    if not tensor.is_cuda:
        # Copied: the program may overwrite the memory before the next step. Only CUDA copies asynchronously.
        return _Number(float(tensor)) if tensor.device.type == "cpu" else _Number(tensor.clone())
    import torch

    copy = tensor.to("cpu", non_blocking=True)
    event = torch.cuda.Event()  # type: ignore[no-untyped-call]
    event.record()
    return _Number(copy, event)


class PendingMetric:
    """The measurement of the last step, which is read at the next one."""

    def __init__(self) -> None:
        self._kept: (
            tuple[_Number | None, _Number | None, TrainingPosition, float | None, float, Literal["train", "test"]]
            | None
        )
        self._kept = None

    def store(
        self,
        loss: Any,
        error: Any,
        position: TrainingPosition,
        rate: float | None,
        images_per_s: float,
        kind: Literal["train", "test"] = "train",
    ) -> None:
        """Stores a measurement. Numbers may be tensors on a GPU: they are copied while the program continues."""
        self._kept = (_number(loss), _number(error), position, rate, images_per_s, kind)

    def pop(self) -> Metric | None:
        """Removes and returns the stored measurement; None where there is none."""
        if self._kept is None:
            return None
        loss, error, position, rate, speed, kind = self._kept
        self._kept = None
        return Metric(
            position=position,
            kind=kind,
            loss=loss.read() if loss else None,
            error=error.read() if error else None,
            rate=rate,
            images_per_s=speed,
        )
