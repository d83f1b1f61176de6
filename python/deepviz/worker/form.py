"""How the tensor of a node becomes channels x height x width."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from ..lower.network import Shape

Kind = Literal["map", "last", "tokens", "vector", "attention"]
"""N x C x H x W as it is; N x H x W x C; N x T x C; N x C; computed from the inputs of an attention."""

MAX_TOKENS = 256
"""Attention weights of more tokens are left out."""
LEADING = (0, 1, 2)
"""Possible numbers of tokens before those of a square map: class and distillation tokens."""


@dataclass(frozen=True)
class Form:
    """The way from a tensor to a layer's output; `skip` tokens are left out."""

    kind: Kind
    output: Shape
    skip: int = 0

    @property
    def remark(self) -> str:
        """A remark for the user; empty for none."""
        if self.skip == 0:
            return ""
        return "without the class token" if self.skip == 1 else f"without the first {self.skip} tokens"


def form_of(lengths: tuple[int, ...], is_channels_last: bool) -> Form | None:
    """The form of a tensor N x `lengths`; None where it is neither a map, nor tokens, nor a vector."""
    if 0 in lengths:
        return None
    if len(lengths) == 1:
        return Form("vector", (lengths[0], 1, 1))
    if len(lengths) == 2:
        tokens, channels = lengths
        for skip in LEADING:
            side = math.isqrt(max(0, tokens - skip))
            if side > 0 and side * side == tokens - skip:
                return Form("tokens", (channels, side, side), skip)
        return Form("tokens", (channels, tokens, 1))
    if len(lengths) == 3:
        first, second, third = lengths
        return Form("last", (third, first, second)) if is_channels_last else Form("map", (first, second, third))
    return None


def filled(form: Form, tensor: Any) -> Any:
    """The layer's outputs from a tensor: float32, N x C x H x W, always a copy."""
    import torch

    if form.kind == "last":
        tensor = tensor.permute(0, 3, 1, 2)
    elif form.kind == "tokens":
        tensor = tensor[:, form.skip :].transpose(1, 2)
    out = torch.empty(len(tensor), *form.output, dtype=torch.float32)
    # Copied: later nodes of the program may write into the tensor.
    out.copy_(tensor.reshape(out.shape))
    return out


def attention_weights(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    """The weights of PyTorch's scaled_dot_product_attention with the same arguments: N x heads x queries x keys."""
    import torch

    if enable_gqa:
        key = key.repeat_interleave(query.shape[-3] // key.shape[-3], -3)
    factor = query.shape[-1] ** -0.5 if scale is None else scale
    scores = (query * factor) @ key.transpose(-2, -1)
    if is_causal:
        allowed = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
        scores = scores.masked_fill(~allowed, -math.inf)
    if attn_mask is not None:
        is_boolean = attn_mask.dtype == torch.bool
        scores = scores.masked_fill(~attn_mask, -math.inf) if is_boolean else scores + attn_mask
    return torch.softmax(scores, -1)
