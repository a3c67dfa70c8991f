"""Transparency: the alpha of a source, enlarged beside the picture for encoders that store it.

BestSource gives it as the frame property ``_Alpha``, a grey frame of full range.
"""

from __future__ import annotations

from collections.abc import Callable

import vapoursynth as vs

ALPHA = "_Alpha"

# fmt: off
_ENCODERS = frozenset((
    "ffv1", "ffvhuff", "huffyuv", "magicyuv", "utvideo", "png", "apng", "qtrle", "cfhd", "prores_ks", "libvpx-vp9",
    "gif", "libwebp", "libwebp_anim", "rawvideo",
))
# fmt: on
"""ffmpeg's names of the encoders that store it."""
_IN_PARTS = frozenset(("ffv1", "prores_ks"))
"""Those whose parts are joined with it: others keep a piece of it beside the coded picture."""
BESIDE_THE_PICTURE = frozenset(("libvpx-vp9",))
"""Those that code it as a second picture, which a tag of the stream announces."""
KEPT_BY = "--codec ffv1 (.mkv), prores_ks (.mov) or libvpx-vp9 (.webm)"
"""What a user can give to keep it."""


def has_alpha(clip: vs.VideoNode) -> bool:
    """Whether the first frame of a source has transparency beside it."""
    with clip.get_frame(0) as frame:
        return ALPHA in frame.props


def keeps_alpha(clip: vs.VideoNode, codec: str) -> bool:
    """Whether an encoder is given the transparency of a source. Grey pictures have none there.

    :param codec: ffmpeg's name of it.
    """
    return codec in _ENCODERS and clip.format.color_family in (vs.RGB, vs.YUV) and has_alpha(clip)


def is_joined_with_alpha(codec: str) -> bool:
    """Whether parts by an encoder that stores transparency can be joined."""
    return codec in _IN_PARTS


def is_opaque(clip: vs.VideoNode) -> bool:
    """Whether nothing shows through: of the first, the middle and the last frame."""
    alpha = clip.std.PropToClip(prop=ALPHA).std.PlaneStats()
    if clip.format.sample_type != vs.INTEGER:
        return False
    most = (1 << alpha.format.bits_per_sample) - 1
    last = clip.num_frames - 1
    for n in sorted({0, last // 2, last}):
        with alpha.get_frame(n) as frame:
            if frame.props["PlaneStatsMin"] != most:
                return False
    return True


def along(clip: vs.VideoNode, change: Callable[[vs.VideoNode], vs.VideoNode]) -> vs.VideoNode:
    """The same change to the picture and to its transparency, where there is one."""
    changed = change(clip)
    if not has_alpha(clip):
        return changed
    return changed.std.ClipToProp(change(clip.std.PropToClip(prop=ALPHA)), prop=ALPHA)


def beside(picture: vs.VideoNode, source: vs.VideoNode, *, corner: bool, width: int, height: int) -> vs.VideoNode:
    """An upscaled picture, with the transparency of its source enlarged as the network's grid lies.

    :param picture: of the final size.
    :param source: the frames that it was made of.
    :param corner: the network puts pixel i of the source on its own pixel scale * i, instead of aligning centres.
    :param width: of what the network made, before any other change of size; and ``height``.
    """
    alpha = source.std.PropToClip(prop=ALPHA)
    scale = width / source.width
    shift = (1 - 1 / scale) / 2 if corner else 0.0
    large = alpha.resize.Bicubic(width, height, src_left=shift, src_top=shift)
    if (picture.width, picture.height) != (width, height):
        large = large.resize.Spline36(picture.width, picture.height)
    return picture.std.ClipToProp(large, prop=ALPHA)


def in_bits(clip: vs.VideoNode, original: vs.VideoNode) -> vs.VideoNode:
    """A converted clip, with the transparency of the original in the bits of its picture."""
    bits = clip.format.bits_per_sample
    form = vs.core.query_video_format(vs.GRAY, vs.INTEGER, bits)
    full = {"range_in": vs.RANGE_FULL, "range": vs.RANGE_FULL}
    alpha = original.std.PropToClip(prop=ALPHA).resize.Point(format=form.id, **full)
    return clip.std.ClipToProp(alpha, prop=ALPHA)
