"""Metrics of single pictures: Y-PSNR and SSIM, as the official script computes them."""

import math

import numpy as np
import numpy.typing as npt

from ..luma import luma as luma_of

type Picture = npt.NDArray[np.uint8]
"""(H, W, 3) RGB, 0 to 255."""
type Plane = npt.NDArray[np.float64]
"""(H, W)."""

SSIM_WINDOW = 7


def luma(picture: Picture) -> Plane:
    """Official Y of (H, W, 3) uint8 RGB: (H, W) float64 in 16 to 235, not rounded."""
    return luma_of(np.asarray(picture, np.float64))


def grey(picture: Picture) -> npt.NDArray[np.uint8]:
    """OpenCV's 8-bit grey (.299 R + .587 G + .114 B), on which the official script runs its optical flow."""
    import cv2

    return np.asarray(cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY))


def psnr(result: Plane, truth: Plane) -> float:
    """20 log10(255 / RMSE) of two planes on the 0 to 255 scale; infinity where they are equal."""
    check_shapes(result, truth)
    error = float(np.mean(np.square(result - truth)))
    return 10.0 * math.log10(255.0**2 / error) if error else math.inf


def psnr_y(result: Picture, truth: Picture) -> float:
    """PSNR of the official Y in decibels; infinity for equal pictures. No crop.

    :raises ValueError: the pictures differ in size.
    """
    return psnr(luma(result), luma(truth))


def ssim(result: Plane, truth: Plane) -> float:
    """Structural similarity as scikit-image's defaults have it: 7x7 uniform window, sample covariance.

    The data range is that of ``result``, as in the official script; 255 where ``result`` is constant.

    :raises ValueError: the planes differ in size or are smaller than the window.
    """
    import cv2

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


def check_shapes(result: npt.NDArray[np.generic], truth: npt.NDArray[np.generic]) -> None:
    """:raises ValueError: the two arrays differ in shape."""
    if result.shape != truth.shape:
        raise ValueError(
            f"result is {result.shape[1]}x{result.shape[0]}, truth is {truth.shape[1]}x{truth.shape[0]}; "
            "both must have one size"
        )
