"""The corpus of a run: the images as the network sees them, written as bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from . import datasets
from .datasets import ImageRef
from .errors import Refused
from .modes import one_thread, same_random_numbers
from .normalisation import Normalisation, of_transform, random_parts, suspects, with_channels
from .say import say
from .tensors import bytes_view, converted, is_float, stacked
from .write import CorpusSize, SplitFile, write_corpus_json

Shape = tuple[int, int, int]

CHECK_IMAGES = 8
"""Images whose outputs are recorded for comparison."""


@dataclass(frozen=True)
class Corpus:
    """The entries of run.toml about a corpus, and the images of the check: their ids and the network's inputs.

    `path` is the one that run.toml contains, `identity` a hash of labels and pixels. `images` is None where Python
    cannot read the images.
    """

    name: str
    path: str
    identity: str
    size: CorpusSize
    classes: list[str]
    normalisation: Normalisation
    ids: list[int]
    images: Any


@dataclass(frozen=True)
class Given:
    """The user's options about the images.

    `limit` is how many to keep of train and of test, `hint` a normalisation to try where the data set has none.
    """

    train: Any = None
    test: Any = None
    classes: Sequence[str] | None = None
    normalisation: Normalisation | None = None
    limit: tuple[int, int] = (5000, 5000)
    hint: Normalisation | None = None


def check_indices(count: int) -> list[int]:
    """The indices of the test images whose outputs are checked."""
    return datasets.evenly_spaced(count, CHECK_IMAGES)


def write_corpus(folder: Path, name: str, given: Given, begin: Callable[[Shape], None] = lambda _: None) -> Corpus:
    """Writes the data sets of a run as its corpus. Does not change random numbers or data sets.

    `begin` is called with the images' shape (channels, height, width) once the first images were converted to bytes,
    before anything is written.
    """
    with same_random_numbers(), one_thread():
        return _write(folder, name, given, begin)


def _write(folder: Path, name: str, given: Given, begin: Callable[[Shape], None]) -> Corpus:
    test = datasets.dataset_of(given.test, "test")
    train = datasets.dataset_of(given.train, "train") if given.train is not None else []
    classes = classes_of(given)
    chosen = {
        "train": _chosen(train, given.limit[0], "train"),
        "test": _chosen(test, given.limit[1], "test"),
    }
    chosen["train"] = _with_evaluation_transform(chosen["train"], test, train)
    found = random_parts(datasets.transform_of(chosen["test"][0].leaf))
    if found:
        say(f"the test images go through {', '.join(found)}, so one random version of each is kept")
    first, _ = datasets.item_of(chosen["test"][0], "test")
    channels, height, width = (int(length) for length in first.shape)
    if channels not in (1, 3):
        raise Refused(f"the images have {channels} channels, so they cannot be shown; deepViz shows images of 1 or 3")
    reading, seen = _normalisations(given, chosen["test"], test)
    normalisation = with_channels(seen, channels)
    for ref in chosen["train"][:1]:
        if reading.bytes_of(datasets.item_of(ref, "train")[0]) is None:
            refuse_bytes("train", datasets.transform_of(ref.leaf), is_normalised=True)
    begin((channels, height, width))
    folder.mkdir(parents=True, exist_ok=True)
    kept: dict[int, Any] = {}
    for role, image_refs in chosen.items():
        keep = check_indices(len(image_refs)) if role == "test" else []
        as_seen = normalisation if reading != seen else None
        reader = _Reader(role, reading, as_seen, (channels, height, width), len(classes), keep, kept)
        split = SplitFile(folder / f"{role}.bin", len(image_refs), channels * height * width)
        split.write(reader.images(image_refs))
    size = CorpusSize((channels, height, width), len(chosen["train"]), len(chosen["test"]))
    identity = write_corpus_json(folder, size, classes)
    ids = [size.train + index for index in kept]
    return Corpus(name, folder.name, identity, size, classes, normalisation, ids, stacked(list(kept.values())))


def classes_of(given: Given) -> list[str]:
    """The names of the classes. Raises Refused where neither the user nor the data sets name them."""
    names = given.classes
    for dataset in (given.test, given.train):
        if names is None and dataset is not None:
            names = datasets.classes_of(datasets.dataset_of(dataset, "test"))
    if names is None:
        raise Refused('the data set does not say what its classes are called; add classes=["cat", "dog", ...]')
    return [str(name) for name in names]


def first_image(given: Given) -> Any:
    """The first test image, as the data set gives it. Does not change random numbers."""
    if given.test is None:
        raise Refused(
            "the recorder needs images to show the network on: give test= (a data set of (image, label)), or corpus= "
            "(a folder that deepViz reads)"
        )
    test = datasets.dataset_of(given.test, "test")
    if len(test) == 0:
        raise Refused("test= has no images; the recorder needs some to show the network on")
    with same_random_numbers():
        return datasets.item_of(datasets.image_refs(test, [0])[0], "test")[0]


def _chosen(dataset: Any, limit: int, role: str) -> list[ImageRef]:
    count = len(dataset)
    if count > limit:
        say(f"{limit:,} of the {count:,} {role} images are kept, evenly spread (limit=)")
    return datasets.image_refs(dataset, datasets.evenly_spaced(count, limit))


def _with_evaluation_transform(train_refs: list[ImageRef], test: Any, train: Any) -> list[ImageRef]:
    """The training images with the transform of the test images, where their data sets allow it. Prints which it is."""
    if not train_refs:
        return []
    wanted, own = datasets.transform_of(test), datasets.transform_of(train)
    if wanted is None or wanted is own or repr(wanted) == repr(own):
        return train_refs
    leaves = {id(ref.leaf): ref.leaf for ref in train_refs}
    if all(getattr(leaf, "transform", None) is not None for leaf in leaves.values()):
        views = {key: datasets.with_transform(leaf, wanted) for key, leaf in leaves.items()}
        found = [ImageRef(views[id(ref.leaf)], ref.index) for ref in train_refs]
        try:
            datasets.item_of(found[0], "train")
        except Exception:
            pass
        else:
            say("training images are kept with the test images' transform")
            return found
    say("training images are kept with their own transform, random changes included")
    return train_refs


def _normalisations(given: Given, image_refs: list[ImageRef], dataset: Any) -> tuple[Normalisation, Normalisation]:
    """The normalisation that converts the data set's images to bytes, and the one of the network's inputs.

    They differ where the data set gives unnormalised pixels and the loop normalises them by mean= and std=.
    """
    probes = [datasets.item_of(ref, "test")[0] for ref in image_refs[:4]]
    transform = datasets.transform_of(dataset)
    found = given.normalisation or of_transform(transform)
    is_bytes = not is_float(probes[0])
    if is_bytes and given.normalisation is None:
        raise Refused(
            "the data set gives bytes, and the recorder cannot see what the loop makes of them; add "
            "mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225] with the loop's numbers (mean=[0], std=[1] where it "
            "divides by 255 alone)"
        )
    base = found or Normalisation()
    tried = [] if is_bytes else [base, Normalisation(base.mean, base.std, "byte")]
    if found is None and given.hint is not None and not is_bytes:
        tried.append(given.hint)
    for candidate in tried:
        if all(candidate.bytes_of(probe) is not None for probe in probes):
            return candidate, candidate
    if given.normalisation and all(Normalisation().bytes_of(probe) is not None for probe in probes):
        return Normalisation(), given.normalisation
    refuse_bytes("test", transform, found is not None)


def refuse_bytes(role: str, transform: Any, is_normalised: bool) -> NoReturn:
    """Raises Refused for images that cannot be converted to bytes, naming the transforms that may be the reason."""
    names = suspects(transform) if transform is not None else []
    of = f" after `{'`, `'.join(names)}`" if names else ""
    moved = "put it before ToTensor, so that it works on bytes, or " if names else ""
    numbers = "check mean= and std=, which do not lead back to bytes"
    if not is_normalised:
        numbers = "add mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225] with the numbers that it is normalised by"
    raise Refused(
        f"the {role} images{of} are not made of bytes (0 to 255) any more, so they cannot be kept exactly; "
        f"{moved}{numbers}"
    )


@dataclass(frozen=True)
class _Reader:
    """Reads the images of a split as bytes.

    `reading` converts the data set's images to bytes; `seen` converts bytes to the network's input, where that is not
    what the data set gives. The inputs of the images at `check_indices` are stored in
    `check_inputs`.
    """

    role: str
    reading: Normalisation
    seen: Normalisation | None
    shape: tuple[int, int, int]
    classes: int
    check_indices: list[int]
    check_inputs: dict[int, Any]

    def images(self, image_refs: list[ImageRef]) -> Iterator[tuple[memoryview, int]]:
        """Bytes and label of every image; stores the network's inputs of those at `check_indices`."""
        for index, ref in enumerate(image_refs):
            image, label = datasets.item_of(ref, self.role)
            if tuple(image.shape) != self.shape:
                sizes = [" x ".join(str(length) for length in shape) for shape in (image.shape, self.shape)]
                raise Refused(
                    f"{self.role} image {index} is {sizes[0]} and others are {sizes[1]}; add a transform that brings "
                    "all images to one size (Resize, CenterCrop)"
                )
            if not 0 <= label < self.classes:
                raise Refused(
                    f"{self.role} image {index} has the label {label}, and there are {self.classes} classes; "
                    "give their names by classes=[...]"
                )
            pixels = self.reading.bytes_of(image)
            if pixels is None:
                refuse_bytes(self.role, datasets.transform_of(ref.leaf), is_normalised=True)
            if index in self.check_indices:
                self.check_inputs[index] = self.seen.input_of(pixels) if self.seen else converted(image, "float32")
            yield bytes_view(pixels), label
