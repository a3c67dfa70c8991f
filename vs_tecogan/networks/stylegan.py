"""A small style-based image generator and its discriminator (after Karras et al. 2020), for one CPU core.

Pictures are (N, 3, size, size), about -1 to 1. The layers are those of StyleGAN2: a mapping network, modulated
convolutions with demodulation, noise, colours that are summed over the sizes. Its resampling is plain: doubling is
bilinear, halving is the mean of four pixels, both beside convolutions on the smaller side.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .modulated import EqualConv, EqualLinear, Mapping, MinibatchDeviation, ModulatedConv, activate
from .spec import MOST_CHANNELS

FIRST = 4
"""Side of the learned constant."""
LARGEST_SIDE = 1024
COLOUR_GAIN = 0.5
"""Of the first colours: the sum of all sizes then begins near the data's contrast."""


@dataclass(frozen=True, kw_only=True)
class StyleSpec:
    """Everything that the shape of an image generator depends on; kept in its file's card."""

    size: int = 64
    """Side of the pictures, 4 times a power of two."""
    widths: tuple[int, ...] = (64, 64, 48, 32, 16)
    """Channels at the sides 4, 8, 16, ..., size."""
    latent: int = 64
    """Numbers of z and of w."""
    layers: int = 4
    """Of the mapping network."""
    noise: bool = True
    """Whether layers add noise, for what is different in every picture of a kind, such as hair and leaves."""

    def __post_init__(self) -> None:
        sides = int(math.log2(max(self.size, 1))) - 1
        if not FIRST <= self.size <= LARGEST_SIDE or self.size != FIRST << (sides - 1):
            raise ValueError(f"size {self.size}; expected 8, 16, ... {LARGEST_SIDE}")
        if len(self.widths) != sides or not all(1 <= width <= MOST_CHANNELS for width in self.widths):
            raise ValueError(f"widths {self.widths}; expected {sides} numbers for size {self.size}")
        if not 1 <= self.latent <= MOST_CHANNELS or not 1 <= self.layers <= 16:
            raise ValueError(f"latent {self.latent}, layers {self.layers}; expected 1 to {MOST_CHANNELS} and 1 to 16")


class StyledLayer(nn.Module):
    """A modulated 3x3 convolution, then noise, bias and the activation; it may double the side behind itself."""

    def __init__(self, inputs: int, outputs: int, latent: int, *, doubles: bool, noise: bool) -> None:
        super().__init__()
        self.conv = ModulatedConv(inputs, outputs, 3, latent)
        self.noise_gain = nn.Parameter(torch.zeros(())) if noise else None
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.doubles = doubles

    def forward(self, features: Tensor, w: Tensor, noise: Tensor | None) -> Tensor:
        """(N, inputs, y, x) -> (N, outputs, ...); noise is (N, 1, ...) of the result's sides."""
        features = self.conv(features, w)
        if self.doubles:
            features = double(features)
        if noise is not None and self.noise_gain is not None:
            features = features + self.noise_gain * noise
        return activate(features + self.bias[:, None, None])


class StyleGenerator(nn.Module):
    """From a latent z to w, and from w to a picture."""

    centre: Tensor

    def __init__(self, spec: StyleSpec) -> None:
        super().__init__()
        self.spec = spec
        self.mapping = Mapping(spec.latent, spec.latent, spec.layers)
        self.constant = nn.Parameter(torch.randn(1, spec.widths[0], FIRST, FIRST))
        ends = [(spec.widths[0], spec.widths[0], False)]
        for inputs, outputs in pairwise(spec.widths):
            ends += [(inputs, outputs, True), (outputs, outputs, False)]
        self.layers = nn.ModuleList(StyledLayer(a, b, spec.latent, doubles=up, noise=spec.noise) for a, b, up in ends)
        self.colours = nn.ModuleList(ModulatedConv(w, 3, 1, spec.latent, demodulate=False) for w in spec.widths)
        self.colour_bias = nn.Parameter(torch.zeros(3))
        self.register_buffer("centre", torch.zeros(spec.latent))
        """Mean of w, towards which truncation moves."""

    @property
    def sides(self) -> list[int]:
        """Side of the noise of each layer."""
        return [FIRST] + [FIRST << level for level in range(1, len(self.spec.widths)) for _ in range(2)]

    def noise(self, count: int, generator: torch.Generator | None = None) -> list[Tensor]:
        """Normal noise of every layer, (count, 1, side, side) each."""
        device = self.constant.device
        return [torch.randn(count, 1, side, side, generator=generator).to(device) for side in self.sides]

    def forward(self, z: Tensor, noise: Sequence[Tensor] | None = None) -> Tensor:
        """Pictures of latents z (N, latent)."""
        return self.synthesise(self.mapping(z), noise)

    def truncated(self, w: Tensor, truncation: float) -> Tensor:
        """Codes (..., latent) moved towards the mean: 1 leaves them, 0 is the mean alone."""
        return self.centre + truncation * (w - self.centre)

    def synthesise(self, w: Tensor, noise: Sequence[Tensor] | None = None) -> Tensor:
        """Pictures of codes.

        :param w: (N, latent).
        :param noise: as :meth:`noise` gives it; one of count 1 serves all; None is none.
        :return: (N, 3, size, size), about -1 to 1.
        """
        features = self.constant.expand(len(w), -1, -1, -1)
        picture: Tensor | None = None
        for index, layer in enumerate(self.layers):
            features = layer(features, w, None if noise is None else noise[index])
            if index % 2 == 0:
                colours = COLOUR_GAIN * self.colours[index // 2](features, w)
                picture = colours if picture is None else double(picture) + colours
        assert picture is not None
        return picture + self.colour_bias[:, None, None]


class StyleDiscriminator(nn.Module):
    """Residual blocks, each of half the side of the one before; one logit a sample.

    :param inputs: channels of its pictures.
    :param widths: channels from side 4 up, as the generator's.
    :param deviation: whether it sees how much the samples of a batch differ.
    """

    def __init__(self, inputs: int, widths: Sequence[int], *, deviation: bool = True) -> None:
        super().__init__()
        falling = list(reversed(widths))
        self.first = EqualConv(inputs, falling[0], 1)
        self.blocks = nn.ModuleList(HalvingBlock(a, b) for a, b in pairwise(falling))
        last = falling[-1]
        self.deviation = MinibatchDeviation() if deviation else None
        self.conv = EqualConv(last + deviation, last)
        self.dense = EqualLinear(last * FIRST * FIRST, last)
        self.out = EqualLinear(last, 1)

    def features(self, pictures: Tensor) -> Tensor:
        """(N, C): the activations before the logit."""
        features = activate(self.first(pictures))
        for block in self.blocks:
            features = block(features)
        if self.deviation is not None:
            features = self.deviation(features)
        return activate(self.dense(activate(self.conv(features)).flatten(1)))

    def forward(self, pictures: Tensor) -> Tensor:
        """(N, inputs, size, size) -> (N,)."""
        logits: Tensor = self.out(self.features(pictures)).squeeze(1)
        return logits


class HalvingBlock(nn.Module):
    """A convolution at the full side and one at half of it, beside a 1x1 convolution; variance is kept."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv_full = EqualConv(inputs, inputs)
        self.conv_half = EqualConv(inputs, outputs)
        self.shortcut = EqualConv(inputs, outputs, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """(N, inputs, y, x) -> (N, outputs, y / 2, x / 2)."""
        inner = activate(self.conv_half(halve(activate(self.conv_full(features)))))
        result: Tensor = (inner + self.shortcut(halve(features))) * math.sqrt(0.5)
        return result


def double(features: Tensor) -> Tensor:
    """Twice the side, bilinear."""
    return F.interpolate(features, scale_factor=2, mode="bilinear", align_corners=False)


def halve(features: Tensor) -> Tensor:
    """Half the side, by the mean of four."""
    return F.avg_pool2d(features, 2)
