"""The baseline: what plain bicubic enlargement makes of a reference's low-resolution version."""

import numpy as np
import torch

from ..degrade import blur_down_picture
from ..ops.resample import upsample_bicubic
from .picture import Picture


def bicubic(low: Picture, scale: int) -> Picture:
    """Enlarge with the models' own skip: legacy grid (LR pixel i on HR pixel scale * i), a = -0.75; rounded to 8 bits.

    :return: (scale * H, scale * W, 3) uint8.
    """
    planes = torch.from_numpy(np.ascontiguousarray(low.transpose(2, 0, 1))).float()[None]
    return quantised(upsample_bicubic(planes, scale)[0].numpy())


def quantised(planes: np.ndarray) -> Picture:
    """(3, H, W) float planes of 0 to 255 as an (H, W, 3) uint8 picture: clamped and rounded."""
    return np.ascontiguousarray(np.rint(np.clip(planes, 0, 255)).astype(np.uint8).transpose(1, 2, 0))


def bicubic_of(truth: Picture, scale: int) -> Picture:
    """The baseline at the reference's own size."""
    return bicubic(blur_down_picture(truth, scale), scale)[: truth.shape[0], : truth.shape[1]]
