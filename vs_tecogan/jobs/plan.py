"""Where a clip is cut into segments: a pure function of its length, its scene cuts, `restart` and a least length."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..recurrence.chains import chain_starts


@dataclass(frozen=True, kw_only=True)
class Segment:
    """Frames ``first`` to ``end - 1`` of the clip, rendered and encoded in one piece."""

    index: int
    """Position in the plan, from 0."""
    first: int
    end: int

    @property
    def frames(self) -> int:
        """How many frames it has."""
        return self.end - self.first


def plan_segments(first: int, end: int, *, cuts: Iterable[int], restart: int, least: int) -> tuple[Segment, ...]:
    """Cut the frames ``first`` to ``end - 1`` at chain starts, so that no segment needs the state of another.

    A segment ends at the first scene cut between ``least`` and twice ``least`` frames after its start: an encoder sets
    a key frame there anyway. Where there is none, it ends at the first chain start from ``least`` frames on. A rest of
    fewer than ``least`` frames belongs to the segment before it.

    :param cuts: frames that start a scene, as :func:`vs_tecogan.scenes.scene_cuts` says, in any order.
    :param restart: the filter's ``restart``: a chain starts at each multiple of it; 0 = at cuts alone.
    :param least: fewest frames of a segment, from 1, unless the whole clip has fewer.
    :return: segments that cover the frames once, in order.
    """
    scenes = sorted({cut for cut in cuts if first < cut < end})
    starts = chain_starts(first, end, cuts=scenes, restart=restart)
    bounds = [first]
    while (bound := _next_bound(bounds[-1], scenes, starts, least)) is not None and end - bound >= least:
        bounds.append(bound)
    edges = [*bounds, end]
    return tuple(Segment(index=k, first=edges[k], end=edges[k + 1]) for k in range(len(bounds)))


def _next_bound(last: int, scenes: Sequence[int], starts: Sequence[int], least: int) -> int | None:
    """Where the segment that begins at ``last`` ends; None where no chain starts late enough."""
    scene = bisect_left(scenes, last + least)
    if scene < len(scenes) and scenes[scene] < last + 2 * least:
        return scenes[scene]
    start = bisect_left(starts, last + least)
    return starts[start] if start < len(starts) else None
