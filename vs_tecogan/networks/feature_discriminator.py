"""A discriminator on the features of a frozen classifier (Sauer et al. 2021, "Projected GANs converge faster").

What tells real texture from made texture is in those features already, so it learns in hundreds of steps what one on
pixels learns in tens of thousands. Published: EfficientNet, random projections that mix layers, and 4 discriminators of
strided convolutions. Here: the perceptual network of the run, whose features are computed anyway, a learned 1x1
convolution per layer in place of the projections, and one logit per 8x8 pixels and layer.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from .discriminators import Normalisation

WIDTH = 64
"""Channels of each layer's own discriminator."""
GRID = 8
"""Side of the square of pixels that a logit stands for."""


class FeatureDiscriminator(nn.Module):
    """One small discriminator per layer of features.

    :param channels: of each layer, finest first; the k-th is smaller than the picture by 2^k, and those beyond
        :data:`GRID` are passed over.
    :param normalisation: ``spectral`` on every convolution, or ``none``.
    :raises ValueError: ``batch``, which brings real and made pictures, each in a batch of their own, to one contrast.
    """

    def __init__(self, channels: Sequence[int], normalisation: Normalisation = "spectral") -> None:
        super().__init__()
        if normalisation == "batch":
            raise ValueError("normalisation batch; a discriminator on features has spectral or none")
        self._spectral = normalisation == "spectral"
        steps = GRID.bit_length() - 1
        self.heads = nn.ModuleList(self._head(c, steps - k) for k, c in enumerate(channels[: steps + 1]))

    def _head(self, channels: int, halvings: int) -> nn.Sequential:
        layers: list[nn.Module] = [self._conv(channels, WIDTH, 1), nn.LeakyReLU(0.2)]
        for _ in range(halvings):
            layers += [self._conv(WIDTH, WIDTH, 4, 2), nn.LeakyReLU(0.2)]
        layers += [self._conv(WIDTH, WIDTH, 3), nn.LeakyReLU(0.2), self._conv(WIDTH, 1, 1)]
        return nn.Sequential(*layers)

    def _conv(self, inputs: int, outputs: int, side: int, step: int = 1) -> nn.Module:
        layer = nn.Conv2d(inputs, outputs, side, step, (side - 1) // 2)
        nn.init.xavier_uniform_(layer.weight)
        assert layer.bias is not None
        nn.init.zeros_(layer.bias)
        return spectral_norm(layer) if self._spectral else layer

    def forward(self, features: Sequence[Tensor], scales: Sequence[Tensor]) -> Tensor:
        """Score patches.

        :param features: per layer (N, C, h, w).
        :param scales:   per layer, what they are divided by: :func:`feature_scales` of the real pictures.
        :return:         logits (N, layers, h / 8, w / 8).
        """
        logits = [head(layer / scale) for head, layer, scale in zip(self.heads, features, scales, strict=False)]
        height, width = (min(side) for side in zip(*(x.shape[-2:] for x in logits), strict=True))
        return torch.cat([F.adaptive_avg_pool2d(x, (height, width)) for x in logits], dim=1)


def feature_scales(features: Sequence[Tensor]) -> list[Tensor]:
    """Root mean square of each layer (N, C, h, w), a number each, without gradient."""
    return [layer.detach().float().square().mean().sqrt().clamp_min(1e-6) for layer in features]
