"""Where scenes start in a whole clip, found once: what is found is kept, so that a scan may be stopped and go on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import vapoursynth as vs

from ..errors import JobError, VideoError
from ..scenes import CUT_PROP, scene_cuts
from .sealed import Json, read_sealed, write_sealed

_SECONDS_BETWEEN_NOTES = 5.0


class Check(Protocol):
    """Refuses frames."""

    reads: tuple[str, ...]
    """Properties that it has to see."""

    def look(self, n: int, props: Mapping[str, object]) -> None:
        """Look at a frame.

        :raises VideoError: it cannot be upscaled.
        """
        ...

    def unreadable(self, n: int, error: vs.Error) -> VideoError:
        """The error for a frame that cannot be had."""
        ...


def scan_cuts(
    clip: vs.VideoNode,
    first: int,
    end: int,
    *,
    kept: Path | None = None,
    source: str = "",
    check: Check | None = None,
    scenes: bool = True,
    on_frame: Callable[[], None] = lambda: None,
) -> list[int]:
    """The frames after ``first``, up to ``end - 1``, that start a scene, by the rule that the filter uses.

    :param kept: sealed file in which progress is noted every 5 seconds, and the result. A scan of the same ``source``
        and frames goes on where it stopped; a damaged file, or one of another source, counts as none. None = keep
        nothing.
    :param source: fingerprint of what the clip shows.
    :param check: refuses frames that cannot be upscaled, before the work begins.
    :param scenes: False only looks for frames to refuse.
    :param on_frame: called for each frame, also for those looked at earlier.
    :return: frame numbers in ascending order.
    :raises VideoError: of ``check``.
    :raises OSError: ``kept`` cannot be written.
    """
    key: dict[str, Json] = {"source": source, "first": first, "end": end}
    seen, cuts = _read(kept, key) if kept else (first, [])
    for _ in range(first, seen):
        on_frame()
    noted = time.monotonic()
    for n, props in _looked_at(clip, seen, end, check, scenes):
        if n > first and props.get(CUT_PROP):
            cuts.append(n)
        on_frame()
        if kept and time.monotonic() - noted >= _SECONDS_BETWEEN_NOTES:
            write_sealed(kept, {**key, "seen": n + 1, "cuts": list(cuts)})
            noted = time.monotonic()
    if kept and seen < end:
        write_sealed(kept, {**key, "seen": end, "cuts": list(cuts)})
    return cuts


def _looked_at(
    clip: vs.VideoNode, first: int, end: int, check: Check | None, scenes: bool
) -> Iterator[tuple[int, Mapping[str, object]]]:
    """Frame numbers, and whether a scene starts there, from frames of one pixel."""
    node = scene_cuts(clip) if scenes else clip.std.BlankClip(width=1, height=1, format=vs.GRAY8, keep=True)
    if check is not None:
        node = node.std.CopyFrameProps(clip, props=list(check.reads))
    n = first
    try:
        for n, frame in enumerate(node[first:end].frames(close=True) if first < end else (), start=first):
            if check is not None:
                check.look(n, frame.props)
            yield n, frame.props
            n += 1
    except vs.Error as error:
        if check is None:
            raise
        raise check.unreadable(n, error) from None


def _read(kept: Path, key: dict[str, Json]) -> tuple[int, list[int]]:
    """The frame to go on at, and the cuts before it."""
    try:
        body = read_sealed(kept)
    except (JobError, FileNotFoundError):
        body = {}
    match body:
        case {"seen": int(seen), "cuts": list(cuts)} if body == {**key, "seen": seen, "cuts": cuts}:
            return seen, [cut for cut in cuts if isinstance(cut, int)]
    return int(str(key["first"])), []
