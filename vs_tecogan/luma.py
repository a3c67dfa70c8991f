"""Y of RGB pictures, as published results on this task compute it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from torch import Tensor

WEIGHTS = (0.256788235294118, 0.504129411764706, 0.097905882352941)
"""BT.601 studio swing of 8-bit RGB, as in TecoGAN ``metrics.py``; 16 is added."""


@overload
def luma[T: np.floating](rgb: npt.NDArray[T], *, channels: int = -1, peak: float = 255.0) -> npt.NDArray[T]: ...


@overload
def luma(rgb: Tensor, *, channels: int = -1, peak: float = 255.0) -> Tensor: ...


def luma(rgb: Any, *, channels: int = -1, peak: float = 255.0) -> Any:
    """Y = 16 + .2568 R + .5041 G + .0979 B, in 16 to 235, not rounded.

    :param rgb: NumPy array or tensor of floats; integers would wrap.
    :param channels: the axis of R, G, B, counted from the end: -1 for (..., H, W, 3), -3 for (..., 3, H, W).
    :param peak: value of white: 255 for 8-bit levels, 1 for pictures in [0, 1].
    :return: ``rgb`` without that axis, of the same type and dtype.
    """
    after = (slice(None),) * (-1 - channels)
    red, green, blue = (rgb[(..., k, *after)] * (weight * (255.0 / peak)) for k, weight in enumerate(WEIGHTS))
    return red + green + blue + 16.0
