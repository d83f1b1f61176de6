"""A folder of pictures as a data set without PyTorch: Pillow resizes and crops as torchvision would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .errors import Refused
from .image_folder import test_folder

ENDINGS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
"""The suffixes that torchvision's ImageFolder reads."""


class Pictures:
    """The pictures of a folder of classes, scaled so that the short side is `size` pixels, then cropped to the middle.

    Gives bytes C x H x W in arrays of numpy, and labels; `channels` is 3, or 1 for grey.
    """

    gives_arrays = True

    def __init__(self, folder: Path, size: int, channels: int = 3) -> None:
        self.size, self.mode = size, "L" if channels == 1 else "RGB"
        self.classes = sorted(item.name for item in folder.iterdir() if item.is_dir())
        self.files = [
            (path, label)
            for label, name in enumerate(self.classes)
            for path in sorted((folder / name).rglob("*"))
            if path.suffix.lower() in ENDINGS and path.is_file()
        ]
        if not self.files:
            raise Refused(f"{folder} is no folder of images (no pictures in it); it needs a folder a class")

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        """Image and label. Raises Refused where a picture cannot be read."""
        import numpy

        try:
            from PIL import Image
        except ModuleNotFoundError:
            raise Refused("--size needs Pillow, which resizes the images; pip install pillow") from None
        path, label = self.files[index]
        try:
            with Image.open(path) as found:
                picture = found.convert(self.mode)
        except OSError as error:
            raise Refused(f"{path} is no picture that Pillow can read ({error}); take it out of the folder") from None
        width, height = picture.size
        short = min(width, height)
        wide, high = (int(self.size * side / short) if side != short else self.size for side in (width, height))
        picture = picture.resize((wide, high), Image.Resampling.BILINEAR)
        # Rounds half to even, as torchvision does.
        left, top = round((wide - self.size) / 2.0), round((high - self.size) / 2.0)
        pixels = numpy.asarray(picture.crop((left, top, left + self.size, top + self.size)))
        return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1), label


def picture_folders(folder: Path, size: int, channels: int) -> tuple[Pictures | None, Pictures]:
    """Training and test images of FOLDER/train/CLASS and FOLDER/test/CLASS (or val); test images alone of CLASS."""
    train = folder / "train"
    return Pictures(train, size, channels) if train.is_dir() else None, Pictures(test_folder(folder), size, channels)
