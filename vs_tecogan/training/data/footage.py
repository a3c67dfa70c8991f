"""Square clips for generators that make pictures from nothing: of a store's footage, or painted while training.

A sample is a pure function of the seed and its index, as everywhere.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from ...errors import TrainingError
from ..config import Config
from .augment import Pixels, crop, resize_area
from .samples import SampleIndex
from .skies import skies
from .store import Split, Store

HELD_OUT = 1 << 20
"""Skies whose seeds are below this are never trained on."""
LATEST = 1 << 14
"""Skies are seen from frames below this."""

Cut = Callable[[np.random.Generator], Pixels]
"""Makes (T, size, size, 3) of a generator of random numbers."""


@dataclass(frozen=True, kw_only=True)
class ClipShape:
    """What a clip is."""

    size: int
    """Side of its pictures."""
    frames: int = 1
    step: int = 1
    """Frames of the footage between two of the clip."""
    mirror: bool = False
    """Mirror every second clip."""
    scale: tuple[float, float] | None = None
    """Range of the factor by which footage is made smaller; None takes the largest square."""


def from_store(store: Store, shape: ClipShape, split: Split = "train") -> Cut:
    """Squares of a store's footage.

    :raises TrainingError: no clip is long and large enough.
    """
    reach = (shape.frames - 1) * shape.step + 1
    clips = [c for c in store.clips(split) if c.frames >= reach and min(c.height, c.width) >= shape.size]
    if not clips:
        raise TrainingError(
            f"{store.folder}: no {split} clip has {reach} frames of at least {shape.size}x{shape.size} pixels; prepare "
            "with less --downscale, or lower video_frames or frame_step"
        )
    ends = np.cumsum([c.frames - reach + 1 for c in clips])

    def cut(rng: np.random.Generator) -> Pixels:
        start = int(rng.integers(ends[-1]))
        number = int(np.searchsorted(ends, start, side="right"))
        clip, first = clips[number], start - (int(ends[number - 1]) if number else 0)
        side = min(clip.height, clip.width)
        if shape.scale is not None:
            side = min(round(shape.size / rng.uniform(*shape.scale)), side)
        corner = [int(rng.integers(room - side + 1)) for room in (clip.height, clip.width)]
        moments = first + shape.step * np.arange(shape.frames)
        pixels = crop(store.hr(clip), moments, np.broadcast_to(corner, (shape.frames, 2)), side)
        return _mirrored(resize_area(pixels, shape.size), rng, shape)

    return cut


def from_skies(shape: ClipShape, *, held_out: bool = False) -> Cut:
    """Painted skies, each clip of a seed of its own."""

    def cut(rng: np.random.Generator) -> Pixels:
        seed = int(rng.integers(HELD_OUT)) + (0 if held_out else HELD_OUT)
        first = int(rng.integers(LATEST))
        pixels = skies(seed, first + shape.step * np.arange(shape.frames), shape.size, shape.size)
        return _mirrored(pixels, rng, shape)

    return cut


def _mirrored(pixels: Pixels, rng: np.random.Generator, shape: ClipShape) -> Pixels:
    mirror = rng.random() < 0.5 and shape.mirror
    return np.ascontiguousarray(pixels[:, :, ::-1] if mirror else pixels)


def footage(config: Config, store: Store, shape: ClipShape, *, held_out: bool = False) -> Cut:
    """The run's own pictures.

    :param held_out: of the clips that no run trains on.
    :raises TrainingError: the store has no clip that serves.
    """
    if config.style.pictures_from == "skies":
        return from_skies(shape, held_out=held_out)
    return from_store(store, shape, "val" if held_out else "train")


class FootageClips(Dataset[tuple[Tensor, ...]]):
    """Clips of one or several kinds.

    :param cuts: a sample has a tensor of each: (T, 3, size, size) uint8.
    """

    def __init__(self, seed: int, *cuts: Cut) -> None:
        self._seed, self._cuts = seed, cuts

    def __getitem__(self, index: SampleIndex) -> tuple[Tensor, ...]:
        """One sample."""
        rngs = (np.random.default_rng([self._seed, index.iteration, index.position, n]) for n in range(len(self._cuts)))
        made = (cut(rng) for cut, rng in zip(self._cuts, rngs, strict=True))
        return tuple(torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy()) for pixels in made)


def signed(pixels: Tensor) -> Tensor:
    """Bytes as numbers from -1 to 1, as generators make them."""
    return pixels.float() / 127.5 - 1


def shape_of(config: Config, size: int, *, frames: int = 1, step: int = 1) -> ClipShape:
    """A clip as the settings ask for."""
    scale = config.data.random_scale
    return ClipShape(
        size=size, frames=frames, step=step, mirror=config.data.flip == "horizontal",
        scale=(scale[0], scale[1]) if scale else None,
    )  # fmt: skip
