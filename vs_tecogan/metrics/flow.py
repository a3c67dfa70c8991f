"""Optical flow as the official script estimates it, and pictures moved along it."""

import numpy as np
import numpy.typing as npt
import torch

from ..ops.warp import backward_warp
from .picture import Grey

type Flow = npt.NDArray[np.float32]
"""(H, W, 2) in pixels, last axis x, y."""


def farneback(start: Grey, end: Grey) -> Flow:
    """Optical flow from ``start`` to ``end`` with the official script's parameters.

    ``end(p + flow(p))`` resembles ``start(p)``.

    :param start, end: (H, W) uint8.
    :return:           (H, W, 2) float32.
    """
    import cv2  # of the extra metrics

    flow = np.empty((*start.shape, 2), np.float32)
    cv2.calcOpticalFlowFarneback(
        start, end, flow, pyr_scale=0.5, levels=3, winsize=15, iterations=3, poly_n=5, poly_sigma=1.2, flags=0
    )
    return flow


def warp(picture: npt.NDArray[np.generic], flow: Flow) -> npt.NDArray[np.float32]:
    """Fetch ``picture(p + flow(p))``: bilinear, clamped to the border.

    :param picture: (H, W) or (H, W, C).
    :return:        float32 of the same shape.
    """
    planes = np.atleast_3d(np.asarray(picture, np.float32)).transpose(2, 0, 1)
    moved = backward_warp(
        torch.from_numpy(np.ascontiguousarray(planes))[None],
        torch.from_numpy(np.ascontiguousarray(flow.transpose(2, 0, 1)))[None],
        impl="torch",
    )
    return moved[0].permute(1, 2, 0).reshape(picture.shape).numpy()
