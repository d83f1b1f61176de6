"""Models of half and double precision in single precision: deepViz computes in that, and so does the check."""

from __future__ import annotations

from typing import Any


def in_single(proto: Any) -> dict[str, str]:
    """Converts a model to single precision, in place. Returns the initializers of half precision by name.

    Weights keep their values: every `F16` and `BF16` number is a single-precision number, too.
    """
    from onnx import TensorProto

    kinds = {TensorProto.FLOAT16: "F16", TensorProto.BFLOAT16: "BF16", TensorProto.DOUBLE: ""}
    halves = {}
    for tensor in proto.graph.initializer:
        kind = kinds.get(tensor.data_type)
        if kind:
            halves[tensor.name] = kind
        if kind is not None:
            _convert(tensor)
    for node in proto.graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t") and attribute.t.data_type in kinds:
                _convert(attribute.t)
            is_kind = attribute.name == "dtype" or (attribute.name == "to" and node.op_type == "Cast")
            if is_kind and attribute.i in kinds:
                attribute.i = TensorProto.FLOAT
    for info in (*proto.graph.input, *proto.graph.output, *proto.graph.value_info):
        if info.type.tensor_type.elem_type in kinds:
            info.type.tensor_type.elem_type = TensorProto.FLOAT
    return halves


def _convert(tensor: Any) -> None:
    import numpy
    from onnx import numpy_helper

    name = tensor.name
    single = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(numpy.float32), name)
    tensor.CopyFrom(single)
