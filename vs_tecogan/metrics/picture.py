"""Pictures as the metrics take them, and what is derived of one."""

import numpy as np
import numpy.typing as npt

from ..luma import luma as luma_of

type Picture = npt.NDArray[np.uint8]
"""(H, W, 3) RGB, 0 to 255."""
type Plane = npt.NDArray[np.float64]
"""(H, W)."""
type Grey = npt.NDArray[np.uint8]
"""(H, W)."""


def luma(picture: Picture) -> Plane:
    """Official Y of (H, W, 3) uint8 RGB: (H, W) float64 in 16 to 235, not rounded."""
    return luma_of(np.asarray(picture, np.float64))


def grey(picture: Picture) -> Grey:
    """OpenCV's 8-bit grey (.299 R + .587 G + .114 B), on which the official script runs its optical flow."""
    import cv2  # of the extra metrics

    return np.asarray(cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY))


def check_shapes(result: npt.NDArray[np.generic], truth: npt.NDArray[np.generic]) -> None:
    """:raises ValueError: the two arrays differ in shape."""
    if result.shape != truth.shape:
        raise ValueError(
            f"result is {result.shape[1]}x{result.shape[0]}, truth is {truth.shape[1]}x{truth.shape[0]}; "
            "both must have one size"
        )
