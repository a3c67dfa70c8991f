"""Finding scene cuts and jumps, so that no training window crosses one.

Two numbers are taken from each pair of neighbouring frames at 160 pixels width: the mean absolute difference of luma,
and what is left of it after motion compensation (OpenCV's DIS flow). A cut leaves a large residual; a jump inside a
shot leaves one that towers over those of the neighbouring pairs. A false alarm costs a little footage, a miss poisons a
window, so the thresholds lean towards alarm.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ...video.read import Frame

ANALYSIS_WIDTH = 160


@dataclass(frozen=True, kw_only=True)
class CutThresholds:
    """Thresholds on 8-bit luma differences."""

    residual: float = 14.0
    """A motion-compensated residual above this is a cut, whatever its surroundings."""
    ratio: float = 1.4
    """A difference or residual this many times the largest of its neighbours is a jump."""
    neighbours: int = 2
    """Pairs on each side that a spike is compared with; two, so that footage with repeated frames does not alarm."""
    floor: float = 0.5
    """Added to the neighbours' maximum: differences below noise never count as spikes."""


@dataclass(frozen=True, kw_only=True)
class FrameChange:
    """Change from a frame to its successor, in 8-bit luma levels."""

    difference: float
    residual: float


class Analyser:
    """Measures frames in order; the first one yields no pair."""

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._previous: npt.NDArray[np.uint8] | None = None
        self.luma: list[float] = []
        """Mean luma of each frame seen, 0 to 255."""
        self.pairs: list[FrameChange] = []
        """One for each frame seen but the first."""

    def add(self, frame: Frame) -> None:
        """Take the next frame, (H, W, 3) uint8 RGB."""
        height, width = frame.shape[:2]
        size = (ANALYSIS_WIDTH, max(16, round(height * ANALYSIS_WIDTH / width)))
        grey = cv2.cvtColor(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
        small = np.asarray(grey, np.uint8)
        self.luma.append(float(small.mean()))
        previous, self._previous = self._previous, small
        if previous is None:
            return
        flow = np.asarray(self._flow.calc(previous, small, None))  # type: ignore[call-overload]
        rows, columns = np.mgrid[0 : size[1], 0 : size[0]].astype(np.float32)
        back = cv2.remap(
            small, columns + flow[..., 0], rows + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        before = previous.astype(np.float32)
        self.pairs.append(
            FrameChange(difference=float(np.abs(small - before).mean()), residual=float(np.abs(back - before).mean()))
        )


def find_cuts(pairs: list[FrameChange], rule: CutThresholds) -> list[int]:
    """Indices of the frames that begin a new scene (frame 0 is not listed).

    :param pairs: ``pairs[i]`` is the change from frame i to frame i + 1.
    """
    difference = np.array([p.difference for p in pairs], np.float64)
    residual = np.array([p.residual for p in pairs], np.float64)
    alarm = [np.array([is_cut(p, rule) for p in pairs], np.bool_)]
    for signal in (difference, residual):
        alarm.append(signal > rule.ratio * (_neighbour_maximum(signal, rule.neighbours) + rule.floor))
    return [int(i) + 1 for i in np.flatnonzero(np.logical_or.reduce(alarm))]


def is_cut(pair: FrameChange, rule: CutThresholds) -> bool:
    """Whether a change is a cut to another shot; :func:`find_cuts` finds jumps within one, too."""
    return pair.residual > rule.residual


def _neighbour_maximum(signal: npt.NDArray[np.float64], reach: int) -> npt.NDArray[np.float64]:
    """Largest value within ``reach`` positions of each sample, itself excluded; 0 where there is none."""
    padded = np.pad(signal, reach)
    shifts = [k for k in range(2 * reach + 1) if k != reach]
    return np.asarray(np.stack([padded[k : k + len(signal)] for k in shifts]).max(axis=0), np.float64)
