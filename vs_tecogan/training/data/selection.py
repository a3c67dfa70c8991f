"""Which frames of a source become clips: scenes without a cut, that move, are bright enough and whole."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

from ...errors import TrainingError
from ...video.names import Footage
from ...video.read import Frame, first_video, frame_rate, read_frames
from .cuts import Analyser, CutThresholds, find_cuts, is_cut
from .holdout import in_holdout, shot_key
from .picture_faults import Bars, FaultFinder
from .store import Split

HDR = {"smpte2084": "PQ", "arib-std-b67": "HLG"}
"""ffmpeg's names of the transfers that a display for SDR does not show as they are."""


@dataclass(frozen=True, kw_only=True)
class PrepareOptions:
    """Settings of a preparation; a store holds clips of one setting only."""

    downscale: int = 2
    """Area downscale of the HR frames, as published; 1 keeps their size."""
    min_frames: int = 10
    """Shorter scenes are dropped; at least the sequence length of the training to come."""
    max_frames: int = 60
    """Longer scenes are divided evenly into clips of at most this length."""
    min_size: int = 136
    """Least height and width after downscaling: the published HR crop of 128 with its blur margin."""
    still: float = 0.3
    """Clips whose mean luma difference between frames is below this (8-bit levels) are dropped."""
    black: float = 20.0
    """Clips whose mean luma is below this (0 to 255) are dropped."""
    holdout: float = 0.05
    """Share of shots set aside as ``val``, chosen by a hash of source and first frame."""
    cut_rule: CutThresholds = field(default_factory=CutThresholds)


@dataclass(frozen=True, kw_only=True)
class ClipSpan:
    """Frames that become a clip."""

    start: int
    length: int
    split: Split
    shot: int
    """Number of the first frame of its shot."""
    bars: Bars = field(default_factory=Bars)
    """What is cut off."""


@dataclass(frozen=True, kw_only=True)
class ClipPlan:
    """What to keep of a source."""

    frames: int
    fps: float
    cuts: list[int]
    dropped: dict[str, int]
    spans: list[ClipSpan]

    @property
    def kept(self) -> int:
        """Frames that become clips."""
        return sum(span.length for span in self.spans)

    @property
    def cropped(self) -> int:
        """Of those, frames whose black bars are cut off."""
        return sum(span.length for span in self.spans if span.bars)

    @property
    def held_out(self) -> int:
        """Clips for evaluation."""
        return sum(span.split == "val" for span in self.spans)

    def words(self) -> str:
        """One line for the user."""
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(self.dropped.items())) or "none"
        bars = f", black bars cut off {self.cropped} frames" if self.cropped else ""
        return (
            f"{self.frames} frames, {len(self.cuts)} cuts or jumps, {len(self.spans)} clips, {self.kept} frames kept "
            f"({self.held_out} clips held out{bars}), frames dropped: {reasons}"
        )


def plan_source(source: Footage, digest: str, options: PrepareOptions) -> ClipPlan:
    """Decode a source once and decide which frames become clips; nothing is written.

    :raises TrainingError: it is HDR, or holds no frame.
    :raises VideoError: it cannot be read to its end.
    """
    if not source.images and (kind := HDR.get(first_video(source.path)[1].transfer)):
        raise TrainingError(
            f"{source.path.name} is HDR ({kind}), whose levels are not those of other footage; convert it to SDR first"
        )
    seen = _Seen(options, still=source.still)
    for frame in read_frames(source):
        seen.add(frame)
    count = len(seen.analyser.luma)
    if not count:
        raise TrainingError(f"{source.path.name}: holds no frame")
    if source.still:
        # Evaluation needs frames that follow each other: a still is never held out.
        seen.take(0, 1, "train", 0)
        return seen.plan(frame_rate(source), [])
    cuts = find_cuts(seen.analyser.pairs, options.cut_rule)
    shot = 0
    for begin, end in pairwise([0, *cuts, count]):
        if begin and is_cut(seen.analyser.pairs[begin - 1], options.cut_rule):
            shot = begin
        # What a jump divides is still one shot: both sides of it show the same things.
        split: Split = "val" if in_holdout(shot_key(digest, shot), options.holdout) else "train"
        for start, length in divide(begin, end, options.max_frames):
            seen.take(start, length, split, shot)
    return seen.plan(frame_rate(source), cuts)


class _Seen:
    """A source that is read once, and what is taken of it."""

    def __init__(self, options: PrepareOptions, *, still: bool) -> None:
        self.analyser, self._faults = Analyser(), FaultFinder()
        self._options, self._still = options, still
        self._size = (0, 0)
        self._dropped: Counter[str] = Counter()
        self._spans: list[ClipSpan] = []

    def add(self, frame: Frame) -> None:
        self._size = (frame.shape[0], frame.shape[1])
        self.analyser.add(frame)
        self._faults.add(frame)

    def take(self, start: int, length: int, split: Split, shot: int) -> None:
        """Keep frames as a clip, or count them by the reason against that."""
        bars = self._faults.black_bars(start, length)
        if min(bars.size(*self._size)) // self._options.downscale < self._options.min_size:
            reason = "too small"
        elif not self._still and self._faults.interlaced(start, length):
            reason = "interlaced"
        else:
            reason = reason_to_drop(self.analyser, start, length, self._options, still=self._still)
        if reason:
            self._dropped[reason] += length
        else:
            self._spans.append(ClipSpan(start=start, length=length, split=split, shot=shot, bars=bars))

    def plan(self, fps: float, cuts: list[int]) -> ClipPlan:
        frames = len(self.analyser.luma)
        return ClipPlan(frames=frames, fps=fps, cuts=cuts, dropped=dict(self._dropped), spans=self._spans)


def divide(begin: int, end: int, longest: int) -> list[tuple[int, int]]:
    """Split [begin, end) into the fewest spans of at most ``longest`` frames, as even as possible."""
    parts = -(-(end - begin) // longest)
    edges = [begin + (end - begin) * k // parts for k in range(parts + 1)]
    return [(a, b - a) for a, b in pairwise(edges)]


def reason_to_drop(analyser: Analyser, start: int, length: int, options: PrepareOptions, *, still: bool = False) -> str:
    """Why a span is no use for training; empty if it is. A still may be short and need not move."""
    if length < options.min_frames and not still:
        return "short scene"
    if sum(analyser.luma[start : start + length]) / length < options.black:
        return "black"
    if still:
        return ""
    motion = [p.difference for p in analyser.pairs[start : start + length - 1]]
    return "still" if sum(motion) / max(len(motion), 1) < options.still else ""
