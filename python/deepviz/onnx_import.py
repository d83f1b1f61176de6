"""Makes a run of ONNX files: a single file, or one per epoch."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

from .arrays import array_images
from .checkpoint_clock import STEP_KEYS, Stamp, positions, stamp_of
from .clock import Clock, Every, clock_of
from .corpus import Corpus, Given, classes_of, first_image, write_corpus
from .errors import Refused
from .folder import describe_folder
from .lower import Network
from .lower_onnx import Lowered, Model, lower_onnx, read_model
from .lower_onnx.compare import biases, difference, with_biases
from .run import Resume, RunFolder
from .say import say
from .setup import check_classes, given_normalisation, write_table
from .write import Array, TrainingPosition, write_snapshot

if TYPE_CHECKING:
    from .lower_onnx.trace import ConstantArray

Files = Union[str, "os.PathLike[str]", Sequence[Union[str, "os.PathLike[str]"]]]
SUFFIX = ".onnx"


def import_onnx(
    path: str | os.PathLike[str],
    files: Files,
    *,
    train: Any = None,
    test: Any = None,
    corpus: str | os.PathLike[str] | None = None,
    classes: Sequence[str] | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    limit: tuple[int, int] = (5000, 5000),
    name: str | None = None,
    resume: Resume = "new",
    steps_per_epoch: int | None = None,
) -> list[int]:
    """Records ONNX files of one network as a run that deepViz shows. Returns their steps, ascending.

    ```python
    deepviz.import_onnx("runs/mine", "epochs/*.onnx", test=(x_test, y_test), classes=["cat", "dog"])
    ```

    path: the run folder, which must not hold a run yet (`resume="replace"` deletes an existing one).
    files: a file, a pattern, a folder, or a list of these; of several files each is a snapshot, and all must have
        the same layers. Steps come from the file's metadata (`step`, `epoch`) or from the number in its name.
    train, test: images and labels: a pair of arrays, or a data set or sequence of (image, label), as the network sees
        them. Or `corpus`, a folder that deepViz reads.
    steps_per_epoch: needed where files have only epochs; without it an epoch counts as a step.

    The other arguments are those of Recorder. Needs the package onnx, not PyTorch. The run is checked against the
    outputs of onnxruntime where that is installed, else of onnx's reference. Raises deepviz.Refused, in one sentence,
    where a file cannot be read, has an operator that deepViz does not support, or is another network than the first.
    """
    if resume not in ("new", "replace"):
        raise Refused(f'resume={resume!r} is not known here; write "new" or "replace"')
    paths = onnx_paths(files)
    model = read_model(paths[0])
    prefers_last = model.lengths[3] in (1, 3) and model.lengths[1] not in (1, 3)
    train, test = (array_images(images, prefers_last) for images in (train, test))
    given = Given(train, test, classes, given_normalisation(mean, std), limit)
    clock = clock_of(train, steps_per_epoch, Every(1, "steps"), 1)
    folder = RunFolder(path, resume)
    try:
        found = describe_folder(corpus, given.normalisation) if corpus is not None else None
        image = found.size.shape if found is not None else tuple(first_image(given).shape)
        reader = _Reader(paths, model, lower_onnx(model, image))
        check_classes(reader.network, found.classes if found is not None else classes_of(given))
        when = reader.positions(clock)
        if found is None:
            found = write_corpus(folder.path / "corpus", name or Path(path).name, given, lambda _: folder.clear())
        else:
            folder.clear()
        return _write(folder, name or Path(path).name, reader, when, found)
    finally:
        folder.close()


def _write(
    folder: RunFolder, name: str, reader: _Reader, when: dict[Path, TrainingPosition], corpus: Corpus
) -> list[int]:
    for index, (file, position) in enumerate(when.items()):
        lowered = reader.lowered(file)
        arrays = [snapshot_array(key, constant) for key, constant in lowered.arrays.items()]
        write_snapshot(folder.path, position, arrays)
        if index == 0:
            outputs = _outputs(lowered, corpus)
            write_table(folder, name, reader.network, corpus, _source(reader.model), (outputs, position.step))
    say(f"{len(when)} ONNX file{'s' if len(when) > 1 else ''} recorded in {folder.path}")
    return [position.step for position in when.values()]


def _outputs(lowered: Lowered, corpus: Corpus) -> Any:
    """Another program's outputs for the images of the check; None without images or such a program."""
    if corpus.images is None:
        return None
    try:
        outputs = lowered.network.logits(corpus.images)
    except Exception as error:
        # The programs may raise anything; the run can do without their outputs.
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        say(
            f"outputs are not checked: neither onnxruntime nor onnx can compute the model ({(lines or ['?'])[0][:200]})"
        )
        return None
    return outputs


def _source(model: Model) -> dict[str, Any]:
    """The origin of the network, for run.toml."""
    by = f" by {model.producer}" if model.producer else ""
    graph = str(model.proto.graph.name)
    is_a_name = graph and graph not in ("main_graph", "torch_jit", "torch-jit-export", "tf2onnx")
    opset = model.opsets.get("", model.opsets.get("ai.onnx", 0))
    return {"kind": "onnx", "version": f"opset {opset}{by}", "model": graph if is_a_name else model.path.stem}


class _Reader:
    """Reads files of one network, the first of which has been translated already."""

    def __init__(self, paths: list[Path], model: Model, first: Lowered) -> None:
        self.paths, self.model = paths, model
        self._first = first
        self._biases = biases(first)

    @property
    def network(self) -> Network:
        """The network of all files, with the layer names of the first."""
        return self._first.network

    def positions(self, clock: Clock) -> dict[Path, TrainingPosition]:
        """The position of every file, by step. Raises Refused where one does not fit or two share a step."""
        stamps: dict[Path, Stamp] = {}
        for path in self.paths:
            model = self.model if path == self.paths[0] else read_model(path)
            self._compared(path, model)
            stamps[path] = stamp_of(path, _position_in_metadata(model), is_alone=len(self.paths) == 1)
        found = positions(stamps, clock)
        by_step: dict[int, Path] = {}
        for path, position in found.items():
            other = by_step.setdefault(position.step, path)
            if other is not path:
                raise Refused(
                    f"{other} and {path} are both of step {position.step}; leave one of them out, by a narrower pattern"
                )
        return found

    def lowered(self, path: Path) -> Lowered:
        """The network and weights of a file, with the layer names of the first."""
        return self._first if path == self.paths[0] else self._compared(path, read_model(path))

    def _compared(self, path: Path, model: Model) -> Lowered:
        if path == self.paths[0]:
            return self._first
        other = lower_onnx(model, self.network.image)
        found = difference(self._first, other)
        if found:
            of = f"{path} is another network than {self.paths[0]}"
            raise Refused(f"{of}: {found}; leave it out, by a narrower pattern")
        self._biases |= biases(other)
        self._first, other = (with_biases(some, self._biases) for some in (self._first, other))
        names = dict(zip(other.arrays, self._first.arrays, strict=True))
        return Lowered(other.network, {names[key]: constant for key, constant in other.arrays.items()})


def _position_in_metadata(model: Model) -> dict[str, float]:
    """Step and epoch from the metadata of a file, where it has them."""
    found = {}
    for item in model.proto.metadata_props:
        if item.key in (*STEP_KEYS, "epoch"):
            try:
                found[item.key] = float(item.value)
            except ValueError:
                continue
    return found


def onnx_paths(given: Files) -> list[Path]:
    """The files that match patterns, folders and names, each once. Raises Refused where there are none."""
    items = [given] if isinstance(given, (str, os.PathLike)) else list(given)
    found: dict[Path, Path] = {}
    for item in items:
        text = os.path.expanduser(os.fspath(item))
        path = Path(text)
        if path.is_dir():
            inside = sorted(path.glob(f"*{SUFFIX}"))
        else:
            inside = [path] if path.is_file() else [Path(name) for name in sorted(glob.glob(text, recursive=True))]
        inside = [name for name in inside if name.is_file() and name.suffix == SUFFIX]
        if not inside:
            raise Refused(f"{item} names no file of ONNX (files that end in {SUFFIX}); check the path")
        found.update({name.resolve(): name for name in inside})
    if not found:
        raise Refused('no files are given; name a folder, files, or a pattern such as "epochs/*.onnx"')
    return list(found.values())


def snapshot_array(name: str, constant: ConstantArray) -> Array:
    """A weight for a snapshot: in half precision where the file had that and nothing is lost, else in single."""
    import numpy

    single = numpy.ascontiguousarray(constant.array, dtype="<f4")
    kept, dtype = single, "F32"
    if constant.half == "F16":
        half = single.astype("<f2")
        if numpy.array_equal(half.astype("<f4"), single):
            kept, dtype = half, "F16"
    elif constant.half == "BF16":
        words = single.view("<u4")
        if not (words & 0xFFFF).any():
            kept, dtype = (words >> 16).astype("<u2"), "BF16"
    return Array(name, dtype, tuple(single.shape), memoryview(kept.tobytes()))
