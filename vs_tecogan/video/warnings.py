"""Warnings about a file that opens, but gives less than it seems to hold."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterator
from fractions import Fraction
from typing import Literal

import vapoursynth as vs

from .alpha import has_alpha, is_opaque, keeps_alpha
from .ffmpeg import find_ffmpeg, knows_light
from .fields import FieldOptions, unsaid
from .formats import RGB_ENCODERS
from .probe import has_captions, packets_end
from .side_data import lost_side_data
from .source import Source
from .timeline import Timeline
from .whole import has_all_bytes

_MOST_TRIMMED = 3
"""Columns or rows that chroma of a quarter of the size may cost; a larger difference has another reason."""
_SLACK = Fraction(1, 4)
"""Seconds by which announced lengths are wrong in files that are whole."""

_WITH_CAPTIONS = frozenset(("h264", "hevc", "mpeg2video"))
_TELECINE = (Fraction(1001, 30000), Fraction(1001, 20000))
"""Seconds for which the frames of film are shown by turns, on television of 30000/1001 pictures per second."""
_LINES = frozenset((480, 486, 576, 1080))
"""Of interlaced television."""
_FEWEST_STEPS = 6
_ROUNDING = Fraction(3, 2000)
"""Seconds by which two stamps in milliseconds may be apart from where they belong."""


def warnings(source: Source, codec: str = "libx264") -> Iterator[str]:
    """One line for each of: a file that ffmpeg cannot read, frames missing at the end, columns or rows left out.

    So too for what the picture carries beside its samples and the new one does not.

    Where the picture ends before the announced length, the packets of the whole file are listed to tell a truncated
    file from one whose sound is longer. Transport streams and AVI announce nothing, or nothing that outlives a cut.

    :param codec: ffmpeg's name of the new encoder.
    :raises VideoError: ffmpeg cannot be run.
    """
    with source.clip.get_frame(0) as frame:
        props = dict(frame.props)
    light, alpha = knows_light(find_ffmpeg(codec)), _alpha(source, codec)
    yield from lost_side_data(props, codec, captions=_has_captions(source), light=light, alpha=alpha)
    if source.stored is None:
        yield (
            f"ffmpeg cannot read {source.path} ({source.probe.complaint or 'no such stream'}): its aspect ratio, its "
            "start and its length are not known; vs-tecogan doctor shows which ffmpeg is used"
        )
        return
    yield from _unusual_forms(source, codec)
    yield from _unsaid_fields(source)
    yield from _missing_frames(source)
    yield from _missing_pixels(source)


def _has_captions(source: Source) -> bool:
    if source.stored is None or source.video.codec not in _WITH_CAPTIONS:
        return False
    return source.stored.captions or has_captions(source.path, source.video.index)


def _alpha(source: Source, codec: str) -> Literal["", "lost", "opaque", "unread"]:
    clip = source.clip
    if not has_alpha(clip):
        return "unread" if source.stored and source.stored.alpha_beside else ""
    if keeps_alpha(clip, codec):
        return ""
    if is_opaque(clip):
        return "" if source.video.codec == "gif" else "opaque"  # each GIF has one
    return "lost"


def _unusual_forms(source: Source, codec: str) -> Iterator[str]:
    if source.varies:
        clip = source.clip
        yield (
            f"{source.path} changes its size or format: all frames become {clip.width}x{clip.height} "
            f"{clip.format.name}, as the first one is; --start and --end take a part"
        )
    if source.clip.format.color_family == vs.RGB and codec not in RGB_ENCODERS:
        yield (
            f"{source.path} is RGB and becomes YUV 4:4:4, which many players do not show; for them, give "
            "-- -pix_fmt yuv420p"
        )
    steps = _steps(source.timeline)
    turns = [sum(abs(step - turn) <= _ROUNDING for step in steps) for turn in _TELECINE]
    if len(steps) >= _FEWEST_STEPS and min(turns) >= len(steps) / 3:
        yield (
            f"{source.path} is film in soft telecine: its frames are shown for 33 and 50 ms by turns, as they stay; "
            "24000/1001 frames per second would be even"
        )


def _unsaid_fields(source: Source) -> Iterator[str]:
    """Only television has fields, in pictures of so many lines."""
    if source.stored is None or source.stored.height not in _LINES or source.fields != FieldOptions():
        return
    middle = source.seconds(source.clip.num_frames // 2)
    if (line := unsaid(source.path, source.video.index, middle)) is not None:
        yield line


def _steps(timeline: Timeline) -> list[Fraction]:
    """Seconds from each frame to the next."""
    return [(after - before) * timeline.time_base for before, after in itertools.pairwise(timeline.ticks)]


def _missing_frames(source: Source) -> Iterator[str]:
    announced, timeline = source.probe.duration, source.timeline
    step = _frame_time(timeline)
    last = timeline.start + timeline.ticks[-1] * timeline.time_base + step
    # Some containers count their length from the first timestamp, others from zero: the doubt speaks for the file.
    late = max(source.probe.start, Fraction(0))
    slack = _SLACK + 2 * step
    if source.probe.format in ("avi", "asf") and has_all_bytes(source.path):
        return  # their announced lengths count the delay of a late sound twice
    if source.jump_limit:
        return  # no length can be told from the first and the last stamp
    if announced is None or max(last, last - source.probe.start) + slack >= announced:
        return
    end = packets_end(source.path) + late
    if end + slack < announced:
        yield (
            f"{source.path} announces {float(announced):.2f} s but ends after {float(end):.2f} s: about "
            f"{round((announced - last) / step)} frames are missing; if it was copied or downloaded, do that again"
        )


def _frame_time(timeline: Timeline) -> Fraction:
    """Seconds from most frames to the next: the nominal rate of a truncated file may be wrong."""
    steps = _steps(timeline)
    return statistics.median_low(steps) if steps else 1 / timeline.frame_rate


def _missing_pixels(source: Source) -> Iterator[str]:
    if source.stored is None:
        return
    stored = source.stored.width, source.stored.height
    read = source.clip.width, source.clip.height
    # BestSource turns pictures that are stored on their side.
    lost = [(width - read[0], height - read[1]) for width, height in (stored, stored[::-1])]
    if (0, 0) in lost:
        return
    for columns, rows in lost:
        if 0 <= columns <= _MOST_TRIMMED and 0 <= rows <= _MOST_TRIMMED:
            yield (
                f"{source.path} is {read[0] + columns}x{read[1] + rows}, but {read[0]}x{read[1]} are read: subsampled "
                "chroma has no odd last column or row; convert the file to yuv444p first to keep them"
            )
            return
