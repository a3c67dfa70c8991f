"""Where a chain of frames restarts: scene cuts, from the properties of the frames or from a built-in detector.

Everything is a node that VapourSynth evaluates on request. Whether a scene starts at n depends on the frames n-3..n+2
alone, and on n-1 and n where these hardly differ, so that the answer is the same in any order of requests, and nothing
is looked at before it is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

import vapoursynth as vs

CUT_PROP = "_TecoganCut"
"""1 on a frame that starts a scene, else 0."""

_THUMBNAIL = (64, 36)
_CACHED_CUTS = 1024


@dataclass(frozen=True, kw_only=True)
class CutRule:
    """When the jump from frame n-1 to n is a cut. Differences are mean absolute ones of luma thumbnails, 0..1.

    The defaults are measured: ``docs/scenes.md``.
    """

    smallest: float = 0.02
    """Differences below this are never a cut, however still the frames around are."""
    ratio: float = 1.6
    """A cut differs this many times as much as the pairs of frames before and after it do. Motion does not."""
    large: float = 0.16
    """From this difference on, ``ratio_large`` is enough: cuts between two moving shots."""
    ratio_large: float = 1.2
    """The ratio for large differences; a fade, whose steps are equal, stays below it."""
    flash: float = 0.08
    """The least difference of a frame that stands alone, on both its sides. Flicker of old film stays below it."""

    def candidate(self, difference: float) -> bool:
        """Whether the difference alone leaves a cut possible; spares the look at the neighbours."""
        return difference > self.smallest

    def is_cut(self, difference: float, before: float, after: float) -> bool:
        """Decide on frame n.

        :param difference: between n-1 and n.
        :param before: between n-2 and n-1; 0 where n-2 does not exist.
        :param after: between n and n+1; 0 where n+1 does not exist.
        """
        ratio = self.ratio_large if difference > self.large else self.ratio
        return self.candidate(difference) and difference > ratio * max(before, after)

    def stands_alone(self, into: float, out_of: float, *, across: float, before: float, after: float) -> bool:
        """Whether a frame is a scene of its own: a flash, which would leave its ghost in the frame after it.

        :param into: difference between the frame before and it.
        :param out_of: between it and the frame after.
        :param across: between the frame before and the frame after. Where these differ too, a motion goes on, unless
            both steps are large: a flash between two shots.
        :param before: between the two frames before it; 0 where there are none.
        :param after: between the two frames after it; 0 where there are none.
        """
        least = min(into, out_of)
        returns = across < least / 2
        return least > (self.flash if returns else self.large) and least > self.ratio * max(before, after)


def scene_cuts(clip: vs.VideoNode, rule: CutRule | None = None) -> vs.VideoNode:
    """Mark where scenes start.

    Frames that say it themselves are believed: ``_SceneChangePrev`` of n and ``_SceneChangeNext`` of n-1, as set by
    ``misc.SCDetect``, ``wwxd`` and others. Where neither property exists, the built-in detector decides.

    :param clip: any constant format and size.
    :param rule: thresholds of the detector; None = the measured defaults.
    :return: clip of the same length with frames of one pixel that carry :data:`CUT_PROP`.
    """
    blank = clip.std.BlankClip(width=1, height=1, format=vs.GRAY8, keep=True)
    yes, no = (blank.std.SetFrameProps(**{CUT_PROP: int(value)}) for value in (True, False))
    detector = _detector(clip, yes, no, rule or CutRule())

    def choose(n: int, f: list[vs.VideoFrame]) -> vs.VideoNode:
        current, previous = f
        if n == 0:
            return yes
        says = [current.props.get("_SceneChangePrev"), previous.props.get("_SceneChangeNext")]
        if says == [None, None]:
            return detector
        return yes if any(says) else no

    cuts = blank.std.FrameEval(choose, prop_src=[clip, _shifted(clip, -1)], clip_src=[yes, no, detector])
    # A one-pixel frame costs next to nothing to keep and a decoded pair of frames to make again.
    cuts.std.SetVideoCache(mode=1, fixedsize=1, maxsize=_CACHED_CUTS)
    return cuts


def _detector(clip: vs.VideoNode, yes: vs.VideoNode, no: vs.VideoNode, rule: CutRule) -> vs.VideoNode:
    """``yes`` or ``no`` for each frame after the first, by luma differences.

    Each look asks for the next, which needs more frames, only where it cannot decide.
    """
    last = clip.num_frames - 1
    thumbnails = _thumbnails(clip)
    step = thumbnails.std.PlaneStats(_shifted(thumbnails, -1))  # on frame 0: with itself, 0
    across = thumbnails.std.PlaneStats(_shifted(thumbnails, -2))
    around = [_shifted(step, by) for by in (-1, 0, 1)]
    further = [_shifted(step, -2), *around, _shifted(step, 2), across, _shifted(across, 1)]

    def look_further(n: int, f: list[vs.VideoFrame]) -> vs.VideoNode:
        two_before, before, here, after, two_after, to_here, to_next = map(_difference, f)
        after, two_after = after if n < last else 0.0, two_after if n < last - 1 else 0.0
        flash = rule.stands_alone(here, after, across=to_next, before=before, after=two_after)
        flashed = rule.stands_alone(before, here, across=to_here, before=two_before, after=after)
        return yes if flash or flashed else no

    looked_further = yes.std.FrameEval(look_further, prop_src=further, clip_src=[yes, no])

    def look_around(n: int, f: list[vs.VideoFrame]) -> vs.VideoNode:
        before, here, after = map(_difference, f)
        after = after if n < last else 0.0
        if rule.is_cut(here, before, after):
            return yes
        return looked_further if min(here, max(before, after)) > rule.flash else no

    decided = yes.std.FrameEval(look_around, prop_src=around, clip_src=[yes, no, looked_further])

    def look(n: int, f: vs.VideoFrame) -> vs.VideoNode:  # noqa: ARG001 (the core calls it by keyword)
        return decided if rule.candidate(_difference(f)) else no

    return yes.std.FrameEval(look, prop_src=[step], clip_src=[decided, no])


def _difference(frame: vs.VideoFrame) -> float:
    value = frame.props["PlaneStatsDiff"]
    return value if isinstance(value, float) else 0.0


def _thumbnails(clip: vs.VideoNode) -> vs.VideoNode:
    """Small grey frames: luma, or the green plane of RGB, without properties that a resizer could object to."""
    plane = 1 if clip.format.color_family == vs.RGB else 0
    grey = clip.std.ShufflePlanes(planes=plane, colorfamily=vs.GRAY).std.RemoveFrameProps()
    width, height = _THUMBNAIL
    return grey.resize.Bilinear(width=width, height=height, format=vs.GRAY8)


def _shifted(clip: vs.VideoNode, by: int) -> vs.VideoNode:
    """Frame n becomes frame n + ``by``, held at the ends of the clip."""
    length, shift = clip.num_frames, min(abs(by), clip.num_frames - 1)
    if shift == 0:
        return clip
    if by < 0:
        # trimmed first: the longest clip there is has no room for another frame
        return clip.std.Trim(length=length - shift).std.DuplicateFrames([0] * shift)
    return clip.std.Trim(first=shift).std.DuplicateFrames([length - 1 - shift] * shift)
