"""What a model is to make of a source at a strength between 0 and 1: the faults, kept in part.

At strength 1 the target is the clean original. At 0 it is the original with the faults that the low resolution has over
a clean one, enlarged as a plain scaler would: what was grain or a block there is grain or a block of the same size
here. Made smaller again that target is the source, as far as enlarging and making smaller undo each other.
"""

from dataclasses import dataclass

import numpy as np
import torch

from ...degrade import BlurDown, Frames
from ...ops import upsample_bicubic
from .augment import Pixels


@dataclass(frozen=True, kw_only=True)
class Inner:
    """The square of a window that belongs to its low resolution, HR pixels."""

    top: int
    left: int
    side: int

    def of(self, window: Pixels, margin: int = 0) -> Pixels:
        """That square of frames (T, H, W, 3), with so many pixels more on each side."""
        rows, columns = (slice(first - margin, first + self.side + margin) for first in (self.top, self.left))
        return window[:, rows, columns]


def faulty_target(lr: Frames, window: Pixels, inner: Inner, scale: int, strength: float) -> Pixels:
    """The original with the part ``1 - strength`` of the faults of its low resolution.

    :param lr:     (T, h, w, 3) float32 in [0, 1], on the corner grid.
    :param window: HR frames (T, H, W, 3), with the margin of :class:`~vs_tecogan.degrade.BlurDown` about ``inner``.
    :return:       (T, scale * h, scale * w, 3) uint8.
    """
    clean = BlurDown()
    wide = inner.of(window, clean.margin(scale)).astype(np.float32) / np.float32(255)
    faults = lr - clean(wide, scale, np.random.default_rng(0))
    enlarged = upsample_bicubic(torch.from_numpy(faults).permute(0, 3, 1, 2), scale).permute(0, 2, 3, 1).numpy()
    target = inner.of(window).astype(np.float32) + np.float32(255 * (1 - strength)) * enlarged
    return np.rint(np.clip(target, 0, 255)).astype(np.uint8)
