"""Large frames in overlapping tiles, each with a recurrent state of its own: where they lie, how they are joined."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from types import EllipsisType

import numpy as np
import torch
from torch import Tensor

from ..errors import EngineError
from ..hardware import memory as memory_of
from .base import NetworkStep

OVERLAP = 32
"""LR pixels that neighbouring tiles share at least; the recurrence feels a border further than one frame does."""
WIDE_OVERLAP = 64
"""What they share at least where a tile is four times as long."""

MOST_VALUES = (1 << 31) - 1
"""Of a map: kernels, cuDNN's among them, number them by 32 bits."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Span:
    """Where a tile lies along one axis, LR pixels."""

    start: int
    stop: int


def spans(size: int, tile: int, grid: int) -> list[Span]:
    """Tiles no longer than ``tile`` that cover ``size``; neighbours share 32 to 64 LR pixels at least, by its length.

    They begin on the network's grid: one that pools sees another picture on another grid. All are of one length but the
    last, which may be shorter by less than ``grid``.

    :param grid: LR pixels, a divisor of 32.
    :raises ValueError: tiles that the overlap leaves no room for.
    """
    if tile >= size:
        return [Span(0, size)]
    if tile <= 2 * OVERLAP:
        raise ValueError(f"tile side {tile} is too small; expected more than twice the overlap of {OVERLAP} pixels")
    length = tile // grid
    overlap = min(max(length // 4, OVERLAP // grid), WIDE_OVERLAP // grid)
    last = -(-size // grid) - length
    steps = -(-last // (length - overlap))
    starts = [grid * (k * last // steps) for k in range(steps + 1)]
    return [Span(start, min(start + grid * length, size)) for start in starts]


def weights(span: Span, size: int, overlap: int, scale: int) -> np.ndarray:
    """A tile's weight along one axis at the output's size: 1 inside, a ramp towards each neighbour.

    The outermost quarter of the overlap counts for nothing: what a tile cannot see across its border falls off there.

    :param size:    of the whole frame along that axis, LR pixels; :param overlap: with its neighbours, LR pixels.
    :return: (scale * (stop - start),) float32 in [0, 1].
    """
    length = scale * (span.stop - span.start)
    position = np.arange(length, dtype=np.float32) + 0.5
    ramp, lost = np.float32(scale * overlap / 2), np.float32(scale * overlap / 4)
    left = np.clip((position - lost) / ramp, 0, 1) if span.start > 0 else np.ones(length, np.float32)
    right = np.clip((length - position - lost) / ramp, 0, 1) if span.stop < size else np.ones(length, np.float32)
    return np.asarray(left * right, np.float32)


@dataclass(frozen=True)
class Tile:
    """A tile of a frame, LR pixels."""

    rows: Span
    columns: Span

    @property
    def part(self) -> tuple[EllipsisType, slice, slice]:
        """Index of the tile in maps (..., H, W)."""
        return ..., slice(self.rows.start, self.rows.stop), slice(self.columns.start, self.columns.stop)


class Tiling:
    """Which tiles a frame is computed in, and how they are joined; kept for sizes that it was asked about.

    :param network: whose steps take memory, and which says where tiles may begin.
    :param device:  on which they take it.
    :param tile:    (height, width) of a tile in LR pixels; None takes the largest that ``memory`` allows, and in which
                    no map has more than :data:`MOST_VALUES` values.
    :param memory:  bytes that a step may take; None is half of the device's or the machine's whole memory.
    :raises EngineError: tiles that are too small.
    """

    def __init__(self, network: NetworkStep, device: str, tile: tuple[int, int] | None, memory: int | None) -> None:
        if tile is not None and (len(tile) != 2 or min(tile) <= 2 * OVERLAP):
            raise EngineError(
                f"tile {tile[::-1]} is not usable; give (width, height) above {2 * OVERLAP} LR pixels each"
            )
        self._network, self._device, self._tile, self._memory = network, device, tile, memory
        self._tiles: dict[tuple[int, int], list[Tile]] = {}
        self._joins: dict[tuple[int, int], Join] = {}

    def tiles(self, height: int, width: int) -> list[Tile]:
        """The tiles of a frame of this size, row by row; one where it is not tiled."""
        if (height, width) not in self._tiles:
            rows, columns = self._tile or self._automatic(height, width)
            grid = self._network.grid
            across = spans(width, columns, grid)
            self._tiles[height, width] = [Tile(y, x) for y in spans(height, rows, grid) for x in across]
        return self._tiles[height, width]

    def join(self, height: int, width: int) -> Join:
        """What joins the outputs of these tiles."""
        if (height, width) not in self._joins:
            self._joins[height, width] = Join(self.tiles(height, width), height, width, self._network.scale)
        return self._joins[height, width]

    def _automatic(self, height: int, width: int) -> tuple[int, int]:
        """Halve the longer side until a step fits."""
        memory = memory_of(self._device) // 2 if self._memory is None else self._memory
        h, w, besides = height, width, 0

        def fits() -> bool:
            network = self._network
            return network.step_bytes(h, w) + besides <= memory and network.widest * h * w <= MOST_VALUES

        while not fits() and max(h, w) > 4 * OVERLAP:
            besides = self._network.guide_bytes(height, width)
            h, w = (h, -(-w // 2) + OVERLAP) if w >= h else (-(-h // 2) + OVERLAP, w)
        if (h, w) != (height, width):
            logger.debug("tecogan: %dx%d frames in tiles of %dx%d", width, height, w, h)
        return h, w


class Join:
    """Blends the outputs of tiles into one image, wherever they lie.

    :param tiles: of a frame of this size, LR pixels; :param scale: of their outputs.
    """

    def __init__(self, tiles: Sequence[Tile], height: int, width: int, scale: int) -> None:
        self.shape = (1, 3, scale * height, scale * width)
        rows = _shares([tile.rows for tile in tiles], height, scale)
        columns = _shares([tile.columns for tile in tiles], width, scale)
        self._parts = [
            (
                slice(scale * tile.rows.start, scale * tile.rows.stop),
                slice(scale * tile.columns.start, scale * tile.columns.stop),
            )
            for tile in tiles
        ]
        self._weights = [(rows[tile.rows][:, None], columns[tile.columns]) for tile in tiles]

    def __call__(self, images: Sequence[Tensor], out: Tensor) -> None:
        """Write the joined image into ``out``, of :attr:`shape`; images and ``out`` are float32."""
        if self._weights[0][0].device != out.device:  # from then on; in the queue that reads them
            self._weights = [
                (x.to(out.device, non_blocking=True), y.to(out.device, non_blocking=True)) for x, y in self._weights
            ]
        out.zero_()
        for (down, across), (rows, columns), image in zip(self._parts, self._weights, images, strict=True):
            out[..., down, across] += image * rows * columns


def _shares(line: Sequence[Span], size: int, scale: int) -> dict[Span, Tensor]:
    """Each tile's weight along one axis, as a part of all tiles' there: (scale * length,) float32."""
    spans_ = list(dict.fromkeys(line))
    parts = {span: weights(span, size, _shared(spans_, span), scale) for span in spans_}
    total = _total(parts, size * scale, scale)
    return {s: torch.from_numpy(w / total[scale * s.start : scale * s.stop]) for s, w in parts.items()}


def _shared(line: list[Span], span: Span) -> int:
    """The smaller overlap with a direct neighbour; 1 where there is none."""
    before = max((other for other in line if other.start < span.start), key=lambda s: s.start, default=None)
    after = min((other for other in line if other.start > span.start), key=lambda s: s.start, default=None)
    overlaps = ([before.stop - span.start] if before else []) + ([span.stop - after.start] if after else [])
    return min(overlaps, default=1)


def _total(parts: dict[Span, np.ndarray], size: int, scale: int) -> np.ndarray:
    """Sum of all tiles' weights along an axis."""
    total = np.zeros(size, np.float32)
    for span, values in parts.items():
        total[scale * span.start : scale * span.stop] += values
    return total
