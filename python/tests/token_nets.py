"""A small vision transformer, with random weights, and images for it."""

# mypy: disable-error-code="no-any-return, operator"
from __future__ import annotations

import torch
import torch.nn.functional as F
from external import spread_all
from torch import Tensor, nn


class Attention(nn.Module):
    """Attention of two heads over tokens, by PyTorch's function or by products and a softmax."""

    def __init__(self, is_whole: bool) -> None:
        super().__init__()
        self.is_whole = is_whole
        self.qkv = nn.Linear(8, 24)
        self.proj = nn.Linear(8, 8)
        self.drop = nn.Dropout(0.1)

    def forward(self, x: Tensor) -> Tensor:
        n, tokens, channels = x.shape
        q, k, v = self.qkv(x).reshape(n, tokens, 3, 2, channels // 2).permute(2, 0, 3, 1, 4).unbind(0)
        if self.is_whole:
            y = F.scaled_dot_product_attention(q, k, v)
        else:
            y = self.drop(((q * 0.5) @ k.transpose(-2, -1)).softmax(dim=-1)) @ v
        return self.drop(self.proj(y.transpose(1, 2).reshape(n, tokens, channels)))


class Block(nn.Module):
    """Attention and two linear layers, each with a residual."""

    def __init__(self, is_whole: bool) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(8), nn.LayerNorm(8)
        self.attn = Attention(is_whole)
        self.up, self.down = nn.Linear(8, 16), nn.Linear(16, 8)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Tokens(nn.Module):
    """A small vision transformer: images of 3 x 8 x 8, 16 tokens and one of the class, three classes."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 8, 2, stride=2)
        self.cls = nn.Parameter(torch.randn(1, 1, 8))
        self.position = nn.Parameter(torch.randn(1, 17, 8))
        self.blocks = nn.Sequential(Block(True), Block(False))
        self.norm = nn.LayerNorm(8)
        self.fc = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(x.shape[0], -1, -1), x], 1) + self.position
        return self.fc(self.norm(self.blocks(x))[:, 0])


def tokens() -> nn.Module:
    torch.manual_seed(3)
    return spread_all(Tokens())


def images(count: int = 3, *shape: int) -> Tensor:
    return torch.randn(count, *(shape or (3, 8, 8)), generator=torch.Generator().manual_seed(7))
