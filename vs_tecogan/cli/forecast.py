"""What a user should know of time, size and disk before hours of work."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from math import ceil
from pathlib import Path

from ..engine.select import resolve_device
from ..filter import RESTART
from ..jobs.estimate import disk_needed, estimate
from ..jobs.spec import Placement, Spec
from ..recurrence.chains import grid_start
from ..video.write import EncoderOptions
from .segments import Task

_WORTH = 50_000_000
"""Pixels of all frames from which on the time is measured, which takes three steps of the network."""
_LONG = 60.0
"""Seconds of work from which on there is something to say."""
_DAYS = 24 * 3600.0
"""Seconds of work from which on other ways are named."""
_REPLAYED = 20
"""Frames before the first one from which on there is something to say of them."""


def forecast(task: Task, places: Sequence[Placement], options: EncoderOptions, out: Path) -> Iterator[str]:
    """Lines on time, size and disk, where the work is long; none for what is soon done."""
    clip = task.source.clip
    if task.frames * clip.width * clip.height < _WORTH:
        return
    found = estimate(task.spec, task.source, places, options, size_from=10 * _LONG)
    if found is None or found.seconds < _LONG:
        return
    size = f"; roughly {bytes_of(found.size)}" if found.size else ""
    yield f"about {duration(found.seconds)} for {task.frames} frames{size}"
    free = shutil.disk_usage(out.absolute().parent).free
    if found.size and free < disk_needed(found.size):
        needed = bytes_of(disk_needed(found.size))
        yield f"{out.absolute().parent} has {bytes_of(free)} free; about {needed} may be needed while the work runs"
    if found.seconds >= _DAYS and resolve_device(places[0].device) == "cpu":
        yield (
            "that is days on this processor: `vs-tecogan preview` shows a short piece, --end makes a part, and "
            "--device cuda is for a machine with an NVIDIA GPU"
        )


def replayed(spec: Spec) -> str | None:
    """A line on frames before the first one that are computed and thrown away, where they are many; else None.

    A scene that starts between them makes them fewer, but scenes are not known yet.
    """
    start = grid_start(spec.first, spec.restart)
    count = spec.first - start
    if not spec.model or count < _REPLAYED or 4 * count < spec.end - spec.first:
        return None
    grid = f"--start {start} or {start + spec.restart} needs none"
    way = grid if spec.restart else f"--restart {RESTART} bounds them"
    return f"up to {count} frames before frame {spec.first} are computed too, as in a render of the whole; {way}"


def duration(seconds: float) -> str:
    """Minutes, hours or days."""
    minutes = ceil(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes / 60:.1f} h" if seconds < 2 * _DAYS else f"{seconds / _DAYS:.1f} days"


def bytes_of(size: float) -> str:
    """MB or GB."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
