"""S(x, t) of LongVideoGAN: how much of the first picture's colours a later one has."""

import numpy as np
import numpy.typing as npt

from .picture import Picture

BINS = 20
"""Histogram bins per colour axis (N of LongVideoGAN)."""

type Histogram = npt.NDArray[np.float64]
"""(BINS ** 3,), sum 1."""


def colour_histogram(picture: Picture) -> Histogram:
    """Normalised three-dimensional RGB histogram with 20 equal bins over 0 to 255 on each axis."""
    bins = (np.arange(256) * BINS) // 256
    index = bins[picture].reshape(-1, 3) @ np.array([BINS * BINS, BINS, 1])
    return np.asarray(np.bincount(index, minlength=BINS**3) / index.size)


def colour_similarity(first: Histogram, current: Histogram) -> float:
    """S(x, t) = sum_i min(H(x_0, i), H(x_t, i)): 1 for equal colours, 0 for disjoint ones (LongVideoGAN)."""
    return float(np.minimum(first, current).sum())
