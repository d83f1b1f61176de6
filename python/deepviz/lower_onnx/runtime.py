"""Computes the outputs of a model with onnxruntime, or else with onnx's reference implementation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..say import say
from .model import Model

if TYPE_CHECKING:
    import numpy

Array = Any
Run = Callable[[Any], Any]


def logits_of(model: Model, name: str, is_last: bool) -> Run:
    """The function from images N x C x H x W to the values of that name, N x classes, in single precision."""

    def logits(images: numpy.ndarray[Any, Any]) -> numpy.ndarray[Any, Any]:
        import numpy

        given = images.transpose(0, 2, 3, 1) if is_last else images
        given = numpy.ascontiguousarray(given, dtype=numpy.float32)
        run = runner(model, name)
        count = model.lengths[0] or 1
        outputs = []
        for first in range(0, len(given), count):
            batch = given[first : first + count]
            whole = numpy.concatenate([batch, numpy.repeat(batch[-1:], count - len(batch), 0)])
            outputs.append(numpy.asarray(run(whole))[: len(batch)].reshape(len(batch), -1))
        return numpy.concatenate(outputs).astype(numpy.float32)

    return logits


def runner(model: Model, name: str) -> Run:
    """A function that gives the values of that name for a batch: by onnxruntime, and where that cannot, by onnx."""
    import onnx

    proto = onnx.ModelProto()
    proto.CopyFrom(model.proto)
    del proto.graph.output[:]
    proto.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))

    backends = [_by_onnxruntime, _by_reference]
    made: list[Run] = []

    def run(batch: Array) -> Array:
        while True:
            try:
                if not made:
                    made.append(backends[0](proto, model.input, name))
                return made[0](batch)
            except Exception as error:
                if len(backends) == 1:
                    raise
                del backends[0], made[:]
                lines = [line.strip() for line in str(error).splitlines() if line.strip()]
                if not isinstance(error, ImportError):
                    say(f"onnxruntime cannot compute the model ({(lines or ['?'])[0][:200]}), so onnx's reference does")

    return run


def _by_onnxruntime(proto: Any, input_name: str, name: str) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # Its messages about operators that it does not support are not shown.
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda batch: session.run([name], {input_name: batch})[0]


def _by_reference(proto: Any, input_name: str, name: str) -> Run:
    from onnx.reference import ReferenceEvaluator

    evaluator: Any = ReferenceEvaluator(proto)
    return lambda batch: evaluator.run([name], {input_name: batch})[0]
