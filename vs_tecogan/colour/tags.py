"""What the properties of a frame say about its colour: read once a frame, and carried as a property from there on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

import vapoursynth as vs

from ..errors import ColourError
from .coding import LINEAR_MATRICES, Coding, Family, Sample
from .matrices import MATRICES, guess_matrix, matrix_name, matrix_needs

TAGS = "_TecoganTags"
"""Property that carries the tags of a frame, so that they are read once."""
GREY_LUMA = MATRICES["709"]  # R = G = B up to the network's own tint, so any luma weights do
Log = Callable[[str], None]

_UNSPECIFIED = 2
_CACHED_TAGS = 1024


@dataclass(frozen=True, kw_only=True)
class Tags:
    """What decides the conversion of one frame."""

    matrix: int | None
    """H.273 matrix code of a YUV frame; None for RGB and GRAY, and where a frame read by itself does not say."""
    full_range: bool
    """Range of integer samples."""
    chroma_location: int | None
    """``_ChromaLocation`` of a subsampled frame; None where it does not say (zimg takes left)."""

    def as_prop(self) -> list[int]:
        """For :data:`TAGS`."""
        known = (self.matrix, self.chroma_location)
        return [int(self.full_range), *(-1 if value is None else value for value in known)]

    @classmethod
    def carried(cls, props: Mapping[str, Any]) -> Tags:
        """The tags that a frame carries as :data:`TAGS`."""
        full, matrix, location = props[TAGS]
        return cls(
            matrix=None if matrix < 0 else matrix,
            full_range=bool(full),
            chroma_location=None if location < 0 else location,
        )


class FrameError(ColourError):
    """A frame whose properties keep it from being converted.

    :param what: what is wrong with it.
    :param remedy: what a script can do.
    :param kind: "fields", "matrix" or "needs" (a matrix that asks for more than the frame says).
    """

    def __init__(self, what: str, remedy: str, kind: Literal["fields", "matrix", "needs"]) -> None:
        super().__init__(f"{what}; {remedy}")
        self.what = what
        self.kind = kind


def check_format(clip: vs.VideoNode) -> None:
    """Refuse what the filter does not take.

    :raises ColourError: variable size or format, integer samples of more than 16 bits, subsampling beyond 4.
    """
    form = clip.format
    if form is None or form.color_family == vs.UNDEFINED:
        raise ColourError("clip of variable format; convert it to one format first, for example with core.resize")
    if clip.width == 0 or clip.height == 0:
        raise ColourError("clip of variable size; bring it to one size first, for example with core.resize")
    if form.sample_type == vs.INTEGER and form.bits_per_sample > 16:
        raise ColourError(f"clip format {form.name}; give 8 to 16 bit integer or 16 or 32 bit float samples")
    if max(form.subsampling_w, form.subsampling_h) > 2:
        raise ColourError(f"clip format {form.name}; give chroma subsampled by at most 4, for example YUV420P8")


def read_tags(props: Mapping[str, Any], form: vs.VideoFormat) -> Tags:
    """Read the colour properties of a frame.

    :raises FrameError: an interlaced frame, a single field, or a matrix that YUV cannot have or zimg does not know.
    """
    if props.get("_FieldBased", 0):
        raise FrameError(
            f"_FieldBased={int(props['_FieldBased'])}, an interlaced frame",
            "deinterlace first, for example with core.bwdif.Bwdif, or mark the clip progressive with "
            "core.std.SetFieldBased(clip, 0)",
            "fields",
        )
    if "_Field" in props:
        raise FrameError(
            f"_Field={int(props['_Field'])}, a field taken out of its frame",
            "deinterlace first, or weave the fields with core.std.DoubleWeave(clip)[::2]",
            "fields",
        )
    full = form.color_family == vs.RGB
    if "_Range" in props:
        full = props["_Range"] == 1
    elif "_ColorRange" in props:  # the older property counts the other way round
        full = props["_ColorRange"] == 0
    matrix = None
    if form.color_family == vs.YUV and props.get("_Matrix", _UNSPECIFIED) != _UNSPECIFIED:
        matrix = int(props["_Matrix"])
        if matrix not in MATRICES.values():
            raise FrameError(
                f"_Matrix={matrix} on a YUV frame",
                "set the right one first with core.std.SetFrameProps, for example _Matrix=1 for BT.709",
                "matrix",
            )
    subsampled = form.subsampling_w or form.subsampling_h
    location = int(props["_ChromaLocation"]) if subsampled and "_ChromaLocation" in props else None
    return Tags(matrix=matrix, full_range=full, chroma_location=location)


def check_needs(matrix: int | None, props: Mapping[str, Any]) -> None:
    """Refuse a frame that does not say what its matrix needs beside it.

    :param matrix: of YUV, resolved.
    :raises FrameError: no, or an unfit, ``_Transfer`` or ``_Primaries``.
    """
    wrong = {name: codes for name, codes in matrix_needs(matrix).items() if props.get(name) not in codes}
    if wrong:
        came = " and ".join(f"{name}={props.get(name)}" for name in wrong)
        wanted = " and ".join(f"{name} (one of {', '.join(map(str, codes))})" for name, codes in wrong.items())
        raise FrameError(
            f'matrix "{matrix_name(matrix)}" on a frame with {came}',
            f"set {wanted} first with core.std.SetFrameProps",
            "needs",
        )


def coding_of(form: vs.VideoFormat, tags: Tags) -> Coding | None:
    """How an engine is told of frames of this format; None where only zimg can convert them.

    :param tags: with the matrix of YUV resolved.
    """
    code, location = (GREY_LUMA if tags.matrix is None else tags.matrix), tags.chroma_location or 0
    if code not in LINEAR_MATRICES or location not in range(6):
        return None
    samples: dict[tuple[int, int], Sample] = {
        (vs.INTEGER, 1): "u8",
        (vs.INTEGER, 2): "u16",
        (vs.FLOAT, 2): "f16",
        (vs.FLOAT, 4): "f32",
    }
    families: dict[int, Family] = {vs.GRAY: "grey", vs.RGB: "rgb", vs.YUV: "yuv"}
    return Coding(
        family=families[form.color_family],
        sample=samples[form.sample_type, form.bytes_per_sample],
        bits=form.bits_per_sample,
        shift_x=form.subsampling_w,
        shift_y=form.subsampling_h,
        matrix=code,
        full_range=tags.full_range,
        location=location,
    )


def tag_clip(clip: vs.VideoNode, matrix: int | None, log: Log) -> vs.VideoNode:
    """Frames of one pixel that carry the tags of the frames of ``clip`` as :data:`TAGS`, the matrix of YUV resolved.

    Kept for many frames, so that each frame of ``clip`` is read once. A frame that cannot be converted fails.

    :param matrix: H.273 code for YUV frames that do not say theirs; None = :func:`guess_matrix`, said to ``log`` once.
    """
    yuv = clip.format.color_family == vs.YUV
    width, height = clip.width, clip.height
    blank = clip.std.BlankClip(width=1, height=1, format=vs.GRAY8, keep=True)
    told = False

    @cache
    def saying(tags: Tags) -> vs.VideoNode:
        return blank.std.SetFrameProps(**{TAGS: tags.as_prop()})

    def choose(n: int, f: vs.VideoFrame) -> vs.VideoNode:
        nonlocal told
        try:
            tags = read_tags(f.props, f.format)
            guessed = yuv and tags.matrix is None and matrix is None
            if yuv and tags.matrix is None:
                tags = replace(tags, matrix=matrix or guess_matrix(width, height))
            check_needs(tags.matrix, f.props)
        except ColourError as error:
            raise vs.Error(f"tecogan: frame {n}: {error}") from None
        if guessed and not told:
            told = True
            name = matrix_name(tags.matrix)
            log(
                f'frame {n} has no _Matrix; taking "{name}" by the size {width}x{height}; '
                "give matrix= (--matrix of the command) to choose"
            )
        return saying(tags)

    tags = blank.std.FrameEval(choose, prop_src=[clip], clip_src=[blank])
    tags.std.SetVideoCache(mode=1, fixedsize=1, maxsize=_CACHED_TAGS)
    return tags
