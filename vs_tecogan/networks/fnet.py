"""FNet, the optical-flow network of FRVSR (Sajjadi et al. 2018) and TecoGAN."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..ops import upsample_bilinear, upsample_bilinear_centred
from .spec import Dialect

MAX_FLOW = 24.0
"""Largest flow, in LR pixels, that the tanh head can express."""


def _pair(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(outputs, outputs, 3, padding=1),
        nn.LeakyReLU(0.2, inplace=True),
    )


class FNet(nn.Module):
    """Encoder-decoder that estimates the flow between two LR frames.

    Layers are those of TecoGAN ``lib/frvsr.py`` and TecoGAN-PyTorch ``tecogan_nets.py`` (identical lists). Input is
    (current, previous) as in TecoGAN-PyTorch; official weights are re-expressed in that order when they are loaded.

    :param dialect: decides the grid of the inner bilinear x2: legacy for TF, half-pixel centres otherwise.
    """

    def __init__(self, dialect: Dialect = Dialect.BD) -> None:
        super().__init__()
        self.encoder1 = _pair(6, 32)
        self.encoder2 = _pair(32, 64)
        self.encoder3 = _pair(64, 128)
        self.decoder1 = _pair(128, 256)
        self.decoder2 = _pair(256, 128)
        self.decoder3 = _pair(128, 64)
        self.flow = nn.Sequential(
            nn.Conv2d(64, 32, 3, padding=1), nn.LeakyReLU(0.2, True), nn.Conv2d(32, 2, 3, padding=1)
        )
        self._double: Callable[[Tensor, int], Tensor] = (
            upsample_bilinear if dialect is Dialect.TF else upsample_bilinear_centred
        )

    def forward(self, current: Tensor, previous: Tensor) -> Tensor:
        """Flow that maps pixels of ``current`` to where they were in ``previous``.

        :param current, previous: (N, 3, H, W) in [0, 1], H and W at least 8.
        :return: (N, 2, 8*floor(H/8), 8*floor(W/8)) float32 in LR pixels, |flow| < 24.
        """
        features = torch.cat((current, previous), dim=1)
        for encoder in (self.encoder1, self.encoder2, self.encoder3):
            features = F.max_pool2d(encoder(features), 2)
        for decoder in (self.decoder1, self.decoder2, self.decoder3):
            features = self._double(decoder(features), 2)
        return torch.tanh(self.flow(features).float()) * MAX_FLOW
