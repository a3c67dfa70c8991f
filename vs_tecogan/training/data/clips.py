"""Clips for generators of video: windows cut from a pool of longer clips that come and go, and latents beside them.

A sample is a pure function of the seed and its index. Iteration i takes windows of the clips ``i // refresh`` to
``i // refresh + pool - 1``; each is made once in a process, from its own number.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from ...errors import TrainingError
from .samples import SampleIndex
from .skies import SEASON, skies
from .smoke import HELD_OUT, simulation
from .store import Store

type Pictures = npt.NDArray[np.uint8]
"""(T, H, W, 3) RGB."""
type Footage = Callable[[int], Pictures]
"""Clip of a number."""

SMOKE_START = 20
SMOKE_GAIN = 220
"""Level of a density of 1."""
ENDLESS = 1 << 20
"""Skies of training begin anywhere before this frame."""


@dataclass(frozen=True, kw_only=True)
class ClipSize:
    """Size of a clip."""

    frames: int
    height: int
    width: int


def sky_footage(seed: int, size: ClipSize, season: float = SEASON) -> Footage:
    """Painted skies of seeds from ``HELD_OUT`` on."""

    def clip(number: int) -> Pictures:
        rng = np.random.default_rng([seed, number, 78])
        first = int(rng.integers(ENDLESS))
        sky = HELD_OUT + int(rng.integers(1 << 30))
        return skies(sky, first + np.arange(size.frames), size.height, size.width, season=season)

    return clip


def smoke_footage(seed: int, size: ClipSize) -> Footage:
    """Simulated smoke, in grey, of the middle of a square grid."""

    def clip(number: int) -> Pictures:
        rng = np.random.default_rng([seed, number, 79])
        grid = max(size.height, size.width, 32)
        density = simulation(grid, 2, HELD_OUT + int(rng.integers(1 << 40)), first=SMOKE_START, frames=size.frames)
        levels = (density[:, 0].clamp(0, 1) * SMOKE_GAIN).byte().numpy()
        top, left = (grid - size.height) // 2, (grid - size.width) // 2
        return np.repeat(levels[:, top : top + size.height, left : left + size.width, None], 3, axis=3)

    return clip


def store_footage(seed: int, size: ClipSize, store: Store) -> Footage:
    """Windows of the store's clips, the middle of each frame, made small.

    :raises TrainingError: no clip of the store is long enough.
    """
    long = [clip for clip in store.clips("train") if clip.frames >= size.frames]
    if not long:
        most = max((clip.frames for clip in store.clips("train")), default=0)
        raise TrainingError(f"clips of {size.frames} frames are wanted, the store's longest has {most}; lower "
                            "clip_length and frames, or prepare longer clips")  # fmt: skip

    def clip(number: int) -> Pictures:
        rng = np.random.default_rng([seed, number, 80])
        stored = long[int(rng.integers(len(long)))]
        first = int(rng.integers(stored.frames - size.frames + 1))
        frames = store.hr(stored)[first : first + size.frames]
        height, width = stored.height, stored.width
        if height * size.width > width * size.height:
            height = width * size.height // size.width
        else:
            width = height * size.width // size.height
        top, left = (stored.height - height) // 2, (stored.width - width) // 2
        middle = frames[:, top : top + height, left : left + width]
        return np.stack([cv2.resize(f, (size.width, size.height), interpolation=cv2.INTER_AREA) for f in middle])

    return clip


class VideoClips(Dataset[tuple[Tensor, Tensor]]):
    """Real clips (T, H, W, 3) uint8, and latents for as many generated ones, a sample each.

    :param frames:  of a sample.
    :param footage: where clips come from.
    :param latents: of a seed.
    :param crop: side of a random square of the window, which is cut out; 0 takes whole frames.
    """

    def __init__(
        self, footage: Footage, latents: Callable[[int], Tensor], *, seed: int, frames: int, pool: int, refresh: int,
        crop: int = 0,
    ) -> None:  # fmt: skip
        self._footage, self._latents, self._seed = footage, latents, seed
        self._frames, self._pool, self._refresh, self._crop = frames, pool, refresh, crop
        self._kept: OrderedDict[int, Pictures] = OrderedDict()

    def __getitem__(self, index: SampleIndex) -> tuple[Tensor, Tensor]:
        """A window of a clip, and latents."""
        rng = np.random.default_rng([self._seed, index.iteration, index.position])
        clip = self._clip(index.iteration // self._refresh + int(rng.integers(self._pool)))
        first = int(rng.integers(len(clip) - self._frames + 1))
        window = clip[first : first + self._frames]
        if self._crop:
            top, left = (int(rng.integers(side - self._crop + 1)) for side in window.shape[1:3])
            window = window[:, top : top + self._crop, left : left + self._crop]
        real = torch.from_numpy(np.ascontiguousarray(window))
        return real, self._latents(int(rng.integers(1 << 62)))

    def _clip(self, number: int) -> Pictures:
        if number in self._kept:
            self._kept.move_to_end(number)
        else:
            self._kept[number] = self._footage(number)
            while len(self._kept) > self._pool + 1:
                self._kept.popitem(last=False)
        return self._kept[number]
