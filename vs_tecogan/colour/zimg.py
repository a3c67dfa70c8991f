"""Any clip to the pictures that an engine takes, and what the engine gives back to the same kind of clip.

What an engine does not convert by itself is zimg's work (``core.resize``), chosen per frame by its tags. Transfer and
primaries pass through untouched: the network sees R'G'B' as coded.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from functools import cache
from typing import Any

import vapoursynth as vs

from .coding import Coding
from .matrices import matrix_needs
from .tags import GREY_LUMA, TAGS, Log, Tags, coding_of, tag_clip

HOST_RGB = "_TecoganRGB"
"""Property of a frame whose picture zimg converts: the same picture as an RGBS frame."""

# Chroma is resampled by Spline36: closest to the source of the kernels zimg has, bar the ringing of Lanczos.
# No dithering: flat areas stay flat, and a still picture stays still.
_RESAMPLE = {"resample_filter_uv": "spline36", "dither_type": "none"}


class Colour:
    """Both directions of conversion for one clip.

    By zimg alone they are :meth:`to_rgb` and :meth:`from_rgb`. For an engine, frames keep their planes
    (:meth:`to_coded`), :meth:`coding` says what these mean, and :meth:`from_coded` passes on what comes back. Pictures
    that the engine does not convert travel along as the property :data:`HOST_RGB`.

    :param clip:   the clip as the user gave it; passed :func:`~vs_tecogan.colour.tags.check_format`.
    :param matrix: H.273 code for YUV frames that do not say theirs; None = by the size, said to ``log``.
    :param log:    takes one line, at most once.
    :param reads:  the engine takes pictures of any coding, not RGBS alone; :param writes: it gives them.
    """

    def __init__(
        self, *, clip: vs.VideoNode, matrix: int | None, log: Log, reads: bool = False, writes: bool = False
    ) -> None:
        plain = clip.format.id == vs.RGBS
        self.clip, self.reads, self.writes = clip, reads or plain, writes or plain
        self.tags = tag_clip(clip, matrix, log)

    def coding(self, tags: Tags) -> Coding | None:
        """What the planes of a frame with these tags mean; None where only zimg can convert them."""
        return coding_of(self.clip.format, tags)

    def to_rgb(self) -> vs.VideoNode:
        """The clip as RGBS, frame by frame as its tags say; an RGBS clip passes through untouched."""
        clip, converted = self.clip, self._converter()
        rgb = clip.std.BlankClip(format=vs.RGBS, keep=True)

        def choose(f: vs.VideoFrame, **_: int) -> vs.VideoNode:
            return converted(Tags.carried(f.props).matrix)

        return rgb.std.FrameEval(choose, prop_src=[self.tags], clip_src=[clip])

    def to_coded(self) -> vs.VideoNode:
        """The clip as it is, with the properties :data:`TAGS` and, where the engine needs it, :data:`HOST_RGB`."""
        clip, converted = self.clip, self._converter()

        @cache
        def carrying(tags: Tags) -> vs.VideoNode:
            node = clip.std.SetFrameProps(**{TAGS: tags.as_prop()})
            if self.reads and self.coding(tags) is not None:
                return node
            return node.std.ClipToProp(converted(tags.matrix), prop=HOST_RGB)

        def choose(f: vs.VideoFrame, **_: int) -> vs.VideoNode:
            return carrying(Tags.carried(f.props))

        return clip.std.FrameEval(choose, prop_src=[self.tags], clip_src=[clip])

    @property
    def rgb_bytes(self) -> int:
        """What the property :data:`HOST_RGB` takes in every frame of :meth:`to_coded`; 0: most have none."""
        pixels: int = self.clip.width * self.clip.height
        return 0 if self.reads else 3 * 4 * pixels

    def retag(self, tags: Tags, props: MutableMapping[str, Any]) -> None:
        """Bring ``props``, those of a frame with these tags, to what zimg would say of its upscaled frame."""
        form = self.clip.format
        if form.id == vs.RGBS:
            return
        for name in ("_ColorRange", "_ChromaLocation"):
            if name in props:
                del props[name]
        props["_Range"] = int(tags.full_range)
        if form.color_family == vs.YUV:
            props["_Matrix"] = tags.matrix
        if form.subsampling_w or form.subsampling_h:
            props["_ChromaLocation"] = tags.chroma_location or 0

    def from_coded(self, upscaled: vs.VideoNode) -> vs.VideoNode:
        """What the engine made, in the format of the clip already but for pictures that zimg has to convert."""
        form = self.clip.format
        if self.writes and form.color_family != vs.YUV:
            return upscaled
        template = upscaled.std.BlankClip(format=vs.RGBS, keep=True)
        converted = self.from_rgb(template.std.ModifyFrame(upscaled, _take_rgb))
        if not self.writes:
            return converted

        def choose(f: vs.VideoFrame, **_: int) -> vs.VideoNode:
            return converted if self.coding(Tags.carried(f.props)) is None else upscaled

        return upscaled.std.FrameEval(choose, prop_src=[self.tags], clip_src=[upscaled, converted])

    def from_rgb(self, upscaled: vs.VideoNode) -> vs.VideoNode:
        """The network's RGBS output in the format of the clip, tagged as the clip was.

        A YUV frame that did not say its matrix says so now: its new height would mislead the next guess.
        """
        clip, form = self.clip, self.clip.format
        if form.id == vs.RGBS:
            return upscaled
        kept = ["_Transfer", "_Primaries"] + (["_Matrix"] if form.color_family != vs.YUV else [])

        @cache
        def converted(tags: Tags) -> vs.VideoNode:
            options: dict[str, Any] = {"range": int(tags.full_range)}
            if form.color_family != vs.RGB:
                options["matrix"] = GREY_LUMA if form.color_family == vs.GRAY else tags.matrix
            if tags.chroma_location is not None:
                options["chromaloc"] = tags.chroma_location
            node = upscaled.resize.Bicubic(format=form.id, **options, **_RESAMPLE)
            return node.std.CopyFrameProps(clip, props=kept)

        def choose(f: vs.VideoFrame, **_: int) -> vs.VideoNode:
            return converted(Tags.carried(f.props))

        template = upscaled.std.BlankClip(format=form.id, keep=True)
        return template.std.FrameEval(choose, prop_src=[self.tags], clip_src=[upscaled])

    def _converter(self) -> Callable[[int | None], vs.VideoNode]:
        """The clip as RGBS by zimg, for each matrix."""
        clip = self.clip

        @cache
        def converted(matrix: int | None) -> vs.VideoNode:
            if clip.format.id == vs.RGBS:
                return clip
            options = {} if matrix is None else {"matrix_in": matrix}
            return _bare(clip, matrix).resize.Bicubic(format=vs.RGBS, **options, **_RESAMPLE)

        return converted


def _bare(clip: vs.VideoNode, matrix: int | None) -> vs.VideoNode:
    """``clip`` without the properties that the conversion does not need: odd values of them would stop zimg."""
    family = clip.format.color_family
    odd = [name for name in ("_Transfer", "_Primaries") if name not in matrix_needs(matrix)]
    odd += [] if family == vs.YUV else ["_Matrix"]
    return clip.std.RemoveFrameProps(odd) if odd else clip


def _take_rgb(f: vs.VideoFrame, **_: int) -> vs.VideoFrame:
    """The RGBS frame that an upscaled frame carries, with what was said about its making."""
    frame = f.props[HOST_RGB].copy()
    frame.props.update({key: value for key, value in f.props.items() if key.startswith("Tecogan")})
    return frame
