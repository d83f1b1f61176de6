"""Creates models by name (`timm:resnet50`, `package.module:function`), and finds the names in checkpoints."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import Refused
from .weights import as_mapping

if TYPE_CHECKING:
    import torch

FORMS = "timm:resnet50, torchvision:resnet18, transformers:FOLDER or package.module:function"


@dataclass(frozen=True)
class Named:
    """The name of a model from a checkpoint or the user, and its number of classes; None where that is not given."""

    name: str
    classes: int | None = None


def model_of(named: Named) -> torch.nn.Module:
    """Creates the model, with the library's default number of classes unless another is given. Raises Refused."""
    library, _, rest = named.name.partition(":")
    if not rest:
        raise Refused(f"--model {named.name} does not say where the model comes from; write {FORMS}")
    options = {} if named.classes is None else {"num_classes": named.classes}
    try:
        made = _made(library, rest, options)
    except ModuleNotFoundError as error:
        raise Refused(f"--model {named.name} needs {error.name}, which cannot be imported; install it") from error
    except Exception as error:
        # The function is the user's or a library's, and may raise anything.
        lines = str(error).strip().splitlines() or ["no reason given"]
        raise Refused(
            f"--model {named.name} cannot be made ({type(error).__name__}: {lines[0][:200]}); check its name"
        ) from error
    if not hasattr(made, "named_parameters"):
        raise Refused(
            f"--model {named.name} gives {type(made).__name__}, which is no torch.nn.Module; name a function that "
            "makes one"
        )
    return made  # type: ignore[no-any-return]


def _made(library: str, name: str, options: dict[str, Any]) -> Any:
    if library == "timm":
        return importlib.import_module("timm").create_model(name, pretrained=False, **options)
    if library == "torchvision":
        models = importlib.import_module("torchvision.models")
        return models.get_model(name, weights=None, **_init_options(name), **options)
    if library == "transformers":
        transformers = importlib.import_module("transformers")
        config = transformers.AutoConfig.from_pretrained(name, local_files_only=True)
        return transformers.AutoModelForImageClassification.from_config(config)
    # Modules in the current folder are found, as `python` itself does.
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    return getattr(importlib.import_module(library), name)()


def _init_options(name: str) -> dict[str, Any]:
    """The option without which torchvision's networks with auxiliary heads warn about their initialisation."""
    return {"init_weights": False} if name in ("googlenet", "inception_v3") else {}


def named_in(path: Path, content: Mapping[str, Any]) -> Named:
    """The model that a checkpoint names: `arch` (timm), `args.model` (torchvision), config.json (transformers, timm).

    Raises Refused where it names none.
    """
    config = _config(path)
    if config:
        return config
    arguments = as_mapping(content.get("args")) or {}
    arch, model = content.get("arch"), arguments.get("model")
    if isinstance(arch, str):
        # timm's training script saves `arch` and the number of classes; the others only the name of the model.
        is_timm = "version" in content or isinstance(model, str)
        count = arguments.get("num_classes")
        return Named(f"{'timm' if is_timm else 'torchvision'}:{arch}", count if isinstance(count, int) else None)
    if isinstance(model, str):
        return Named(f"torchvision:{model}")
    raise Refused(f"{path} does not say which model it is of; add --model, such as {FORMS}")


def _config(path: Path) -> Named | None:
    """The model of a config.json beside the weights."""
    folder = path if path.is_dir() else path.parent
    try:
        found = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(found, dict):
        return None
    if isinstance(found.get("architecture"), str):
        count = found.get("num_classes")
        return Named(f"timm:{found['architecture']}", count if isinstance(count, int) else None)
    return Named(f"transformers:{folder}") if "model_type" in found else None
