"""Images to and from the host's planes, whose rows lie any distance apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from . import native
from .native import Impl

Plane = np.ndarray[Any, np.dtype[np.float32]]
"""One image plane, float32 (H, W), any row stride; the samples of a row lie side by side."""


def read_planes(
    planes: Sequence[Plane], *, clamp: bool = False, impl: Impl = "auto", threads: int | None = None, level: int = 0
) -> Tensor:
    """Three float32 planes (H, W) -> (1, 3, H, W) on the CPU; ``clamp``: to [0, 1], NaN as 0.

    :raises ValueError: planes of different sizes, or of another type.
    """
    h, w = planes[0].shape
    image = torch.empty(1, 3, h, w)
    if native.chosen(impl, image):
        native.call("read_planes", (list(planes), image.data_ptr(), h, w, clamp), threads, level)
        return image
    values = torch.from_numpy(np.stack(planes)[None])
    return values.nan_to_num_(0.0, 1.0, 0.0).clamp_(0.0, 1.0) if clamp else values


def write_planes(
    image: Tensor, planes: Sequence[Plane], *, impl: Impl = "auto", threads: int | None = None, level: int = 0
) -> None:
    """(1, 3, H, W) float32 -> three writable float32 planes (H, W).

    :raises ValueError: planes of another size or type.
    """
    _, _, h, w = image.shape
    if native.chosen(impl, image):
        source = native.address("image", image, (1, 3, h, w))
        native.call("write_planes", (source, list(planes), h, w, False), threads, level)
        return
    for plane, values in zip(planes, image[0].cpu().numpy(), strict=True):
        plane[...] = values


@dataclass(frozen=True, kw_only=True)
class PictureLayout:
    """How :func:`pack_picture` writes; numbers as csrc/color.h takes them.

    Taps are None where an axis keeps its size, else the first sample and the weights of each shrunk one: int32
    (length,), and float32 (count, length) ``across`` but (length, count) ``down``.
    """

    sample: int
    """0 uint8, 1 uint16, 2 float16, 3 float32."""
    mode: int
    """0 grey, 1 RGB, 2 luma and two colour differences."""
    shapes: tuple[tuple[int, int], ...]
    """(rows, columns) of each plane; the first is the image's."""
    colour: np.ndarray[Any, np.dtype[np.float32]]
    """(16,): see ``Colour``."""
    across: tuple[Any, Any] | None = None
    down: tuple[Any, Any] | None = None


def pack_picture(
    image: Tensor, planes: Sequence[Any], layout: PictureLayout, *, threads: int | None = None, level: int = 0
) -> None:
    """RGB -> coded planes, in one pass: matrix, chroma shrunk, range, rounding to the nearest.

    :param image:  (1, 3, H, W) float32.
    :param planes: writable arrays of the layout's shapes and samples, any row stride.
    :raises ValueError: planes, taps or numbers that do not fit the layout.
    """
    height, width = layout.shapes[0]
    source = native.address("image", image, (1, 3, height, width))
    coding = (layout.sample, layout.mode, layout.colour, layout.across, layout.down)
    native.call("pack", (source, list(planes), list(layout.shapes), *coding), threads, level)
