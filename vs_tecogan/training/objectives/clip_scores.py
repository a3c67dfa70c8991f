"""How near generated clips come to footage, as two sets: how fast colours change, and FD-random3d."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...metrics.colour_similarity import colour_histogram, colour_similarity
from ...metrics.random_features import Clip, random_frechet_distance
from ...networks.longvideo import LongVideo

SPAN = 64
"""Frames that are generated at a time."""


@dataclass(frozen=True, kw_only=True)
class ClipScores:
    """Of a set of generated clips beside one of real clips."""

    similarity: float
    """S(x, t) from the first to the last frame, mean over the generated clips."""
    real_similarity: float
    """The same of the real ones."""
    distance: float
    """FD-random3d."""

    def named(self) -> dict[str, float]:
        """As they are logged."""
        return {"similarity": self.similarity, "real_similarity": self.real_similarity, "distance": self.distance}


def compare_clips(made: Sequence[Clip], real: Sequence[Clip]) -> ClipScores:
    """Scores of clips of one size and length."""
    last = [len(real[0]) - 1]
    return ClipScores(
        similarity=float(similarities(made, last).mean()),
        real_similarity=float(similarities(real, last).mean()),
        distance=random_frechet_distance(made, real),
    )


def similarities(clips: Iterable[Clip], times: Sequence[int]) -> npt.NDArray[np.float64]:
    """(N, len(times)): S(x, t) between the first frame of each clip and those of these numbers."""
    rows = []
    for clip in clips:
        first = colour_histogram(clip[0])
        rows.append([colour_similarity(first, colour_histogram(clip[time])) for time in times])
    return np.array(rows)


def generated_clips(network: LongVideo, seeds: Iterable[int], frames: int) -> list[Clip]:
    """A video of each seed, from frame 0."""
    return [generated(network, seed, 0, frames) for seed in seeds]


@torch.no_grad()
def generated(network: LongVideo, seed: int, first: int, count: int, *, period: int = 0) -> Clip:
    """(count, H, W, 3) uint8."""
    device, parts = network.constant.device, []
    for begin in range(first, first + count, SPAN):
        size = min(SPAN, first + count - begin)
        latents = network.latents(seed, begin, size, period=period).to(device)
        parts.append(levels(network(latents[None], begin, size)[0]))
    return np.concatenate(parts)


def levels(frames: Tensor) -> Clip:
    """(T, 3, H, W) in [-1, 1] as (T, H, W, 3) uint8."""
    bytes_: Clip = (frames * 127.5 + 127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()
    return bytes_
