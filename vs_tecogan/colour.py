"""Formats and colour: any clip to the float RGB of the network, and its output back to the same kind of clip.

Conversions are zimg's (``core.resize``), chosen per frame by what the frame's properties say. Transfer and primaries
pass through untouched: the network sees R'G'B' as coded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from .errors import ColourError

if TYPE_CHECKING:
    import vapoursynth as vs

    from .engine.coding import Coding

Log = Callable[[str], None]

MATRICES = {
    "709": 1,
    "fcc": 4,
    "470bg": 5,
    "170m": 6,
    "240m": 7,
    "ycgco": 8,
    "2020ncl": 9,
    "2020cl": 10,
    "chromancl": 12,
    "chromacl": 13,
    "ictcp": 14,
}
"""Matrix names as ``core.resize`` spells them, and their H.273 codes."""

HOST_RGB = "_TecoganRGB"
"""Property of a frame that only zimg can convert: the same picture as an RGBS frame."""

_UNSPECIFIED = 2
NEEDS: Mapping[int, Mapping[str, tuple[int, ...]]] = {
    MATRICES["2020cl"]: {"_Transfer": (1, 6, 7, 14, 15)},
    MATRICES["chromancl"]: {"_Primaries": (1, 4, 5, 6, 7, 8, 9, 11, 12, 22)},
    MATRICES["chromacl"]: {
        "_Transfer": (1, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18),
        "_Primaries": (1, 4, 5, 6, 7, 8, 9, 11, 12, 22),
    },
    MATRICES["ictcp"]: {"_Transfer": (16, 18), "_Primaries": (9,)},
}
"""What zimg must know beside such a matrix, both ways, and the codes that it then takes."""
_GREY_LUMA = MATRICES["709"]  # R = G = B up to the network's own tint, so any luma weights do

# Chroma is resampled by Spline36: closest to the source of the kernels zimg has, bar the ringing of Lanczos.
# No dithering: flat areas stay flat, and a still picture stays still.
_RESAMPLE = {"resample_filter_uv": "spline36", "dither_type": "none"}


@dataclass(frozen=True, kw_only=True)
class Tags:
    """What decides the conversion of one frame, read off its properties."""

    matrix: int | None
    """H.273 matrix code of a YUV frame; None where the frame does not say, and for RGB and GRAY."""
    full_range: bool
    """Range of integer samples."""
    chroma_location: int | None
    """``_ChromaLocation`` of a subsampled frame; None where it does not say (zimg takes left)."""


def check_format(clip: vs.VideoNode) -> None:
    """Refuse what the filter does not take.

    :raises ColourError: variable size or format, integer samples of more than 16 bits, subsampling beyond 4.
    """
    import vapoursynth as vs

    form = clip.format
    if form is None or form.color_family == vs.UNDEFINED:
        raise ColourError("clip of variable format; convert it to one format first, for example with core.resize")
    if clip.width == 0 or clip.height == 0:
        raise ColourError("clip of variable size; bring it to one size first, for example with core.resize")
    if form.sample_type == vs.INTEGER and form.bits_per_sample > 16:
        raise ColourError(f"clip format {form.name}; give 8 to 16 bit integer or 16 or 32 bit float samples")
    if max(form.subsampling_w, form.subsampling_h) > 2:
        raise ColourError(f"clip format {form.name}; give chroma subsampled by at most 4, for example YUV420P8")


def parse_matrix(matrix: int | str | None) -> int | None:
    """The H.273 code meant by the option ``matrix``: None, a name, or a code, as a number or written out.

    :raises ColourError: an unknown name or code.
    """
    if matrix is None:
        return None
    known = ", ".join(MATRICES)
    if isinstance(matrix, str):
        if matrix.isdecimal() and int(matrix) in MATRICES.values():  # no name is also a code
            return int(matrix)
        if matrix not in MATRICES:
            raise ColourError(f"matrix {matrix!r}; give one of {known}, or its H.273 code")
        return MATRICES[matrix]
    if isinstance(matrix, bool) or not isinstance(matrix, int) or matrix not in MATRICES.values():
        codes = ", ".join(map(str, MATRICES.values()))
        raise ColourError(f"matrix {matrix!r}; give None, one of {known}, or one of the codes {codes}")
    return int(matrix)


def guess_matrix(width: int, height: int) -> int:
    """The matrix that players assume for an untagged picture: BT.709 for HD, else BT.601 (470bg at PAL's 576 lines)."""
    if width >= 1280 or height > 576:
        return MATRICES["709"]
    return MATRICES["470bg"] if height in (576, 288) else MATRICES["170m"]


def read_tags(props: Mapping[str, Any], form: vs.VideoFormat) -> Tags:
    """Read the colour properties of a frame.

    :raises ColourError: an interlaced frame, or a matrix that YUV cannot have or zimg does not know.
    """
    import vapoursynth as vs

    if props.get("_FieldBased", 0):
        raise ColourError(
            f"_FieldBased={int(props['_FieldBased'])}, an interlaced frame; deinterlace first, or mark the clip "
            "progressive with core.std.SetFieldBased(clip, 0)"
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
            raise ColourError(
                f"_Matrix={matrix} on a YUV frame; set the right one first with core.std.SetFrameProps, "
                "for example _Matrix=1 for BT.709"
            )
    subsampled = form.subsampling_w or form.subsampling_h
    location = int(props["_ChromaLocation"]) if subsampled and "_ChromaLocation" in props else None
    return Tags(matrix=matrix, full_range=full, chroma_location=location)


def check_needs(matrix: int | None, props: Mapping[str, Any]) -> None:
    """Refuse a frame that does not say what its matrix needs beside it.

    :param matrix: of YUV, resolved.
    :raises ColourError: no, or an unfit, ``_Transfer`` or ``_Primaries``.
    """
    wrong = {name: codes for name, codes in _needs(matrix).items() if props.get(name) not in codes}
    if wrong:
        came = " and ".join(f"{name}={props.get(name)}" for name in wrong)
        wanted = " and ".join(f"{name} (one of {', '.join(map(str, codes))})" for name, codes in wrong.items())
        raise ColourError(
            f'matrix "{_matrix_name(matrix)}" on a frame with {came}; set {wanted} first with core.std.SetFrameProps'
        )


def coding_of(form: vs.VideoFormat, tags: Tags, matrix: int | None) -> Coding | None:
    """How a device is told of frames of this format; None where only zimg can convert them.

    :param matrix: of YUV, resolved.
    """
    import vapoursynth as vs

    from .engine.coding import MATRICES as LINEAR
    from .engine.coding import Coding, Family, Sample

    code, location = (_GREY_LUMA if matrix is None else matrix), tags.chroma_location or 0
    if code not in LINEAR or location not in range(6):
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


@dataclass(frozen=True, kw_only=True)
class Colour:
    """Both directions of conversion for one clip: by zimg (``to_rgb``, ``from_rgb``), or by an engine.

    For an engine, frames keep their planes (``to_coded``), :meth:`coding` says what these mean, and ``from_coded``
    passes on what comes back. What only zimg can convert travels along as the property :data:`HOST_RGB`, both ways.

    :param clip:   the clip as the user gave it; passed :func:`check_format`.
    :param matrix: H.273 code for YUV frames that do not say theirs; None = :func:`guess_matrix`, said to ``log``.
    :param log:    takes one line, at most once.
    """

    clip: vs.VideoNode
    matrix: int | None
    log: Log

    def to_rgb(self) -> vs.VideoNode:
        """The clip as RGBS, frame by frame as its properties say; an RGBS clip passes through untouched.

        Frames that :func:`read_tags` or :func:`check_needs` refuses fail, each on its own.
        """
        import vapoursynth as vs

        clip, converted = self.clip, self._converter()
        template = clip.std.BlankClip(format=vs.RGBS, keep=True)
        choose = self._chooser(lambda tags: converted(self._matrix(tags)))
        return template.std.FrameEval(choose, prop_src=[clip], clip_src=[clip])

    def to_coded(self, *, with_rgb: bool = False) -> vs.VideoNode:
        """The clip as it is, but for the property :data:`HOST_RGB`; refused frames fail as in :meth:`to_rgb`.

        :param with_rgb: all frames have the property, not only those that no engine converts.
        """
        clip, converted = self.clip, self._converter()

        @cache
        def beside_rgb(matrix: int | None) -> vs.VideoNode:
            return clip.std.ClipToProp(converted(matrix), prop=HOST_RGB)

        def pick(tags: Tags) -> vs.VideoNode:
            return beside_rgb(self._matrix(tags)) if with_rgb or self._coding(tags) is None else clip

        return clip.std.FrameEval(self._chooser(pick), prop_src=[clip], clip_src=[clip])

    def coding(self, frame: vs.VideoFrame) -> Coding | None:
        """What the planes of a frame of :meth:`to_coded` mean, and those of its upscaled frame; None: see HOST_RGB."""
        return self._coding(read_tags(frame.props, frame.format))

    @property
    def rgb_bytes(self) -> int:
        """What the property :data:`HOST_RGB` of a frame takes."""
        pixels: int = self.clip.width * self.clip.height
        return 3 * 4 * pixels

    def retag(self, frame: vs.VideoFrame, props: MutableMapping[str, Any]) -> None:
        """Bring ``props``, the properties of ``frame``, to what zimg would say of its upscaled frame."""
        import vapoursynth as vs

        form = frame.format
        if form.id == vs.RGBS:
            return
        tags = read_tags(frame.props, form)
        for name in ("_ColorRange", "_ChromaLocation"):
            if name in props:
                del props[name]
        props["_Range"] = int(tags.full_range)
        if form.color_family == vs.YUV:
            props["_Matrix"] = self._matrix(tags)
        if form.subsampling_w or form.subsampling_h:
            props["_ChromaLocation"] = tags.chroma_location or 0

    def from_coded(self, upscaled: vs.VideoNode) -> vs.VideoNode:
        """What the device made, in the format of the clip already but for pictures that zimg has to convert."""
        import vapoursynth as vs

        clip, form = self.clip, self.clip.format
        if form.color_family != vs.YUV:
            return upscaled
        template = upscaled.std.BlankClip(format=vs.RGBS, keep=True)
        rgb = template.std.ModifyFrame(upscaled, _take_rgb)
        converted = self.from_rgb(rgb)

        def choose(n: int, f: vs.VideoFrame) -> vs.VideoNode:
            return converted if self._coding(self._read(f, n)) is None else upscaled

        return upscaled.std.FrameEval(choose, prop_src=[clip], clip_src=[upscaled, converted])

    def from_rgb(self, upscaled: vs.VideoNode) -> vs.VideoNode:
        """The network's RGBS output in the format of the clip, tagged as the clip was.

        A YUV frame that did not say its matrix says so now: its new height would mislead the next guess.
        """
        import vapoursynth as vs

        clip, form = self.clip, self.clip.format
        if form.id == vs.RGBS:
            return upscaled
        kept = ["_Transfer", "_Primaries"] + (["_Matrix"] if form.color_family != vs.YUV else [])

        @cache
        def converted(tags: Tags) -> vs.VideoNode:
            options: dict[str, Any] = {"range": int(tags.full_range)}
            if form.color_family != vs.RGB:
                options["matrix"] = _GREY_LUMA if form.color_family == vs.GRAY else self._matrix(tags)
            if tags.chroma_location is not None:
                options["chromaloc"] = tags.chroma_location
            node = upscaled.resize.Bicubic(format=form.id, **options, **_RESAMPLE)
            return node.std.CopyFrameProps(clip, props=kept)

        def choose(n: int, f: vs.VideoFrame) -> vs.VideoNode:
            return converted(self._read(f, n))

        template = upscaled.std.BlankClip(format=form.id, keep=True)
        return template.std.FrameEval(choose, prop_src=[clip], clip_src=[upscaled])

    def _converter(self) -> Callable[[int | None], vs.VideoNode]:
        """The clip as RGBS by zimg, for each matrix."""
        import vapoursynth as vs

        clip = self.clip

        @cache
        def converted(matrix: int | None) -> vs.VideoNode:
            if clip.format.id == vs.RGBS:
                return clip
            options = {} if matrix is None else {"matrix_in": matrix}
            return _bare(clip, matrix).resize.Bicubic(format=vs.RGBS, **options, **_RESAMPLE)

        return converted

    def _chooser(self, pick: Callable[[Tags], vs.VideoNode]) -> Callable[..., vs.VideoNode]:
        """For FrameEval: the node that ``pick`` gives for a frame's tags; says once where a matrix is guessed."""
        import vapoursynth as vs

        told = False

        def choose(n: int, f: vs.VideoFrame) -> vs.VideoNode:
            nonlocal told
            tags = self._read(f, n)
            yuv = self.clip.format.color_family == vs.YUV
            if yuv and tags.matrix is None and self.matrix is None and not told:
                told = True
                self.log(self._guessing(n))
            return pick(tags)

        return choose

    def _coding(self, tags: Tags) -> Coding | None:
        return coding_of(self.clip.format, tags, self._matrix(tags))

    def _matrix(self, tags: Tags) -> int | None:
        import vapoursynth as vs

        if self.clip.format.color_family != vs.YUV:
            return None
        return tags.matrix or self.matrix or guess_matrix(self.clip.width, self.clip.height)

    def _read(self, frame: vs.VideoFrame, n: int) -> Tags:
        import vapoursynth as vs

        try:
            tags = read_tags(frame.props, frame.format)
            check_needs(self._matrix(tags), frame.props)
        except ColourError as error:
            raise vs.Error(f"tecogan: frame {n}: {error}") from None
        return tags

    def _guessing(self, n: int) -> str:
        width, height = self.clip.width, self.clip.height
        name = _matrix_name(guess_matrix(width, height))
        taken = f'frame {n} has no _Matrix; taking "{name}" by the size {width}x{height}'
        return f"{taken}; give matrix= (--matrix of the command) to choose"


def _bare(clip: vs.VideoNode, matrix: int | None) -> vs.VideoNode:
    """``clip`` without the properties that the conversion does not need: odd values of them would stop zimg."""
    import vapoursynth as vs

    family = clip.format.color_family
    odd = [name for name in ("_Transfer", "_Primaries") if name not in _needs(matrix)]
    odd += [] if family == vs.YUV else ["_Matrix"]
    return clip.std.RemoveFrameProps(odd) if odd else clip


def _take_rgb(f: vs.VideoFrame, **_: int) -> vs.VideoFrame:
    """The RGBS frame that an upscaled frame carries, with what was said about its making."""
    frame = f.props[HOST_RGB].copy()
    frame.props.update({key: value for key, value in f.props.items() if key.startswith("Tecogan")})
    return frame


def _needs(matrix: int | None) -> Mapping[str, tuple[int, ...]]:
    return {} if matrix is None else NEEDS.get(matrix, {})


def _matrix_name(matrix: int | None) -> str:
    return next(name for name, code in MATRICES.items() if code == matrix)
