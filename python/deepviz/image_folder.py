"""A folder of images as a data set: every image is resized and cropped to one size, as usual in evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .errors import Refused

TEST_FOLDERS = ("test", "val", "validation", "valid")


def classes_in(folder: Path) -> list[str]:
    """The classes of a folder of images: the folders within its test images."""
    return sorted(item.name for item in test_folder(folder).iterdir() if item.is_dir())


def test_folder(folder: Path) -> Path:
    """The folder of the test images. Raises Refused where there are only training images."""
    found = next((folder / name for name in TEST_FOLDERS if (folder / name).is_dir()), None)
    if found is None and (folder / "train").is_dir():
        raise Refused(f"{folder} has no test images; put them into {folder / 'test'}, a folder a class")
    return found or folder


def image_folders(folder: Path, size: int, mean: Sequence[float], std: Sequence[float]) -> tuple[Any, Any]:
    """Training and test images of FOLDER/train/CLASS and FOLDER/test/CLASS (or val), each scaled so that its short side
    is `size` pixels, then cropped to the square in its middle. Training images are None where there are none.

    A folder that contains the classes itself has only test images. Raises Refused where there are none, or
    torchvision is not installed.
    """
    try:
        from torchvision import datasets, transforms
    except ModuleNotFoundError:
        raise Refused("--size needs torchvision, which resizes the images; install it, or leave --size out") from None
    steps = [transforms.Resize(size), transforms.CenterCrop(size), transforms.ToTensor()]
    transform = transforms.Compose([*steps, transforms.Normalize(list(mean), list(std))])
    train = folder / "train"
    try:
        images = datasets.ImageFolder(str(test_folder(folder)), transform)
        return datasets.ImageFolder(str(train), transform) if train.is_dir() else None, images
    except FileNotFoundError as error:
        lines = str(error).splitlines() or ["no reason given"]
        raise Refused(f"{folder} is no folder of images ({lines[0]}); it needs a folder a class") from None
