"""A sample: the files of a small corpus, and what must be read from them."""

import gzip
import hashlib
import io
import json
import tarfile

import numpy as np
from PIL import Image

SAMPLES = {}


def sample(function):
    """Registers a function that fills a `Sample`."""
    SAMPLES[function.__name__] = function
    return function


class Sample:
    """The files of a corpus, and what must be read from it."""

    def __init__(self, folder):
        self.folder = folder
        self.files = {}
        self.images = []
        self.classes = []

    def write(self, name, content):
        self.files[f"{self.folder}/{name}"] = content if isinstance(content, bytes) else content.encode()

    def expect(self, split, label, name, pixels):
        """Pixels: height x width, or height x width x channels."""
        planes = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
        digest = hashlib.sha256(np.ascontiguousarray(planes, dtype=np.uint8).tobytes()).hexdigest()
        self.images.append(
            {"split": split, "label": int(label), "name": name, "shape": list(planes.shape), "sha256": digest}
        )

    def save(self, path):
        # Train first, as ids are.
        self.images.sort(key=lambda image: image["split"] != "train")
        expected = {"classes": self.classes, "images": self.images}
        self.files["expected.json"] = json.dumps(expected).encode()
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for name in self.files:
                entry = tarfile.TarInfo(name)
                entry.size = len(self.files[name])
                tar.addfile(entry, io.BytesIO(self.files[name]))
        path.write_bytes(gzip.compress(packed.getvalue(), mtime=0))


def picture(number, height=32, width=32, channels=3):
    """An image that no turning, mirroring or exchange of channels leaves as it was."""
    y, x, c = np.ogrid[:height, :width, :channels]
    pixels = ((number * 37 + y * 5 + x * 2 + c * 61 + (y * x) // 16) % 256).astype(np.uint8)
    return pixels[:, :, 0] if channels == 1 else pixels


def planes(pixels):
    """Channels x height x width, as one row of bytes."""
    return pixels.transpose(2, 0, 1).reshape(-1)


def encoded(pixels, kind="PNG"):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind)
    return out.getvalue()


def put(made, split, label, path, number, shape=(8, 6), kind="PNG"):
    """An image file where a corpus has it."""
    image = picture(number, *shape)
    made.write(path, encoded(image, kind))
    if split:
        made.expect(split, label, path.rsplit("/", 1)[1], image)
