"""Whether two clips show the same moments at the same place: late or early, mirrored, shifted, or something else.

Nothing here is a score. It tells why scores are low, or why a network trained on such pairs would stay blurred.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .picture import Picture, grey

REACH = 3
"""Frames by which one clip may be late and be found so."""
WIDTH = 480
"""Pictures are compared at no more than this width, where only time and mirroring are asked for."""
UNLIKE = 0.35
"""Correlation of detail below which two pictures do not show the same."""
MIRRORED = 0.2
"""By how much a mirrored picture must correlate better."""
LATE = 0.6
"""Part of the error that must be left when the right moment is taken."""
SHIFTED = 0.4
"""Pixels from which a shift is named; a good result stays below 0.2."""

type Detail = npt.NDArray[np.float32]
"""(H, W), zero mean, unit variance."""


@dataclass(frozen=True, kw_only=True)
class ClipAlignment:
    """How a clip lies to another."""

    likeness: float
    """Correlation of detail, -1 to 1, after everything else was put right."""
    late: int = 0
    """Frames by which it lags behind; negative where it leads."""
    mirrored: str = ""
    """"left to right", "upside down", "by half a turn", or empty."""
    shift: tuple[float, float] = (0.0, 0.0)
    """Pixels to the right and down by which it is moved; zero where that cannot be told."""

    @property
    def shows_other(self) -> bool:
        """Whether the two do not show the same at all."""
        return self.likeness < UNLIKE

    def words(self) -> str:
        """What is wrong, in a few words; empty where nothing is."""
        if self.mirrored:
            return f"mirrored {self.mirrored}" if self.mirrored != "by half a turn" else "turned by half a turn"
        if self.shows_other:
            return f"of another picture (their detail correlates by {self.likeness:.2f})"
        if self.late:
            frames = f"{abs(self.late)} frame{'s' if abs(self.late) > 1 else ''}"
            return f"{frames} {'late' if self.late > 0 else 'early'}"
        x, y = self.shift
        if max(abs(x), abs(y)) < SHIFTED:
            return ""
        return f"shifted by {x:+.1f}, {y:+.1f} pixels (right, down)"


def alignment(mine: Sequence[Picture], theirs: Sequence[Picture]) -> ClipAlignment:
    """Compare a few consecutive frames of two clips of one size.

    :param mine, theirs: (H, W, 3) uint8, as many of both; more than ``REACH`` to find out about time.
    """
    greys = [[grey(picture) for picture in side] for side in (mine, theirs)]
    small = [[detail(_smaller(picture)) for picture in side] for side in greys]
    middle = len(mine) // 2
    straight = correlation(small[0][middle], small[1][middle])
    flipped = {
        "left to right": correlation(small[0][middle][:, ::-1], small[1][middle]),
        "upside down": correlation(small[0][middle][::-1], small[1][middle]),
        "by half a turn": correlation(small[0][middle][::-1, ::-1], small[1][middle]),
    }
    best = max(flipped, key=lambda way: flipped[way])
    if flipped[best] > max(UNLIKE, straight + MIRRORED):
        return ClipAlignment(likeness=flipped[best], mirrored=best)
    late = lateness(small[0], small[1])
    at = [max(0, min(len(theirs) - 1, middle + part)) for part in (0, -late)]
    likeness = correlation(small[0][at[0]], small[1][at[1]])
    if late or likeness < UNLIKE:
        return ClipAlignment(likeness=likeness, late=late)
    return ClipAlignment(likeness=likeness, shift=shift(greys[0][middle], greys[1][middle]))


def lateness(mine: Sequence[Detail], theirs: Sequence[Detail]) -> int:
    """Frames by which one clip lags behind the other; 0 where another moment does not fit much better."""
    reach = min(REACH, (len(mine) - 1) // 2)
    errors = {}
    for late in range(-reach, reach + 1):
        moments = range(reach, len(mine) - reach)
        errors[late] = float(np.mean([1 - correlation(mine[t], theirs[t - late]) for t in moments]))
    best = min(errors, key=lambda late: errors[late])
    return best if errors[best] < LATE * errors[0] else 0


def detail(plane: npt.NDArray[np.uint8]) -> Detail:
    """What is neither brightness nor the finest texture, which results may lack."""
    import cv2  # of the extra metrics

    values = np.asarray(plane, np.float32)
    fine, coarse = (cv2.GaussianBlur(values, (0, 0), sigma) for sigma in (1.2, 8.0))
    band = np.asarray(fine - coarse, np.float32)
    band -= band.mean()
    return np.asarray(band / max(float(band.std()), 1e-3), np.float32)


def correlation(one: Detail, other: Detail) -> float:
    """-1 to 1."""
    return float(np.mean(one * other))


def shift(mine: npt.NDArray[np.uint8], theirs: npt.NDArray[np.uint8]) -> tuple[float, float]:
    """Pixels to the right and down by which one picture is moved against the other, by phase correlation."""
    import cv2  # of the extra metrics

    window = cv2.createHanningWindow((mine.shape[1], mine.shape[0]), cv2.CV_32F)
    planes = [np.asarray(cv2.GaussianBlur(np.asarray(p, np.float32), (0, 0), 0.8), np.float32) for p in (theirs, mine)]
    (x, y), response = cv2.phaseCorrelate(planes[0], planes[1], window)
    return (float(x), float(y)) if response > 0.03 else (0.0, 0.0)


def _smaller(plane: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    import cv2  # of the extra metrics

    height, width = plane.shape
    if width <= WIDTH:
        return plane
    size = (WIDTH, max(16, round(height * WIDTH / width)))
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.uint8)


class AlignmentObserver:
    """Compares the two sides of a pair while its frames go by, at a few moments.

    :param frames: how many will come.
    """

    MOMENTS = 4

    def __init__(self, frames: int) -> None:
        self._length = min(2 * REACH + 1, frames)
        step = max((frames - self._length) // self.MOMENTS, 1)
        self._ends = {self._length - 1 + k * step for k in range(self.MOMENTS)}
        self._seen = -1
        self._recent: list[tuple[Picture, Picture]] = []
        self._found: list[ClipAlignment] = []

    def frame(self, index: int, result: Picture, truth: Picture | None, values: Mapping[str, float]) -> None:
        """Take one frame of both sides."""
        if truth is None or min(truth.shape[:2]) < 32:
            return
        self._seen += 1
        self._recent = [*self._recent[1 - self._length :], (result, truth)] if self._length > 1 else [(result, truth)]
        if self._seen in self._ends:
            self._found.append(alignment([r for r, _ in self._recent], [t for _, t in self._recent]))

    def words(self) -> str:
        """What is wrong with the result, where most moments agree; else empty."""
        return agreed([found.words() for found in self._found])


def agreed(words: Sequence[str]) -> str:
    """What most of several findings begin with: the first of that kind; empty where most found nothing."""
    kinds = [text.partition(" by ")[0] for text in words]
    for text, kind in zip(words, kinds, strict=True):
        if text and kinds.count(kind) * 2 > len(kinds):
            return text
    return ""
