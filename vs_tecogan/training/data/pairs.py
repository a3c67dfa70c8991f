"""Low-resolution partners: which belongs to which, and whether the two show the same moments at the same place."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from ...degrade import blur_down_picture
from ...errors import TrainingError
from ...metrics.alignment import REACH, ClipAlignment, alignment
from ...video.names import Footage

Grid = Literal["pairs", "pairs-centred"]
MOMENTS = 3
"""Places in a source where its partner is compared."""
FARTHEST = 8
"""HR pixels by which a partner is looked for beside its place."""
IN_TIME = 0.02
"""Correlation that another moment must have more than the same one."""
TOLERANCE = 1.0
"""HR pixels by which a partner may lie beside the place that its grid has."""


@dataclass(frozen=True, kw_only=True)
class PairCheck:
    """What was found of a pair."""

    wrong: str = ""
    """Why it cannot be learned from; empty where nothing is wrong."""
    grid: Grid | None = None
    """The degradation that expects LR pixels where they lie; ``None`` where that cannot be told."""


def pair_sources(
    hr: list[Footage], lr: list[Footage]
) -> tuple[list[tuple[Footage, Footage | None]], dict[Footage, str]]:
    """Match LR sources to HR ones by the names of their files, without endings, or folders.

    :return: the pairs, and the HR sources that have no partner, with the reason.
    :raises TrainingError: no HR source has a partner, or two of a side have one name.
    """
    if not lr:
        return [(source, None) for source in hr], {}
    high, low = by_name(hr, "HR"), by_name(lr, "LR")
    missing = {source: f"no LR partner named {name}" for name, source in high.items() if name not in low}
    if len(missing) == len(high):
        raise TrainingError(
            f"no LR partner for any of {len(high)} sources, the first named {next(iter(high))}; "
            "both sides must use the same names"
        )
    return [(source, low[name]) for name, source in high.items() if name in low], missing


def by_name(sources: list[Footage], side: str) -> dict[str, Footage]:
    """Sources by what pairs them.

    :raises TrainingError: two have the same name.
    """
    named: dict[str, Footage] = {}
    for source in sources:
        first = named.setdefault(source.name, source)
        if first is not source:
            raise TrainingError(
                f"{side} sources {first.path} and {source.path} are both named {source.name}; "
                "pairs are matched by name, rename one on both sides"
            )
    return named


def factor_of(hr: tuple[int, int], lr: tuple[int, int]) -> int:
    """How many times smaller LR is: 2 or 4.

    :param hr, lr: height and width.
    :raises TrainingError: neither.
    """
    factor = hr[0] // max(lr[0], 1)
    if factor not in (2, 4) or (lr[0] * factor, lr[1] * factor) != hr:
        raise TrainingError(f"HR frames are {hr[1]}x{hr[0]}, LR {lr[1]}x{lr[0]}; expected a factor of 2 or 4")
    return factor


def check_pair(clips: Sequence[tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]]) -> PairCheck:
    """Compare the two sides of a source on a few frames of a few of its clips.

    :param clips: HR (T, sh, sw, 3) and LR (T, h, w, 3), at least one.
    """
    some = clips[:: -(-len(clips) // MOMENTS)]
    words = [compare(hr, lr).words() for hr, lr in some]
    if wrong := next((text for text in words if text and words.count(text) * 2 > len(words)), ""):
        return PairCheck(wrong=f"LR is {wrong}")
    if any(words):
        return PairCheck()
    scale = clips[0][0].shape[1] // clips[0][1].shape[1]
    x, y = np.median([position(hr[len(hr) // 2], lr[len(lr) // 2]) for hr, lr in some], axis=0)
    centre = (scale - 1) / 2
    grid: Grid = "pairs-centred" if (x + y) / 2 > centre / 2 else "pairs"
    expected = centre if grid == "pairs-centred" else 0.0
    if max(abs(x - expected), abs(y - expected)) > TOLERANCE:
        right, down = centre - x, centre - y
        return PairCheck(wrong=f"LR is shifted by about {right:+.0f}, {down:+.0f} HR pixels (right, down)")
    return PairCheck(grid=grid)


def compare(hr: npt.NDArray[np.uint8], lr: npt.NDArray[np.uint8]) -> ClipAlignment:
    """How the LR frames in the middle of a clip lie to the HR ones made smaller, but for small shifts.

    On both grids: in a pan, pixels on the other grid look like those of another moment.
    """
    height, width = lr.shape[1:3]
    count = min(2 * REACH + 1, len(lr))
    first = (len(lr) - count) // 2
    low, high = ([np.asarray(frame) for frame in side[first : first + count]] for side in (lr, hr))
    centres = [np.asarray(cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA), np.uint8) for frame in high]
    corners = [blur_down_picture(frame, hr.shape[1] // height) for frame in high]
    found = [alignment(low, small) for small in (centres, corners)]
    best = max(found, key=lambda one: one.likeness + (IN_TIME if not one.late else 0.0))
    return replace(best, shift=(0.0, 0.0))


def position(hr: npt.NDArray[np.uint8], lr: npt.NDArray[np.uint8]) -> tuple[float, float]:
    """Where LR pixel (0, 0) lies on HR, x and y in HR pixels: 0 on corners, (scale - 1) / 2 on centres.

    Every place around is tried; a parabola through the best and its neighbours tells the part of a pixel.
    """
    scale = hr.shape[0] // lr.shape[0]
    low = _band(lr, 1.0)
    high = _band(hr, float(scale))
    margin = -(-FARTHEST // scale) + 1
    inner = low[margin:-margin, margin:-margin]
    height, width = inner.shape
    steps = range(-FARTHEST, FARTHEST + 1)
    fit = np.empty((len(steps), len(steps)))
    for row, dy in enumerate(steps):
        for column, dx in enumerate(steps):
            top, left = margin * scale + dy, margin * scale + dx
            there = high[top : top + height * scale : scale, left : left + width * scale : scale]
            fit[row, column] = float((inner * there).sum()) / max(float(np.linalg.norm(there)), 1e-6)
    row, column = (int(k) for k in np.unravel_index(int(fit.argmax()), fit.shape))
    return steps[column] + _peak(fit[row], column), steps[row] + _peak(fit[:, column], row)


def _band(picture: npt.NDArray[np.uint8], scale: float) -> npt.NDArray[np.float32]:
    """Detail of a size that both sides have; ``scale`` in pixels."""
    values = np.asarray(cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY), np.float32)
    fine, coarse = (cv2.GaussianBlur(values, (0, 0), sigma * scale) for sigma in (0.6, 4.0))
    return np.asarray(fine - coarse, np.float32)


def _peak(values: npt.NDArray[np.float64], best: int) -> float:
    """Where the top of a parabola through three values lies, beside the one in the middle."""
    if not 0 < best < len(values) - 1:
        return 0.0
    left, top, right = (float(value) for value in values[best - 1 : best + 2])
    bend = left - 2 * top + right
    return float(0.5 * (left - right) / bend) if bend else 0.0
