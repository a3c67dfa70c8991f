"""SSIM of the luma, as the official script computes it."""

import numpy as np

from .picture import Picture, Plane, check_shapes, luma

SSIM_WINDOW = 7
"""Pixels a side."""


def ssim(result: Plane, truth: Plane) -> float:
    """Structural similarity as scikit-image's defaults have it: 7x7 uniform window, sample covariance.

    The data range is that of ``result``, as in the official script; 255 where ``result`` is constant.

    :raises ValueError: the planes differ in size or are smaller than the window.
    """
    import cv2  # of the extra metrics

    check_shapes(result, truth)
    if min(result.shape) < SSIM_WINDOW:
        raise ValueError(f"a picture of {result.shape[1]}x{result.shape[0]}; SSIM needs {SSIM_WINDOW} pixels a side")

    def mean(plane: Plane) -> Plane:
        edge = SSIM_WINDOW // 2
        return np.asarray(cv2.blur(plane, (SSIM_WINDOW, SSIM_WINDOW)), np.float64)[edge:-edge, edge:-edge]

    data_range = float(result.max() - result.min()) or 255.0
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    sample = SSIM_WINDOW**2 / (SSIM_WINDOW**2 - 1)
    # Variances from values near zero: the difference of large squares would lose digits.
    offset = float(truth.mean())
    x, y = result - offset, truth - offset
    mx, my = mean(x), mean(y)
    vx, vy, vxy = (
        sample * (mean(p * q) - mp * mq) for p, q, mp, mq in ((x, x, mx, mx), (y, y, my, my), (x, y, mx, my))
    )
    mx, my = mx + offset, my + offset
    return float(np.mean((2 * mx * my + c1) * (2 * vxy + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))))


def ssim_y(result: Picture, truth: Picture) -> float:
    """SSIM of the official Y, -1 to 1. No crop.

    :raises ValueError: the pictures differ in size or are smaller than 7x7.
    """
    return ssim(luma(result), luma(truth))
