"""SRNet, the reconstruction network of FRVSR and TecoGAN."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..ops import upsample_bicubic, upsample_bilinear_centred
from .spec import Dialect, GeneratorSpec


class ResidualBlock(nn.Module):
    """conv3x3 - ReLU - conv3x3 plus the input; no normalisation, no scaling, no final activation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, features: Tensor) -> Tensor:
        """(N, channels, H, W) -> same."""
        result: Tensor = features + self.conv(features)
        return result


def image_upsampler(dialect: Dialect) -> Callable[[Tensor, int], Tensor]:
    """The operator with which a dialect enlarges the LR image (skip and discriminator condition)."""
    return upsample_bilinear_centred if dialect is Dialect.BI else upsample_bicubic


class SRNet(nn.Module):
    """Residual body at LR resolution, learned upsampling, bicubic or bilinear skip.

    Sources: TecoGAN ``lib/frvsr.py`` (generator_F), TecoGAN-PyTorch ``tecogan_nets.py``, EGVSR ``egvsr_nets.py``.
    """

    def __init__(self, spec: GeneratorSpec) -> None:
        super().__init__()
        self.spec = spec
        width, scale = spec.channels, spec.scale
        self.conv_in = nn.Sequential(nn.Conv2d(3 + 3 * scale * scale, width, 3, padding=1), nn.ReLU(inplace=True))
        self.resblocks = nn.Sequential(*(ResidualBlock(width) for _ in range(spec.blocks)))
        if spec.dialect is Dialect.EGVSR:
            self.conv_out = nn.Conv2d(width // (scale * scale), 3, 3, padding=1)
        else:
            padding = 0 if spec.dialect is Dialect.TF else 1
            layers: list[nn.Module] = []
            for _ in range(scale.bit_length() - 1):
                layers += [
                    nn.ConvTranspose2d(width, width, 3, 2, padding, output_padding=padding),
                    nn.ReLU(inplace=True),
                ]
            self.conv_up = nn.Sequential(*layers)
            self.conv_out = nn.Conv2d(width, 3, 3, padding=1)

    def body(self, lr: Tensor, warped: Tensor) -> Tensor:
        """Features at LR resolution: (N, 3, H, W) and (N, 3 s^2, H, W) -> (N, channels, H, W)."""
        features: Tensor = self.resblocks(self.conv_in(torch.cat((lr, warped), dim=1)))
        return features

    def upsample(self, features: Tensor) -> Tensor:
        """Residual image (N, 3, sH, sW) from the body's features, without the skip."""
        if self.spec.dialect is Dialect.EGVSR:
            features = F.relu(F.pixel_shuffle(features, self.spec.scale))
        else:
            for layer in self.conv_up:
                features = layer(features)
                if self.spec.dialect is Dialect.TF and isinstance(layer, nn.ConvTranspose2d):
                    # TF's SAME keeps rows and columns 0..2H-1 of the full convolution.
                    features = features[..., :-1, :-1]
        residual: Tensor = self.conv_out(features)
        return residual

    def forward(self, lr: Tensor, warped: Tensor, skip: Tensor | None = None) -> Tensor:
        """Reconstruct one frame.

        :param lr:     (N, 3, H, W) in [0, 1].
        :param warped: (N, 3 s^2, H, W), space-to-depth of the previous output warped to this frame; zeros at first.
        :param skip:   (N, 3, sH, sW) float32, the frame enlarged, where the caller has it already.
        :return:       (N, 3, sH, sW) float32, unclamped.
        """
        residual = self.upsample(self.body(lr, warped)).float()
        if self.spec.dialect is Dialect.EGVSR:
            return residual
        if skip is None:
            skip = image_upsampler(self.spec.dialect)(lr.float(), self.spec.scale)
        return residual + skip
