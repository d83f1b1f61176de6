"""Small vision transformers, with random weights, and images for them."""

# mypy: disable-error-code="no-any-return, operator"
from __future__ import annotations

import torch
import torch.nn.functional as F
from external import randomise_all
from torch import Tensor, nn


class Attention(nn.Module):
    """Attention of two heads over tokens, by PyTorch's fused function or by products and a softmax, perhaps biased."""

    def __init__(self, is_fused: bool, is_biased: bool = False) -> None:
        super().__init__()
        self.is_fused = is_fused
        self.bias = nn.Parameter(torch.randn(17, 17)) if is_biased else None
        self.qkv = nn.Linear(8, 24)
        self.proj = nn.Linear(8, 8)
        self.drop = nn.Dropout(0.1)

    def forward(self, x: Tensor) -> Tensor:
        n, tokens, channels = x.shape
        q, k, v = self.qkv(x).reshape(n, tokens, 3, 2, channels // 2).permute(2, 0, 3, 1, 4).unbind(0)
        if self.is_fused:
            y = F.scaled_dot_product_attention(q, k, v)
        else:
            scores = (q * 0.5) @ k.transpose(-2, -1) / 1.5
            y = self.drop((scores if self.bias is None else scores + self.bias).softmax(dim=-1)) @ v
        return self.drop(self.proj(y.transpose(1, 2).reshape(n, tokens, channels)))


class Block(nn.Module):
    """Attention and two linear layers, each with a residual."""

    def __init__(self, is_fused: bool, is_biased: bool = False) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(8), nn.LayerNorm(8)
        self.attn = Attention(is_fused, is_biased)
        self.up, self.down = nn.Linear(8, 16), nn.Linear(16, 8)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Tokens(nn.Module):
    """A small vision transformer: images of 3 x 8 x 8, 16 tokens and one of the class, three classes.

    With a bias of its second attention only PyTorch can compute it; without, deepViz can.
    """

    def __init__(self, is_biased: bool) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 8, 2, stride=2)
        self.cls = nn.Parameter(torch.randn(1, 1, 8))
        self.position = nn.Parameter(torch.randn(1, 17, 8))
        self.blocks = nn.Sequential(Block(True), Block(False, is_biased))
        self.norm = nn.LayerNorm(8)
        self.fc = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(x.shape[0], -1, -1), x], 1) + self.position
        return self.fc(self.norm(self.blocks(x))[:, 0])


class Encoder(nn.Module):
    """nn.MultiheadAttention in nn.TransformerEncoderLayer, a class token and two registers, the mean of the others."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 8, 2, stride=2)
        self.cls, self.registers = nn.Parameter(torch.randn(1, 8)), nn.Parameter(torch.randn(1, 2, 8))
        self.position = nn.Parameter(torch.randn(19, 8))
        self.layer = nn.TransformerEncoderLayer(8, 2, 12, batch_first=True, norm_first=True, activation="gelu")
        self.fc = nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        n = x.shape[0]
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls[None].expand(n, -1, -1), self.registers.repeat(n, 1, 1), x], dim=1) + self.position
        x = self.layer(x)
        return self.fc(torch.cat([x[:, 0], x[:, 3:].mean(1)], 1))


class Maps(nn.Module):
    """Attention over the pixels of a map, without learnt tokens: separate queries, keys and values, fewer keys."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 12, 2, stride=2)
        self.position = nn.Parameter(torch.randn(1, 16, 12))
        self.q, self.k, self.v = (nn.Linear(12, 12) for _ in range(3))
        self.shrink = nn.Conv2d(12, 12, 2, stride=2)
        self.out, self.fc = nn.Linear(12, 12), nn.Linear(12, 3)

    def heads(self, x: Tensor) -> Tensor:
        return x.view(x.shape[0], -1, 3, 4).transpose(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        maps = self.patch(x)
        x = maps.flatten(2).transpose(1, 2) + self.position
        x = x + self.attend(x, x)
        smaller = self.shrink(x.transpose(1, 2).reshape(maps.shape)).flatten(2).transpose(1, 2)
        return self.fc(self.attend(x, smaller).mean(1))

    def attend(self, x: Tensor, y: Tensor) -> Tensor:
        q, k, v = self.heads(self.q(x)), self.heads(self.k(y)), self.heads(self.v(y))
        y = F.scaled_dot_product_attention(q, k, v, scale=0.25)
        return self.out(y.transpose(1, 2).contiguous().view(x.shape))


class Sequence(nn.Module):
    """nn.MultiheadAttention as it is by default: tokens before images, and weights that it returns too (unused)."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 8, 2, stride=2)
        self.attend = nn.MultiheadAttention(8, 2)
        self.fc = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).permute(2, 0, 1)
        return self.fc((x + self.attend(x, x, x)[0]).mean(0))


class Mixer(nn.Module):
    """A block of MLP-Mixer: linear layers along the tokens, then along the channels."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 6, 2, stride=2)
        self.norm1, self.norm2 = nn.LayerNorm(6), nn.LayerNorm(6)
        self.tokens = nn.Sequential(nn.Linear(16, 9), nn.GELU(), nn.Linear(9, 16))
        self.channels = nn.Sequential(nn.Linear(6, 14), nn.GELU(), nn.Linear(14, 6))
        self.fc = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = x + self.tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return self.fc((x + self.channels(self.norm2(x))).mean(1))


def tokens(is_biased: bool = True) -> nn.Module:
    """The transformer that only PyTorch can compute, or the same without its bias."""
    torch.manual_seed(3)
    return randomise_all(Tokens(is_biased))


LOWERED = {"tokens": lambda: Tokens(False), "encoder": Encoder, "maps": Maps, "sequence": Sequence, "mixer": Mixer}
"""Those that are lowered, by name."""


def lowered(name: str) -> nn.Module:
    """One of those, the same weights every time."""
    torch.manual_seed(3)
    return randomise_all(LOWERED[name]())


def images(count: int = 3, *shape: int) -> Tensor:
    return torch.randn(count, *(shape or (3, 8, 8)), generator=torch.Generator().manual_seed(7))
