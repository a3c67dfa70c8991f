"""Layers of style-based generators and of their discriminators, in two and three dimensions (Karras et al. 2020).

Weights are kept at unit variance and scaled when they are used (equalised learning rate), so that one rate suits all.
"""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.2
GAIN = math.sqrt(2)
"""Keeps the variance behind a leaky ReLU."""
EPSILON = 1e-8

CONVOLUTIONS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
"""By the number of dimensions."""


def activate(features: Tensor) -> Tensor:
    """Leaky ReLU of slope 0.2 that keeps the variance."""
    return F.leaky_relu(features, SLOPE) * GAIN


def normalise(features: Tensor) -> Tensor:
    """(..., C) with mean square 1 over the last axis."""
    return features * torch.rsqrt(features.square().mean(dim=-1, keepdim=True) + EPSILON)


class EqualLinear(nn.Module):
    """Dense layer with equalised learning rate.

    :param bias: its first value.
    :param rate: multiple of the learning rate; StyleGAN2's mapping network has 0.01.
    """

    def __init__(self, inputs: int, outputs: int, *, bias: float = 0.0, rate: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / rate)
        self.bias = nn.Parameter(torch.full((outputs,), bias / rate))
        self.gain, self.rate = rate / math.sqrt(inputs), rate

    def forward(self, features: Tensor) -> Tensor:
        """(..., inputs) -> (..., outputs)."""
        return F.linear(features, self.weight * self.gain, self.bias * self.rate)


class EqualConv(nn.Module):
    """Convolution with equalised learning rate, whose output is as large as its input at stride 1.

    :param kernel: odd sides, one for each dimension, or one for all.
    :param dimensions: 1, 2 or 3.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int | tuple[int, ...] = 3, *, dimensions: int = 2, bias: bool = True,
        stride: int | tuple[int, ...] = 1,
    ) -> None:  # fmt: skip
        super().__init__()
        sides = (kernel,) * dimensions if isinstance(kernel, int) else kernel
        self.weight = nn.Parameter(torch.randn(outputs, inputs, *sides))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.gain = 1 / math.sqrt(inputs * math.prod(sides))
        self.padding, self.stride = tuple(side // 2 for side in sides), stride

    def forward(self, features: Tensor) -> Tensor:
        """(N, inputs, ...) -> (N, outputs, ...)."""
        convolve = CONVOLUTIONS[self.weight.dim() - 2]
        result: Tensor = convolve(features, self.weight * self.gain, self.bias, self.stride, self.padding)
        return result


class ModulatedConv(nn.Module):
    """Convolution whose input channels are scaled by a style, and whose output is scaled back to unit variance.

    The same as a convolution with weights of its own for each sample, without the grouped convolution. In three
    dimensions a style may be given for each frame: then each frame's input and output are scaled by its own.

    :param style: width of the style.
    :param demodulate: scale the output back; the layers that make colours do not.
    :param inside: in three dimensions: no padding in time, so that the output has k - 1 frames fewer and depends on
        nothing outside. Styles are given for each frame of the input.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int | tuple[int, ...], style: int, *, dimensions: int = 2,
        demodulate: bool = True, inside: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.conv = EqualConv(inputs, outputs, kernel, dimensions=dimensions, bias=False)
        self.lost = self.conv.padding[0] if inside else 0
        if inside:
            self.conv.padding = (0, *self.conv.padding[1:])
        self.affine = EqualLinear(style, inputs, bias=1.0)
        self.demodulate = demodulate

    def forward(self, features: Tensor, style: Tensor) -> Tensor:
        """Convolve.

        :param features: (N, inputs, y, x), or (N, inputs, t, y, x).
        :param style: (N, style); or (N, t, style), one for each frame.
        :return: (N, outputs, ...) of the same sides; (N, outputs, t - k + 1, y, x) where it stays ``inside``.
        """
        scales = self.affine(style)
        result: Tensor = self.conv(features * _spread(scales, features.dim()))
        if self.demodulate:
            scales = scales[:, self.lost : scales.shape[1] - self.lost] if self.lost else scales
            power = (self.conv.weight * self.conv.gain).square().flatten(2).sum(dim=2)
            result = result * _spread(torch.rsqrt(scales.square() @ power.T + EPSILON), result.dim())
        return result


def _spread(values: Tensor, dimensions: int) -> Tensor:
    """(N, C) or (N, t, C) as (N, C, 1, ...) or (N, C, t, 1, ...)."""
    moved = values.movedim(-1, 1)
    return moved.reshape(*moved.shape, *(1,) * (dimensions - moved.dim()))


class Mapping(nn.Module):
    """From a normal latent to the intermediate one, w: dense layers behind a normalisation."""

    def __init__(self, latent: int, width: int, layers: int, *, rate: float = 0.01) -> None:
        super().__init__()
        ends = [latent] + [width] * layers
        self.layers = nn.ModuleList(EqualLinear(a, b, rate=rate) for a, b in pairwise(ends))

    def forward(self, latents: Tensor) -> Tensor:
        """(..., latent) -> (..., width)."""
        features = normalise(latents)
        for layer in self.layers:
            features = activate(layer(features))
        return features


class MinibatchDeviation(nn.Module):
    """Adds a channel that says how much the samples of a group differ: what keeps a generator from one picture.

    :param group: samples that are compared; the largest divisor of the batch up to it is taken.
    """

    def __init__(self, group: int = 4) -> None:
        super().__init__()
        self.group = group

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, ...) -> (N, C + 1, ...)."""
        count = len(features)
        group = next(size for size in range(min(self.group, count), 0, -1) if count % size == 0)
        # Sample n is compared with n + N / group, n + 2 N / group, ...
        grouped = features.reshape(group, count // group, -1).float()
        variance = (grouped - grouped.mean(dim=0)).square().mean(dim=0)
        deviation = (variance + EPSILON).sqrt().mean(dim=1).repeat(group)
        channel = deviation.reshape(-1, *(1,) * (features.dim() - 1)).expand(-1, 1, *features.shape[2:])
        return torch.cat((features, channel.to(features.dtype)), dim=1)
