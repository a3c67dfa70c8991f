"""The motion of real pairs as a classical method sees it: what FNet is held against where the truth is unknown.

The warp loss alone says little about motion where a picture is smooth, and nothing beyond a few pixels. Dense inverse
search (DIS, Kroeger et al. 2016), at HR, sees far more than FNet can be told by it.
"""

import cv2
import numpy as np
import numpy.typing as npt

from .augment import Pixels

Flow = npt.NDArray[np.float32]
FINEST = 1
"""DIS stops at half size: noise below that is not motion."""


def dis_flow(current: Pixels, previous: Pixels, scale: int, *, centred: bool) -> Flow:
    """Flow from ``current`` back to ``previous`` on the LR grid.

    :param current, previous: (H, W, 3) uint8 HR, at least 16 pixels a side, multiples of ``scale``.
    :param centred: LR pixels sit in the middle of their HR blocks (BI), not on the first pixel (BD).
    :return:        (H / scale, W / scale, 2) float32, x and y in LR pixels: the mean around each LR pixel.
    """
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    search.setFinestScale(FINEST)
    planes = [cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY) for frame in (current, previous)]
    still = np.zeros((*planes[0].shape, 2), np.float32)
    flow = np.asarray(search.calc(planes[0], planes[1], still), np.float32) / np.float32(scale)
    if centred:
        height, width = flow.shape[:2]
        return np.asarray(cv2.resize(flow, (width // scale, height // scale), interpolation=cv2.INTER_AREA))
    return np.ascontiguousarray(cv2.blur(flow, (scale + 1, scale + 1))[::scale, ::scale])
