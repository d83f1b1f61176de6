"""Reads images, labels and class names of users' data sets, through loaders, subsets and concatenations."""

from __future__ import annotations

import copy
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import Refused
from .tensors import is_array

IMAGE_KEYS = ("pixel_values", "image", "images", "img", "x")
LABEL_KEYS = ("labels", "label", "fine_label", "target", "y")


@dataclass(frozen=True)
class ImageRef:
    """Refers to an image: a data set that is no wrapper, and the index in it."""

    leaf: Any
    index: int


def dataset_of(given: Any, role: str) -> Any:
    """The map-style data set of a loader, or the given data set itself. Raises Refused for streams."""
    dataset = getattr(given, "dataset", given) if hasattr(given, "batch_sampler") else given
    if not hasattr(dataset, "__getitem__") or not hasattr(dataset, "__len__"):
        raise Refused(
            f"{role}= is a stream ({type(dataset).__name__}), so its images cannot be numbered; "
            f"give a data set with a length and an index, of some thousand images: {role}=images"
        )
    return dataset


def _wrappers() -> tuple[Any, Any]:
    """PyTorch's `Subset` and `ConcatDataset`; empty tuples, of which nothing is an instance, without PyTorch."""
    data = sys.modules.get("torch.utils.data")
    return (getattr(data, "Subset", ()), getattr(data, "ConcatDataset", ()))


def image_refs(dataset: Any, chosen: Sequence[int]) -> list[ImageRef]:
    """Resolves indices of a data set through `Subset` and `ConcatDataset`."""
    subset, concatenated = _wrappers()
    found = []
    for index in chosen:
        leaf: Any = dataset
        at = int(index)
        while isinstance(leaf, (subset, concatenated)):
            if isinstance(leaf, subset):
                at, leaf = int(leaf.indices[at]), leaf.dataset
                continue
            part = 0
            while at >= len(leaf.datasets[part]):
                at -= len(leaf.datasets[part])
                part += 1
            leaf = leaf.datasets[part]
        found.append(ImageRef(leaf, at))
    return found


def leaves(dataset: Any) -> list[Any]:
    """The data sets inside of wrappers of which a data set consists."""
    subset, concatenated = _wrappers()
    if isinstance(dataset, subset):
        return leaves(dataset.dataset)
    if isinstance(dataset, concatenated):
        return [leaf for part in dataset.datasets for leaf in leaves(part)]
    return [dataset]


def evenly_spaced(count: int, limit: int) -> list[int]:
    """Up to `limit` of the indices below `count`, evenly spaced."""
    if count <= limit:
        return list(range(count))
    return [index * count // limit for index in range(limit)]


def transform_of(dataset: Any) -> Any:
    """The transform of a data set's images; None where it has none."""
    for leaf in leaves(dataset):
        for key in ("transform", "transforms"):
            found = getattr(leaf, key, None)
            if found is not None:
                return found
    return None


def with_transform(leaf: Any, transform: Any) -> Any:
    """A copy of a data set with another transform. Does not change the data set itself."""
    view = copy.copy(leaf)
    view.transform = transform
    both = getattr(leaf, "transforms", None)
    if both is not None and hasattr(both, "transform"):
        # torchvision stores the transforms of images and labels a second time, in one object.
        view.transforms = copy.copy(both)
        view.transforms.transform = transform
    return view


def item_of(ref: ImageRef, role: str) -> tuple[Any, int]:
    """Image and label. Raises Refused where they are not a tensor C x H x W and a whole number.

    Only data sets with `gives_arrays`, which read images without PyTorch, may give arrays of numpy instead of tensors.
    """
    item = ref.leaf[ref.index]
    if isinstance(item, Mapping):
        image = next((item[key] for key in IMAGE_KEYS if key in item), None)
        label = next((item[key] for key in LABEL_KEYS if key in item), None)
    elif isinstance(item, (tuple, list)) and len(item) >= 2:
        image, label = item[0], item[1]
    else:
        image = label = None
    if image is None or label is None:
        raise Refused(
            f"{role}= gives {type(item).__name__} where (image, label) is expected; wrap it so that it gives these"
        )
    torch: Any = sys.modules.get("torch")
    is_given = isinstance(image, torch.Tensor) if torch is not None else False
    if not is_given and not (is_array(image) and getattr(ref.leaf, "gives_arrays", False)):
        raise Refused(
            f"{role}= gives images as {type(image).__name__}, not as tensors; give the data set that the network sees, "
            "with its transform (ToTensor, Normalize)"
        )
    image = image[0] if image.ndim == 4 and image.shape[0] == 1 else image
    if image.ndim != 3:
        found = " x ".join(str(length) for length in image.shape)
        raise Refused(f"{role}= gives images of {found}; deepViz shows images C x H x W")
    return image, label_of(label, role)


def label_of(label: Any, role: str) -> int:
    """A label as a number."""
    is_one = label.numel() == 1 if hasattr(label, "numel") else hasattr(label, "__index__")
    if is_one:
        return int(label)
    raise Refused(f"{role}= gives labels of several values; deepViz shows classifiers with one class an image")


def classes_of(dataset: Any) -> list[str] | None:
    """Class names in the order of labels; None where the data set has none."""
    for owner in _owners(dataset):
        names = getattr(owner, "classes", None)
        if isinstance(names, (list, tuple)) and names:
            return [str(name) for name in names]
        index = getattr(owner, "class_to_idx", None)
        if isinstance(index, Mapping) and sorted(index.values()) == list(range(len(index))):
            return [str(name) for name in sorted(index, key=lambda name: index[name])]
        features = getattr(owner, "features", None)
        if isinstance(features, Mapping):
            for key in LABEL_KEYS:
                names = getattr(features.get(key), "names", None)
                if names:
                    return [str(name) for name in names]
    return None


def _owners(dataset: Any) -> list[Any]:
    """The data set and those that it wraps, also in users' wrappers that call them `dataset`, `subset` and the like."""
    found: list[Any] = []
    pending: list[Any] = [dataset, *leaves(dataset)]
    while pending and len(found) < 100:
        owner = pending.pop(0)
        found.append(owner)
        inner = [getattr(owner, key, None) for key in ("dataset", "subset", "data_source", "ds", "data")]
        pending += [item for item in inner if hasattr(item, "__getitem__") and hasattr(item, "__len__")]
    return found
