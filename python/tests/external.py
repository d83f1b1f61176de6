"""The worker as a process, and what PyTorch itself gives for its layers: by hooks and by watching functions."""

# mypy: disable-error-code="no-any-return"
from __future__ import annotations

import json
import math
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

ROOT = Path(__file__).resolve().parents[1]
ATTEND = nn.functional.scaled_dot_product_attention


def described(run: Path) -> list[dict[str, Any]]:
    """The layers of worker.json."""
    return json.loads((run / "worker.json").read_text(encoding="utf-8"))["layers"]


def hash_of(run: Path, step: int) -> str:
    """The hash in a snapshot's metadata."""
    with (run / "snapshots" / f"{step:06}.safetensors").open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        return json.loads(file.read(length))["__metadata__"]["hash"]


class Client:
    """A worker, as the program talks to it."""

    def __init__(self, run: Path, *options: str) -> None:
        self.run = run
        command = [sys.executable, "-m", "deepviz.worker", str(run), "--threads", "1", *options]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process: Any = subprocess.Popen(command, cwd=ROOT, **pipes)
        self.hello = self.line()

    def line(self) -> dict[str, Any]:
        return json.loads(self.process.stdout.readline())

    def ask(self, step: int, images: Tensor, names: Sequence[str], **other: Any) -> Any:
        """The outputs by layer, N x floats, or the text of an error. `other` replaces fields of the request."""
        request: dict[str, Any] = {"step": step, "hash": None, "images": len(images), "layers": list(names)}
        request["hash"] = other.get("hash") or hash_of(self.run, step)
        self.process.stdin.write(json.dumps(request | other).encode() + b"\n")
        self.process.stdin.write(images.contiguous().numpy().tobytes())
        self.process.stdin.flush()
        answer = self.line()
        if "error" in answer:
            return answer["error"]
        outputs = {}
        for name, floats in zip(names, answer["floats"], strict=True):
            block = self.process.stdout.read(4 * floats * len(images))
            flat = torch.frombuffer(bytearray(block), dtype=torch.float32) if block else torch.empty(0)
            outputs[name] = flat.view(len(images), floats)
        return outputs

    def close(self) -> int:
        self.process.stdin.close()
        rest = self.process.stdout.read()
        assert rest == b"", rest
        return self.process.wait()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.process.kill()
        else:
            self.close()


class _Attentions(TorchFunctionMode):
    """Keeps the weights of attentions as PyTorch's functions are called."""

    def __init__(self) -> None:
        super().__init__()
        self.weights: list[Tensor] = []

    def __enter__(self) -> Any:
        # The mode does not see what multi_head_attention_forward calls.
        nn.functional.scaled_dot_product_attention = self.attend  # type: ignore[assignment]
        return super().__enter__()  # type: ignore[no-untyped-call]

    def __exit__(self, *error: Any) -> None:
        nn.functional.scaled_dot_product_attention = ATTEND
        super().__exit__(*error)  # type: ignore[no-untyped-call]

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if getattr(func, "__name__", "") == "softmax" and result.dim() == 4:
            self.weights.append(result)
        return result

    def attend(self, query: Tensor, key: Tensor, value: Tensor, *arguments: Any, **options: Any) -> Tensor:
        # The weights, by attending to unit vectors.
        unit = torch.eye(key.shape[-2]).expand(*key.shape[:-1], key.shape[-2])
        self.weights.append(ATTEND(query, key, unit, *arguments, **options))
        return ATTEND(query, key, value, *arguments, **options)


def expected(model: nn.Module, images: Tensor, layers: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
    """PyTorch's own outputs, N x floats, of the layers that are modules' outputs or attentions' weights."""
    found: dict[str, Tensor] = {}
    calls: dict[str, int] = {}
    handles = []

    def keep(path: str) -> Any:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            calls[path] = calls.get(path, 0) + 1
            output = output[0] if isinstance(output, (tuple, list)) else output
            if isinstance(output, Tensor):
                found[path if calls[path] == 1 else f"{path}_{calls[path]}"] = output.detach().clone()

        return hook

    for path, module in model.named_modules():
        handles.append(module.register_forward_hook(keep(path or type(model).__name__.lower())))
    model.eval()
    torch.backends.mha.set_fastpath_enabled(False)
    with torch.no_grad(), _Attentions() as attentions:
        model(images)
    torch.backends.mha.set_fastpath_enabled(True)
    for handle in handles:
        handle.remove()
    outputs = {}
    pending = [item for item in attentions.weights if len(item) == len(images) and max(item.shape[2:]) <= 256]
    for layer in layers:
        path, _, last = layer["name"].rpartition(".")
        if last == "attention_weights" or layer["name"] == "attention_weights":
            outputs[layer["name"]] = pending.pop(0).reshape(len(images), -1)
        elif layer["name"] in found:
            outputs[layer["name"]] = _filled(layer, found[layer["name"]])
    assert not pending
    return outputs


def _filled(layer: dict[str, Any], output: Tensor) -> Tensor:
    channels, height, width = layer["output"]
    if output.dim() == 3:
        output = output[:, output.shape[1] - height * width :].permute(0, 2, 1)
    elif output.dim() == 4 and layer["form"] == "last":
        output = output.permute(0, 3, 1, 2)
    assert math.prod(output.shape[1:]) == channels * height * width, (layer, output.shape)
    return output.reshape(len(output), -1)


def randomise_all(model: nn.Module, seed: int = 3) -> nn.Module:
    """Changes vectors, tokens and running statistics, so that none is 0 or 1. Returns the model."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, array in [*model.named_parameters(), *model.named_buffers()]:
            if not array.is_floating_point():
                continue
            noise = torch.randn(array.shape, generator=generator)
            if name.endswith("running_var"):
                array.copy_(noise.abs() + 0.5)
            elif array.dim() in (0, 1, 3):
                array.add_(noise * 0.1)
    return model


def difference(found: Tensor, wanted: Tensor) -> float:
    """The largest difference, relative to the largest value; infinite where one is not a number."""
    largest = float(wanted.abs().max())
    result = float((found - wanted).abs().max()) / largest if largest > 0 else float((found - wanted).abs().max())
    return result if result == result else math.inf
