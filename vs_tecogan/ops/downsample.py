"""Making an image smaller by a model's own kernel, and what that asks of the image."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .resample import Grid, upsample


def downsample(image: Tensor, scale: int, taps: Sequence[float], first: int) -> Tensor:
    """Separable: output i is the sum of ``taps[k] * input[scale * i + first + k]``; edge clamp, vertical pass first.

    Sums of strided copies: the same bits on a device in any order, and float32 whatever convolutions run in.

    :param image: (N, C, scale * H, scale * W) float32.
    :return:      (N, C, H, W).
    """
    for axis in (2, 3):
        count = image.shape[axis] // scale
        last = image.shape[axis] - 1
        total = None
        for k, weight in enumerate(taps):
            where = torch.arange(count, device=image.device) * scale + (first + k)
            part = image.index_select(axis, where.clamp_(0, last)) * weight
            total = part if total is None else total.add_(part)
        assert total is not None
        image = total
    return image


@dataclass(frozen=True, kw_only=True)
class BackProjection:
    """One step of iterated back-projection (Irani and Peleg 1991): what is missing when made smaller is added.

    :param taps: of the kernel by which the source is taken to be made; their sum is 1.
    """

    scale: int
    taps: tuple[float, ...]
    first: int
    """Place of the first tap, from the HR pixel ``scale * i``."""
    grid: Grid
    """Of the enlargement of what is missing."""

    def smaller(self, picture: Tensor) -> Tensor:
        """(N, C, scale * H, scale * W) -> (N, C, H, W)."""
        return downsample(picture, self.scale, self.taps, self.first)

    def __call__(self, picture: Tensor, source: Tensor) -> Tensor:
        """The picture, closer to its source when made smaller again.

        :param picture: (N, C, scale * H, scale * W) float32; :param source: (N, C, H, W) float32.
        """
        return picture + upsample(source - self.smaller(picture), self.scale, self.grid)
