"""The exported program of a model as the worker has it: on the CPU, in single precision, without its weights."""

from __future__ import annotations

import contextlib
import copy
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import Refused
from ..lower.export import Program, export, quiet
from ..tensors import arrays_of
from ..write import replaced

if TYPE_CHECKING:
    import torch

MODEL_FILE = "model.pt2"


def exported(model: torch.nn.Module, example: torch.Tensor) -> Program:
    """The program for any batch size, or for two images where the model fixes it. Raises Refused without one."""
    model = _plain(model)
    with contextlib.suppress(Refused):
        program = export(model, example.cpu(), is_dynamic=True)
        (output,) = program.output.args[0]
        # A model may use only the first two images.
        if not isinstance(output.meta["val"].shape[0], int):
            return program
    return export(model, example.cpu())


def _plain(model: torch.nn.Module) -> torch.nn.Module:
    """The model, where it is on the CPU and in single precision; else a copy that is."""
    import torch

    arrays = arrays_of(model).values()
    kinds = {(array.device.type, array.dtype) for array in arrays if array.is_floating_point()}
    if kinds <= {("cpu", torch.float32)} and all(array.device.type == "cpu" for array in arrays):
        return model
    try:
        with torch.no_grad():
            return copy.deepcopy(model).cpu().float()
    except Exception as error:
        # Modules may hold anything, and copy it in their own way.
        reason = str(error).strip().partition("\n")[0][:200]
        raise Refused(
            f"the model cannot be copied to the CPU ({type(error).__name__}: {reason}), so it cannot be recorded for "
            "the worker; keep nothing in it that copy.deepcopy refuses"
        ) from error


def save(program: Program, folder: Path) -> None:
    """Writes model.pt2. Its weights are reduced to one number each: the snapshots contain them."""
    import torch

    state: dict[str, Any] = program.exported.state_dict
    kept = dict(state)
    try:
        for name, array in kept.items():
            if array.is_floating_point():
                empty = torch.zeros((), dtype=torch.float32).expand(array.shape)
                is_parameter = isinstance(array, torch.nn.Parameter)
                state[name] = torch.nn.Parameter(empty, requires_grad=False) if is_parameter else empty
        buffer = io.BytesIO()
        with quiet():
            torch.export.save(program.exported, buffer)
    finally:
        state.update(kept)
    with replaced(folder / MODEL_FILE) as file:
        file.write(buffer.getbuffer())
