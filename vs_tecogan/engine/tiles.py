"""Large frames in overlapping tiles, each with a recurrent state of its own."""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ..networks.generator import FNET_STRIDE
from .base import Engine, FlowEngine, Plane, State

OVERLAP = 32
"""LR pixels that neighbouring tiles share at least; the recurrence feels a border further than one frame does."""
WIDE_OVERLAP = 64
"""What they share at least where a tile is four times as long."""
FEATURES = 64
FEATURE_TENSORS = 6
"""Feature maps at LR size that live at once in the widest place, the residual body, with what torch keeps besides."""
FLOW_FEATURES = 96
"""Channels that live at once at LR size in the flow network's widest place, its last two convolutions."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TiledState(State):
    """The states of all tiles, row by row; ``lr`` is the whole frame."""

    tiles: tuple[State, ...] = ()


@dataclass(frozen=True)
class Span:
    """Where a tile lies along one axis, LR pixels."""

    start: int
    stop: int


def spans(size: int, tile: int) -> list[Span]:
    """Tiles no longer than ``tile`` that cover ``size``; neighbours share 32 to 64 LR pixels at least, by its length.

    They begin on FNet's grid of 8 pixels: it pools, so that on another grid it sees another flow in the whole of a
    tile. All are of one length but the last, which may be shorter by up to 7.

    :raises ValueError: tiles that the overlap leaves no room for.
    """
    if tile >= size:
        return [Span(0, size)]
    if tile <= 2 * OVERLAP:
        raise ValueError(f"tile side {tile} is too small; expected more than twice the overlap of {OVERLAP} pixels")
    grid = FNET_STRIDE
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


class TiledEngine:
    """Splits frames for another engine and joins its outputs.

    Flow is estimated on the whole frame: the flow network sees far, and at a tile's border, with half of what moves out
    of sight, it would see another motion. The previous output is warped within each tile; overlaps are blended by
    weights that sum to one. A frame no larger than a tile is the other engine's result, untouched.

    :param engine: what steps each tile.
    :param tile:   (height, width) of a tile in LR pixels; None takes the largest that ``memory`` allows.
    :param memory: bytes that a step may take; None is half of the device's or the machine's whole memory, so that the
                   choice is the same in every run on one machine.
    """

    def __init__(self, engine: FlowEngine, tile: tuple[int, int] | None = None, memory: int | None = None) -> None:
        if tile is not None and (len(tile) != 2 or min(tile) <= 2 * OVERLAP):
            raise ValueError(
                f"tile {tile[::-1]} is not usable; give (width, height) above {2 * OVERLAP} LR pixels each"
            )
        self.scale, self.device, self.precision = engine.scale, engine.device, engine.precision
        self._engine = engine
        self._tile = tile
        self._memory = memory

    def whole(self, height: int, width: int) -> Engine | None:
        """The other engine, where frames of this size are a single tile; None where there are several."""
        return self._engine if len(self._grid(height, width)) == 1 else None

    def zero_state(self, height: int, width: int) -> State:
        """See :class:`~vs_tecogan.engine.base.Engine`."""
        grid = self._grid(height, width)
        if len(grid) == 1:
            return self._engine.zero_state(height, width)
        states = [self._engine.zero_state(y.stop - y.start, x.stop - x.start) for y, x in grid]
        return TiledState(None, None, tuple(states))

    def step(self, state: State, planes: Sequence[Plane]) -> State:
        """See :class:`~vs_tecogan.engine.base.Engine`."""
        if not isinstance(state, TiledState):
            return self._engine.step(state, planes)
        grid = self._grid(*planes[0].shape)
        lr = self._engine.load(planes)
        flow = None if state.lr is None else self._engine.estimate_flow(state.lr, lr)
        stepped = []
        for (y, x), tile in zip(grid, state.tiles, strict=True):
            part = (..., slice(y.start, y.stop), slice(x.start, x.stop))
            stepped.append(self._engine.step_along(tile, lr[part], None if flow is None else flow[part]))
        return TiledState(lr, None, tuple(stepped))

    def read(self, state: State, planes: Sequence[Plane]) -> None:
        """See :class:`~vs_tecogan.engine.base.Engine`."""
        if not isinstance(state, TiledState):
            self._engine.read(state, planes)
            return
        s = self.scale
        height, width = planes[0].shape[0] // s, planes[0].shape[1] // s
        grid = self._grid(height, width)
        rows = {y: weights(y, height, _shared([y for y, _ in grid], y), s) for y, _ in grid}
        columns = {x: weights(x, width, _shared([x for _, x in grid], x), s) for _, x in grid}
        total_y, total_x = _total(rows, height * s, s), _total(columns, width * s, s)
        for plane in planes:
            plane[...] = 0
        for (y, x), tile in zip(grid, state.tiles, strict=True):
            part = np.empty((3, s * (y.stop - y.start), s * (x.stop - x.start)), np.float32)
            self._engine.read(tile, list(part))
            down = slice(s * y.start, s * y.stop)
            across = slice(s * x.start, s * x.stop)
            part *= (rows[y] / total_y[down])[:, None]
            part *= columns[x] / total_x[across]
            for plane, values in zip(planes, part, strict=True):
                plane[down, across] += values

    def is_repeat(self, state: State, planes: Sequence[Plane]) -> bool:
        """See :class:`~vs_tecogan.engine.base.Engine`."""
        if not isinstance(state, TiledState):
            return self._engine.is_repeat(state, planes)
        grid = self._grid(*planes[0].shape)
        return all(
            self._engine.is_repeat(tile, [plane[y.start : y.stop, x.start : x.stop] for plane in planes])
            for (y, x), tile in zip(grid, state.tiles, strict=True)
        )

    def nbytes(self, state: State) -> int:
        """See :class:`~vs_tecogan.engine.base.Engine`."""
        whole = self._engine.nbytes(state)
        return whole + sum(map(self._engine.nbytes, state.tiles)) if isinstance(state, TiledState) else whole

    def _grid(self, height: int, width: int) -> list[tuple[Span, Span]]:
        tile = self._tile or self._automatic(height, width)
        return [(y, x) for y in spans(height, tile[0]) for x in spans(width, tile[1])]

    def _automatic(self, height: int, width: int) -> tuple[int, int]:
        """Halve the longer side until a step fits."""
        memory = machine_memory(self.device) // 2 if self._memory is None else self._memory
        h, w, besides = height, width, 0
        while step_bytes(h, w, self.scale, self.precision) + besides > memory and max(h, w) > 4 * OVERLAP:
            besides = flow_bytes(height, width, self.precision)
            h, w = (h, -(-w // 2) + OVERLAP) if w >= h else (-(-h // 2) + OVERLAP, w)
        if (h, w) != (height, width):
            logger.debug("tecogan: %dx%d frames in tiles of %dx%d", width, height, w, h)
        return h, w


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


def step_bytes(height: int, width: int, scale: int, precision: str) -> int:
    """Memory that a step takes at most: feature maps at LR size, the old and new output, and bands beside them."""
    width_bytes = 4 if precision == "fp32" else 2
    pixels = height * width
    return pixels * (FEATURE_TENSORS * FEATURES * width_bytes + 2 * 3 * scale * scale * 4) + (600 << 20)


def flow_bytes(height: int, width: int, precision: str) -> int:
    """Memory that flow on a whole frame takes at most."""
    return height * width * FLOW_FEATURES * (4 if precision == "fp32" else 2)


def machine_memory(device: str) -> int:
    """All the memory of a device, in bytes; 16 GiB where the system does not tell."""
    if device != "cpu":
        return int(torch.cuda.get_device_properties(device).total_memory)
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 16 << 30
