"""Look-ahead: frames that carry the frame after them, as long as it belongs to the same chain."""

from __future__ import annotations

import vapoursynth as vs

from .scheduler import CUT_PROP

NEXT_PROP = "_TecoganNext"
"""Holds the next frame; absent on a chain's last frame."""


def with_next(clip: vs.VideoNode, cuts: vs.VideoNode | None, restart: int) -> vs.VideoNode:
    """`clip` with the next frame as a frame prop, for a recurrence that looks one frame ahead.

    The last frame of a scene, of the grid of `restart` and of the clip carries none: what a chain shows depends on its
    own frames alone, and no frame of one scene is seen in another.

    :param cuts: as `recurrent` takes them; :param restart: of the schedule, 0 for no grid.
    """
    last = clip.num_frames - 1
    if not last:
        return clip
    following = [_shifted(node, last) for node in (clip, cuts) if node is not None]

    def attach(n: int, f: list[vs.VideoFrame]) -> vs.VideoFrame:
        ends = n == last or (restart and (n + 1) % restart == 0)
        if ends or (len(f) > 2 and f[2].props.get(CUT_PROP, 0)):
            return f[0]
        frame = f[0].copy()
        frame.props[NEXT_PROP] = f[1]
        return frame

    return clip.std.ModifyFrame([clip, *following], attach)


def _shifted(clip: vs.VideoNode, last: int) -> vs.VideoNode:
    """One frame earlier; the last frame stays."""
    return clip.std.Trim(first=1) + clip.std.Trim(first=last)
