"""Where scenes start in a whole clip, found once: what is found is kept, so that a scan may be stopped and go on."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import JobError
from ..scenes import CUT_PROP, scene_cuts
from .sealed import Json, read_sealed, write_sealed

if TYPE_CHECKING:
    import vapoursynth as vs

_SECONDS_BETWEEN_NOTES = 5.0


def scan_cuts(
    clip: vs.VideoNode,
    first: int,
    end: int,
    *,
    kept: Path | None = None,
    source: str = "",
    on_frame: Callable[[], None] = lambda: None,
) -> list[int]:
    """The frames after ``first``, up to ``end - 1``, that start a scene, by the rule that the filter uses.

    :param kept: sealed file in which progress is noted every 5 seconds, and the result. A scan of the same ``source``
        and frames goes on where it stopped; a damaged file, or one of another source, counts as none. None = keep
        nothing.
    :param source: fingerprint of what the clip shows.
    :param on_frame: called for each frame, also for those looked at earlier.
    :return: frame numbers in ascending order.
    :raises OSError: ``kept`` cannot be written.
    """
    if end - first < 2:
        return []
    key: dict[str, Json] = {"source": source, "first": first, "end": end}
    seen, cuts = _read(kept, key) if kept else (first + 1, [])
    for _ in range(first, seen):
        on_frame()
    noted = time.monotonic()
    for n, frame in enumerate(scene_cuts(clip)[seen:end].frames(close=True) if seen < end else (), start=seen):
        if frame.props[CUT_PROP]:
            cuts.append(n)
        on_frame()
        if kept and time.monotonic() - noted >= _SECONDS_BETWEEN_NOTES:
            write_sealed(kept, {**key, "seen": n + 1, "cuts": list(cuts)})
            noted = time.monotonic()
    if kept and seen < end:
        write_sealed(kept, {**key, "seen": end, "cuts": list(cuts)})
    return cuts


def _read(kept: Path, key: dict[str, Json]) -> tuple[int, list[int]]:
    """The frame to go on at, and the cuts before it."""
    try:
        body = read_sealed(kept)
    except (JobError, FileNotFoundError):
        body = {}
    match body:
        case {"seen": int(seen), "cuts": list(cuts)} if body == {**key, "seen": seen, "cuts": cuts}:
            return seen, [cut for cut in cuts if isinstance(cut, int)]
    return int(str(key["first"])) + 1, []
