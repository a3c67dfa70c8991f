"""Warnings about a file that opens, but gives less than it seems to hold."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterator
from fractions import Fraction

from .probe import packets_end
from .side_data import lost_side_data
from .source import Source
from .timeline import Timeline

_MOST_TRIMMED = 3
"""Columns or rows that chroma of a quarter of the size may cost; a larger difference has another reason."""
_SLACK = Fraction(1, 4)
"""Seconds by which announced lengths are wrong in files that are whole."""


def warnings(source: Source, codec: str = "libx264") -> Iterator[str]:
    """One line for each of: a file that ffmpeg cannot read, frames missing at the end, columns or rows left out.

    So too for what the picture carries beside its samples and the new one does not.

    Where the picture ends before the announced length, the packets of the whole file are listed to tell a truncated
    file from one whose sound is longer. Transport streams and AVI announce nothing, or nothing that outlives a cut.

    :param codec: ffmpeg's name of the new encoder.
    :raises VideoError: ffmpeg cannot be run.
    """
    with source.clip.get_frame(0) as frame:
        yield from lost_side_data(frame.props, codec, captions=bool(source.stored and source.stored.captions))
    if source.stored is None:
        yield (
            f"ffmpeg cannot read {source.path} ({source.probe.complaint or 'no such stream'}): its aspect ratio, its "
            "start and its length are not known; vs-tecogan doctor shows which ffmpeg is used"
        )
        return
    yield from _missing_frames(source)
    yield from _missing_pixels(source)


def _missing_frames(source: Source) -> Iterator[str]:
    announced, timeline = source.probe.duration, source.timeline
    step = _frame_time(timeline)
    last = timeline.start + timeline.ticks[-1] * timeline.time_base + step
    # Some containers count their length from the first timestamp, others from zero: the doubt speaks for the file.
    late = max(source.probe.start, Fraction(0))
    slack = _SLACK + 2 * step
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
    steps = [after - before for before, after in itertools.pairwise(timeline.ticks)]
    return statistics.median_low(steps) * timeline.time_base if steps else 1 / timeline.frame_rate


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
