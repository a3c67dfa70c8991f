"""Opening a video file through BestSource: the picture, its exact timestamps, and a list of all else in the file."""

from __future__ import annotations

import itertools
import logging
import math
import statistics
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import VideoError
from .ffmpeg import find_ffmpeg
from .probe import Probe, probe

if TYPE_CHECKING:
    import vapoursynth as vs

_UNKNOWN_TIME = -(2**63)
_FRAMES_CHECKED_FOR_FIELDS = 12
_MILLISECOND = Fraction(1, 1000)
"""Matroska's clock: its rounding stays in the stamps of what is copied from it to a finer one."""
_FAR = 4
"""How many times the usual rate a nominal one may be, or a part of it: a rate further off is the clock's."""


@dataclass(frozen=True, kw_only=True)
class Track:
    """One stream of a file."""

    index: int
    """Position in the file, the number that ffmpeg gives it too."""
    kind: str
    """"video", "audio", "subtitle", "attachment" or "data"."""
    codec: str
    """ffmpeg's name of the codec, such as "h264"; "none" where unknown."""
    disposition: str = ""
    """ffmpeg's names of the flags that are set, such as "default"."""

    @property
    def is_cover(self) -> bool:
        """True for a still picture that goes with the file instead of being its video."""
        return "attached_pic" in self.disposition or "attached picture" in self.disposition


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """When each frame is shown."""

    time_base: Fraction
    """Seconds a tick."""
    ticks: tuple[int, ...]
    """Presentation time of each frame, strictly increasing, the first one 0."""
    start: Fraction
    """Time of the first frame on the clock of the file, in seconds."""
    frame_rate: Fraction
    """Frames a second; where it varies, the nominal rate or, if that is just a clock's, the usual one."""

    @property
    def is_constant(self) -> bool:
        """Whether each tick is a frame, one after the other."""
        return self.time_base * self.frame_rate == 1 and self.ticks == tuple(range(len(self.ticks)))

    def finer(self, tick: Fraction) -> Timeline:
        """The same times in ticks of at most `tick` seconds."""
        times = math.ceil(self.time_base / tick)
        return replace(self, time_base=self.time_base / times, ticks=tuple(n * times for n in self.ticks))

    def cut(self, first: int, end: int) -> Timeline:
        """The timeline of frames first to end - 1."""
        ticks = self.ticks[first:end]
        return replace(
            self,
            ticks=tuple(tick - ticks[0] for tick in ticks),
            start=self.start + ticks[0] * self.time_base,
        )


@dataclass(frozen=True, kw_only=True)
class Source:
    """An opened file."""

    path: Path
    clip: vs.VideoNode
    timeline: Timeline
    video: Track
    tracks: tuple[Track, ...]
    """All streams, in the file's order."""
    probe: Probe

    @property
    def turned(self) -> bool:
        """Whether the pictures are stored on their side: BestSource turns them as the file says."""
        stored = self.probe.sizes.get(self.video.index)
        if stored is None:
            return False
        # Either may be odd, and lose a column or row to subsampled chroma.
        upright, aside = (
            abs(self.clip.width - width) + abs(self.clip.height - height) for width, height in (stored, stored[::-1])
        )
        return bool(aside < upright)


def open_source(path: Path) -> Source:
    """Open the first video stream of a file. Nothing is written beside it: the index stays in memory.

    :raises VideoError: the file is missing, a directory, unreadable, interlaced or without video; no ffmpeg.
    """
    check_readable(path)
    import vapoursynth as vs

    if not hasattr(vs.core, "bs"):
        raise VideoError("the source filter BestSource is missing: pip install vapoursynth-bestsource")
    tracks = _tracks(path)
    videos = [track for track in tracks if track.kind == "video" and not track.is_cover]
    if not videos:
        kinds = ", ".join(dict.fromkeys(track.kind for track in tracks)) or "nothing"
        raise VideoError(f"{path} has no video stream (found: {kinds}); give a video file")
    try:
        with _quiet_bestsource():
            opened: dict[str, Any] = vs.core.bs.VideoSource(
                _address(path), track=videos[0].index, cachemode=0, showprogress=False, exporttimestamps=True
            )
    except vs.Error as error:
        raise VideoError(f"cannot read the video of {path}: {error}") from None
    clip: vs.VideoNode = opened["clip"]
    _refuse_interlaced(path, clip)
    base = Fraction(opened["timebasenum"], opened["timebaseden"])
    timestamps = opened["timestamps"]
    ticks = [timestamps] if isinstance(timestamps, int) else list(timestamps)
    timeline = make_timeline(ticks, base, clip.fps, clip.num_frames)
    asked = probe(find_ffmpeg(), path)
    return Source(path=path, clip=clip, timeline=timeline, video=videos[0], tracks=tracks, probe=asked)


def check_readable(path: Path) -> None:
    """Raise VideoError unless `path` is a file that can be read."""
    try:
        str(path).encode()
        if path.is_dir():
            raise VideoError(f"{path} is a directory; give a video file")
        with path.open("rb") as file:
            if not file.read(1):
                raise VideoError(f"{path} is empty; give a video file")
    except UnicodeEncodeError:
        raise VideoError(f"the name {str(path)!r} is not UTF-8, which BestSource asks for; rename the file") from None
    except OSError as error:
        raise VideoError(f"cannot read {path}: {error.strerror}") from None


def make_timeline(ticks: Sequence[int], base: Fraction, rate: Fraction, frames: int) -> Timeline:
    """The timeline of a stream, gaps filled and rounding undone.

    Streams without a container, and some program streams, stamp only a few frames or none: those between two stamps are
    spread evenly, those outside follow at the nominal rate. A stamp not later than one before it counts as none. Stamps
    that are no more than rounded times of a constant rate become that rate, however fine their clock: rounding, such as
    to Matroska's milliseconds, does not pile up from file to file, and encoders that know few rates know this one.

    :param ticks: what the demuxer says, a frame each; -2**63 where it does not know.
    :param base: seconds a tick.
    :param rate: nominal frames a second; 25 is assumed where it is 0.
    """
    rate = rate or Fraction(25)
    known: list[tuple[int, int]] = []
    for n, tick in enumerate(ticks):
        if tick != _UNKNOWN_TIME and (not known or tick > known[-1][1]):
            known.append((n, tick))
    start = known[0][1] * base if known and known[0][0] == 0 else Fraction(0)
    if not known or len(ticks) != frames:
        return _constant(rate, frames, start)
    step = 1 / (rate * base)
    filled = ticks if len(known) == frames else _fill(known, frames, step)
    steps = [after - before for before, after in itertools.pairwise(filled)]
    if any(s <= 0 for s in steps):
        return _constant(rate, frames, start)
    start = filled[0] * base
    if _rounded(filled, step, base):
        return _constant(rate, frames, start)
    if len(set(steps)) == 1 and len(steps) > 1:  # even, though the nominal rate is another
        return _constant(1 / (steps[0] * base), frames, start)
    return Timeline(
        time_base=base,
        ticks=tuple(t - filled[0] for t in filled),
        start=start,
        frame_rate=_plausible(rate, 1 / (statistics.median_low(steps) * base)),
    )


def _constant(rate: Fraction, frames: int, start: Fraction) -> Timeline:
    return Timeline(time_base=1 / rate, ticks=tuple(range(frames)), start=start, frame_rate=rate)


def _rounded(ticks: Sequence[int], step: Fraction, base: Fraction) -> bool:
    """Whether the ticks are `step` apart but for rounding: to the clock, or to one that the file had before."""
    slack = max(Fraction(1), min(_MILLISECOND / base, step / 8))
    return all(abs(tick - ticks[0] - n * step) <= slack for n, tick in enumerate(ticks))


def _plausible(nominal: Fraction, usual: Fraction) -> Fraction:
    """The nominal rate unless it is a clock's, such as Matroska's thousand: encoders refuse those, and plan by them."""
    return nominal if usual / _FAR <= nominal <= usual * _FAR else usual


def _fill(known: Sequence[tuple[int, int]], frames: int, step: Fraction) -> list[int]:
    first, last = known[0], known[-1]
    filled = [round(first[1] - step * (first[0] - n)) for n in range(first[0])]
    for (n0, t0), (n1, t1) in itertools.pairwise(known):
        filled += [round(t0 + Fraction((t1 - t0) * (n - n0), n1 - n0)) for n in range(n0, n1)]
    return filled + [round(last[1] + step * (n - last[0])) for n in range(last[0], frames)]


def _tracks(path: Path) -> tuple[Track, ...]:
    import vapoursynth as vs

    try:
        info: dict[str, Any] = vs.core.bs.TrackInfo(_address(path))
    except vs.Error:
        raise VideoError(f"{path} is not a video file that can be opened; give a video file") from None
    columns = (_column(info[key]) for key in ("tracktypestr", "codecstr", "dispositionstr"))
    return tuple(
        Track(index=index, kind=_text(kind), codec=_text(codec), disposition=_text(disposition))
        for index, (kind, codec, disposition) in enumerate(zip(*columns, strict=True))
    )


def _address(path: Path) -> str:
    """The path for BestSource, whose ffmpeg takes what stands before a colon for a protocol."""
    return str(path.absolute())


def _column(value: object) -> Iterable[object]:
    """BestSource gives a plain value instead of a list where a file has one stream."""
    return value if isinstance(value, list | tuple) else (value,)


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _refuse_interlaced(path: Path, clip: vs.VideoNode) -> None:
    for n in range(min(_FRAMES_CHECKED_FOR_FIELDS, clip.num_frames)):
        with clip.get_frame(n) as frame:
            fields = int(frame.props.get("_FieldBased", 0))
        if fields > 0:
            order = {1: "bottom", 2: "top"}.get(fields, "some")
            raise VideoError(
                f"{path} is interlaced ({order} field first at frame {n}); deinterlace it first, "
                "for example with ffmpeg -vf bwdif or QTGMC"
            )


@contextmanager
def _quiet_bestsource() -> Iterator[None]:
    """Hide BestSource's remark about return values that VapourSynth has not heard of: it is no news to the user."""
    logger = logging.getLogger("vapoursynth")

    def keep(record: logging.LogRecord) -> bool:
        return "no return value(s) named" not in record.getMessage()

    logger.addFilter(keep)
    try:
        yield
    finally:
        logger.removeFilter(keep)
