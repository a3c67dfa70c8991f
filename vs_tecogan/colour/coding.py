"""What an engine needs to know to convert pictures between their coded planes and RGB, as zimg would on the host.

All of it is numbers for ``csrc/color.h``: ranges and matrices of ITU-T H.273, and the weights with which chroma is
resampled. zimg's steps are followed: samples to float, chroma resampled by Spline36 (stretched when it shrinks) about
the positions that the chroma location gives, pixels mirrored at the borders, the matrix last; and back in reverse, with
rounding to the nearest, ties to even.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float32]]
Ints = np.ndarray[Any, np.dtype[np.int32]]

LUMA_WEIGHTS = {
    1: (0.2126, 0.0722),
    4: (0.3, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}
"""Weights of red and blue in luma, by H.273 matrix code."""
YCGCO = 8
LINEAR_MATRICES = frozenset({*LUMA_WEIGHTS, YCGCO})
"""The matrices that are matrices: the others of H.273 need linear light or the primaries."""

Family = Literal["grey", "rgb", "yuv"]
Sample = Literal["u8", "u16", "f16", "f32"]
SAMPLES: dict[Sample, Any] = {"u8": np.uint8, "u16": np.uint16, "f16": np.float16, "f32": np.float32}
"""Kinds of samples: the kernels' names and numpy's types."""
Samples = np.ndarray[Any, Any]
"""A host plane of any kind of sample, any row stride; the samples of a row lie side by side."""
SPLINE_SUPPORT = 3


@dataclass(frozen=True, kw_only=True)
class Coding:
    """How the planes of a picture are coded."""

    family: Family
    """Planes: luma; R, G, B; or luma and two colour differences."""
    sample: Sample
    bits: int
    """Of integer samples."""
    shift_x: int = 0
    """log2 of the subsampling of chroma across."""
    shift_y: int = 0
    """log2 of the subsampling of chroma down."""
    matrix: int = 1
    """H.273 code, one of :data:`LINEAR_MATRICES`; of a grey picture it weighs R, G and B, of RGB it means nothing."""
    full_range: bool = False
    """Of integer samples."""
    location: int = 0
    """H.273 chroma location: 0 left, 1 centre, 2 top left, 3 top, 4 bottom left, 5 bottom."""

    def __post_init__(self) -> None:
        if self.matrix not in LINEAR_MATRICES:
            raise ValueError(f"matrix {self.matrix} has no fixed coefficients; give one of {sorted(LINEAR_MATRICES)}")
        if self.location not in range(6):
            raise ValueError(f"chroma location {self.location} is not known; give 0 to 5")

    @property
    def integer(self) -> bool:
        return self.sample in ("u8", "u16")

    @property
    def plain(self) -> bool:
        """Whether the planes are the network's own: float32 R, G and B."""
        return self.family == "rgb" and self.sample == "f32"

    @property
    def subsampled(self) -> bool:
        return self.family == "yuv" and bool(self.shift_x or self.shift_y)

    @property
    def mode(self) -> int:
        """``ColourMode`` of csrc/color.h."""
        return ("grey", "rgb", "yuv").index(self.family)

    def plane_shapes(self, height: int, width: int) -> list[tuple[int, int]]:
        """(rows, columns) of every plane of a picture of this size."""
        if self.family == "grey":
            return [(height, width)]
        chroma = (height >> self.shift_y, width >> self.shift_x) if self.family == "yuv" else (height, width)
        return [(height, width), chroma, chroma]


PLAIN = Coding(family="rgb", sample="f32", bits=32)
"""RGBS: planes of float32 R, G and B, the network's own, which need no conversion."""


def rgb_to_yuv(matrix: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The 3x3 matrix from R'G'B' to luma and colour differences, differences in [-0.5, 0.5]."""
    if matrix == YCGCO:
        return np.array([[0.25, 0.5, 0.25], [-0.25, 0.5, -0.25], [0.5, 0.0, -0.5]])
    red, blue = LUMA_WEIGHTS[matrix]
    luma = np.array([red, 1 - red - blue, blue])
    differences = [(np.eye(3)[k] - luma) / (2 * (1 - luma[k])) for k in (2, 0)]
    return np.array([luma, *differences])


def code_range(coding: Coding) -> tuple[list[float], list[float], float]:
    """Of each plane: the code value that means 0, and how many code values mean 1; and the largest code value."""
    if not coding.integer:
        return [0.0] * 3, [1.0] * 3, 0.0
    peak, unit = float((1 << coding.bits) - 1), float(1 << (coding.bits - 8))
    luma = (0.0, peak) if coding.full_range else (16 * unit, 219 * unit)
    if coding.family != "yuv":
        return [luma[0]] * 3, [luma[1]] * 3, peak
    # YCgCo's differences span luma's range, as zimg has it
    span = luma[1] if coding.full_range or coding.matrix == YCGCO else 224 * unit
    return [luma[0], 128 * unit, 128 * unit], [luma[1], span, span], peak


def reading(coding: Coding) -> Floats:
    """``Colour`` of csrc/color.h, from planes to RGB: 16 numbers."""
    zero, span, peak = code_range(coding)
    matrix = np.linalg.inv(rgb_to_yuv(coding.matrix))
    return np.array([*zero, *(1 / value for value in span), *matrix.ravel(), peak], np.float32)


def writing(coding: Coding) -> Floats:
    """``Colour`` of csrc/color.h, from RGB to planes: 16 numbers."""
    zero, span, peak = code_range(coding)
    return np.array([*zero, *span, *rgb_to_yuv(coding.matrix).ravel(), peak], np.float32)


@dataclass(frozen=True)
class ChromaTaps:
    """The samples that each resampled one is the weighted sum of, along one axis."""

    left: Ints
    """(length,): the first of them."""
    weight: Floats
    """(length, count)."""

    @property
    def count(self) -> int:
        return int(self.weight.shape[1])


def chroma_taps(
    coding: Coding, height: int, width: int, *, enlarge: bool
) -> tuple[ChromaTaps | None, ChromaTaps | None]:
    """Across and down, from chroma's size to the picture's or, without ``enlarge``, back; None: nothing changes."""
    if coding.family != "yuv":
        return None, None
    centred_x = coding.location % 2 == 1
    place_y = (0, 0, 1, 1, -1, -1)[coding.location]  # 0 centre, 1 top, -1 bottom
    axes = ((width, coding.shift_x, 0 if centred_x else 1), (height, coding.shift_y, place_y))
    across, down = (_taps(size, shift, place, enlarge) if shift else None for size, shift, place in axes)
    return across, down


def _taps(size: int, shift: int, place: int, enlarge: bool) -> ChromaTaps:
    """One axis of chroma that lies on the first of its luma samples (``place`` 1), between (0) or on the last (-1)."""
    factor = 1 << shift
    if enlarge:
        return _axis(size // factor, size, place / 2 * (1 - 1 / factor))
    return _axis(size, size // factor, -place / 2 * (factor - 1))


def _axis(source: int, target: int, offset: float) -> ChromaTaps:
    """Weights that resample ``source`` samples to ``target``, moved by ``offset`` source samples."""
    scale = target / source
    stretch = min(scale, 1.0)
    count = 2 * int(np.ceil(SPLINE_SUPPORT / stretch))
    centre = (np.arange(target) + 0.5) / scale + offset
    position = (np.floor(centre - count / 2 + 0.5) + 0.5)[:, None] + np.arange(count)
    weight = _spline36(np.abs(position - centre[:, None]) * stretch)
    weight /= weight.sum(axis=1, keepdims=True)
    inside = np.where(position < 0, -position, np.where(position >= source, 2 * source - position, position))
    index = np.floor(inside).astype(np.int64).clip(0, source - 1)
    width = min(count, source)
    left = index.min(axis=1).clip(0, source - width)
    table = np.zeros((target, width))
    np.add.at(table, (np.arange(target)[:, None], index - left[:, None]), weight)
    return ChromaTaps(left.astype(np.int32), table.astype(np.float32))


def _spline36(distance: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The cubic spline through 36 samples in two dimensions, at distances of 0 and more."""
    pieces = (
        (13 / 11, -453 / 209, -3 / 209, 1.0),
        (-6 / 11, 270 / 209, -156 / 209, 0.0),
        (1 / 11, -45 / 209, 26 / 209, 0.0),
    )
    cell = np.minimum(distance.astype(np.int64), SPLINE_SUPPORT)
    value = np.zeros_like(distance)
    for k, coefficients in enumerate(pieces):
        value = np.where(cell == k, np.polyval(coefficients, distance - k), value)
    return value
