"""LongVideoGAN's first stage: endless low-resolution video from temporal noise (Brooks et al. 2022), at any size.

Everything is a function of a window of latents: convolutions in time have no padding, so a chunk is computed exactly as
it would be within the whole. A stage begins at frames that its rate divides; see :meth:`LongVideo.window`.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .modulated import EqualConv, EqualLinear, Mapping, MinibatchDeviation, ModulatedConv, activate
from .spec import check_size
from .temporal_noise import enriched_noise

SMOOTH = (0.0625, 0.25, 0.375, 0.25, 0.0625)
"""Low-pass before time is halved, and behind its doubling: a cubic B-spline's."""
WIDEST = 6
"""Channels of the coarsest stage as a multiple of the finest's."""


@dataclass(frozen=True, kw_only=True)
class LongVideoSpec:
    """Everything that the shape of the generator depends on; kept in its file's card."""

    height: int = 24
    width: int = 32
    channels: int = 16
    """Of the finest stage; coarser ones have 2, 4 and 6 times as many."""
    time_levels: int = 3
    """Doublings of time: the coarsest stage has a step for 2^levels frames. Published: 5."""
    space_levels: int = 3
    """Doublings of the picture's sides."""
    style: int = 128
    """Width of w; published 1024."""
    noise_channels: int = 8
    filters: int = 128
    shortest: int = 24
    """Frames of the quickest filter's footprint; published 125 (of 30 a second)."""
    longest: int = 5000

    def __post_init__(self) -> None:
        check_size(blocks=self.levels, channels=max(self.channels * WIDEST, self.style))
        if not (1 <= self.time_levels <= 6 and 1 <= self.space_levels <= 6):
            raise ValueError(f"levels {self.time_levels}, {self.space_levels}; expected 1 to 6 of each")
        if any(side < 1 or side > 1024 or side % 2**self.space_levels for side in (self.height, self.width)):
            raise ValueError(f"{self.width}x{self.height}; expected multiples of {2**self.space_levels} up to 1024")
        if not (1 <= self.noise_channels <= 64 and 1 <= self.filters <= 512):
            raise ValueError(f"{self.noise_channels} x {self.filters} latents; expected up to 64 x 512")
        if not 3 <= self.shortest <= self.longest <= 100_000:
            raise ValueError(f"footprints {self.shortest} to {self.longest}; expected 3 to 100,000, in this order")

    @property
    def levels(self) -> int:
        """Stages behind the first."""
        return max(self.time_levels, self.space_levels)

    @property
    def scale(self) -> int:
        """Nothing is enlarged."""
        return 1

    @property
    def blocks(self) -> int:
        """Stages."""
        return self.levels + 1

    @property
    def phase(self) -> str:
        """There is no grid that it shares."""
        return "none"

    @property
    def step(self) -> int:
        """Frames for each step of the coarsest stage: windows begin and end at multiples of it."""
        return int(2**self.time_levels)

    @property
    def latent(self) -> int:
        """Numbers of a latent."""
        return self.noise_channels * self.filters

    def widths(self) -> list[int]:
        """Channels of each stage, the coarsest first."""
        factors = [1, 2, 4, WIDEST]
        return [self.channels * factors[min(self.levels - stage, 3)] for stage in range(self.levels + 1)]

    def doubles(self, stage: int) -> tuple[bool, bool]:
        """Whether a stage (from 1) doubles time, and space: time comes first, where there are more of one."""
        return stage <= self.time_levels, stage > self.levels - self.space_levels


@dataclass(frozen=True)
class Steps:
    """Steps of a stage, from ``first`` to before ``end``, counted from frame 0."""

    first: int
    end: int

    def wider(self, steps: int) -> "Steps":
        """With more on both sides."""
        return Steps(self.first - steps, self.end + steps)

    def halved(self) -> "Steps":
        """What :func:`double_time` needs of the stage before."""
        return Steps((self.first - 1) // 2, (self.end + 3) // 2)

    def inside(self, outer: "Steps") -> slice:
        """Where it lies within another."""
        return slice(self.first - outer.first, self.end - outer.first)


class Doubling(nn.Module):
    """A convolution, a doubling of time, space or both, and another convolution.

    :param inside: convolutions see neighbouring steps: 3-D, of a coarser rate than the frames.
    """

    def __init__(self, inputs: int, outputs: int, style: int, *, time: bool, space: bool, inside: bool) -> None:
        super().__init__()
        self.time, self.space, self.inside = time, space, inside
        self.before = _convolution(inputs, outputs, style, inside=True)
        self.after = _convolution(outputs, outputs, style, inside=inside)
        self.bias = nn.Parameter(torch.zeros(2, outputs))

    def forward(self, features: Tensor, coarse: Tensor, fine: Tensor, span: Steps) -> Tensor:
        """From the stage before to ``span`` of this one.

        :param features: (N, C, t, y, x): the steps that :meth:`needs` says.
        :param coarse, fine: (N, t, style) at the rate of the stage before, for these; and at the own rate.
        """
        features = activate(self.before(features, coarse) + self.bias[0].reshape(-1, 1, 1, 1))
        wanted = self.wanted(span)
        if self.time:
            features = double_time(features, wanted.halved().first, wanted)
        if self.space:
            features = double_space(features)
        if not self.inside:  # the largest tensors: oneDNN takes half the time for them in this order
            features = features.contiguous(memory_format=torch.channels_last_3d)
        return activate(self.after(features, fine) + self.bias[1].reshape(-1, 1, 1, 1))

    def wanted(self, span: Steps) -> Steps:
        """Own steps that the last convolution sees."""
        return span.wider(1) if self.inside else span

    def needs(self, span: Steps) -> Steps:
        """Steps of the stage before."""
        wanted = self.wanted(span)
        return (wanted.halved() if self.time else wanted).wider(1)


class LongVideo(nn.Module):
    """The generator: latents of a window of frames in, frames out."""

    def __init__(self, spec: LongVideoSpec) -> None:
        super().__init__()
        self.spec = spec
        widths, sides = spec.widths(), (spec.height >> spec.space_levels, spec.width >> spec.space_levels)
        self.mapping = Mapping(spec.latent, spec.style, 2)
        self.constant = nn.Parameter(torch.randn(widths[0], 1, *sides))
        self.first = EqualLinear(spec.style, widths[0] * sides[0] * sides[1])
        self.begin = _convolution(widths[0], widths[0], spec.style, inside=True)
        self.bias = nn.Parameter(torch.zeros(widths[0]))
        self.stages = nn.ModuleList()
        for stage in range(1, spec.levels + 1):
            time, space = spec.doubles(stage)
            inside = stage < spec.time_levels
            ends = widths[stage - 1], widths[stage]
            self.stages.append(Doubling(*ends, spec.style, time=time, space=space, inside=inside))
        self.colours = ModulatedConv(widths[-1], 3, (1, 1, 1), spec.style, dimensions=3, demodulate=False)
        self.grey = nn.Parameter(torch.zeros(3))

    def spans(self, first: int, count: int) -> list[Steps]:
        """Steps of every stage, the coarsest first, for a window of frames."""
        spans = [Steps(first, first + count)]
        for stage in reversed(self.stages):
            assert isinstance(stage, Doubling)
            spans.insert(0, stage.needs(spans[0]))
        return spans

    def window(self, first: int, count: int) -> Steps:
        """Frames whose latents a window of frames depends on.

        :param first, count: multiples of ``spec.step``, or anything that lies within such a window.
        """
        span, halvings = self.spans(first, count)[0].wider(1), self.spec.time_levels
        for _ in range(halvings):
            span = Steps(2 * span.first - 2, 2 * (span.end - 1) + 3)
        return span

    def forward(self, latents: Tensor, first: int, count: int) -> Tensor:
        """Frames.

        :param latents: (N, T, latent): those of :meth:`window`.
        :param first, count: of the frames.
        :return: (N, count, 3, height, width), nominally in [-1, 1], not clamped.
        """
        spans, styles = self.spans(first, count), self.styles(latents, self.window(first, count))
        outer = spans[0].wider(1)
        w, covered = styles[0]
        style = w[:, outer.inside(covered)]
        widest, _, height, width = self.constant.shape
        dense = self.first(style).reshape(*style.shape[:2], widest, height, width)
        features = (dense.transpose(1, 2) + self.constant) * 0.5**0.5
        features = activate(self.begin(features, style) + self.bias.reshape(-1, 1, 1, 1))
        rate = 0
        for number, stage in enumerate(self.stages):
            assert isinstance(stage, Doubling)
            coarse, covered = styles[rate]
            coarse = coarse[:, spans[number].inside(covered)]
            rate += int(self.spec.doubles(number + 1)[0])
            fine, covered = styles[rate]
            wanted = stage.wanted(spans[number + 1])
            features = stage(features, coarse, fine[:, wanted.inside(covered)], spans[number + 1])
        w, covered = styles[-1]
        frames: Tensor = self.colours(features, w[:, spans[-1].inside(covered)])
        return frames.transpose(1, 2) + self.grey.reshape(3, 1, 1)

    def styles(self, latents: Tensor, span: Steps) -> list[tuple[Tensor, Steps]]:
        """(N, t, style) of every rate, the coarsest first, and the steps that each covers."""
        found = [(self.mapping(latents), span)]
        for _ in range(self.spec.time_levels):
            found.insert(0, halve_time(*found[0]))
        return found

    def latents(self, seed: int, first: int, count: int, *, period: int = 0) -> Tensor:
        """(T, latent) for :meth:`forward`, of a video of a seed; ``period`` makes it a loop."""
        span, spec = self.window(first, count), self.spec
        return enriched_noise(
            seed, span.first, span.end - span.first, channels=spec.noise_channels, filters=spec.filters,
            shortest=spec.shortest, longest=spec.longest, period=period,
        )  # fmt: skip


def _convolution(inputs: int, outputs: int, style: int, *, inside: bool) -> ModulatedConv:
    kernel = (3, 3, 3) if inside else (1, 3, 3)
    return ModulatedConv(inputs, outputs, kernel, style, dimensions=3, inside=inside)


def double_time(features: Tensor, first: int, wanted: Steps) -> Tensor:
    """(N, C, t, y, x) with a step between any two, smoothed.

    :param first: number of the first step that is there; step n becomes step 2n.
    :param wanted: steps of the result; needs their :meth:`Steps.halved`.
    """
    a, b, c, _, _ = (2 * weight for weight in SMOOTH)
    even = a * (features[:, :, :-2] + features[:, :, 2:]) + c * features[:, :, 1:-1]  # of steps 2 (first + 1), ...
    odd = b * (features[:, :, :-1] + features[:, :, 1:])  # of steps 2 first + 1, ...
    mixed = torch.stack((odd[:, :, :-1], even), 3).flatten(2, 3)
    mixed = torch.cat((mixed, odd[:, :, -1:]), 2)
    return mixed[:, :, wanted.inside(Steps(2 * first + 1, 0))]


def halve_time(styles: Tensor, span: Steps) -> tuple[Tensor, Steps]:
    """(N, t, style) smoothed, at every second step, and the steps that are left."""
    first = -(-(span.first + 2) // 2)
    end = (span.end - 3) // 2 + 1
    count = end - first
    begin = 2 * first - 2 - span.first
    taken = [styles[:, begin + k : begin + k + 2 * count - 1 : 2] for k in range(len(SMOOTH))]
    weighted = [weight * part for weight, part in zip(SMOOTH, taken, strict=True)]
    return torch.stack(weighted).sum(0), Steps(first, end)


def double_space(features: Tensor) -> Tensor:
    """(N, C, t, y, x) with both sides doubled, bilinear."""
    n, channels, time, height, width = features.shape
    flat = features.reshape(n, channels * time, height, width)
    large = F.interpolate(flat, scale_factor=2, mode="bilinear", align_corners=False)
    return large.reshape(n, channels, time, 2 * height, 2 * width)


class LongVideoDiscriminator(nn.Module):
    """Sees a whole clip, time first: long kernels in time that halve it, then what is left of it, as one sequence.

    :param frames: of a clip, a multiple of 8; ``height`` and ``width`` are multiples of 8.
    :param channels: of the first layer.
    """

    def __init__(self, frames: int, height: int, width: int, channels: int) -> None:
        super().__init__()
        ends, kernels = [3, channels, 2 * channels, 3 * channels], ((5, 3, 3), (5, 3, 3), (3, 3, 3))
        self.convs = nn.ModuleList(
            EqualConv(ends[n], ends[n + 1], kernel, dimensions=3, stride=2) for n, kernel in enumerate(kernels)
        )
        wide = 4 * channels
        self.along = EqualConv(ends[-1] * (height // 8) * (width // 8), wide, 3, dimensions=1)
        self.deviation = MinibatchDeviation()
        self.last = EqualConv(wide + 1, wide, 3, dimensions=1)
        self.dense = EqualLinear(wide * (frames // 8), wide)
        self.logit = EqualLinear(wide, 1)

    def forward(self, clips: Tensor) -> Tensor:
        """(N, frames, 3, height, width) -> (N, 1)."""
        features = clips.transpose(1, 2)
        for conv in self.convs:
            features = activate(conv(features))
        sequence = features.transpose(1, 2).flatten(2).transpose(1, 2)
        sequence = self.deviation(activate(self.along(sequence)))
        sequence = activate(self.last(sequence))
        logits: Tensor = self.logit(activate(self.dense(sequence.flatten(1))))
        return logits
