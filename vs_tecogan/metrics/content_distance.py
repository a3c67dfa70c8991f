"""Distances of mean colours: from the first picture, and ACD over all pairs of pictures."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .picture import Picture

MOST_FRAMES = 4096
"""Frames that the mean pairwise distance looks at; a longer clip is thinned evenly."""

type Colour = npt.NDArray[np.float64]
"""(3,) mean RGB in [0, 1]."""


def mean_colour(picture: Picture) -> Colour:
    """Average RGB of a picture, (3,) float64 in [0, 1]."""
    return np.asarray(picture.reshape(-1, 3).mean(axis=0, dtype=np.float64) / 255.0)


def content_distance(first: Colour, current: Colour) -> float:
    """100 x Euclidean distance of two mean colours: the curve beside :func:`average_content_distance`."""
    return 100.0 * float(np.linalg.norm(current - first))


def average_content_distance(colours: Sequence[Colour]) -> float:
    """100 x mean distance between the mean colours of all pairs of frames (MoCoGAN's ACD in its colour form).

    0 for a single frame. Published ACD figures for faces use a recognition network instead and do not compare.
    """
    table = np.asarray(colours, np.float64)
    table = table[:: -(-len(table) // MOST_FRAMES)]
    if len(table) < 2:
        return 0.0
    total = sum(float(np.linalg.norm(table[i + 1 :] - table[i], axis=1).sum()) for i in range(len(table) - 1))
    return 100.0 * total / (len(table) * (len(table) - 1) / 2)
