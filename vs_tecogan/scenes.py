"""Where a chain of frames restarts: scene cuts, from the properties of the frames or from a built-in detector.

Everything is a node that VapourSynth evaluates on request. Whether a scene starts at n depends on the frames n-2..n+1
alone, so that the answer is the same in any order of requests, and nothing is looked at before it is asked for.
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
    """A cut differs this many times as much as the pairs of frames before and after it do. Motion does not, nor does a
    flash: the way out of it is as large as the way in."""
    large: float = 0.16
    """From this difference on, ``ratio_large`` is enough: cuts between two moving shots."""
    ratio_large: float = 1.2
    """The ratio for large differences; a fade, whose steps are equal, stays below it."""

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
    """``yes`` or ``no`` for each frame after the first, by luma differences."""
    last = clip.num_frames - 1
    thumbnails = _thumbnails(clip)
    step = thumbnails.std.PlaneStats(_shifted(thumbnails, -1))  # on frame 0: with itself, 0

    def difference(frame: vs.VideoFrame) -> float:
        value = frame.props["PlaneStatsDiff"]
        return value if isinstance(value, float) else 0.0

    def look_around(n: int, f: list[vs.VideoFrame]) -> vs.VideoNode:
        here, before, after = map(difference, f)
        return yes if rule.is_cut(here, before, 0.0 if n == last else after) else no

    around = [step, _shifted(step, -1), _shifted(step, 1)]
    decided = yes.std.FrameEval(look_around, prop_src=around, clip_src=[yes, no])

    def look(n: int, f: vs.VideoFrame) -> vs.VideoNode:  # noqa: ARG001 (the core calls it by keyword)
        return decided if rule.candidate(difference(f)) else no

    return yes.std.FrameEval(look, prop_src=[step], clip_src=[decided, no])


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
