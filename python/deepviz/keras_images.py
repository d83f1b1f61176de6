"""Adapts images, labels and the optimiser of a Keras program for the recorder."""

from __future__ import annotations

from typing import Any

from .loop import optimizer_like


class Arrays:
    """A data set of images and labels as `fit` takes them.

    images: N x H x W x C, or N x C x H x W where the channels do not come last; labels: N, N x 1, or one-hot.
    """

    def __init__(self, images: Any, labels: Any, is_channels_last: bool) -> None:
        self.images, self.labels = images, labels
        self.is_channels_last = is_channels_last

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        """Image, float32 C x H x W, and label."""
        import torch

        image = torch.as_tensor(self.images[index]).to(torch.float32)
        label = torch.as_tensor(self.labels[index]).flatten()
        number = int(label.argmax()) if label.numel() > 1 else int(label)
        return (image.permute(2, 0, 1) if self.is_channels_last else image).contiguous(), number


def dataset_of(given: Any, is_channels_last: bool) -> Any:
    """Wraps a pair of arrays as a data set; returns anything else unchanged."""
    if isinstance(given, tuple) and len(given) == 2 and len(getattr(given[0], "shape", ())) == 4:
        return Arrays(*given, is_channels_last)
    return given


def optimizer_of(model: Any) -> Any:
    """The optimiser of a Keras model, in the form that the recorder reads; None without one."""
    found = getattr(model, "optimizer", None)
    if found is None or not hasattr(found, "learning_rate"):
        return None
    settings = {"learning_rate": round(float(found.learning_rate), 9)}
    return optimizer_like(type(found).__name__, settings, lambda: float(found.learning_rate))
