"""Small networks for the tests, each with some operations that are easily translated wrongly."""

# mypy: disable-error-code="no-any-return, operator, arg-type"
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Classifier(nn.Module):
    """A classifier of three classes: a body for images of 3 x 13 x 10, the mean of each map, a linear layer."""

    def __init__(self, body: nn.Module, channels: int) -> None:
        super().__init__()
        self.body = body
        self.fc = nn.Linear(channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.body(x).mean((2, 3)))


class Windows(nn.Module):
    """Convolutions: rectangular, dilated, grouped, with strides that do not divide the size, every kind of padding."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv2d(3, 8, (3, 5), stride=(2, 1), padding=(1, 2))
        self.b = nn.Conv2d(8, 12, 3, dilation=(1, 2), groups=4, padding="same", bias=False)
        self.c = nn.Conv2d(12, 12, (2, 4), padding="same")
        self.d = nn.ZeroPad2d((0, 1, 2, 0))
        self.e = nn.Conv2d(12, 6, 3, stride=2, padding="valid")
        # A filter of one pixel reads padding alone at the border.
        self.f = nn.Conv2d(6, 6, 1, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.c(self.b(self.a(x)))
        return self.f(self.e(self.d(F.pad(x, (1, 2, 0, 1), value=0.5))))


class Pools(nn.Module):
    """Pooling: rounding up, with and without counting the padding, dilated, rectangular, adaptive."""

    def __init__(self) -> None:
        super().__init__()
        self.ceil = nn.MaxPool2d(3, 2, 1, ceil_mode=True)
        self.dilated = nn.MaxPool2d((2, 3), 1, (1, 0), dilation=(2, 1))
        self.with_padding = nn.AvgPool2d(3, 2, 1, ceil_mode=True)
        self.without_padding = nn.AvgPool2d((3, 2), (2, 1), (1, 1), count_include_pad=False)
        self.adaptive = nn.AdaptiveAvgPool2d((3, 2))
        self.larger = nn.AdaptiveMaxPool2d((4, None))

    def forward(self, x: Tensor) -> Tensor:
        x = F.avg_pool2d(self.dilated(self.ceil(x)), 1)
        return self.larger(self.adaptive(self.without_padding(x)) + F.adaptive_avg_pool2d(self.with_padding(x), (3, 2)))


class Activations(nn.Module):
    """All activation functions, as modules and as functions, in place and not."""

    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.ReLU(inplace=True)
        self.prelu = nn.PReLU(3, init=0.3)
        self.many = nn.Sequential(nn.Hardswish(), nn.SiLU(True), nn.GELU(), nn.GELU("tanh"), nn.LeakyReLU(0.2, True))
        self.more = nn.Sequential(nn.Hardsigmoid(), nn.ReLU6(), nn.Hardtanh(-0.5, 0.7), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(x - 0.3)
        z = self.more(2 * self.many(1 - x / 2) + 0.1) ** 2
        return y + z.sigmoid() - self.prelu(x).clamp(min=-0.5) + (-x).abs().sqrt() * 0.5 + x.clamp(-1, 1)


class Channels(nn.Module):
    """Slicing, splitting, shuffling and concatenation of channels."""

    def __init__(self) -> None:
        super().__init__()
        self.grow = nn.Conv2d(3, 12, 1)
        self.mix = nn.ChannelShuffle(3)
        self.after = nn.Conv2d(12, 12, 1, groups=3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.mix(self.grow(x))
        a, b = x.chunk(2, 1)
        c, d = torch.split(b, [2, 4], 1)
        n, channels, h, w = x.shape
        y = torch.cat([d, a[:, 1:3].relu(), c, x[:, -4:]], 1)
        y = y.view(n, 4, channels // 4, h, w).transpose(1, 2).reshape(n, channels, h, w)
        first, second = y.view(n, 2, channels // 2, h, w).unbind(1)
        return self.after(torch.cat([second, first], 1)) * y


class Gate(nn.Module):
    """Squeeze and excitation: with 1 x 1 convolutions, with linear layers, and with an explicit `expand_as`."""

    def __init__(self) -> None:
        super().__init__()
        self.grow = nn.Conv2d(3, 8, 3, padding=1)
        self.conv = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 2, 1), nn.ReLU(), nn.Conv2d(2, 8, 1))
        self.linear = nn.Sequential(nn.Linear(8, 4), nn.ReLU(inplace=True), nn.Linear(4, 8), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        x = self.grow(x)
        x = F.hardsigmoid(self.conv(x)) * x
        gate = self.linear(F.adaptive_avg_pool2d(x, 1).view(x.size(0), -1))
        x = x * gate.view(x.size(0), 8, 1, 1).expand_as(x)
        return x * self.linear(x.mean((2, 3)))[:, :, None, None]


class ConvNextBlock(nn.Module):
    """A block of ConvNeXt: to channels last, normalisation, linear layers, layer scale, and back to channels first."""

    def __init__(self) -> None:
        super().__init__()
        self.grow = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.LayerNorm(8)
        self.up = nn.Linear(8, 16)
        self.down = nn.Linear(16, 8, bias=False)
        self.gamma = nn.Parameter(torch.linspace(0.5, 1.5, 8))
        self.scale = nn.Parameter(torch.linspace(-1, 1, 8).reshape(8, 1, 1))
        self.shift = nn.Parameter(torch.linspace(0, 0.3, 8))

    def forward(self, x: Tensor) -> Tensor:
        x = self.grow(x)
        y = self.gamma * self.down(F.gelu(self.up(self.norm(x.permute(0, 2, 3, 1)))))
        x = x + self.scale * y.permute(0, 3, 1, 2)
        return x - self.shift.view(1, -1, 1, 1)


class Norms(nn.Module):
    """Every kind of normalisation layer."""

    def __init__(self) -> None:
        super().__init__()
        self.grow = nn.Conv2d(3, 8, 1)
        self.batch = nn.BatchNorm2d(8, eps=1e-3)
        self.without_affine = nn.BatchNorm2d(8, affine=False)
        self.group = nn.GroupNorm(4, 8)
        self.instance = nn.InstanceNorm2d(8, affine=True)
        self.running = nn.InstanceNorm2d(8, track_running_stats=True)
        self.layer = nn.LayerNorm(8, elementwise_affine=False)
        self.maps = nn.LayerNorm([8, 13, 10], elementwise_affine=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.instance(self.group(self.without_affine(self.batch(self.grow(x)))))
        return self.maps(self.layer(self.running(x).movedim(1, -1)).movedim(-1, 1))


class Shortcut(nn.Module):
    """A residual network's shortcut without weights: every second pixel, and zeros for the added channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 11, 3, stride=2, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x) + F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 4, 4))


class Shared(nn.Module):
    """A module that is used twice, and writes in place to a tensor that has a view."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.norm = nn.BatchNorm2d(3)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        a = self.norm(self.conv(x))
        b = a.view(a.size(0), 3, -1)
        self.relu(a)
        # a and its view b were changed by the line above.
        c = self.norm(self.conv(a)) + a + b.view_as(a)
        c += x
        c.mul_(0.5)
        return c


class Flat(nn.Module):
    """Linear layers on maps, flattened channels first and channels last; the network ends in its own softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 3)
        self.channels_first = nn.Linear(2 * 11 * 8, 5)
        self.channels_last = nn.Linear(2 * 11 * 8, 5)
        self.norm = nn.BatchNorm1d(5)
        self.dropout = nn.Dropout(0.5)
        self.out = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        y = self.channels_first(torch.flatten(x, 1)) + self.channels_last(x.permute(0, 2, 3, 1).reshape(x.size(0), -1))
        return F.log_softmax(self.out(self.dropout(self.norm(y)).relu()), dim=1)


class SmallNet(nn.Module):
    """A classifier for the tests of the recorder: images of 3 x 8 x 8, three classes."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(4 * 4 * 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(self.norm(self.conv(x)).relu(), 2)
        return self.fc(self.dropout(x.flatten(1)))


NETS: dict[str, tuple[type[nn.Module], int]] = {
    "windows": (Windows, 6),
    "pools": (Pools, 3),
    "activations": (Activations, 3),
    "channels": (Channels, 12),
    "gate": (Gate, 8),
    "next": (ConvNextBlock, 8),
    "norms": (Norms, 8),
    "shortcut": (Shortcut, 11),
    "shared": (Shared, 3),
}
"""Bodies of `Classifier` by their name, each with the number of channels that it returns."""


def randomise_statistics_and_weights(model: nn.Module) -> nn.Module:
    """Changes running statistics and weights, so that none is 0 or 1 and each has an effect. Returns the model."""
    generator = torch.Generator().manual_seed(5)
    for name, buffer in model.named_buffers():
        if name.endswith("running_mean"):
            buffer.copy_(torch.randn(buffer.shape, generator=generator) * 0.2)
        if name.endswith("running_var"):
            buffer.copy_(torch.rand(buffer.shape, generator=generator) + 0.5)
    with torch.no_grad():
        for module in model.modules():
            if type(module).__module__.startswith("torch.") and isinstance(getattr(module, "weight", None), Tensor):
                module.weight.add_(torch.randn(module.weight.shape, generator=generator) * 0.3)
    return model


def make_net(name: str) -> nn.Module:
    """The network of a name, with the same weights every time."""
    torch.manual_seed(3)
    if name == "flat":
        return randomise_statistics_and_weights(Flat())
    body, channels = NETS[name]
    return randomise_statistics_and_weights(Classifier(body(), channels))
