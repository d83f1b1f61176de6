"""What data sets are read for: class names, images and labels, transforms; wrappers are looked through."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from labelled import NORMALIZE, PREPROCESS, Compose, Folder, GaussianBlur, RandomFlip, ToTensor, pixels, written
from nets import SmallNet
from torch import nn
from torch.utils.data import ConcatDataset, DataLoader, Dataset, IterableDataset, Subset, random_split

import deepviz
from deepviz import Refused
from deepviz.datasets import classes_of, image_refs, item_of
from deepviz.normalisation import Normalisation, of_processor, of_transform, suspects


def test_class_names_are_found_or_asked_for(tmp_path: Path) -> None:
    nameless = Folder(10, PREPROCESS, 2, classes=None)
    with pytest.raises(Refused, match=r'add classes=\["cat", "dog", \.\.\.\]'):
        written(tmp_path, nameless)
    assert written(tmp_path, nameless, Folder(9, PREPROCESS)).classes == ["one", "two", "three"]
    assert written(tmp_path, nameless, classes=["a", "b", "c"]).classes == ["a", "b", "c"]
    nameless.class_to_idx = {"x": 2, "y": 0, "z": 1}  # type: ignore[attr-defined]
    assert classes_of(Subset(ConcatDataset([nameless]), [1, 2])) == ["y", "z", "x"]

    class Label:
        names = ("p", "q")

    class Hugging(Dataset[Any]):
        features: Mapping[str, Any] = {"image": None, "label": Label()}

        def __len__(self) -> int:
            return 1

    assert classes_of(Hugging()) == ["p", "q"]
    halves = random_split(Folder(10, PREPROCESS), [0.5, 0.5], torch.Generator().manual_seed(1))
    assert classes_of(halves[0]) == ["one", "two", "three"]
    with pytest.raises(Refused, match="label 2, and there are 2 classes"):
        written(tmp_path, Folder(10, PREPROCESS, 2), classes=["a", "b"])


def test_items_may_be_dictionaries(tmp_path: Path) -> None:
    class Hugging(Dataset[Any]):
        def __len__(self) -> int:
            return 3

        def __getitem__(self, index: int) -> Any:
            image, label = Folder(3, ToTensor())[index]
            return {"pixel_values": image, "labels": torch.tensor(label)}

    written(tmp_path, Hugging(), classes=["a", "b", "c"])
    assert torch.equal(pixels(tmp_path, "test", 3), Folder(3, None).pixels)


def test_odd_items_are_refused(tmp_path: Path) -> None:
    class Items(Dataset[Any]):
        classes = ("a", "b")

        def __init__(self, item: Any) -> None:
            self.item = item

        def __len__(self) -> int:
            return 2

        def __getitem__(self, index: int) -> Any:
            return self.item if index == 0 else (torch.zeros(3, 8, 9), 0)

    class Stream(IterableDataset[Any]):
        def __iter__(self) -> Any:
            raise AssertionError("not read")

    image = torch.zeros(3, 8, 8)
    for item, expected in (
        (image, "gives Tensor where"),
        (("picture", 1), "images as str.*ToTensor"),
        ((image, torch.zeros(2)), "one class an image"),
        ((image[0], 1), "images of 8 x 8"),
        ((torch.zeros(4, 8, 8), 1), "have 4 channels"),
        ((image, 5), "label 5"),
        ((image, 1), "3 x 8 x 9 and others are 3 x 8 x 8.*CenterCrop"),
    ):
        with pytest.raises(Refused, match=expected):
            written(tmp_path, Items(item))
    with pytest.raises(Refused, match=r"stream \(Stream\)"):
        written(tmp_path, DataLoader(Stream()))
    with pytest.raises(Refused, match="give test="):
        deepviz.Recorder(tmp_path / "run", SmallNet(), steps_per_epoch=1)


def test_wrappers_of_data_sets_are_looked_through() -> None:
    a, b = Folder(4, ToTensor()), Folder(5, ToTensor(), 2)
    joined: Any = Subset(ConcatDataset([a, Subset(b, [4, 2])]), [5, 0, 4])
    found = image_refs(joined, [0, 1, 2])
    assert [(ref.leaf is a, ref.index) for ref in found] == [(False, 2), (True, 0), (False, 4)]
    assert torch.equal(item_of(found[0], "test")[0], b[2][0])


def test_normalisation_is_found_in_transforms_and_processors() -> None:
    nested = Compose([Compose([ToTensor()]), nn.Sequential(nn.Identity()), Compose([NORMALIZE])])
    assert of_transform(nested) == Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert of_transform(Compose([ToTensor()])) is None and of_transform(None) is None
    assert of_processor({"mean": (0.5,), "std": (0.25,), "input_size": (3, 8, 8)}) == Normalisation((0.5,), (0.25,))

    class Processor:
        image_mean, image_std, do_normalize = [0.5], [0.5], True

    assert of_processor(Processor()) == Normalisation((0.5,), (0.5,))
    Processor.do_normalize = False
    assert of_processor(Processor()) == Normalisation()
    assert suspects(Compose([RandomFlip(), ToTensor(), GaussianBlur(), NORMALIZE])) == ["GaussianBlur"]
