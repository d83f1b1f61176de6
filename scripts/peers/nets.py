"""The nets of the comparison in PyTorch: the same layers as models/cifar10-80sec.toml and
crates/net/benches/deep.toml."""

import torch
from torch import nn


def pool(kind):
    return kind(kernel_size=3, stride=2, ceil_mode=True)


def net_80sec():
    return nn.Sequential(
        nn.Conv2d(3, 32, 5, padding=2), pool(nn.MaxPool2d), nn.ReLU(),
        nn.Conv2d(32, 32, 5, padding=2), nn.ReLU(), pool(nn.AvgPool2d),
        nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), pool(nn.AvgPool2d),
        nn.Flatten(), nn.Linear(1024, 64), nn.ReLU(), nn.Linear(64, 10),
    )


def net_deep():
    def conv(channels, filters):
        return [nn.Conv2d(channels, filters, 3, padding=1), nn.ReLU()]

    return nn.Sequential(
        *conv(3, 64), *conv(64, 64), nn.MaxPool2d(2),
        *conv(64, 128), *conv(128, 128), nn.MaxPool2d(2),
        *conv(128, 256), nn.MaxPool2d(2), nn.AvgPool2d(4), nn.Flatten(), nn.Linear(256, 10),
    )


NETS = {"80sec": net_80sec, "deep": net_deep}


def images(count, channels_last):
    x = torch.randn(count, 3, 32, 32)
    return x.contiguous(memory_format=torch.channels_last) if channels_last else x
