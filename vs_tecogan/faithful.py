"""By which kernel a model's source is taken to be made: for back-projection, and for measuring faithfulness."""

import numpy as np

from .degrade import SIGMA, BlurDown, bicubic_taps
from .ops.downsample import BackProjection
from .ops.resample import Grid


def back_projection(scale: int, phase: str) -> BackProjection:
    """The published kernel of a grid: "BD", a Gaussian, on corners; "BI", antialiased bicubic, on centres.

    :param scale: 2 or 4.
    :param phase: "corner" or "centred", as networks say it.
    """
    if phase == "centred":
        taps = tuple(float(tap) for tap in bicubic_taps(scale))
        # Centred on the middle of the HR pixels of a cell.
        return BackProjection(scale=scale, taps=taps, first=(scale - len(taps)) // 2, grid=Grid.BILINEAR_CENTRED)
    reach = BlurDown().radius
    weights = np.exp(-np.square(np.arange(-reach, reach + 1)) / (2 * SIGMA**2))
    taps = tuple(float(tap) for tap in weights / weights.sum())
    return BackProjection(scale=scale, taps=taps, first=-reach, grid=Grid.BICUBIC_LEGACY)
