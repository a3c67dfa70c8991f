"""Patch discriminators of TecoGAN and of its ablations: one trunk, 27, 9 or 6 input channels."""

from typing import Literal

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

Normalisation = Literal["batch", "spectral", "none"]
WIDTHS = (64, 64, 128, 256)
"""Output channels of the four strided convolutions."""


class BatchNorm(nn.Module):
    """Batch normalisation as in the official discriminator: with offset, without gain, batch statistics always.

    Statistics are taken over all processes, so that a batch divided over several of them gives the same result; no
    running statistics are kept because nothing ever uses them (``is_training`` is constantly on in the original).
    """

    def __init__(self, channels: int, epsilon: float = 1e-3) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))
        self.epsilon = epsilon

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, H, W) -> same, normalised per channel; statistics in fp32."""
        values = features.float()
        moments = torch.stack((values.mean(dim=(0, 2, 3)), values.square().mean(dim=(0, 2, 3))))
        if dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1:
            moments = average_over_processes(moments)
        mean, square = moments
        variance = (square - mean.square()).clamp_min(0)
        gain = torch.rsqrt(variance + self.epsilon)
        shift = self.bias - mean * gain
        normalised: Tensor = values * gain[:, None, None] + shift[:, None, None]
        return normalised.to(features.dtype)


class _Average(torch.autograd.Function):
    """Mean over processes whose gradient is the mean over processes of the gradients."""

    @staticmethod
    def forward(ctx: object, value: Tensor) -> Tensor:  # noqa: ARG004
        return _mean_over_processes(value)

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:  # noqa: ARG004
        return _mean_over_processes(gradient)


def average_over_processes(moments: Tensor) -> Tensor:
    """Differentiable mean over processes."""
    result: Tensor = _Average.apply(moments)
    return result


def _mean_over_processes(value: Tensor) -> Tensor:
    total = value.detach().clone()
    dist.all_reduce(total)
    return total / dist.get_world_size()


class Discriminator(nn.Module):
    """conv3x3 64, then four strided conv4x4 (64, 64, 128, 256), then one logit per location.

    Layers as in TecoGAN ``lib/Teco.py`` (discriminator_F); its dense layer per location is the 1x1 convolution here,
    its sigmoid is left to the losses. Any input size that is a multiple of 16 works.

    :param inputs: channels: 27 (Dst), 9 (Dt) or 6 (Ds).
    :param normalisation: ``batch`` as published; ``spectral`` on every convolution instead; or ``none``.
    """

    def __init__(self, inputs: int, normalisation: Normalisation = "batch") -> None:
        super().__init__()
        spectral = normalisation == "spectral"

        def wrap(layer: nn.Conv2d) -> nn.Module:
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
            return spectral_norm(layer) if spectral else layer

        batch = normalisation == "batch"
        self.conv_in = wrap(nn.Conv2d(inputs, 64, 3, padding=1))
        ends = zip((64, *WIDTHS), WIDTHS, strict=False)
        self.downs = nn.ModuleList(wrap(nn.Conv2d(a, b, 4, 2, 1, bias=not batch)) for a, b in ends)
        self.norms = nn.ModuleList(BatchNorm(width) if batch else nn.Identity() for width in WIDTHS)
        self.conv_out = wrap(nn.Conv2d(WIDTHS[-1], 1, 1))

    def forward(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Score patches.

        :param images: (N, inputs, H, W).
        :return:       logits (N, 1, H/16, W/16) and the activations after each of the four strided layers.
        """
        features = F.leaky_relu(self.conv_in(images), 0.2)
        layers: list[Tensor] = []
        for down, norm in zip(self.downs, self.norms, strict=True):
            features = F.leaky_relu(norm(down(features)), 0.2)
            layers.append(features)
        return self.conv_out(features), layers
