"""Optical flow without weights: from a coarse picture to the frame, refined on every level.

Each level halves the one above. The coarsest starts from zero motion; every finer one starts from the flow below,
enlarged, and refines it against the frames (:mod:`~vs_tecogan.ops.refine`). A step on a coarse level covers motion that
no step on the frame itself would reach (Lucas and Kanade 1981; pyramids after Bouguet 2000).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from .native import Impl
from .refine import refine_flow

SMALLEST = 12
"""Pixels of a level's shorter side below which no coarser level follows."""
MOST_LEVELS = 5
"""Including the frame itself: motion of some 16 times a refinement's reach."""


def pyramid_flow(
    previous: Tensor,
    current: Tensor,
    rounds: int,
    *,
    impl: Impl = "auto",
    threads: int | None = None,
    level: int = 0,
) -> Tensor:
    """Flow with ``current(p) = previous(p + flow(p))``, found without weights; no gradient.

    :param previous, current: (N, 3, H, W), nominally in [0, 1].
    :param rounds: of refinement on the frame itself; coarser levels take one each.
    :param impl:   see :data:`~vs_tecogan.ops.native.Impl`; ``threads`` and ``level`` are the extension's.
    :return:       (N, 2, H, W) float32, pixels, channel 0 = x.
    """
    with torch.no_grad():
        pairs = [(previous.float(), current.float())]
        for _ in range(levels(*current.shape[-2:]) - 1):
            above = pairs[-1]
            pairs.append((halve(above[0]), halve(above[1])))
        flow = pairs[0][1].new_zeros(current.shape[0], 2, *pairs[-1][1].shape[-2:])
        for number, (before, now) in enumerate(reversed(pairs)):
            if number:
                flow = double(flow, *now.shape[-2:])
            last = number == len(pairs) - 1
            flow = refine_flow(before, now, flow, rounds if last else 1, impl=impl, threads=threads, level=level)
        return flow


def levels(height: int, width: int) -> int:
    """How many levels a frame of this size has, itself included."""
    count = 1
    while count < MOST_LEVELS and min(height, width) >> count >= SMALLEST:
        count += 1
    return count


def halve(image: Tensor) -> Tensor:
    """Mean of 2x2 pixels; an odd last row or column is left out. (N, C, H, W) -> (N, C, H // 2, W // 2)."""
    return F.avg_pool2d(image, 2)


def double(flow: Tensor, height: int, width: int) -> Tensor:
    """Flow of a level on the next finer one: twice the size and twice as long; what is left out there repeats.

    :param flow: (N, 2, H // 2, W // 2).
    :return:     (N, 2, H, W).
    """
    large = F.interpolate(flow * 2, scale_factor=2, mode="bilinear", align_corners=False)
    right, bottom = width - large.shape[3], height - large.shape[2]
    return F.pad(large, (0, right, 0, bottom), mode="replicate") if right or bottom else large
