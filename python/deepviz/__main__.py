"""`python -m deepviz record CHECKPOINTS --model NAME --corpus FOLDER --out RUN`, and `import-onnx FILES`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from .checkpoint_files import checkpoint_paths, read_checkpoint
from .checkpoints import record_checkpoints
from .errors import Refused
from .folder import info_of
from .image_folder import classes_in, image_folders
from .lower_onnx import read_model
from .models import FORMS, Named, model_of, named_in
from .normalisation import Normalisation, of_processor
from .onnx_import import import_onnx, onnx_paths
from .pictures import picture_folders
from .version import VERSION

EXAMPLES = """examples:
  python -m deepviz record ckpts/ --model torchvision:resnet18 --corpus images/ --size 224 --out runs/mine
  python -m deepviz record 'out/checkpoint-*' --corpus images/ --size 224 --out runs/mine
  python -m deepviz record 'train/*.pth.tar' --weights ema --corpus images/ --out runs/mine

Exit status: 0 when the run is recorded, 1 when something cannot be recorded, 2 for a wrong command line.
"""

ONNX_EXAMPLES = """examples:
  python -m deepviz import-onnx model.onnx --corpus images/ --size 224 --mean 0.5 --std 0.5 --out runs/mine
  python -m deepviz import-onnx 'epochs/model_*.onnx' --corpus mnist/ --mean 0 --std 1 --out runs/mine

Exit status: 0 when the run is recorded, 1 when something cannot be recorded, 2 for a wrong command line.
"""


def numbers(text: str) -> list[float]:
    """Numbers between commas."""
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of numbers, such as 0.485,0.456,0.406") from None


def whole(text: str) -> int:
    """A whole number from 1."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1")
    return int(text)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m deepviz", description="Records what was trained elsewhere.")
    made.add_argument("--version", action="version", version=VERSION)
    commands = made.add_subparsers(dest="command", required=True, metavar="COMMAND")
    record = commands.add_parser(
        "record",
        help="make a run of checkpoints",
        description="Makes a run, which `deepviz serve` shows, of the checkpoints that a training program kept.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = record.add_argument
    add("checkpoints", nargs="+", metavar="CKPTS", help="folders, files, or patterns in quotes")
    add("--model", help=f"{FORMS}; left out where the checkpoints name it")
    add("--weights", choices=("model", "ema"), default="model", help="ema: the averaged weights (default: model)")
    add("--key", metavar="K", help="dictionary of the weights, where it is not found: state_dict.teacher")
    worker = "a Python process computes the layers: where deepViz has none (auto, default), always, never"
    add("--worker", choices=("auto", "never", "always"), default="auto", help=worker)
    _add_shared(record)
    onnx = commands.add_parser(
        "import-onnx",
        help="make a run of ONNX files",
        description="Makes a run, which `deepviz serve` shows, of an ONNX file, or of one for every epoch.",
        epilog=ONNX_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    onnx.add_argument("files", nargs="+", metavar="FILES", help="files, folders, or patterns in quotes")
    _add_shared(onnx)
    return made


def _add_shared(command: argparse.ArgumentParser) -> None:
    """What all commands take: the images, and where the run is written."""
    add = command.add_argument
    add("--corpus", required=True, type=Path, metavar="FOLDER", help="folder of images: train/CLASS/* and test/CLASS/*")
    add("--out", required=True, type=Path, metavar="RUN", help="run folder to write")
    add("--size", type=whole, metavar="N", help="resize the short side to N pixels and cut out the middle, N x N")
    add("--mean", type=numbers, metavar="R,G,B", help="subtracted from pixels of 0 to 1, as 0.485,0.456,0.406")
    add("--std", type=numbers, metavar="R,G,B", help="what they are then divided by, as 0.229,0.224,0.225")
    add("--steps-per-epoch", type=whole, metavar="N", help="steps of an epoch, where only epochs are known")
    add("--limit", type=whole, metavar="N", help="images to keep of each split, with --size (default: 5000)")
    add("--replace", action="store_true", help="delete the run that is there")


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; its exit status."""
    given = parser().parse_args(arguments)
    try:
        if not given.corpus.is_dir():
            raise Refused(f"{given.corpus} is no folder; name the folder of the images by --corpus")
        record(given) if given.command == "record" else record_onnx(given)
    except Refused as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"look at it with: deepviz serve {given.out}", file=sys.stderr)
    return 0


def record(given: argparse.Namespace) -> None:
    """Makes the model and records the checkpoints. Raises Refused."""
    paths = checkpoint_paths(given.checkpoints)
    named = Named(given.model) if given.model else named_in(paths[0], read_checkpoint(paths[0]))
    if named.classes is None:
        # As many outputs as the images have classes: with others it could not be recorded.
        count = len(classes_in(given.corpus) if given.size else info_of(given.corpus)["classes"])
        named = Named(named.name, count)
    model = model_of(named)
    record_checkpoints(
        given.out,
        model,
        paths,
        **_images(given, model),
        key=given.key,
        weights=given.weights,
        steps_per_epoch=given.steps_per_epoch,
        resume="replace" if given.replace else "new",
        worker=given.worker,
    )


def _images(given: argparse.Namespace, model: Any) -> dict[str, Any]:
    """Where the run's images come from: resized here, or the folder as deepViz reads it."""
    known = of_processor(getattr(model, "pretrained_cfg", None) or {}) or Normalisation()
    mean, std = given.mean or known.mean, given.std or known.std
    if given.size is None:
        return {"corpus": given.corpus, "mean": mean, "std": std}
    if mean is None or std is None:
        raise Refused("how the images are normalised is not known; add --mean and --std, such as 0.5,0.5,0.5")
    train, test = image_folders(given.corpus, given.size, mean, std)
    limit = given.limit or 5000
    return {"train": train, "test": test, "limit": (limit, limit)}


def record_onnx(given: argparse.Namespace) -> None:
    """Records ONNX files; nothing here needs PyTorch. Raises Refused."""
    images: dict[str, Any] = {"corpus": given.corpus}
    paths = onnx_paths(given.files)
    if given.size is not None:
        if given.mean is None or given.std is None:
            raise Refused("how the images are normalised is not known; add --mean and --std, such as 0.5,0.5,0.5")
        lengths = read_model(paths[0]).lengths
        is_grey = 3 not in lengths[1:] and 1 in lengths[1:]
        train, test = picture_folders(given.corpus, given.size, 1 if is_grey else 3)
        limit = given.limit or 5000
        images = {"train": train, "test": test, "limit": (limit, limit)}
    import_onnx(
        given.out,
        paths,
        **images,
        mean=given.mean,
        std=given.std,
        steps_per_epoch=given.steps_per_epoch,
        resume="replace" if given.replace else "new",
    )


if __name__ == "__main__":
    sys.exit(main())
