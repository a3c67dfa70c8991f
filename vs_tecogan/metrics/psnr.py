"""Y-PSNR, as the official script computes it."""

import math

import numpy as np

from .picture import Picture, Plane, check_shapes, luma


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
