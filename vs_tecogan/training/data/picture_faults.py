"""What makes a picture unfit to learn from: two fields woven into one frame, and black bars around it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...video.read import Frame

COLUMNS = 4
"""Every fourth column is looked at for fields."""
BAR_STEP = 8
"""Every eighth column, or row, is looked at for bars."""
MOVING = 10
"""Difference from the frame before, in 8-bit levels, from which a pixel counts as moving."""
LEAST_MOVING = 0.002
"""Part of the pixels that must move before a frame says anything about its fields."""
COMBED = 1.05
"""See :func:`combing`. Whole frames of real footage stay below 0.7, pure noise gives 1."""
COMBED_PART = 0.15
"""Part of the moving frames of a clip that must be combed; film with added fields (telecine) has 0.4."""
DARK = 28
"""Brightest 8-bit level in a black bar: compression leaves noise there."""
GRID = 8
"""What is cut off an edge is a multiple of this, so that low-resolution partners can follow."""


@dataclass(frozen=True, kw_only=True)
class Bars:
    """Lines of a picture, at each edge, that are black."""

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0

    def __bool__(self) -> bool:
        return bool(self.top or self.bottom or self.left or self.right)

    def cut(self, frame: Frame, factor: int = 1) -> Frame:
        """A frame of (H, W, 3) without them.

        :param factor: how many times smaller it is than the picture that the numbers are of.
        """
        height, width = frame.shape[:2]
        rows = slice(self.top // factor, height - self.bottom // factor)
        return frame[rows, self.left // factor : width - self.right // factor]

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of what is left."""
        return height - self.top - self.bottom, width - self.left - self.right


class FaultFinder:
    """Looks at frames in order."""

    def __init__(self) -> None:
        self._previous: npt.NDArray[np.int16] | None = None
        self.combing: list[float | None] = []
        """Of each frame seen; ``None`` where too little moves."""
        self.bars: list[Bars | None] = []
        """Of each frame seen; ``None`` where all of it is dark."""

    def add(self, frame: Frame) -> None:
        """Take the next frame, (H, W, 3) uint8 RGB."""
        self.bars.append(find_bars(frame))
        current = frame[:, ::COLUMNS, 1].astype(np.int16)
        previous, self._previous = self._previous, current
        self.combing.append(None if previous is None else combing(previous, current))

    def interlaced(self, start: int, length: int) -> bool:
        """Whether frames of a clip consist of two fields of different moments."""
        known = [value for value in self.combing[start : start + length] if value is not None]
        return bool(known) and sum(value > COMBED for value in known) >= COMBED_PART * len(known)

    def black_bars(self, start: int, length: int) -> Bars:
        """What is black at the edges of a whole clip, rounded up to the grid; none where that is less than a step."""
        known = [bars for bars in self.bars[start : start + length] if bars is not None]
        if not known:
            return Bars()
        least = (min(getattr(bars, edge) for bars in known) for edge in ("top", "bottom", "left", "right"))
        top, bottom, left, right = (-(-lines // GRID) * GRID if lines >= GRID else 0 for lines in least)
        return Bars(top=top, bottom=bottom, left=left, right=right)


def combing(previous: npt.NDArray[np.int16], current: npt.NDArray[np.int16]) -> float | None:
    """How much more a line stands out from its neighbours than from the next but one, where the picture moves.

    The ratio of the second differences over one line and over two. Lines that are further apart differ more; but two
    fields of different moments make the neighbours differ more.

    :param previous, current: (H, W), one channel of consecutive frames.
    """
    moves = np.abs(current - previous) > MOVING
    if current.shape[0] < 5 or moves.mean() < LEAST_MOVING:
        return None
    there = moves[1:-3] | moves[2:-2] | moves[3:-1]
    twice = 2 * current[2:-2]
    near = np.abs(twice - current[1:-3] - current[3:-1])[there].sum(dtype=np.int64)
    far = np.abs(twice - current[:-4] - current[4:])[there].sum(dtype=np.int64)
    return float(near / max(int(far), 1))


def find_bars(frame: Frame) -> Bars | None:
    """The black lines at the edges of one frame; ``None`` where all of it is dark."""
    rows = frame[:, ::BAR_STEP].max(axis=(1, 2)) > DARK
    columns = frame[::BAR_STEP].max(axis=(0, 2)) > DARK
    if not rows.any() or not columns.any():
        return None
    top, bottom = int(rows.argmax()), int(rows[::-1].argmax())
    left, right = int(columns.argmax()), int(columns[::-1].argmax())
    return Bars(top=top, bottom=bottom, left=left, right=right)
