"""Clips enlarged by the paper's second stage of LongVideoGAN, painted ones beside what they were made small of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch

from vs_tecogan.networks import LongVideo, LongVideoSR
from vs_tecogan.training.objectives.clip_scores import generated
from vs_tecogan.training.objectives.long_video_sr import enlarged_clip, reduced

type Clip = npt.NDArray[np.uint8]


def painted_pair(
    footage: Callable[[int, range, int], Clip], second: LongVideoSR, seed: int, frames: int
) -> tuple[Clip, Clip]:  # fmt: skip
    """A painted clip made small and enlarged again, and the clip itself.

    :param footage: by seed, frames and factor on the sides.
    """
    reach, scale = second.spec.reach, second.spec.scale
    clip = footage(seed, range(-reach, frames + reach), scale)
    small = reduced(torch.from_numpy(clip).permute(0, 3, 1, 2)[None] / 127.5 - 1, scale)
    return enlarged_clip(second, small, seed), clip[reach : reach + frames]


def generated_large(network: LongVideo, second: LongVideoSR, seed: int, first: int, frames: int) -> Clip:
    """(frames, H, W, 3) uint8 of a seed's video, by both stages."""
    reach = second.spec.reach
    small = generated(network, seed, first - reach, frames + 2 * reach)
    return enlarged_clip(second, torch.from_numpy(small).permute(0, 3, 1, 2)[None] / 127.5 - 1, seed)
