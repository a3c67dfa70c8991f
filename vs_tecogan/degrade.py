"""How published work makes low-resolution frames of high-resolution ones: "BD" (blur) and "BI" (bicubic).

A degradation takes float32 frames (T, H, W, 3) in [0, 1] that carry ``margin(scale)`` extra HR pixels on each side and
returns the LR frames of the inner part, so every filter runs on real neighbours. Degradations are frozen dataclasses:
their fields are their parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Frames = npt.NDArray[np.float32]
"""(T, H, W, 3) in [0, 1]."""

SIGMA = 1.5
"""Of the published blur, in HR pixels, for x2 as for x4."""


class Degradation(Protocol):
    """HR frames with margin -> LR frames without."""

    def margin(self, scale: int) -> int:
        """HR pixels needed beyond each edge of the crop; a multiple of ``scale``."""
        ...

    def __call__(self, hr: Frames, scale: int, rng: np.random.Generator) -> Frames:
        """(T, sH + 2m, sW + 2m, 3) -> (T, H, W, 3), both float32 in [0, 1]."""
        ...


@dataclass(frozen=True, kw_only=True)
class BlurDown:
    """ "BD" as published for training: Gaussian blur, then every ``scale``-th pixel from offset 0.

    9 x 9 taps at sigma 1.5, for x2 as for x4 (TecoGAN ``lib/ops.py``, ``lib/dataloader.py``). LR pixel i sits on HR
    pixel ``scale * i``.
    """

    sigma: float = SIGMA
    quantise: bool = False
    """Round to 8 bits, which the published training does not. A model that undoes so much blur amplifies the rounding
    of real files where it has never seen it, most visibly at x2."""

    @property
    def radius(self) -> int:
        """Taps on each side of the centre: 4 for sigma 1.5."""
        return int(3 * self.sigma)

    def margin(self, scale: int) -> int:
        """The radius, up to the next multiple of the scale: 4 as published."""
        return -(-self.radius // scale) * scale

    def __call__(self, hr: Frames, scale: int, rng: np.random.Generator) -> Frames:
        """Bit-exact to OpenCV's float path on the whole frame."""
        margin, taps = self.margin(scale), 2 * self.radius + 1
        inner = slice(margin, -margin or None)
        lr = np.stack([_blur_and_pick(frame, self.sigma, taps, scale, inner) for frame in hr])
        return rounded(lr) if self.quantise else lr


def blur_down_picture(picture: npt.NDArray[np.uint8], scale: int) -> npt.NDArray[np.uint8]:
    """ "BD" as published for test files: the blur in 8 bits, then every ``scale``-th pixel from offset 0.

    OpenCV's 8-bit path, automatic kernel, default border: reproduces the published low-resolution files bit by bit.

    :param picture: (H, W, 3) uint8.
    :return: (ceil(H / scale), ceil(W / scale), 3) uint8.
    """
    return _blur_and_pick(picture, SIGMA, 0, scale, slice(None))


def _blur_and_pick[T: np.generic](
    picture: npt.NDArray[T], sigma: float, taps: int, scale: int, inner: slice
) -> npt.NDArray[T]:
    """Blur, cut both sides to ``inner``, and take every ``scale``-th pixel; 0 taps: as many as OpenCV thinks right."""
    import cv2  # of the extras train and metrics

    blurred = np.asarray(cv2.GaussianBlur(np.ascontiguousarray(picture), (taps, taps), sigma), picture.dtype)
    return np.ascontiguousarray(blurred[inner, inner][::scale, ::scale])


@dataclass(frozen=True, kw_only=True)
class BicubicDown:
    """ "BI": antialiased bicubic as MATLAB's ``imresize`` (a = -0.5, kernel widened by the scale), centred grid."""

    quantise: bool = True
    """Round to 8 bits, as the published LR files were."""

    def margin(self, scale: int) -> int:
        """Half the kernel's width."""
        return 2 * scale

    def __call__(self, hr: Frames, scale: int, rng: np.random.Generator) -> Frames:
        """Separable, vertical pass first."""
        taps = bicubic_taps(scale)
        lr = _stride_filter(_stride_filter(hr, taps, scale, axis=1), taps, scale, axis=2)
        lr = np.clip(lr, 0, 1)
        return rounded(lr) if self.quantise else lr


def rounded(frames: Frames) -> Frames:
    """To the nearest of 256 levels, as 8-bit files hold them."""
    return (np.rint(frames * 255) / np.float32(255)).astype(np.float32)


def bicubic_taps(scale: int) -> npt.NDArray[np.float32]:
    """The 4 * scale weights of antialiased bicubic downscaling for even ``scale``; their sum is 1."""
    distance = np.abs((np.arange(4 * scale) - (4 * scale - 1) / 2) / scale)
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
    weights = np.where(distance <= 1, near, np.where(distance < 2, far, 0))
    result: npt.NDArray[np.float32] = (weights / weights.sum()).astype(np.float32)
    return result


def _stride_filter(frames: Frames, taps: npt.NDArray[np.float32], scale: int, axis: int) -> Frames:
    # Output i reads the taps centred on input margin + (i + 1/2) * scale - 1/2, margin = 2 * scale.
    count = frames.shape[axis] // scale - 4
    first = 2 * scale + scale // 2 - len(taps) // 2
    picked = np.moveaxis(frames, axis, 0)
    total = sum(picked[first + k : first + k + count * scale : scale] * weight for k, weight in enumerate(taps))
    return np.moveaxis(np.asarray(total, np.float32), 0, axis)
