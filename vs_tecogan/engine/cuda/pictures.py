"""Pictures between host planes and the device: packed into pinned bytes as they are, converted by kernels."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ...colour.coding import SAMPLES, ChromaTaps, Coding, Samples, chroma_taps, reading, writing
from ...ops.cuda import Kernels


def nbytes(coding: Coding, height: int, width: int) -> int:
    """Bytes of a picture's planes, packed without gaps."""
    size: int = np.dtype(SAMPLES[coding.sample]).itemsize
    return size * sum(rows * columns for rows, columns in coding.plane_shapes(height, width))


def plane_views(buffer: Tensor, coding: Coding, height: int, width: int) -> list[Samples]:
    """The planes of a packed picture in host memory, (bytes,) uint8, as arrays that share it."""
    flat, start = buffer.numpy().view(SAMPLES[coding.sample]), 0
    views = []
    for rows, columns in coding.plane_shapes(height, width):
        views.append(flat[start : start + rows * columns].reshape(rows, columns))
        start += rows * columns
    return views


def fill(buffer: Tensor, planes: Sequence[Samples], coding: Coding) -> None:
    """Pack host planes into a buffer.

    :raises ValueError: planes of a type or size that ``coding`` does not mean.
    """
    height, width = planes[0].shape
    wanted = np.dtype(SAMPLES[coding.sample])
    for view, plane in zip(plane_views(buffer, coding, height, width), planes, strict=True):
        if plane.dtype != wanted or plane.shape != view.shape:
            raise ValueError(f"plane of {plane.shape} {plane.dtype}; expected {view.shape} {wanted}")
        view[...] = plane


def drain(buffer: Tensor, planes: Sequence[Samples], coding: Coding) -> None:
    """Unpack a buffer into host planes."""
    height, width = planes[0].shape
    for view, plane in zip(plane_views(buffer, coding, height, width), planes, strict=True):
        plane[...] = view


class Converter:
    """Converts packed pictures in device memory from and to RGB (1, 3, H, W) float32.

    Constants are uploaded when a coding and a size are met first, in the queue that reads them: each direction must be
    used in one queue alone.

    :param kernels: of the device.
    """

    def __init__(self, kernels: Kernels) -> None:
        self._kernels = kernels
        self._colours: dict[tuple[Coding, bool], Tensor] = {}
        self._taps: dict[tuple[object, ...], tuple[tuple[Tensor | int | None, ...], ...]] = {}

    def to_rgb(self, packed: Tensor, coding: Coding, rgb: Tensor, *, clamp: bool) -> None:
        """Convert a picture.

        :param packed: (bytes,) uint8; :param rgb: (1, 3, H, W) float32, overwritten.
        :param clamp:  bring R, G and B to [0, 1], NaN to 0.
        """
        height, width = rgb.shape[2:]
        colour, across, down = self._constants(coding, height, width, enlarge=True)
        chroma_width = coding.plane_shapes(height, width)[-1][1]
        self._kernels.launch(
            f"unpack_{coding.sample}", width, height, *self._planes(packed, coding, height, width), rgb, colour,
            *across, *down, height, width, chroma_width, coding.mode, int(clamp),
        )  # fmt: skip

    def from_rgb(self, rgb: Tensor, coding: Coding, packed: Tensor, scratch: Tensor | None) -> None:
        """Convert a picture; integer samples are rounded to the nearest and clamped.

        :param rgb:     (1, 3, H, W) float32; :param packed: (bytes,) uint8, overwritten.
        :param scratch: of :meth:`scratch_shape`, float32; overwritten.
        """
        height, width = rgb.shape[2:]
        colour, across, down = self._constants(coding, height, width, enlarge=False)
        first, second, third = self._planes(packed, coding, height, width)
        sample = coding.sample
        if scratch is None:
            arguments = (rgb, first, second, third, colour, height, width, coding.mode)
            self._kernels.launch(f"pack_{sample}", width, height, *arguments)
            return
        rows, columns = coding.plane_shapes(height, width)[1]
        luma = (rgb, first, scratch, colour, *across, height, width, columns)
        self._kernels.launch(f"pack_rows_{sample}", columns, height, *luma)
        chroma = (scratch, second, third, colour, *down, height, columns)
        self._kernels.launch(f"pack_columns_{sample}", columns, rows, *chroma)

    @staticmethod
    def scratch_shape(coding: Coding, height: int, width: int) -> tuple[int, ...] | None:
        """What :meth:`from_rgb` needs beside: the chroma planes at luma's height; None where nothing."""
        return (2, height, coding.plane_shapes(height, width)[1][1]) if coding.subsampled else None

    def _planes(self, packed: Tensor, coding: Coding, height: int, width: int) -> list[Tensor | None]:
        """Where each plane starts; None for the chroma of a grey picture."""
        size = np.dtype(SAMPLES[coding.sample]).itemsize
        starts: list[Tensor | None] = []
        start = 0
        for rows, columns in coding.plane_shapes(height, width):
            starts.append(packed[start:])
            start += size * rows * columns
        if packed.numel() != start or packed.dtype != torch.uint8:
            raise ValueError(f"picture of {packed.numel()} {packed.dtype}; expected {start} {torch.uint8}")
        return [*starts, None, None][:3]

    def _constants(
        self, coding: Coding, height: int, width: int, enlarge: bool
    ) -> tuple[Tensor, tuple[Tensor | int | None, ...], tuple[Tensor | int | None, ...]]:
        """The numbers of ``Colour``, and the taps across and down as kernels take them."""
        if (coding, enlarge) not in self._colours:
            values = reading(coding) if enlarge else writing(coding)
            self._colours[coding, enlarge] = self._to_device(values)
        geometry = (coding.family, coding.shift_x, coding.shift_y, coding.location, height, width, enlarge)
        if geometry not in self._taps:
            taps = chroma_taps(coding, height, width, enlarge=enlarge)
            self._taps[geometry] = tuple(self._upload(axis) for axis in taps)
        across, down = self._taps[geometry]
        return self._colours[coding, enlarge], across, down

    def _upload(self, taps: ChromaTaps | None) -> tuple[Tensor | int | None, ...]:
        if taps is None:
            return None, None, 0
        return self._to_device(taps.left), self._to_device(taps.weight), taps.count

    def _to_device(self, values: Samples) -> Tensor:
        # from memory that is not pinned: the device has its copy, or CUDA its own, when this returns
        return torch.from_numpy(values).to(self._kernels.device, non_blocking=True)
