"""A corpus folder that deepViz can read: the `deepviz` program describes it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from .corpus import Corpus, check_indices
from .errors import Refused
from .normalisation import Normalisation, with_channels
from .say import say
from .tensors import pixels_of, stacked
from .write import CorpusSize

VARIABLE = "DEEPVIZ_BINARY"


def binary() -> str:
    """The path of the `deepviz` program: $DEEPVIZ_BINARY, beside Python, or on the PATH. Raises Refused without it."""
    named = os.environ.get(VARIABLE)
    beside = Path(sys.executable).parent / ("deepviz.exe" if os.name == "nt" else "deepviz")
    found = named or (str(beside) if beside.is_file() else shutil.which("deepviz"))
    if not found:
        raise Refused(
            "a corpus folder is read by the program `deepviz`, which is not on the path; install it, or set "
            f"{VARIABLE} to where it is"
        )
    return found


def info_of(path: Path) -> dict[str, Any]:
    """The answer of `deepviz corpus info` about a folder. Raises Refused where it cannot be read."""
    done = subprocess.run(
        [binary(), "corpus", "info", str(path), "--json"], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise Refused(f"deepviz cannot read the corpus {path}: {reason}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def describe_folder(folder: str | os.PathLike[str], normalisation: Normalisation | None) -> Corpus:
    """The corpus in a folder. Raises Refused where images have several sizes."""
    path = Path(folder).expanduser().resolve()
    found = info_of(path)
    if found["image_shape"] is None:
        raise Refused(
            f"the images of {path} have several sizes; give test= (the data set with the transform that the network "
            "sees) instead of corpus="
        )
    if normalisation is None:
        raise Refused(
            "the recorder cannot see how the loop normalises the corpus's images; add mean=[0.485, 0.456, 0.406], "
            "std=[0.229, 0.224, 0.225] with its numbers (mean=[0], std=[1] where it divides by 255 alone)"
        )
    channels, height, width = found["image_shape"]
    size = CorpusSize((channels, height, width), found["train"], found["test"])
    ids, images = _check_images(path, size, with_channels(normalisation, channels))
    return Corpus(
        name=found["name"],
        path=str(path),
        identity=found["identity"],
        size=size,
        classes=[item["name"] for item in found["classes"]],
        normalisation=with_channels(normalisation, channels),
        ids=ids,
        images=images,
    )


def _check_images(path: Path, size: CorpusSize, normalisation: Normalisation) -> tuple[list[int], Any]:
    """Ids and inputs of some test images, for a corpus that a recorder wrote (Python can read its files); else none."""
    content = path / "corpus.json"
    if not content.is_file() or json.loads(content.read_text(encoding="utf-8")).get("version") != 2 or not size.test:
        say("outputs are not checked against the program's own: the corpus's images are decoded by deepViz alone")
        return [], None
    channels, height, width = size.shape
    length = channels * height * width
    images = []
    with (path / "test.bin").open("rb") as file:
        for index in check_indices(size.test):
            file.seek(2 * size.test + index * length)
            images.append(normalisation.input_of(pixels_of(file.read(length), size.shape)))
    return [size.train + index for index in check_indices(size.test)], stacked(images)
