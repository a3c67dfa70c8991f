"""LongVideoGAN's second stage: each frame enlarged from the small frames around it (Brooks et al. 2022), at any size.

Every layer sees the small frames again, and a latent of the whole video says which detail to invent. Nothing runs from
frame to frame, so frames come in any order. As published but for ``skip``, and for what doubles the sides: here a
convolution makes the four pixels of each (sub-pixel convolution), which a short training can use.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .modulated import Mapping, ModulatedConv, activate
from .spec import check_size
from .temporal_noise import white_noise

COLOUR_GAIN = 0.25
"""Of the colours, as published."""


@dataclass(frozen=True, kw_only=True)
class LongVideoSRSpec:
    """Everything that the shape of the network depends on; kept in its file's card."""

    widths: tuple[int, ...] = (32, 24, 16)
    """Channels at the small size, at twice it, and so on. Three sizes enlarge four times."""
    layers: int = 2
    """Convolutions at each size."""
    latent: int = 32
    """Numbers of z and of w; published 512."""
    mapping_layers: int = 2
    """Of the mapping network."""
    reach: int = 4
    """Small frames that are seen before and after the own one."""
    skip: bool = True
    """The output is added to the small frame, enlarged by bicubic; published: no."""

    def __post_init__(self) -> None:
        if not 2 <= len(self.widths) <= 5:
            raise ValueError(f"widths {self.widths}; expected 2 to 5 numbers, one for each size")
        for width in self.widths:
            check_size(blocks=self.layers, channels=width)
        check_size(blocks=self.mapping_layers, channels=self.latent)
        if not (1 <= self.layers <= 16 and 1 <= self.mapping_layers <= 16 and 0 <= self.reach <= 32):
            raise ValueError(
                f"layers {self.layers}, mapping_layers {self.mapping_layers}, reach {self.reach}; "
                "expected 1 to 16, 1 to 16, and 0 to 32"
            )

    @property
    def scale(self) -> int:
        """Sides of the output as a multiple of the input's."""
        return int(2 ** (len(self.widths) - 1))

    @property
    def blocks(self) -> int:
        """Convolutions in all."""
        return self.layers * len(self.widths)

    @property
    def phase(self) -> str:
        """A small pixel lies in the middle of those that it becomes."""
        return "centred"

    @property
    def window(self) -> int:
        """Small frames that a frame is made from; published 9."""
        return 2 * self.reach + 1


class ConditionedLayer(nn.Module):
    """A modulated 3x3 convolution of features beside the small frames, bias and activation; it may double the sides."""

    def __init__(self, inputs: int, condition: int, outputs: int, latent: int, *, doubles: bool) -> None:
        super().__init__()
        self.conv = ModulatedConv(inputs + condition, outputs * (4 if doubles else 1), 3, latent)
        nn.init.zeros_(self.conv.affine.weight)  # training begins with one style for all videos
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.doubles = doubles

    def forward(self, features: Tensor | None, condition: Tensor, w: Tensor) -> Tensor:
        """(N, inputs, y, x), None in the first layer, and (N, condition, y, x) -> (N, outputs, ...)."""
        features = self.conv(condition if features is None else torch.cat((features, condition), 1), w)
        if self.doubles:
            features = F.pixel_shuffle(features, 2)
        result: Tensor = features + self.bias[:, None, None]
        return activate(result)


class LongVideoSR(nn.Module):
    """The generator: small frames and a latent in, a large frame for each whole window out."""

    def __init__(self, spec: LongVideoSRSpec) -> None:
        super().__init__()
        self.spec = spec
        condition, inputs = 3 * spec.window, 0
        self.mapping = Mapping(spec.latent, spec.latent, spec.mapping_layers)
        self.layers = nn.ModuleList()
        for size, width in enumerate(spec.widths):
            for number in range(spec.layers):
                doubles = size > 0 and number == 0
                self.layers.append(ConditionedLayer(inputs, condition, width, spec.latent, doubles=doubles))
                inputs = width
        self.colours = ModulatedConv(inputs, 3, 1, spec.latent, demodulate=False)
        self.grey = nn.Parameter(torch.zeros(3))
        if spec.skip:  # training begins at bicubic
            nn.init.zeros_(self.colours.conv.weight)

    def forward(self, small: Tensor, z: Tensor) -> Tensor:
        """Frames, each from its own window: the same whatever else is asked for.

        :param small: (N, T + 2 reach, 3, y, x) in [-1, 1].
        :param z: (N, latent), one for each video.
        :return: (N, T, 3, scale y, scale x), nominally in [-1, 1], not clamped.
        """
        window, reach = self.spec.window, self.spec.reach
        count, length = small.shape[:2]
        frames = length - window + 1
        windows = torch.stack([small[:, n : n + window] for n in range(frames)], 1)
        condition = windows.reshape(count * frames, 3 * window, *small.shape[-2:])
        w = self.mapping(z).repeat_interleave(frames, 0)
        large = self.colours(self.features(condition, w), w) * COLOUR_GAIN + self.grey[:, None, None]
        if self.spec.skip:
            large = large + enlarge_bicubic(condition[:, 3 * reach : 3 * reach + 3], self.spec.scale)
        result: Tensor = large.reshape(count, frames, *large.shape[1:])
        return result

    def features(self, condition: Tensor, w: Tensor) -> Tensor:
        """Those of the last layer: (N, 3 window, y, x) and (N, latent) -> (N, widths[-1], scale y, scale x)."""
        features: Tensor | None = None
        size, seen = 1, condition
        for layer in self.layers:
            assert isinstance(layer, ConditionedLayer)
            features = layer(features, seen, w)
            if layer.doubles:
                size *= 2
                seen = enlarge_bicubic(condition, size)
        assert features is not None
        return features

    def latent(self, seed: int) -> Tensor:
        """(latent,) of the video of a seed."""
        return torch.from_numpy(white_noise(seed, 0, 1, self.spec.latent)[0]).float()


def enlarge_bicubic(pictures: Tensor, scale: int) -> Tensor:
    """(N, C, y, x) -> (N, C, scale y, scale x); pixels lie at the centres of their squares."""
    if scale == 1:
        return pictures
    return F.interpolate(pictures, scale_factor=scale, mode="bicubic", align_corners=False)
