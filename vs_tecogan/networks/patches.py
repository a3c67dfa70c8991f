"""Discriminators of MoCoGAN-HD: patches at two sizes, in two and three dimensions, and one that learns by contrast."""

from collections.abc import Sequence
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from .modulated import EqualLinear, activate
from .stylegan import StyleDiscriminator

KERNEL, PADDING = 4, 2
SLOPE = 0.2
WIDEST = 4
"""Multiple of the first width at which layers stop to grow."""


class PatchTower(nn.Module):
    """Strided convolutions 4x4 (x4) with instance normalisation; a logit for each place.

    :param layers: of stride 2.
    """

    def __init__(self, inputs: int, width: int, dimensions: int, layers: int = 3) -> None:
        super().__init__()
        conv, norm = (nn.Conv2d, nn.InstanceNorm2d) if dimensions == 2 else (nn.Conv3d, nn.InstanceNorm3d)
        widths = [min(width << k, width * WIDEST) for k in range(layers + 1)]
        body: list[nn.Module] = [conv(inputs, widths[0], KERNEL, 2, PADDING), nn.LeakyReLU(SLOPE)]
        for number, (a, b) in enumerate(pairwise(widths)):
            stride = 2 if number < layers - 1 else 1
            body += [conv(a, b, KERNEL, stride, PADDING), norm(b), nn.LeakyReLU(SLOPE)]
        self.body = nn.Sequential(*body, conv(widths[-1], 1, KERNEL, 1, PADDING))

    def forward(self, pictures: Tensor) -> Tensor:
        """(N, inputs, ...) -> (N, 1, ...)."""
        logits: Tensor = self.body(pictures)
        return logits


class PatchDiscriminator(nn.Module):
    """Towers that see pictures or clips at their size and at half of it; time stays whole.

    :param dimensions: 2 for pictures, 3 for clips.
    """

    def __init__(self, inputs: int, width: int, dimensions: int, *, scales: int = 2) -> None:
        super().__init__()
        self.dimensions = dimensions
        self.towers = nn.ModuleList(PatchTower(inputs, width, dimensions) for _ in range(scales))

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """(N, inputs, y, x), or (N, inputs, t, y, x) -> logits of each tower."""
        logits = []
        for number, tower in enumerate(self.towers):
            if number:
                pictures = F.avg_pool2d(pictures, 2) if self.dimensions == 2 else F.avg_pool3d(pictures, (1, 2, 2))
            logits.append(tower(pictures))
        return logits


class ContrastDiscriminator(nn.Module):
    """Judges single pictures, and puts pictures of one content near each other in a space of features.

    :param widths: channels from side 4 up.
    :param features: numbers of that space.
    """

    def __init__(self, widths: Sequence[int], features: int = 64) -> None:
        super().__init__()
        self.trunk = StyleDiscriminator(3, widths, deviation=False)
        self.project = nn.Sequential(EqualLinear(widths[0], features), Activation(), EqualLinear(features, features))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 3, size, size) -> logits (N,), and features (N, F) of length 1."""
        inner = self.trunk.features(pictures)
        logits: Tensor = self.trunk.out(inner).squeeze(1)
        return logits, F.normalize(self.project(inner), dim=1)


class Activation(nn.Module):
    """:func:`~.modulated.activate` as a layer."""

    def forward(self, features: Tensor) -> Tensor:
        """Any shape."""
        return activate(features)


class InformationHead(nn.Module):
    """Reads the noise of a step off the LSTM's state: H of the mutual information loss."""

    def __init__(self, hidden: int, latent: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2 * hidden, latent), nn.ReLU(), nn.Linear(latent, latent))

    def forward(self, states: Tensor) -> Tensor:
        """(..., 2 hidden) -> (..., latent)."""
        read: Tensor = self.layers(states)
        return read
