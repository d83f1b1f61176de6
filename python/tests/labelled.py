"""Labelled images with transforms as torchvision has them, and the corpora made of them, for tests."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import torch
from recorded import Images, Normalize
from torch import Tensor
from torch.utils.data import Dataset

from deepviz.corpus import Corpus, Given, write_corpus


class Compose:
    """As torchvision's."""

    def __init__(self, transforms: list[Any]) -> None:
        self.transforms = transforms

    def __call__(self, image: Tensor) -> Tensor:
        for transform in self.transforms:
            image = transform(image)
        return image


class ToTensor:
    def __call__(self, image: Tensor) -> Tensor:
        return image.float() / 255


class RandomFlip:
    def __call__(self, image: Tensor) -> Tensor:
        return image.flip(-1) if random.random() < 0.5 else image


class GaussianBlur:
    def __call__(self, image: Tensor) -> Tensor:
        return (image + image.roll(1, -1) * 0.37) / 1.37


class Folder(Dataset[Any]):
    """Labelled bytes with a transform, as torchvision's data sets have it."""

    def __init__(self, count: int, transform: Any, seed: int = 1, classes: Any = ("one", "two", "three")) -> None:
        plain = Images(count, seed)
        self.pixels, self.labels, self.transform = plain.pixels, plain.labels, transform
        if classes is not None:
            self.classes = list(classes)

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        image = self.pixels[index]
        return (self.transform(image) if self.transform else image), int(self.labels[index])


NORMALIZE = Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


PREPROCESS = Compose([ToTensor(), NORMALIZE])


def written(folder: Path, test: Any, train: Any = None, **options: Any) -> Corpus:
    return write_corpus(folder / "corpus", "mine", Given(train, test, **options))


def pixels(folder: Path, split: str, count: int) -> Tensor:
    content = bytearray((folder / "corpus" / f"{split}.bin").read_bytes())
    return torch.frombuffer(content, dtype=torch.uint8, offset=2 * count).reshape(count, 3, 8, 8)
