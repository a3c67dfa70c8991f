"""tempoGAN: from coarse smoke to fine smoke, and its two discriminators (Xie et al. 2018), in 2-D and 3-D."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .spec import check_size

FieldNames = Literal["density", "velocity", "vorticity"]
"""What a network sees: the density alone, with the velocity, or with velocity and vorticity."""
Design = Literal["published", "coarse"]
"""Published: everything on the fine grid. Coarse: most of the work on the coarse grid, before the enlargement."""
NORM_EPSILON, NORM_MOMENTUM = 1e-3, 1e-3
"""Of the published batch normalisation (decay 0.999)."""
SLOPE = 0.2
WIDTHS = (32, 64, 128, 256)
"""Of the published discriminators."""
HEAD = 8
"""Channels on the fine grid of the coarse design, in 2-D; in 3-D there are none, as they would cost too much."""


@dataclass(frozen=True, kw_only=True)
class FluidSpec:
    """Everything that the shape of a network for smoke depends on; kept in its file's card."""

    scale: int = 4
    dimensions: int = 2
    inputs: FieldNames = "velocity"
    design: Design = "coarse"
    blocks: int = 4
    """Residual blocks; the published design has four of its own."""
    channels: int = 32
    """Features of the coarse design."""

    def __post_init__(self) -> None:
        if self.dimensions not in (2, 3) or not 2 <= self.scale <= 8:
            raise ValueError(f"{self.dimensions} dimensions, scale {self.scale}; expected 2 or 3, and 2 to 8")
        if self.inputs not in get_args(FieldNames) or self.design not in get_args(Design):
            raise ValueError(f"inputs {self.inputs!r}, design {self.design!r}; expected names that are known")
        check_size(blocks=self.blocks, channels=self.channels)

    @property
    def input_channels(self) -> int:
        """Density, then velocity, then vorticity: one number in 2-D, three in 3-D."""
        velocity = self.dimensions if self.inputs != "density" else 0
        vorticity = (1 if self.dimensions == 2 else 3) if self.inputs == "vorticity" else 0
        return 1 + velocity + vorticity

    @property
    def reach(self) -> int:
        """Coarse cells around a place that its output depends on; vorticity, which needs one more, included."""
        own = 4 * 2 * 2 // self.scale + 1 if self.design == "published" else 2 * self.blocks + 3
        return own + 1

    @property
    def phase(self) -> str:
        """Coarse and fine cells share their corners."""
        return "centred"


class FineBlock(nn.Module):
    """Published: two 5x5 convolutions beside a 1x1 one, ReLU behind their sum; each may be normalised."""

    def __init__(self, dimensions: int, inside: int, middle: int, outside: int, *, normalise: bool) -> None:
        super().__init__()
        kind = convolution(dimensions)
        self.first = kind(inside, middle, 5, padding=2)
        self.second = kind(middle, outside, 5, padding=2)
        self.shortcut = kind(inside, outside, 1)
        norms = [batch_norm(dimensions, width) if normalise else nn.Identity() for width in (middle, outside, outside)]
        self.norms = nn.ModuleList(norms)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inside, ...) -> (N, outside, ...)."""
        inner = F.relu(self.norms[0](self.first(x)))
        total: Tensor = self.norms[1](self.second(inner)) + self.norms[2](self.shortcut(x))
        return F.relu(total)


class CoarseBlock(nn.Module):
    """Two 3x3 convolutions with ReLU between, added to their input."""

    def __init__(self, dimensions: int, channels: int) -> None:
        super().__init__()
        kind = convolution(dimensions)
        self.first = kind(channels, channels, 3, padding=1)
        self.second = kind(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, ...) -> same."""
        added: Tensor = self.second(F.relu(self.first(x)))
        return x + added


class FluidSR(nn.Module):
    """The generator. Its result is not negative, and has no upper end."""

    def __init__(self, spec: FluidSpec) -> None:
        super().__init__()
        self.spec = spec
        if spec.design == "published":
            self.blocks = nn.ModuleList(published_blocks(spec))
            return
        kind, count = convolution(spec.dimensions), spec.scale**spec.dimensions
        head = HEAD if spec.dimensions == 2 else 1
        self.conv_in = kind(spec.input_channels, spec.channels, 3, padding=1)
        self.trunk = nn.ModuleList(CoarseBlock(spec.dimensions, spec.channels) for _ in range(spec.blocks))
        self.conv_up = kind(spec.channels, count * head, 3, padding=1)
        self.conv_out = kind(head, 1, 3, padding=1) if head > 1 else None

    def forward(self, fields: Tensor) -> Tensor:
        """Enlarge.

        :param fields: (N, input_channels, ...) coarse: density first, velocity in coarse cells per step.
        :return: (N, 1, ...) fine density.
        """
        scale = self.spec.scale
        if self.spec.design == "published":
            features = F.interpolate(fields, scale_factor=scale, mode="nearest")
            for block in self.blocks:
                features = block(features)
            return features
        features = F.relu(self.conv_in(fields))
        for block in self.trunk:
            features = block(features)
        fine = interleave(self.conv_up(features), scale)
        if self.conv_out is not None:
            fine = self.conv_out(F.relu(fine))
        mode = "bilinear" if self.spec.dimensions == 2 else "trilinear"
        plain = F.interpolate(fields[:, :1], scale_factor=scale, mode=mode, align_corners=False)
        return F.relu(plain + fine)


def published_blocks(spec: FluidSpec) -> list[FineBlock]:
    """``gen_resnet`` of ``tempoGAN.py``; 604 k parameters in 2-D with velocity."""
    count = spec.input_channels
    widths = ((count, 2 * count, 8 * count), (8 * count, 128, 128), (128, 32, 8), (8, 2, 1))
    return [FineBlock(spec.dimensions, *width, normalise=width[-1] > 1) for width in widths]


class FluidDiscriminator(nn.Module):
    """Ds, which sees fine and coarse density, or Dt, which sees three fine ones: convolutions 4x4, of strides 2 2 2 1.

    ``disc_binclass`` and ``disc_binclass_cond_tempo`` of ``tempoGAN.py``.

    :param inputs: channels: 2 of Ds, 3 of Dt.
    :param width:  part of the published widths.
    :param side:   cells of a side of its input, for the published dense layer; 0 gives one logit per place instead.
    """

    def __init__(
        self, inputs: int, dimensions: int, *, width: float = 1.0, side: int = 0, normalise: bool = True
    ) -> None:
        super().__init__()
        kind = convolution(dimensions)
        widths = [max(round(w * width), 1) for w in WIDTHS]
        ends = zip((inputs, *widths), widths, (2, 2, 2, 1), strict=False)
        self.convs = nn.ModuleList(kind(a, b, 4, stride) for a, b, stride in ends)
        norms = [nn.Identity() if number == 0 or not normalise else _own_batch_norm(dimensions, w)
                 for number, w in enumerate(widths)]  # fmt: skip
        self.norms = nn.ModuleList(norms)
        self.dense = nn.Linear(widths[-1] * (side // 8) ** dimensions, 1) if side else kind(widths[-1], 1, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Logits, one a sample or one a place, and the activations of the four layers."""
        features, layers = images, []
        for number, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            # "SAME": of a 4x4 kernel at stride 1 the odd cell of padding is the last.
            padding = [1, 1] if number < 3 else [1, 2]
            features = conv(F.pad(features, padding * (features.dim() - 2)))
            features = F.leaky_relu(norm(features), SLOPE)
            layers.append(features)
        flat = features.flatten(1) if isinstance(self.dense, nn.Linear) else features
        return self.dense(flat), layers


def convolution(dimensions: int) -> type[nn.Conv2d] | type[nn.Conv3d]:
    """The layer of a number of dimensions."""
    return nn.Conv2d if dimensions == 2 else nn.Conv3d


def batch_norm(dimensions: int, channels: int) -> nn.Module:
    """The published normalisation, with running statistics."""
    kind = nn.BatchNorm2d if dimensions == 2 else nn.BatchNorm3d
    return kind(channels, eps=NORM_EPSILON, momentum=NORM_MOMENTUM)


def _own_batch_norm(dimensions: int, channels: int) -> nn.Module:
    """By the batch's own statistics alone: a discriminator never runs outside training."""
    kind = nn.BatchNorm2d if dimensions == 2 else nn.BatchNorm3d
    return kind(channels, eps=NORM_EPSILON, track_running_stats=False)


def interleave(features: Tensor, scale: int) -> Tensor:
    """(N, scale^d * C, ...) -> (N, C, scale * ...): PixelShuffle of any number of dimensions."""
    if features.dim() == 4:
        return F.pixel_shuffle(features, scale)
    n, channels, *sides = features.shape
    dimensions = len(sides)
    split = features.reshape(n, channels // scale**dimensions, *[scale] * dimensions, *sides)
    order = [0, 1]
    for axis in range(dimensions):
        order += [2 + dimensions + axis, 2 + axis]
    return split.permute(order).reshape(n, channels // scale**dimensions, *(scale * side for side in sides))


def initialise_published(modules: Sequence[nn.Module]) -> None:
    """Normal weights of deviation 0.04 and biases of 0.1, as published."""
    for module in modules:
        for layer in module.modules():
            if isinstance(layer, nn.Conv2d | nn.Conv3d | nn.Linear):
                nn.init.normal_(layer.weight, std=0.04)
                if layer.bias is not None:
                    nn.init.constant_(layer.bias, 0.1)


def initialise_he(network: nn.Module, slope: float = 0.0) -> None:
    """He's weights for rectifiers of a slope, and no biases."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Conv3d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, a=slope)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def initialise_coarse(network: FluidSR) -> None:
    """He's weights; the head begins near the plain enlargement, which it adds to."""
    initialise_he(network)
    with torch.no_grad():
        last = network.conv_out if network.conv_out is not None else network.conv_up
        last.weight.mul_(0.1)
        for block in network.trunk:
            assert isinstance(block, CoarseBlock)
            block.second.weight.mul_(0.1)
