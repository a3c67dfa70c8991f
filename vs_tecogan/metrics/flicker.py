"""Flicker: what alternates along the motion."""

import numpy as np
import numpy.typing as npt

from .flow import Flow, farneback, warp
from .picture import Grey, Picture, grey


def flicker(before: Picture, current: Picture, after: Picture) -> float:
    """Flicker at one frame: 100 x root mean square of :func:`second_difference`; no crop.

    Brightness that alternates by +a and -a (of 1) on a still picture gives 100 a. Uncovered background counts too, so
    compare with the reference's value or between results. The definition is ours.
    """
    planes = grey(before), grey(current), grey(after)
    back, ahead = farneback(planes[1], planes[0]), farneback(planes[1], planes[2])
    return 100.0 * root_mean_square(second_difference(*planes, back, ahead))


def second_difference(before: Grey, current: Grey, after: Grey, back: Flow, ahead: Flow) -> npt.NDArray[np.float32]:
    """The part of a grey picture that alternates along the motion, in [0, 1] levels.

    h = (2 g_t - W(g_{t-1}, back) - W(g_{t+1}, ahead)) / 4, whose gain is 1 at the frame rate's half and 0 for anything
    that moves steadily.
    """
    centre = np.asarray(current, np.float32)
    return np.asarray((2 * centre - warp(before, back) - warp(after, ahead)) / (4 * 255), np.float32)


def root_mean_square(values: npt.NDArray[np.float32]) -> float:
    """Root of the mean square, summed in double precision."""
    return float(np.sqrt(np.mean(np.square(values), dtype=np.float64)))
