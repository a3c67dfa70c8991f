"""From seeds to the codes of a video's frames, and from codes to pictures: the same in any order, at any length."""

import math

import torch
from torch import Tensor

from .motion import VideoGenerator

CHUNK = 256
"""Frames whose noise is made together; part of what a seed means."""
REACH = 1.0
"""Standard deviations that a walk strays from the mean before it turns back."""

type Motion = tuple[int, int, float]
"""Two seeds, and the part of the second one from 0 to 1."""


def seeded(*seed: int) -> torch.Generator:
    """Random numbers of a purpose: seeds are mixed, so that 1 and 2 have nothing in common."""
    state = 0x9E3779B97F4A7C15
    for number in seed:
        state = ((state ^ number) * 0xBF58476D1CE4E5B9 + 0x94D049BB133111EB) & (2**64 - 1)
        state ^= state >> 29
    return torch.Generator().manual_seed(state >> 1)


class Walk:
    """The codes of a video, made as far as they were asked for.

    :param network: in eval mode.
    :param content_seed: of the first picture and of its noise, at least 0.
    :param motion_seed: of all that follows, at least 0.
    :param other: another motion and its part: 0 is ``motion_seed`` alone, 1 the other alone.
    :param truncation: moves the first code towards the mean: 1 leaves it, 0 is the mean picture.
    :param step_size: lambda; None is that of the training.
    :param reach: standard deviations beyond which the walk is folded back; infinity never folds, as published.
    """

    def __init__(
        self, network: VideoGenerator, content_seed: int, motion_seed: int, *, other: tuple[int, float] | None = None,
        truncation: float = 1.0, step_size: float | None = None, reach: float = REACH,
    ) -> None:  # fmt: skip
        self._network, self._reach = network, reach
        self._step_size = float(network.step_size) if step_size is None else step_size
        self._motion: Motion = (motion_seed, *(other or (motion_seed, 0.0)))
        numbers, image = seeded(1, content_seed), network.image
        place = image.constant.device
        z = torch.randn(1, image.spec.latent, generator=numbers).to(place)
        self.noise = image.noise(1, numbers)
        with torch.no_grad():
            self._first = image.truncated(image.mapping(z), truncation)
            self._last, self._state = self._first, network.motion.encoder(self._first)
        self._codes = [self._first]

    @torch.no_grad()
    def codes(self, numbers: range) -> Tensor:
        """(K, latent) codes of frames."""
        while sum(map(len, self._codes)) < numbers.stop:
            self._go_on()
        if len(self._codes) > 1:
            self._codes = [torch.cat(self._codes)]
        wanted: Tensor = self._codes[0][numbers.start : numbers.stop : numbers.step]
        return self._folded(wanted)

    @torch.no_grad()
    def pictures(self, numbers: range) -> Tensor:
        """(K, 3, size, size) in [0, 1]. Each is painted by itself, so that its bits do not depend on the others."""
        image = self._network.image
        made = [image.synthesise(code[None], self.noise) for code in self.codes(numbers)]
        return (torch.cat(made) / 2 + 0.5).clamp(0, 1)

    def _go_on(self) -> None:
        """Walk one chunk further."""
        motion, chunk = self._network.motion, sum(map(len, self._codes)) // CHUNK
        eps = self._noise_of(chunk).to(self._first.device)
        codes = []
        for step in eps:
            self._state, way = motion.step(step[None], self._state)
            self._last = motion.next(self._last, way, self._step_size, self._network.image.centre)
            codes.append(self._last)
        self._codes.append(torch.cat(codes))

    def _noise_of(self, chunk: int) -> Tensor:
        """(CHUNK, latent), of variance 1 at any mix of two motions."""
        one, two, part = self._motion
        shape = (CHUNK, self._first.shape[1])
        first = torch.randn(shape, generator=seeded(2, one, chunk))
        if not part:
            return first
        second = torch.randn(shape, generator=seeded(2, two, chunk))
        return torch.lerp(first, second, part) / math.hypot(part, 1 - part)

    def _folded(self, codes: Tensor) -> Tensor:
        """Codes whose distance from the mean, along each component, goes back where it would pass the reach."""
        motion, centre = self._network.motion, self._network.image.centre
        if self._reach == float("inf"):
            return codes
        along = (codes - centre) @ motion.basis.T
        # The content stays as it is, also where it begins far out.
        begin = ((self._first - centre) @ motion.basis.T).abs()
        bound = torch.maximum(self._reach * motion.deviation, begin).clamp_min(1e-12)
        folded = bound - ((along + bound) % (4 * bound) - 2 * bound).abs()
        moved: Tensor = torch.where(along.abs() <= bound, 0, folded - along) @ motion.basis
        return codes + moved
