"""A corpus of random images in deepViz's own format (docs/run-format.md)."""

import hashlib
import json
import struct

import numpy as np

SHAPE = (3, 8, 8)
CLASSES = ("cat", "dog", "bird")
TRAINING, TEST = 12, 4


class Corpus:
    """Images as bytes, images x channels x height x width; the mean image of the training split."""

    def __init__(self, random):
        count = TRAINING + TEST
        self.images = random.integers(0, 256, (count, *SHAPE), dtype=np.uint8)
        self.labels = np.arange(count) % len(CLASSES)
        self.mean = self.images[:TRAINING].astype(np.float64).mean(axis=0)

    @property
    def test(self):
        return self.images[TRAINING:]

    def write(self, folder):
        folder.mkdir()
        labels = self.labels.astype("<u2")
        digest = hashlib.sha256(b"deepviz corpus 3" + struct.pack("<5Q", *SHAPE, TRAINING, TRAINING + TEST))
        digest.update(labels.tobytes() + self.images.tobytes())
        for name, part in (("train", slice(0, TRAINING)), ("test", slice(TRAINING, None))):
            (folder / f"{name}.bin").write_bytes(labels[part].tobytes() + self.images[part].tobytes())
        channels, height, width = SHAPE
        (folder / "corpus.json").write_text(json.dumps({
            "format": "deepviz corpus", "version": 2, "identity": f"sha256-{digest.hexdigest()}",
            "shape": {"channels": channels, "height": height, "width": width},
            "train": TRAINING, "test": TEST, "classes": CLASSES,
        }, indent=1) + "\n")
