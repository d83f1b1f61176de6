"""Lowering of vision transformers in ONNX: what exporters write for attention, learnt tokens and positions.

The patterns are those of deepviz.lower.attention; here are the forms in which files have them.
"""

from __future__ import annotations

from typing import Any

from ..lower.attention import NO_MASKS, OTHER_FORM, position
from ..lower.trace import Constant, Scores, Tensor, Weight
from .trace import ConstantArray, Node, OnnxTrace, handles


def product(trace: OnnxTrace, node: Node) -> Any:
    """The products of queries and keys, or the sums of values by attention weights."""
    return trace.call("matmul", node, self=trace.input(node, 0), other=trace.input(node, 1))


def scaled(trace: OnnxTrace, node: Node, scores: Scores, constant: ConstantArray, is_left: bool) -> Any:
    """Products of queries and keys times or over a number. Masks and biases are refused."""
    if constant.number is None:
        # Products of queries and keys are no tensor: refused with the reason.
        return trace.tensor(scores, node)
    number = Constant(constant.number)
    first, second = (number, scores) if is_left else (scores, number)
    return trace.call(node.op.lower(), node, self=first, other=second)


@handles("Softmax")
def softmax(trace: OnnxTrace, node: Node) -> Any:
    """The softmax of attention; one at the end of the network is left to the driver."""
    # Before version 13 it was over all axes from this one on.
    axis = node.attributes.get("axis", -1 if node.opset >= 13 else 1)
    return trace.call("softmax", node, self=node.item(0), dim=axis)


@handles("Attention")
def attention(trace: OnnxTrace, node: Node) -> Any:
    """Attention as one operator (from version 23 on), N x heads x tokens x channels or N x tokens x channels."""
    given = node.attributes
    if any(node.item(index) is not None for index in (3, 4, 5, 6)) or given.get("is_causal") or given.get("softcap"):
        trace.refuse(node, "is attention with a mask, a cache or a limit", NO_MASKS)
    if node.outputs > 1:
        trace.refuse(node, "gives keys, values or products too", "export it with the outputs of the classes alone")
    tensors = [trace.input(node, index) for index in range(3)]
    is_split = len(tensors[0].dims) == 4
    if not is_split:
        counts = [int(given.get(key, 1)) for key in ("q_num_heads", "kv_num_heads", "kv_num_heads")]
        tensors = [_in_heads(trace, node, tensor, count) for tensor, count in zip(tensors, counts, strict=True)]
    query, key, value = tensors
    found = trace.call(
        "scaled_dot_product_attention", node, query=query, key=key, value=value, scale=given.get("scale")
    )
    if is_split:
        return found
    turned = trace.call("permute", node, self=found, dims=[0, 2, 1, 3])
    count, tokens, *_ = trace.shape_of(turned)
    return trace.call("reshape", node, [count, tokens, value.shape[0]], self=turned)


def _in_heads(trace: OnnxTrace, node: Node, tensor: Tensor, heads: int) -> Tensor:
    """A tensor N x tokens x channels as N x heads x tokens x channels of a head."""
    count, tokens, channels = trace.shape_of(tensor)
    parts: Tensor = trace.call("reshape", node, [count, tokens, heads, channels // heads], self=tensor)
    turned: Tensor = trace.call("permute", node, self=parts, dims=[0, 2, 1, 3])
    return turned


@handles("LogSoftmax", "Einsum", "MultiHeadAttention")
def other_form(trace: OnnxTrace, node: Node) -> Any:
    """Parts of attention in forms that are not lowered."""
    trace.input(node)
    trace.refuse(node, OTHER_FORM, NO_MASKS)


def tokens(trace: OnnxTrace, node: Node, constant: ConstantArray) -> Weight:
    """Learnt tokens, the same for every image, which files repeat for the minibatch."""
    array = constant.array
    if array.ndim == 3 and len(array) == trace.batch and (array == array[:1]).all():
        array = array[:1]
    if array.ndim != 3 or len(array) != 1:
        trace.refuse(
            node, "takes weights where activations are expected", "deepViz has learnt tokens before an image's"
        )
    return trace.weight_of(constant.changed(array))


def placed(trace: OnnxTrace, node: Node, tensor: Tensor, constant: ConstantArray) -> Tensor | None:
    """The sum with a position embedding (a weight for every pixel and channel); None of anything else."""
    return position(trace, node, tensor, trace.weight_of(constant)) if node.op == "Add" else None
