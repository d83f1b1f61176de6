"""Finds checkpoint files and reads their content. Code in a pickle is never executed."""

from __future__ import annotations

import glob
import json
import mmap
import os
import pickle
import re
import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

from .errors import Refused

if TYPE_CHECKING:
    import torch

Given = Union[str, "os.PathLike[str]", Sequence[Union[str, "os.PathLike[str]"]]]

PICKLES = (".pt", ".pth", ".ckpt", ".pth.tar", ".pt.tar")
SUFFIXES = (*PICKLES, ".safetensors")
IN_FOLDER = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
"""Files that make a folder one checkpoint; the first that exists is read."""
NO_WEIGHTS = ("optimizer.pt", "scheduler.pt", "scaler.pt", "training_args.bin")
MAX_FOREIGN_CLASSES = 1000
HEADER_LIMIT = 100 << 20


def checkpoint_paths(given: Given) -> list[Path]:
    """The checkpoints that match patterns, folders and file names, each once. Raises Refused where there are none."""
    items = [given] if isinstance(given, (str, os.PathLike)) else list(given)
    if not items:
        raise Refused('no checkpoints are given; name a folder, files, or a pattern such as "ckpts/*.pt"')
    found: dict[Path, Path] = {}
    for item in items:
        for path in _paths_of(os.path.expanduser(os.fspath(item))):
            if not any(path.samefile(other) for other in found.values()):
                # timm's best checkpoint is a hard link to one of the others.
                found[path] = path
    return list(found)


def _paths_of(item: str) -> list[Path]:
    path = Path(item)
    if path.is_dir():
        return [path] if is_checkpoint_folder(path) else _in_folder(path)
    if path.is_file():
        if not path.name.endswith((*SUFFIXES, *IN_FOLDER)):
            raise Refused(f"{path} is no checkpoint that can be read; give files that end in {', '.join(SUFFIXES)}")
        return [path]
    matches = [Path(name) for name in sorted(glob.glob(item, recursive=True))]
    matches = [match for match in matches if is_checkpoint_folder(match) or _is_checkpoint_file(match)]
    if not matches:
        raise Refused(f"{item} names no checkpoint (files that end in {', '.join(SUFFIXES)}); check the path")
    return matches


def is_checkpoint_folder(path: Path) -> bool:
    """Whether a folder is one checkpoint, as Hugging Face's are. Raises Refused for distributed checkpoints."""
    if not path.is_dir():
        return False
    if (path / ".metadata").is_file() and any(path.glob("*.distcp")):
        raise Refused(
            f"{path} is a distributed checkpoint; make one file of it by "
            "torch.distributed.checkpoint.format_utils.dcp_to_torch_save(folder, file) and give that"
        )
    return any((path / name).is_file() for name in IN_FOLDER)


def _is_checkpoint_file(path: Path) -> bool:
    is_state = path.name in NO_WEIGHTS or path.name.startswith(("rng_state", "."))
    return path.is_file() and path.name.endswith(SUFFIXES) and not is_state


def _in_folder(folder: Path) -> list[Path]:
    inside = sorted(folder.iterdir())
    found = [path for path in inside if is_checkpoint_folder(path) or _is_checkpoint_file(path)]
    if not found:
        raise Refused(f"{folder} holds no checkpoints (files that end in {', '.join(SUFFIXES)}); check the path")
    return found


def read_checkpoint(path: Path) -> Mapping[str, Any]:
    """The content of a checkpoint. Arrays are memory-mapped where the format allows it.

    Raises Refused for files that are damaged or hold something else.
    """
    if path.is_dir():
        path = next(path / name for name in IN_FOLDER if (path / name).is_file())
    if path.name.endswith(".index.json"):
        return _shards(path)
    if path.name.endswith(".safetensors"):
        return read_safetensors(path)
    content = _unpickled(path)
    if isinstance(content, Mapping):
        return content
    # `torch.save(model, ...)` saves the module itself.
    return {"model": content}


def _shards(index: Path) -> dict[str, torch.Tensor]:
    try:
        names = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        parts = sorted({str(name) for name in names.values()})
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Refused(f"{index} is no index of files (no `weight_map` in it); save the model again") from None
    found: dict[str, torch.Tensor] = {}
    for part in parts:
        path = index.parent / part
        if Path(part).name != part or not path.is_file():
            raise Refused(f"{index} names the file {part}, which is not beside it; copy all files of the checkpoint")
        found.update(read_checkpoint(path))
    return found


def read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    """The floating-point arrays of a safetensors file, memory-mapped. Raises Refused for damaged files."""
    import torch

    dtypes = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
    damaged = Refused(f"{path} is no whole safetensors file; save it again, or copy it again")
    try:
        with path.open("rb") as file:
            memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        (length,) = struct.unpack("<Q", memory[:8])
        if length > min(HEADER_LIMIT, len(memory) - 8):
            raise damaged
        header = json.loads(memory[8 : 8 + length])
        found: dict[str, torch.Tensor] = {}
        for name, item in header.items():
            dtype = dtypes.get(item["dtype"]) if name != "__metadata__" else None
            if dtype is None:
                continue
            start, end = (8 + length + int(offset) for offset in item["data_offsets"])
            shape = [int(side) for side in item["shape"]]
            if not 8 + length <= start <= end <= len(memory):
                raise damaged
            if start == end:
                found[name] = torch.empty(shape, dtype=dtype)
                continue
            flat = torch.frombuffer(memory, dtype=torch.uint8, count=end - start, offset=start)
            # Arrays in a file need not be aligned to the size of their numbers.
            aligned = flat if flat.data_ptr() % dtype.itemsize == 0 else flat.clone()
            found[name] = aligned.view(dtype).reshape(shape)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, struct.error):
        raise damaged from None
    return found


class Opaque:
    """Stands for an object of any class in a pickle other than tensors: it has the attributes, but none of the methods.

    Checkpoints of torchvision, timm and others contain such objects (`argparse.Namespace`, configurations, modules),
    and torch.load refuses them. Their classes are never imported: each object becomes an Opaque.
    """

    def __init__(self, *arguments: Any) -> None:
        self.attributes: dict[str, Any] = {}

    def __new__(cls, *arguments: Any) -> Opaque:
        """Allows pickles that create objects without `__init__`."""
        made = object.__new__(cls)
        made.attributes = {}
        return made

    def __setstate__(self, state: Any) -> None:
        for part in state if isinstance(state, tuple) else (state,):
            if isinstance(part, dict):
                self.attributes.update({str(key): value for key, value in part.items()})


def _unpickled(path: Path) -> Any:
    """The content of a file of torch.save; objects of other classes than tensors are Opaque."""
    import torch

    if not hasattr(torch.serialization, "safe_globals"):
        raise Refused(f"reading {path} safely needs PyTorch 2.6 or newer; install that")
    foreign: list[Any] = []
    is_zip = zipfile.is_zipfile(path)
    while True:
        try:
            with torch.serialization.safe_globals(foreign):
                return torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip or None)
        except pickle.UnpicklingError as error:
            found = re.search(r"Unsupported global: GLOBAL (\S+) was not", str(error))
            if not found or len(foreign) >= MAX_FOREIGN_CLASSES:
                raise _unreadable(path, error) from None
            name = found[1] if "." in found[1] else f"builtins.{found[1]}"
            if any(known == name for _, known in foreign):
                raise _unreadable(path, error) from None
            foreign.append((Opaque, name))
        except Exception as error:
            raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> Refused:
    if not isinstance(error, (pickle.UnpicklingError, RuntimeError)):
        return Refused(f"{path} is no file of torch.save, or is damaged; save it again, or copy it again")
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reason = next((line for line in reversed(lines) if "rror" in line or "nsupported" in line), (lines or ["?"])[0])
    return Refused(
        f"PyTorch cannot read {path} as a checkpoint ({type(error).__name__}: {reason[:200]}); save the weights alone: "
        "torch.save(model.state_dict(), file)"
    )
