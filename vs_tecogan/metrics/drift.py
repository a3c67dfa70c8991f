"""S(x, t) over many clips, as LongVideoGAN has it: mean and deviation over random windows, of whole pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .colour_similarity import Histogram, colour_histogram, colour_similarity
from .picture import Picture

SEED = 0
"""Of the windows: every method is measured on the same ones."""


@dataclass(frozen=True, kw_only=True)
class DriftCurve:
    """S(x, t) for t = 0, 1, ... over the windows."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    """Standard deviation over the windows."""


@dataclass(frozen=True, kw_only=True)
class Drift:
    """How much of their first picture's colours clips keep."""

    windows: int
    frames: int
    """Of each window."""
    result: DriftCurve
    reference: DriftCurve | None


def choose_windows(clips: Mapping[str, range], count: int, frames: int) -> dict[str, tuple[int, ...]]:
    """First frames of ``count`` windows, every possible one as likely as any other.

    :param clips: the frames that count, by name; shorter ones than a window have none.
    :return: by name, in ascending order; empty where no clip is long enough.
    """
    starts = [(name, first) for name, some in clips.items() for first in some[: max(len(some) - frames + 1, 0)]]
    if not starts:
        return {}
    rng = np.random.default_rng(SEED)
    picked = rng.choice(len(starts), count, replace=count > len(starts))
    chosen = sorted(starts[int(k)] for k in picked)
    return {name: tuple(first for other, first in chosen if other == name) for name in dict(chosen)}


class DriftObserver:
    """Collects the curves of one method while the frames of its pairs go by.

    :param windows: as :func:`choose_windows` gives them.
    :param frames:  of each window.
    """

    def __init__(self, windows: Mapping[str, Sequence[int]], frames: int) -> None:
        self._windows, self._frames = windows, frames
        self._name = ""
        self._first: dict[tuple[int, int], Histogram] = {}
        self._curves: dict[int, dict[tuple[str, int], list[float]]] = {0: {}, 1: {}}

    def next_pair(self, name: str) -> None:
        """Frames of another clip follow."""
        self._name, self._first = name, {}

    def frame(self, index: int, result: Picture, truth: Picture | None, values: Mapping[str, float]) -> None:
        """Take one frame of both sides."""
        running = [w for w in self._windows.get(self._name, ()) if w <= index < w + self._frames]
        for side, picture in enumerate((result, truth)):
            if picture is None or not running:
                continue
            histogram = colour_histogram(picture)
            for number, window in enumerate(running):
                first = self._first.setdefault((side, window), histogram)
                # A window that was picked twice counts twice.
                key = (self._name, 10**9 * running[:number].count(window) + window)
                self._curves[side].setdefault(key, []).append(colour_similarity(first, histogram))

    def drift(self) -> Drift | None:
        """What was found; ``None`` where no window was."""
        if not self._curves[0]:
            return None
        reference = curve_of(list(self._curves[1].values())) if self._curves[1] else None
        result = list(self._curves[0].values())
        return Drift(windows=len(result), frames=self._frames, result=curve_of(result), reference=reference)


def curve_of(windows: Sequence[Sequence[float]]) -> DriftCurve:
    """Mean and standard deviation at each time."""
    table: npt.NDArray[np.float64] = np.asarray(windows, np.float64)
    return DriftCurve(mean=tuple(table.mean(axis=0).tolist()), deviation=tuple(table.std(axis=0).tolist()))
