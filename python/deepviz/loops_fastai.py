"""The images of fastai's loaders, one at a time, and what its minibatches are normalised by."""

from __future__ import annotations

from typing import Any

from .errors import Refused
from .loop import optimizer_like


class Items:
    """The items of a fastai loader: bytes, which fastai normalises by the minibatch."""

    def __init__(self, loader: Any) -> None:
        self.loader = loader

    def __len__(self) -> int:
        return len(self.loader.dataset)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """Image, C x H x W, and label."""
        import torch

        image, label, *_ = self.loader.do_item(index)
        # fastai's tensors of images are a class of their own, whose arithmetic does more than a tensor's.
        is_own = isinstance(image, torch.Tensor) and type(image) is not torch.Tensor
        return (image.as_subclass(torch.Tensor) if is_own else image), label  # type: ignore[no-untyped-call]


def images_of(loader: Any, role: str) -> Items:
    """The images of a loader. Raises Refused where minibatches change the images' size, which items do not show."""
    for transform in _batch_transforms(loader):
        if getattr(transform, "size", None) is not None:
            raise Refused(
                f"fastai's `{type(transform).__name__}` changes the size of the {role} images by the minibatch, so "
                f"they cannot be kept as the network sees them; give {role}= (a data set of such images)"
            )
    return Items(loader)


def normalisation_of(dls: Any) -> dict[str, Any]:
    """mean= and std= of a fastai loader's minibatches; without normalisation they are divided by 255 alone."""
    for transform in _batch_transforms(dls.valid):
        if type(transform).__name__ == "Normalize":
            return {"mean": transform.mean, "std": transform.std}
    return {"mean": [0.0], "std": [1.0]}


def _batch_transforms(loader: Any) -> Any:
    return getattr(getattr(loader, "after_batch", None), "fs", None) or ()


def optimizer_of(learn: Any) -> Any:
    """A learner's optimiser as the recorder reads one, with the rate of the last group of layers; None without one."""
    found: Any = getattr(learn, "opt", None)
    if not getattr(found, "hypers", None):
        return None
    numbers = {name: value for name, value in found.hypers[-1].items() if isinstance(value, (int, float))}
    # The rate follows a schedule, and has a curve of its own.
    numbers.pop("lr", None)
    name = getattr(learn.opt_func, "__name__", None) or type(found).__name__
    return optimizer_like(name, numbers, lambda: float(learn.opt.hypers[-1]["lr"]))
