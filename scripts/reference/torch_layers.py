"""The layers of deepViz as PyTorch computes them, for the scripts that compare the two.

Every function takes the input (images x channels x height x width) and `p`, which gives a layer's
parameter by kind and shape; `p.training` tells how batch normalisation is to behave.
"""

import torch
import torch.nn.functional as F


def same(side, size, stride, padding):
    """Zeros to add behind an input so that windows cover it (cuda-convnet rounds up)."""
    outputs = 1 + -(-(2 * padding + side - size) // stride)
    if stride > size:
        # No window lies wholly behind the input.
        outputs = min(outputs, 1 + (padding + side - 1) // stride)
    return (outputs - 1) * stride + size - padding - side


def windows(x, size, stride, padding):
    bottom = same(x.shape[2], size, stride, padding)
    right = same(x.shape[3], size, stride, padding)
    # A negative pad would crop; windows never end inside of what they need.
    return F.pad(x, (padding, max(right, 0), padding, max(bottom, 0)))


def conv(x, p, filters, size, stride=1, padding=0, groups=1, bias="true"):
    weight = p("weight", (filters, x.shape[1] // groups, size, size))
    bias = p("bias", (filters,)) if bias == "true" else None
    return F.conv2d(windows(x, size, stride, padding), weight, bias, stride, groups=groups)


def local(x, p, filters, size, stride=1, padding=0):
    x = windows(x, size, stride, padding)
    n, c, h, w = x.shape
    oh, ow = (h - size) // stride + 1, (w - size) // stride + 1
    weight = p("weight", (oh, ow, filters, c, size, size))
    bias = p("bias", (filters, oh, ow))
    patches = F.unfold(x, size, stride=stride).reshape(n, c, size, size, oh, ow)
    return torch.einsum("ncrsij,ijkcrs->nkij", patches, weight) + bias


def full(x, p, outputs, bias="true"):
    x = x.flatten(1)
    weight = p("weight", (outputs, x.shape[1]))
    bias = p("bias", (outputs,)) if bias == "true" else None
    return F.linear(x, weight, bias)[:, :, None, None]


def max_pool(x, p, size, stride):
    return F.max_pool2d(x, size, stride, ceil_mode=True)


def average_pool(x, p, size, stride):
    return F.avg_pool2d(x, size, stride, ceil_mode=True, count_include_pad=False)


def window_sum(x, size):
    return F.avg_pool2d(x, size, 1, size // 2, divisor_override=1)


def rnorm(x, p, size, scale, power):
    return x * (1 + scale / size**2 * window_sum(x * x, size)) ** -power


def cnorm(x, p, size, scale, power):
    mean = F.avg_pool2d(x, size, 1, size // 2, count_include_pad=False).detach()
    return x * (1 + scale / size**2 * window_sum((x - mean) ** 2, size)) ** -power


def cmrnorm(x, p, size, scale, power):
    return F.local_response_norm(x, size, alpha=scale, beta=power, k=1.0)


def batch_norm(x, p, epsilon=1e-5, weight="true", bias="true"):
    channels = (x.shape[1],)
    weight = p("weight", channels) if weight == "true" else None
    bias = p("bias", channels) if bias == "true" else None
    mean, variance = p("running_mean", channels), p("running_var", channels)
    if p.training:
        # Momentum 1: what is left in the running statistics is the minibatch's.
        mean.grad, variance.grad = mean.detach().clone(), variance.detach().clone()
        return F.batch_norm(x, mean.grad, variance.grad, weight, bias, True, 1.0, epsilon)
    return F.batch_norm(x, mean.detach(), variance.detach(), weight, bias, False, 0.0, epsilon)


def global_average(x, p):
    return x.mean((2, 3), keepdim=True)


def elementwise(function):
    return lambda x, p: function(x)
