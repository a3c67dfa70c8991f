"""Opening a video file through BestSource: the picture, its exact timestamps, and a list of all else in the file."""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import vapoursynth as vs

from ..errors import VideoError
from .cropping import apply_cropping
from .fields import FieldOptions, as_progressive
from .index import OnPercent, base_of_index
from .jumps import one_clock
from .probe import Probe, VideoStream, probe
from .timeline import Timeline, make_timeline

_ROUNDING = Fraction(1, 2000)
"""Seconds by which a time in whole milliseconds may be late."""


@dataclass(frozen=True, kw_only=True)
class Track:
    """One stream of a file."""

    index: int
    """Position in the file, the number that ffmpeg gives it too; -1 for the picture of a script."""
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
class Source:
    """An opened file."""

    path: Path
    clip: vs.VideoNode
    timeline: Timeline
    video: Track
    tracks: tuple[Track, ...]
    """All streams, in the file's order."""
    probe: Probe
    varies: bool = False
    """Whether frames differ in size or format in the file; ``clip`` has them all as the first one is."""
    fields: FieldOptions = field(default_factory=FieldOptions)
    """What was done with frames that are stored in fields."""
    jump_limit: Fraction | None = None
    """Where the file's stamps jump: seconds between packets over which ffmpeg corrects them, as the timeline has it."""
    square: bool = False
    """Whether the samples of the new picture are to be square, whatever those of the file are."""
    pictures: tuple[Path, ...] = ()
    """Files of the frames, where each is a picture of its own."""
    first_number: int = 0
    """The number in the name of the first of them, where they were asked for by number."""

    @property
    def is_bare(self) -> bool:
        """Whether there is no file with other streams: the picture is a script's."""
        return self.video.index < 0 and len(self.tracks) == 1

    def seconds(self, frame: int) -> Fraction:
        """Time from the start of the file to a frame."""
        timeline = self.timeline
        return timeline.start - self.probe.start + timeline.ticks[frame] * timeline.time_base

    @property
    def stored(self) -> VideoStream | None:
        """What ffmpeg says of the picture; None where it cannot read the file."""
        return self.probe.videos.get(self.video.index)

    def frame_at(self, time: Fraction) -> int:
        """The first frame that is shown at or after a time; the number of frames where none is.

        :param time: seconds from the file's start, as players count. Half a millisecond less counts too: players show
            rounded times.
        """
        # A start before zero is that of an encoder's delay in sound, which is not played; some ffmpegs tell it. What is
        # no file's picture begins where the file of its sound does.
        begin = Fraction(0) if self.video.index < 0 else self.timeline.start - max(self.probe.start, Fraction(0))
        ticks = (time - begin - _ROUNDING) / self.timeline.time_base
        return bisect_left(self.timeline.ticks, ticks)

    @property
    def turned(self) -> bool:
        """Whether the pictures are stored on their side: BestSource turns them as the file says."""
        if self.stored is None:
            return False
        size = self.stored.width, self.stored.height
        # Either may be odd, and lose a column or row to subsampled chroma.
        upright, aside = (
            abs(self.clip.width - width) + abs(self.clip.height - height) for width, height in (size, size[::-1])
        )
        return bool(aside < upright)


def open_source(
    path: Path,
    *,
    index: Path | None = None,
    track: int | None = None,
    fields: FieldOptions | None = None,
    on_index: OnPercent = lambda _: None,
) -> Source:
    """Open a video stream of a file. Nothing is written beside it.

    :param index: base name of the index that BestSource makes, by decoding the whole file once: it is read where it is
        there, else written. None = that of a large file is kept for the next time, see :mod:`~vs_tecogan.video.index`.
    :param track: number of the stream, as ffmpeg counts; None = the first video.
    :param fields: what is done with frames that are stored in fields; None = they stay as they are.
    :param on_index: told how many percent of the file have been read, where the index of a large file is made.
    :raises VideoError: the file is missing, a directory, unreadable or without video; no ffmpeg.
    """
    check_readable(path)
    tracks = list_tracks(path)
    videos = [track for track in tracks if track.kind == "video" and not track.is_cover]
    if not videos:
        kinds = ", ".join(dict.fromkeys(track.kind for track in tracks)) or "nothing"
        raise VideoError(f"{path} has no video stream (found: {kinds}); give a video file")
    video = videos[0] if track is None else _chosen(path, videos, track)
    index = base_of_index(path, video.index, wanted=index, on_percent=on_index)
    opened = _open_stream(path, video.index, index)
    varies = _varies(opened["clip"])
    clip = as_progressive(_of_one_size(opened["clip"]), fields or FieldOptions())
    base = Fraction(opened["timebasenum"], opened["timebaseden"])
    timestamps = opened["timestamps"]
    ticks = [timestamps] if isinstance(timestamps, int) else list(timestamps)
    about = probe(path)
    _refuse_xyz(path, about.videos.get(video.index))
    clip, about = apply_cropping(path, clip, video.index, about)
    clock = one_clock(path, video.index, ticks, base, about.start)
    stored = about.videos.get(video.index)
    coded = stored.frame_rate if stored else None
    return Source(
        path=path,
        clip=clip,
        timeline=make_timeline(clock.ticks, base, clip.fps, clip.num_frames, coded=coded),
        video=video,
        tracks=tracks,
        probe=about,
        varies=varies,
        fields=fields or FieldOptions(),
        jump_limit=clock.limit,
    )


def _chosen(path: Path, videos: Sequence[Track], number: int) -> Track:
    for video in videos:
        if video.index == number:
            return video
    there = ", ".join(f"{video.index} ({video.codec})" for video in videos)
    raise VideoError(f"stream {number} of {path} is no video; its videos: {there}")


def bestsource(path: Path) -> vs.VideoNode:
    """The first video stream of a file as a clip, its colour as stored and said in the frames' properties.

    :raises VideoError: BestSource is missing or cannot open it.
    """
    clip: vs.VideoNode = _open_stream(path, -1)["clip"]
    return clip


def numbered_pictures(form: str, first: int, *, index: Path | None = None) -> vs.VideoNode:
    """Picture files as a clip; of size 0 where they differ.

    :param form: absolute name with ``%d`` or ``%04d`` for the number.
    :param first: number of the first.
    :raises VideoError: BestSource is missing or cannot open them.
    """
    clip: vs.VideoNode = _open_stream(Path(form), -1, index, start_number=first)["clip"]
    return clip


def _open_stream(path: Path, number: int, index: Path | None = None, **options: int) -> dict[str, Any]:
    """What BestSource returns for a stream; -1: the first that is video."""
    cache: dict[str, Any] = {"cachemode": 0} if index is None else {"cachemode": 4, "cachepath": str(index.absolute())}
    try:
        with _quiet_bestsource():
            opened: dict[str, Any] = _plugin().VideoSource(
                _address(path), track=number, showprogress=False, exporttimestamps=True, **cache, **options
            )
    except vs.Error as error:
        raise VideoError(f"cannot read {path} as a video: {error}") from None
    return opened


def _plugin() -> Any:
    if not hasattr(vs.core, "bs"):
        raise VideoError("the source filter BestSource is missing: pip install vapoursynth-bestsource")
    return vs.core.bs


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


def list_tracks(path: Path) -> tuple[Track, ...]:
    """All streams of a file, in its order.

    :raises VideoError: it cannot be opened.
    """
    try:
        info: dict[str, Any] = _plugin().TrackInfo(_address(path))
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


def _varies(clip: vs.VideoNode) -> bool:
    """Whether frames differ in size or format."""
    return clip.width == 0 or clip.format is None or clip.format.color_family == vs.UNDEFINED


def _of_one_size(clip: vs.VideoNode) -> vs.VideoNode:
    """The clip with all frames in size and format of the first one, as ffmpeg has it."""
    if not _varies(clip):
        return clip
    with clip.get_frame(0) as frame:
        return clip.resize.Spline36(frame.width, frame.height, format=frame.format.id)


def _refuse_xyz(path: Path, stored: VideoStream | None) -> None:
    """BestSource gives CIE XYZ, of digital cinema, as if it were RGB."""
    if stored and stored.pixels.startswith("xyz"):
        raise VideoError(
            f"{path} holds CIE XYZ, as digital cinema does ({stored.pixels}); convert it to RGB first, for example "
            "with ffmpeg -vf format=gbrp12 -c:v ffv1 and a name that ends in .mkv"
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
