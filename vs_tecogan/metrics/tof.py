"""tOF: how far the motion of a result is from that of the truth."""

import numpy as np

from .flow import Flow, farneback
from .picture import Picture, check_shapes, grey


def flow_distance(result: Flow, truth: Flow) -> float:
    """Mean over pixels of the Euclidean distance between two flow fields."""
    check_shapes(result, truth)
    return float(np.mean(np.linalg.norm(result - truth, axis=-1), dtype=np.float64))


def tof(prev_truth: Picture, truth: Picture, prev_result: Picture, result: Picture) -> float:
    """tOF of one step: how far the result's motion is from the truth's, in pixels; no crop.

    :param prev_truth, truth, prev_result, result: (H, W, 3) uint8 RGB.
    :raises ValueError: the sizes differ.
    """
    check_shapes(result, truth)
    return flow_distance(farneback(grey(prev_result), grey(result)), farneback(grey(prev_truth), grey(truth)))
