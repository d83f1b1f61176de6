"""torchvision's own transforms, of both versions: what they normalise is undone to the byte, or refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from labelled import pixels, written
from torch.utils.data import Dataset

from deepviz import Refused

torchvision = pytest.importorskip("torchvision")
Image = pytest.importorskip("PIL.Image")
transforms = pytest.importorskip("torchvision.transforms")
v2 = pytest.importorskip("torchvision.transforms.v2")

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


class Pictures(Dataset[Any]):
    """Pictures of 12 x 10 pixels, as torchvision's data sets give them."""

    classes = ("one", "two", "three")

    def __init__(self, transform: Any, count: int = 6) -> None:
        generator = torch.Generator().manual_seed(3)
        self.bytes = torch.randint(0, 256, (count, 10, 12, 3), generator=generator, dtype=torch.uint8)
        self.transform = transform

    def picture(self, index: int) -> Any:
        return Image.fromarray(self.bytes[index].numpy())

    def __len__(self) -> int:
        return len(self.bytes)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return self.transform(self.picture(index)), index % 3


def compose_v1(*more: Any) -> Any:
    """Of torchvision's first API, `transforms`."""
    return transforms.Compose([transforms.Resize(8), transforms.CenterCrop(8), transforms.ToTensor(), *more])


def compose_v2(*more: Any) -> Any:
    """Of its second, `transforms.v2`."""
    to_float = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]
    return v2.Compose([v2.Resize(8), v2.CenterCrop(8), *to_float, *more])


@pytest.mark.parametrize("compose", [compose_v1, compose_v2])
def test_normalize_is_undone_to_the_byte(tmp_path: Path, compose: Any) -> None:
    kind = transforms if compose is compose_v1 else v2
    images = Pictures(compose(kind.Normalize(MEAN, STD)))
    corpus = written(tmp_path, images)
    assert corpus.normalisation.table() == {"values": "unit", "mean": MEAN, "std": STD}
    # What torchvision's resizing makes, before it becomes a float.
    resized = transforms.Compose([transforms.Resize(8), transforms.CenterCrop(8), transforms.PILToTensor()])
    expected = torch.stack([resized(images.picture(index)) for index in range(len(images))])
    assert torch.equal(pixels(tmp_path, "test", len(images)), expected)


@pytest.mark.parametrize("compose", [compose_v1, compose_v2])
def test_resizing_of_floats_is_refused_by_its_name(tmp_path: Path, compose: Any) -> None:
    kind = transforms if compose is compose_v1 else v2
    images = Pictures(compose(kind.Resize(6), kind.Normalize(MEAN, STD)))
    with pytest.raises(Refused, match=r"after `Resize` are not made of bytes.*put it before ToTensor"):
        written(tmp_path, images)
    assert not (tmp_path / "corpus").exists()


def test_a_lower_precision_is_refused(tmp_path: Path) -> None:
    half = v2.Compose([v2.Resize(8), v2.CenterCrop(8), v2.ToImage(), v2.ToDtype(torch.float16, scale=True)])
    with pytest.raises(Refused, match="not made of bytes"):
        written(tmp_path, Pictures(half))


def test_a_random_transform_of_training_gives_way_to_that_of_the_test_images(tmp_path: Path) -> None:
    as_input = [transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
    augmented = transforms.Compose([transforms.RandomResizedCrop(8), transforms.ColorJitter(0.5), *as_input])
    train = Pictures(augmented)
    written(tmp_path, Pictures(compose_v1(transforms.Normalize(MEAN, STD))), train)
    assert torch.equal(pixels(tmp_path, "train", 6), pixels(tmp_path, "test", 6)) and train.transform is augmented


def test_random_transforms_of_the_test_images_are_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path / "fixed", Pictures(compose_v1()))
    assert "random" not in capsys.readouterr().err
    written(tmp_path / "random", Pictures(transforms.Compose([transforms.RandomCrop(8), transforms.ToTensor()])))
    assert "the test images go through RandomCrop, so one random version" in capsys.readouterr().err


def test_folders_of_images_say_their_classes(tmp_path: Path) -> None:
    for place, name in enumerate(("cat", "ant")):
        (tmp_path / "images" / name).mkdir(parents=True)
        for index in range(2):
            content = torch.full((9, 9, 3), 40 * place + index, dtype=torch.uint8)
            Image.fromarray(content.numpy()).save(tmp_path / "images" / name / f"{index}.png")
    images = torchvision.datasets.ImageFolder(str(tmp_path / "images"), compose_v1(transforms.Normalize(MEAN, STD)))
    corpus = written(tmp_path, images)
    assert corpus.classes == ["ant", "cat"]
    assert pixels(tmp_path, "test", 4)[:, 0, 0, 0].tolist() == [40, 41, 0, 1]
    assert (tmp_path / "corpus" / "test.bin").read_bytes()[:8] == bytes([0, 0, 0, 0, 1, 0, 1, 0])
