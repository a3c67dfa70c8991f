"""How strong a degradation is: ranges, and values that move slowly over a clip; and the 8 bits of files."""

import numpy as np
import numpy.typing as npt

from ...degrade import Frames

Range = tuple[float, float]

DRIFT = 0.15
"""Largest change of a parameter over one clip, as a share of its range."""


def drift(rng: np.random.Generator, limits: Range, count: int) -> npt.NDArray[np.float64]:
    """``count`` values inside ``limits`` that move slowly from a random start."""
    low, high = limits
    start = rng.uniform(low, high)
    end = np.clip(start + rng.uniform(-DRIFT, DRIFT) * (high - low), low, high)
    return np.linspace(start, end, count)


def to_bytes(frames: Frames) -> npt.NDArray[np.uint8]:
    """Round to 8 bits."""
    return np.rint(np.clip(frames, 0, 1) * 255).astype(np.uint8)
