"""Computes values that do not depend on the image, by onnx's reference implementation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .trace import ConstantArray

if TYPE_CHECKING:
    import numpy

VIEWS = ("Identity", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Cast", "Slice", "Expand", "Tile")
"""Operators whose result has the values of their first input."""

RANDOM = ("RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Multinomial", "Bernoulli")


def attributes(proto: Any) -> dict[str, Any]:
    """The attributes of a node by name, text as text."""
    from onnx import helper

    found = {item.name: helper.get_attribute_value(item) for item in proto.attribute}
    return {key: value.decode() if isinstance(value, bytes) else value for key, value in found.items()}


def folded(proto: Any, inputs: Sequence[ConstantArray | None], opsets: dict[str, int]) -> list[ConstantArray]:
    """The results of a node whose inputs are constants. Raises whatever the evaluation raises."""
    import numpy
    from onnx import helper, numpy_helper
    from onnx.reference import ReferenceEvaluator

    first = inputs[0] if inputs else None
    if proto.op_type == "Constant":
        return [ConstantArray(_constant(proto, numpy_helper))]
    if proto.op_type == "Identity" and first is not None:
        return [first]
    given = {name: item.array for name, item in zip(proto.input, inputs, strict=True) if item is not None}
    infos = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in given.items()
    ]
    outputs = [helper.make_empty_tensor_value_info(name) for name in proto.output if name]
    graph = helper.make_graph([proto], "constant", infos, outputs)
    imports = [helper.make_opsetid(domain, version) for domain, version in opsets.items()]
    model = helper.make_model(graph, opset_imports=imports)
    results = iter(ReferenceEvaluator(model).run(None, given))
    arrays = [numpy.asarray(next(results)) if name else numpy.zeros(0) for name in proto.output]
    arrays = [_single(array) for array in arrays]
    if proto.op_type in VIEWS and first is not None:
        return [first.changed(array) for array in arrays]
    return [ConstantArray(array) for array in arrays]


def _constant(proto: Any, numpy_helper: Any) -> numpy.ndarray[Any, Any]:
    import numpy

    (key, value), *_ = attributes(proto).items()
    if key == "value":
        return _single(numpy_helper.to_array(value))
    kinds = {"value_float": "float32", "value_floats": "float32", "value_int": "int64", "value_ints": "int64"}
    return numpy.asarray(value, dtype=kinds.get(key))


def _single(array: numpy.ndarray[Any, Any]) -> numpy.ndarray[Any, Any]:
    """Converts half and double precision to single."""
    import numpy

    return array.astype(numpy.float32) if array.dtype.name in ("float16", "float64", "bfloat16") else array
