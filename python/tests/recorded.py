"""A small data set and a recorder over it, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

import deepviz


class Images(Dataset[tuple[Tensor, int]]):
    """Bytes of 3 x 8 x 8, normalised, of three classes."""

    classes = ("one", "two", "three")

    def __init__(self, count: int, seed: int = 1) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.pixels = torch.randint(0, 256, (count, 3, 8, 8), generator=generator, dtype=torch.uint8)
        self.labels = torch.randint(0, 3, (count,), generator=generator)
        self.transform = Normalize([0.5, 0.4, 0.3], [0.2, 0.25, 0.3])

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(self.pixels[index].float() / 255), int(self.labels[index])


class Normalize:
    """As torchvision's."""

    def __init__(self, mean: list[float], std: list[float]) -> None:
        self.mean, self.std = mean, std

    def __call__(self, image: Tensor) -> Tensor:
        return (image - torch.tensor(self.mean)[:, None, None]) / torch.tensor(self.std)[:, None, None]


def recorder(path: Path, model: nn.Module, **options: Any) -> deepviz.Recorder:
    given: dict[str, Any] = {"train": DataLoader(Images(20), batch_size=8), "test": Images(10, seed=2), **options}
    return deepviz.Recorder(path, model, **given)
