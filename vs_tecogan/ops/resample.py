"""Upsampling by an integer factor on the two grids that published networks use.

*Legacy* grid (TensorFlow 1 without half-pixel centres): output pixel ``i`` reads at ``i / scale``, so LR pixel ``k``
sits exactly on HR pixel ``scale * k``. *Centred* grid: half-pixel centres, torch's ``align_corners=False``.
"""

from collections.abc import Callable
from enum import IntEnum

import torch
import torch.nn.functional as F
from torch import Tensor

CUBIC_A = -0.75
"""Keys' parameter of the bicubic in TensorFlow's resize and TecoGAN-PyTorch's BicubicUpsampler."""


def cubic_taps(phase: float, a: float = CUBIC_A) -> tuple[float, float, float, float]:
    """Keys' four weights for the samples at -1, 0, 1, 2 around a position ``phase`` in [0, 1)."""
    near = [((a + 2) * d - (a + 3)) * d * d + 1 for d in (phase, 1 - phase)]
    far = [((a * d - 5 * a) * d + 8 * a) * d - 4 * a for d in (1 + phase, 2 - phase)]
    return far[0], near[0], near[1], far[1]


def upsample_bicubic(image: Tensor, scale: int) -> Tensor:
    """Bicubic on the legacy grid, a = -0.75, edge clamp, vertical pass first.

    Source: TecoGAN ``lib/ops.py`` (bicubic_four) and TecoGAN-PyTorch ``BicubicUpsampler``.

    :param image: (N, C, H, W).
    :return:      (N, C, scale * H, scale * W), same dtype.
    """
    # Sums of shifted copies rather than a convolution: autocast would run that in half precision.
    taps = torch.tensor([cubic_taps(k / scale) for k in range(scale)], dtype=image.dtype, device=image.device)
    n, c, h, w = image.shape
    padded = torch.cat((image[:, :, :1], image, image[:, :, -1:], image[:, :, -1:]), dim=2)[:, :, :, None]
    rows = sum_taps([padded[:, :, k : k + h] for k in range(4)], taps[:, :, None]).reshape(n, c, h * scale, w)
    padded = torch.cat((rows[..., :1], rows, rows[..., -1:], rows[..., -1:]), dim=3)[..., None]
    return sum_taps([padded[:, :, :, k : k + w] for k in range(4)], taps).reshape(n, c, h * scale, w * scale)


def sum_taps(samples: list[Tensor], taps: Tensor) -> Tensor:
    """Weighted sum of four samples; ``taps`` is (scale, 4) or (scale, 4, 1), broadcast against the last axes."""
    return samples[0] * taps[:, 0] + samples[1] * taps[:, 1] + samples[2] * taps[:, 2] + samples[3] * taps[:, 3]


def upsample_bilinear(image: Tensor, scale: int) -> Tensor:
    """Bilinear on the legacy grid (TF1 ``resize_bilinear``, ``align_corners=False``), edge clamp.

    :param image: (N, C, H, W).
    :return:      (N, C, scale * H, scale * W), same dtype.
    """
    n, c, h, w = image.shape
    phase = torch.arange(scale, dtype=image.dtype, device=image.device) / scale
    below = torch.cat((image[:, :, 1:], image[:, :, -1:]), dim=2)
    rows = torch.lerp(image[:, :, :, None], below[:, :, :, None], phase[:, None]).reshape(n, c, h * scale, w)
    right = torch.cat((rows[..., 1:], rows[..., -1:]), dim=3)
    return torch.lerp(rows[..., None], right[..., None], phase).reshape(n, c, h * scale, w * scale)


def upsample_bilinear_centred(image: Tensor, scale: int) -> Tensor:
    """Bilinear with half-pixel centres (torch ``align_corners=False``).

    :param image: (N, C, H, W).
    :return:      (N, C, scale * H, scale * W), same dtype.
    """
    return F.interpolate(image, scale_factor=scale, mode="bilinear", align_corners=False)


class Grid(IntEnum):
    """How an enlarged image reads the small one. Values as in csrc/resample.h."""

    BICUBIC_LEGACY = 0
    BILINEAR_LEGACY = 1
    BILINEAR_CENTRED = 2


def upsample(image: Tensor, scale: int, grid: Grid) -> Tensor:
    """The upsampler of a grid: (N, C, H, W) -> (N, C, scale * H, scale * W), same dtype."""
    if grid == Grid.BICUBIC_LEGACY:
        return upsample_bicubic(image, scale)
    return upsample_bilinear(image, scale) if grid == Grid.BILINEAR_LEGACY else upsample_bilinear_centred(image, scale)


def upsample_by_products(image: Tensor, scale: int, upsampler: Callable[[Tensor, int], Tensor]) -> Tensor:
    """As ``upsampler(image, scale)`` for any separable upsampler of this module, with gradients.

    Two matrix products instead of many passes of shifted sums, above all in the backward pass. For the sizes of
    training: the work of the products grows with the cube of the side.

    :param image: (N, C, H, W).
    :return:      (N, C, scale * H, scale * W) float32.
    """
    height, width = image.shape[-2:]
    with torch.autocast(image.device.type, enabled=False):
        rows, columns = (_matrix(size, scale, upsampler, image.device) for size in (height, width))
        return rows @ image.float() @ columns.T


def _matrix(size: int, scale: int, upsampler: Callable[[Tensor, int], Tensor], device: torch.device) -> Tensor:
    """(scale * size, size): what each sample contributes to each enlarged one along one axis."""
    unit = torch.eye(size, device=device)[None, :, :, None]
    return upsampler(unit, scale)[0, :, :, 0].T
