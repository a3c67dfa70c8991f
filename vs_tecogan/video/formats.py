"""From a VapourSynth format to one that an encoder takes, and from frame properties to an encoder's colour tags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import vapoursynth as vs

from ..colour.matrices import guess_matrix
from .alpha import ALPHA, in_bits

RGB_ENCODERS = frozenset(
    {
        "libx264rgb",
        "ffv1",
        "utvideo",
        "huffyuv",
        "ffvhuff",
        "magicyuv",
        "png",
        "tiff",
        "bmp",
        "mjpeg",
        "apng",
        "gif",
        "libwebp_anim",
        "rawvideo",
    }
)
PICTURE_ENCODERS = frozenset(("png", "mjpeg", "tiff", "bmp"))
"""Encoders whose every frame is a file."""
_DEEP_PICTURES = frozenset(("png", "tiff"))
"""Those of 16 bits."""
_MOST_BITS = {
    "libx264": 10,
    "libx264rgb": 8,
    "libx265": 12,
    "libsvtav1": 10,
    "libaom-av1": 12,
    "libvpx-vp9": 12,
    "libvpx": 8,
    "gif": 8,
    "libwebp_anim": 8,
    "mpeg4": 8,
    "libxvid": 8,
    "mpeg2video": 8,
    "h264_nvenc": 8,
    "hevc_nvenc": 10,
}
_SUBSAMPLINGS = {(0, 1): (0, 0), (2, 0): (1, 0), (2, 2): (1, 1)}
"""The nearest one that every encoder knows, for those that few do."""

_EIGHT_BIT = {(1, 1): b"I420", (1, 0): b"Y42B", (0, 0): b"444P"}
_DEEP = {(1, 1): 11, (1, 0): 10, (0, 0): 0}


def for_encoder(clip: vs.VideoNode, codec: str, *, alpha: bool = False) -> vs.VideoNode:
    """Convert a clip to the nearest format that raw video and the encoder share; most pass unchanged.

    RGB becomes YUV 4:4:4 BT.709 of limited range unless the encoder stores RGB. Floats and depths over the encoder's
    become integers, dithered.

    :param codec: ffmpeg's name of the encoder.
    :param alpha: frames have transparency beside them, which the encoder is to have too.
    """
    converted = _for_pictures(clip, codec) if codec in PICTURE_ENCODERS else _for_video(clip, codec)
    return in_bits(converted, clip) if alpha else converted


def _for_video(clip: vs.VideoNode, codec: str) -> vs.VideoNode:
    source = clip.format
    to_yuv = source.color_family == vs.RGB and codec not in RGB_ENCODERS
    family = vs.YUV if to_yuv else source.color_family
    ratio = (source.subsampling_w, source.subsampling_h)
    ratio = _SUBSAMPLINGS.get(ratio, ratio)
    bits = _bits(16 if source.sample_type == vs.FLOAT else source.bits_per_sample, _MOST_BITS.get(codec, 16))
    target = vs.core.query_video_format(family, vs.INTEGER, bits, *ratio)
    if target.id == source.id:
        return clip
    to_matrix = {"matrix": vs.MATRIX_BT709, "range": vs.RANGE_LIMITED} if to_yuv else {}
    return clip.resize.Bicubic(format=target.id, dither_type="error_diffusion", **to_matrix)


def _for_pictures(clip: vs.VideoNode, codec: str) -> vs.VideoNode:
    """RGB or gray of 8 or 16 bits, as picture files have it; for JPEG, the YUV of its own of full range."""
    source = clip.format
    deep = source.sample_type == vs.FLOAT or source.bits_per_sample > 8
    bits = 16 if deep and codec in _DEEP_PICTURES else 8
    family = vs.GRAY if source.color_family == vs.GRAY else vs.YUV if codec == "mjpeg" else vs.RGB
    options: dict[str, Any] = {"range": vs.RANGE_FULL}
    if family == vs.YUV:
        options["matrix"] = vs.MATRIX_BT470_BG
    if source.color_family == vs.YUV:
        with clip.get_frame(0) as frame:
            if frame.props.get("_Matrix", 2) == 2:
                options["matrix_in"] = guess_matrix(clip.width, clip.height)
    target = vs.core.query_video_format(family, vs.INTEGER, bits, 0, 0)
    return clip.resize.Bicubic(format=target.id, dither_type="error_diffusion", **options)


def _bits(bits: int, most: int) -> int:
    return min(most, next(known for known in (8, 10, 12, 16) if known >= bits))


def raw_fourcc(video_format: vs.VideoFormat, *, alpha: bool = False) -> bytes:
    """ffmpeg's tag of a planar raw format, one of those that for_encoder() gives; with alpha, of RGB and YUV."""
    bits = video_format.bits_per_sample
    if video_format.color_family == vs.RGB:
        return (b"G4" if alpha else b"G3") + bytes((0, bits))
    if video_format.color_family == vs.GRAY:
        return b"Y800" if bits == 8 else b"Y1" + bytes((0, bits))
    ratio = (video_format.subsampling_w, video_format.subsampling_h)
    if alpha:
        return b"Y4" + bytes((_DEEP[ratio], bits))
    return _EIGHT_BIT[ratio] if bits == 8 else b"Y3" + bytes((_DEEP[ratio], bits))


def raw_planes(frame: vs.VideoFrame, *, alpha: bool = False) -> Iterator[memoryview]:
    """The planes of a frame without row padding, in the order of raw_fourcc(): G, B, R for RGB, and alpha last."""
    order = (1, 2, 0) if frame.format.color_family == vs.RGB else range(frame.format.num_planes)
    for plane in order:
        yield np.ascontiguousarray(np.asarray(frame[plane])).data
    if alpha:
        with frame.props[ALPHA] as beside:
            yield np.ascontiguousarray(np.asarray(beside[0])).data


def colour_tags(props: Mapping[str, object]) -> list[str]:
    """ffmpeg options that describe raw video: matrix, primaries, transfer, range, chroma location.

    They go before the raw input, so that filters and encoder both know; a property that is absent or unspecified gives
    no option. The numbers are those of ITU-T H.273, which VapourSynth and ffmpeg share; chroma locations are one apart.
    """
    options: list[str] = []
    for name, prop in (("-colorspace", "_Matrix"), ("-color_primaries", "_Primaries"), ("-color_trc", "_Transfer")):
        value = _int(props, prop)
        if value is not None and value != 2:
            options += [name, str(value)]
    match _int(props, "_Range"):
        case 0:
            options += ["-color_range", "tv"]
        case 1:
            options += ["-color_range", "pc"]
    location = _int(props, "_ChromaLocation")
    if location is not None:
        options += ["-chroma_sample_location", str(location + 1)]
    return options


_HDR10_PARAMS = {"libx265": "-x265-params", "libx264": "-x264-params", "libsvtav1": "-svtav1-params"}


def hdr10_options(props: Mapping[str, object], codec: str) -> list[str]:
    """ffmpeg options that keep the mastering display and light levels of HDR10, for encoders that take them by name.

    The properties are BestSource's: primaries as 3 x and 3 y in the order R, G, B, white point, luminance in cd/m2.
    """
    key = _HDR10_PARAMS.get(codec)
    if key is None:
        return []
    parts = [part for part in (_mastering_display(props, codec), _light_level(props, codec)) if part]
    return [key, ":".join(parts)] if parts else []


def hdr10_input(props: Mapping[str, object], codec: str) -> list[str]:
    """ffmpeg options before the raw input that keep display and light for all other encoders, and in the container.

    ffmpeg has them since release 9: :func:`~vs_tecogan.video.ffmpeg.knows_light` tells.
    """
    if codec in _HDR10_PARAMS:
        return []
    display, light = _mastering_display(props, "libx264"), _light_level(props, "libx264")
    options = ["-mastering_display:v:0", display.partition("=")[2]] if display else []
    return [*options, "-content_light:v:0", light.partition("=")[2]] if light else options


def beside_hdr10(hdr10: Sequence[str], extra: Sequence[str]) -> list[str]:
    """A user's options of ffmpeg, without replacing :func:`hdr10_options` by parameters of the same encoder.

    What the user says of the display or the light himself comes last, and counts.
    """
    if not hdr10:
        return list(extra)
    key, value = hdr10
    return [
        f"{value}:{word}" if before.partition(":")[0] == key else word
        for before, word in zip(("", *extra), extra, strict=False)
    ]


def _mastering_display(props: Mapping[str, object], codec: str) -> str:
    names = ("PrimariesX", "PrimariesY", "WhitePointX", "WhitePointY", "MaxLuminance", "MinLuminance")
    values = [props.get(f"MasteringDisplay{name}") for name in names]
    if any(value is None for value in values):
        return ""
    xs, ys = (np.asarray(value, dtype=float) for value in values[:2])
    (white_x, white_y), (most, least) = (np.asarray(values[i : i + 2], dtype=float) for i in (2, 4))
    points = [*((name, xs[i], ys[i]) for name, i in zip("GBR", (1, 2, 0), strict=True)), ("WP", white_x, white_y)]
    if codec == "libsvtav1":  # it takes the values as they are, others whole steps
        text = "".join(f"{name}({x:.5f},{y:.5f})" for name, x, y in points) + f"L({most:.4f},{least:.4f})"
    else:
        text = "".join(f"{name}({round(x * 50000)},{round(y * 50000)})" for name, x, y in points)
        text += f"L({round(most * 10000)},{round(least * 10000)})"
    return ("master-display=" if codec == "libx265" else "mastering-display=") + text


def _light_level(props: Mapping[str, object], codec: str) -> str:
    most, average = _int(props, "ContentLightLevelMax"), _int(props, "ContentLightLevelAverage")
    if most is None or average is None:
        return ""
    name = {"libx265": "max-cll", "libsvtav1": "content-light"}.get(codec, "cll")
    return f"{name}={most},{average}"


def _int(props: Mapping[str, object], name: str) -> int | None:
    value = props.get(name)
    return int(value) if isinstance(value, int) else None
