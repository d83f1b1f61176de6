"""Reads a file of ONNX: in single precision, with one input of images and one output."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import Refused
from .precision import in_single

Proto = Any
"""A message of ONNX (ModelProto, NodeProto, ...); onnx is not imported here."""

FREE = 0
"""The length of an axis that the file leaves open."""


@dataclass(frozen=True)
class Model:
    """A model: its graph's nodes in order, its initializers, and its input and output by name.

    All numbers are in single precision; `halves` are the names of initializers that the file has in half precision
    (`F16` or `BF16`). `lengths` are those of the input's axes, FREE where the file leaves them open.
    """

    path: Path
    proto: Proto = field(repr=False)
    input: str
    lengths: tuple[int, ...]
    output: str
    halves: dict[str, str] = field(repr=False)

    @functools.cached_property
    def nodes(self) -> list[Proto]:
        """The graph's nodes, each after those whose outputs it uses; the same objects on every call."""
        return list(self.proto.graph.node)

    @property
    def opsets(self) -> dict[str, int]:
        """Versions of the sets of operators, by their domains."""
        return {item.domain: int(item.version) for item in self.proto.opset_import}

    @property
    def producer(self) -> str:
        """The program that wrote the file."""
        return f"{self.proto.producer_name} {self.proto.producer_version}".strip()


def read_model(path: Path) -> Model:
    """Reads a file, its external data too. Raises Refused where that is damaged, or is no network of images."""
    try:
        import onnx
    except ModuleNotFoundError:
        raise Refused("reading ONNX files needs the package onnx, which is not installed; pip install onnx") from None
    proto = _loaded(onnx, path)
    if proto.functions:
        from onnx import inliner

        proto = inliner.inline_local_functions(proto)
    graph = proto.graph
    if not graph.node:
        raise Refused(f"{path} holds no operations, so it is no network; export the model again")
    constant = {item.name for item in graph.initializer}
    if graph.sparse_initializer:
        raise Refused(f"{path} holds sparse weights, which cannot be recorded; export the model with dense ones")
    inputs = [item for item in graph.input if item.name not in constant]
    image = _only(path, inputs, "inputs", "deepViz shows networks of one image")
    output = _only(path, graph.output, "outputs", "export it with the outputs of the classes alone")
    kind = image.type.tensor_type
    halves = in_single(proto)
    lengths = tuple(int(axis.dim_value) if axis.dim_value > 0 else FREE for axis in kind.shape.dim)
    if kind.elem_type not in (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE):
        name = onnx.TensorProto.DataType.Name(kind.elem_type).lower()
        raise Refused(f"{path} takes {name} as its input, so it cannot be recorded; export it for float images")
    if len(lengths) != 4:
        found = " x ".join(str(length or "?") for length in lengths) or "of no known shape"
        raise Refused(f"the input of {path} is {found}, and deepViz shows images N x C x H x W or N x H x W x C")
    return Model(path, proto, image.name, lengths, output.name, halves)


def _loaded(onnx: Any, path: Path) -> Proto:
    try:
        return onnx.load(str(path))
    except FileNotFoundError as error:
        if not path.exists():
            raise Refused(f"{path} does not exist; check the path") from None
        missing = Path(error.filename).name if error.filename else "its external data"
        raise _without_data(path, missing) from None
    except Exception as error:
        # onnx raises its own ValidationError, protobuf's DecodeError, and ValueError for external data.
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = lines[0][:200] if lines else "no reason given"
        match = re.search(r"should be stored in (.*?), but", reason)
        if match or "external" in reason.lower():
            raise _without_data(path, Path(match[1]).name if match else reason) from None
        raise Refused(
            f"{path} is no whole file of ONNX ({type(error).__name__}: {reason}); export it again, or copy it again"
        ) from None


def _without_data(path: Path, what: str) -> Refused:
    return Refused(
        f"the weights of {path} are in another file, which cannot be read ({what}); copy it beside the model, or "
        "export all in one file (external_data=False)"
    )


def _only(path: Path, items: Sequence[Proto], what: str, way_out: str) -> Proto:
    if len(items) == 1:
        return items[0]
    names = ", ".join(item.name for item in items)
    raise Refused(f"{path} has {len(items)} {what} ({names}), so it cannot be recorded; {way_out}")
