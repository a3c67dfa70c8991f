"""Temporal noise of LongVideoGAN: a latent for every frame of an endless video, by seed and frame number alone.

White noise in a few channels goes through a bank of low-pass filters, from quick to slow ones. So a latent holds what
changes within a second as well as what stays for minutes (Brooks et al. 2022).
"""

import math
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

BETA = 9.4
"""Of the Kaiser windows; of a low-pass of one cycle per footprint whose transition is six times as wide."""
BANDS = 8
"""Filters of similar footprint are applied together."""
BEFORE = 1 << 40
"""Frames before frame 0 that have noise."""

type Noise = npt.NDArray[np.float64]
"""(T, channels)."""


def white_noise(seed: int, first: int, count: int, channels: int, *, period: int = 0) -> Noise:
    """Normal random numbers; those of a frame depend on the seed and its number alone (Philox, a counter-based RNG).

    :param first:  number of the first frame, from ``-BEFORE``.
    :param period: frames after which the numbers repeat; 0 is never.
    """
    if period and count >= period:
        base = _numbers(seed, 0, period, channels)
        return np.asarray(base[np.arange(first, first + count) % period])
    if period:
        begin = first % period
        until = min(count, period - begin)
        parts = _numbers(seed, begin, until, channels), _numbers(seed, 0, count - until, channels)
        return np.concatenate(parts)
    return _numbers(seed, first, count, channels)


def _numbers(seed: int, first: int, count: int, channels: int) -> Noise:
    blocks = -(-channels // 4)  # a block of Philox gives four numbers
    bits = np.random.Philox(key=seed, counter=(first + BEFORE) * blocks).random_raw(count * blocks * 4)
    uniform = ((bits >> np.uint64(11)).astype(np.float64) + 0.5).reshape(count, blocks * 2, 2) * 2.0**-53
    radius, angle = np.sqrt(-2 * np.log(uniform[..., 0])), 2 * math.pi * uniform[..., 1]
    return np.stack((radius * np.cos(angle), radius * np.sin(angle)), -1).reshape(count, -1)[:, :channels]


def footprints(filters: int, shortest: int, longest: int) -> list[int]:
    """Odd numbers of frames, spaced evenly by their logarithm."""
    return [2 * round(frames / 2) + 1 for frames in np.geomspace(shortest, longest, filters)]


def low_pass(frames: int) -> Noise:
    """(frames,) Kaiser-windowed low-pass of one cycle per footprint, of unit energy: white noise keeps its variance."""
    at = (np.arange(frames) - (frames - 1) / 2) / frames
    taps = np.sinc(2 * at) * np.kaiser(frames, BETA)
    return np.asarray(taps / np.sqrt(np.square(taps).sum()))


@cache
def _bands(filters: int, shortest: int, longest: int) -> tuple[Tensor, ...]:
    """Kernels (n, 1, taps), centred: each band's padded to its longest."""
    bank = [low_pass(frames) for frames in footprints(filters, shortest, longest)]
    size = -(-filters // BANDS)
    bands = []
    for begin in range(0, filters, size):
        band = bank[begin : begin + size]
        taps = max(len(one) for one in band)
        rows = [np.pad(one, (taps - len(one)) // 2) for one in band]
        bands.append(torch.from_numpy(np.stack(rows)).float()[:, None])
    return tuple(bands)


def enriched_noise(
    seed: int, first: int, count: int, *, channels: int, filters: int, shortest: int, longest: int, period: int = 0
) -> Tensor:
    """Latents of a window of frames, of unit variance.

    :param first:  number of the first frame.
    :param period: frames after which everything repeats; 0 is never. Filters that are longer wrap around.
    :return: (count, channels * filters) float32.
    """
    if 0 < period < footprints(filters, shortest, longest)[-1]:
        return _wrapped(seed, first, count, channels, _circular(filters, shortest, longest, period), period)
    parts = []
    for kernels in _bands(filters, shortest, longest):
        reach = kernels.shape[-1] // 2
        noise = white_noise(seed, first - reach, count + 2 * reach, channels, period=period)
        rows = torch.from_numpy(noise.T.copy()).float()[:, None]
        parts.append(F.conv1d(rows, kernels))  # (channels, n, count)
    return torch.cat(parts, 1).permute(2, 1, 0).reshape(count, -1)


def _wrapped(seed: int, first: int, count: int, channels: int, responses: Tensor, period: int) -> Tensor:
    """The same on a circle that is shorter than the slowest filter.

    :param responses: (filters, period // 2 + 1) of the wrapped filters.
    """
    spectrum: Tensor = torch.fft.rfft(torch.from_numpy(white_noise(seed, 0, period, channels)).T)
    rows: Tensor = torch.fft.irfft(spectrum * responses[:, None], n=period)  # (filters, channels, period)
    places = torch.arange(first, first + count) % period
    taken: Tensor = rows[:, :, places]
    return taken.permute(2, 0, 1).reshape(count, -1).float()


@lru_cache(maxsize=4)
def _circular(filters: int, shortest: int, longest: int, period: int) -> Tensor:
    """(filters, period // 2 + 1): responses of the filters, wrapped onto a circle and brought to unit energy again."""
    rows = []
    for frames in footprints(filters, shortest, longest):
        taps = np.bincount((np.arange(frames) - frames // 2) % period, low_pass(frames), minlength=period)
        rows.append(torch.fft.rfft(torch.from_numpy(taps / np.sqrt(np.square(taps).sum()))))
    return torch.stack(rows)
