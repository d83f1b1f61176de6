"""Writes the files of a run folder (docs/run-format.md): snapshots, metrics, corpora and the outputs of the check.

Every file is written to a temporary name beside it, synced and renamed: a reader never sees an incomplete
one, and a killed process leaves at most a file whose name begins with `.writing-`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import secrets
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

TEMPORARY = ".writing-"
BYTES_OF_DTYPE = {"F32": 4, "F16": 2, "BF16": 2}


@dataclass(frozen=True)
class Array:
    """An array's name, dtype (`F32`, `F16`, `BF16`), shape, and bytes row by row in little endian."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    data: memoryview

    def __post_init__(self) -> None:
        expected = BYTES_OF_DTYPE[self.dtype] * math.prod(self.shape)
        if self.data.nbytes != expected:
            raise ValueError(f"`{self.name}` has {self.data.nbytes} bytes, expected {expected}")


@dataclass(frozen=True)
class TrainingPosition:
    """A point of training: updates and epochs done, training images seen."""

    step: int
    epoch: float
    images_seen: int


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[BinaryIO]:
    """Opens a temporary file that is synced and renamed to `path` when the block ends without an error."""
    # The suffix differs from that of a snapshot, so that no search for snapshots finds it.
    temporary = path.parent / f"{TEMPORARY}{secrets.token_hex(8)}"
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Syncs a folder, so that a rename in it survives a power failure, where the system supports it."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Writes a whole text file."""
    with replaced(path) as file:
        file.write(text.encode("utf-8"))


def remove_temporary(folder: Path) -> None:
    """Removes what a killed writer left behind. Only for the holder of the run's lock."""
    for path in folder.glob(f"{TEMPORARY}*"):
        with contextlib.suppress(OSError):
            path.unlink()


def snapshot_hash(position: TrainingPosition, arrays: Sequence[Array]) -> str:
    """The digest of a snapshot of format 2."""
    digest = hashlib.sha256(
        b"deepviz snapshot 2" + struct.pack("<QdQ", position.step, position.epoch, position.images_seen)
    )
    for array in arrays:
        for word in (array.name.encode(), array.dtype.encode()):
            digest.update(struct.pack("<Q", len(word)) + word)
        digest.update(struct.pack(f"<{1 + len(array.shape)}Q", len(array.shape), *array.shape))
        digest.update(array.data)
    return "sha256:" + digest.hexdigest()


def snapshot_path(run: Path, step: int) -> Path:
    """The file of a step's snapshot."""
    return run / "snapshots" / f"{step:06}.safetensors"


def write_snapshot(run: Path, position: TrainingPosition, arrays: Sequence[Array]) -> None:
    """Writes a snapshot, safetensors with the metadata of format 2."""
    metadata = {
        "format": "2",
        "step": str(position.step),
        "epoch": repr(float(position.epoch)),
        "images_seen": str(position.images_seen),
        "hash": snapshot_hash(position, arrays),
    }
    write_safetensors(snapshot_path(run, position.step), arrays, metadata)


def write_safetensors(path: Path, arrays: Sequence[Array], metadata: dict[str, str]) -> None:
    """Writes arrays in the given order, without gaps."""
    header: dict[str, object] = {"__metadata__": metadata}
    offset = 0
    for array in arrays:
        end = offset + array.data.nbytes
        header[array.name] = {"dtype": array.dtype, "shape": list(array.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    # Readers map arrays, which then begin at a multiple of eight bytes.
    text += b" " * (-len(text) % 8)
    with replaced(path) as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for array in arrays:
            file.write(array.data)


@dataclass(frozen=True)
class Metric:
    """A measurement: mean loss, share of misclassified images, learning rate, images per second."""

    position: TrainingPosition
    kind: Literal["train", "test"]
    loss: float | None = None
    error: float | None = None
    rate: float | None = None
    images_per_s: float = 0.0

    def line(self) -> str:
        """The line of metrics.jsonl, with its end."""

        def finite(number: float | None) -> float | None:
            return number if number is not None and math.isfinite(number) else None

        fields = {
            "step": self.position.step,
            "epoch": self.position.epoch,
            "images_seen": self.position.images_seen,
            "kind": self.kind,
            "loss": finite(self.loss),
            "error": finite(self.error),
            "rate": finite(self.rate),
            "images_per_s": finite(self.images_per_s) or 0.0,
        }
        return json.dumps(fields, separators=(",", ":"), allow_nan=False) + "\n"


@dataclass(frozen=True)
class SplitFile:
    """Writes a split of a corpus: the labels of so many `images`, then their pixels, `bytes_per_image` each."""

    path: Path
    images: int
    bytes_per_image: int

    def write(self, images: Iterator[tuple[bytes | bytearray | memoryview, int]]) -> list[int]:
        """Writes labels (u16) and then pixels. Returns the labels.

        Raises ValueError for an image of another size, a label above two bytes, or another number of images.
        """
        labels: list[int] = []
        with replaced(self.path) as file:
            file.seek(2 * self.images)
            for pixels, label in images:
                view = memoryview(pixels)
                if view.nbytes != self.bytes_per_image or not 0 <= label < 1 << 16:
                    raise ValueError(f"image {len(labels)} has {view.nbytes} bytes and label {label}")
                file.write(view)
                labels.append(label)
            if len(labels) != self.images:
                raise ValueError(f"{len(labels)} images, expected {self.images}")
            file.seek(0)
            file.write(struct.pack(f"<{len(labels)}H", *labels))
        return labels


@dataclass(frozen=True)
class CorpusSize:
    """Channels, height and width of a corpus's images, and how many there are of each split."""

    shape: tuple[int, int, int]
    train: int
    test: int


def write_corpus_json(folder: Path, size: CorpusSize, classes: Sequence[str]) -> str:
    """Writes corpus.json beside train.bin and test.bin, which are read for the identity. Returns the identity."""
    identity = corpus_identity(folder, size)
    channels, height, width = size.shape
    content = {
        "format": "deepviz corpus",
        "version": 2,
        "identity": identity,
        "shape": {"channels": channels, "height": height, "width": width},
        "train": size.train,
        "test": size.test,
        "classes": list(classes),
    }
    write_text(folder / "corpus.json", json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return identity


def corpus_identity(folder: Path, size: CorpusSize) -> str:
    """The digest over labels and pixels of train.bin and test.bin."""
    counts = (*size.shape, size.train, size.train + size.test)
    digest = hashlib.sha256(b"deepviz corpus 3" + struct.pack("<5Q", *counts))
    parts = [(folder / "train.bin", size.train), (folder / "test.bin", size.test)]
    for path, images in parts:
        with path.open("rb") as file:
            digest.update(file.read(2 * images))
    for path, images in parts:
        with path.open("rb") as file:
            file.seek(2 * images)
            _update_all(digest.update, file)
    return "sha256-" + digest.hexdigest()


def _update_all(update: Callable[[bytes], None], file: BinaryIO) -> None:
    while chunk := file.read(1 << 20):
        update(chunk)
