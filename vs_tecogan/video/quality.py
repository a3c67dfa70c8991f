"""How good the picture is encoded: by constant quality, where the encoder has it."""

from __future__ import annotations

from ..errors import VideoError
from .compression import is_clean
from .ffmpeg import encoder_takes

_DEFAULT_CRF = {"libx264": 16, "libx264rgb": 16, "libx265": 18, "libsvtav1": 24, "libaom-av1": 24, "libvpx-vp9": 24}
_JPEG = ("-q:v", "2")
"""The best that ffmpeg's JPEG encoder gives unasked."""
_CONSTANT_QUALITY_NEEDS_ZERO_RATE = frozenset({"libvpx-vp9", "libvpx", "libaom-av1"})
_NO_RATE = frozenset(("gif", "libwebp", "libwebp_anim"))
"""Encoders of animations that know no bit rate."""
_CHOICES = frozenset(
    ("-b", "-vb", "-q", "-qscale", "-cq", "-qp", "-crf", "-rc", "-global_quality", "-quality", "-lossless", "-target")
)
"""Options of ffmpeg and of its encoders that say how good a stream is to be, without the stream that may follow."""
_HOW = "give the quality after --, such as -- -q:v 2 or -- -b:v 40M (-cq 18 for NVENC)"


def quality_options(codec: str, *, crf: float | None, preset: str | None) -> list[str]:
    """ffmpeg's options for an encoder.

    :param crf: None: 16 for x264, 18 for x265, 24 for AV1 and VP9, and the encoder's own way for others.
    :param preset: None: the encoder's own.
    """
    crf = _DEFAULT_CRF.get(codec) if crf is None else crf
    arguments = [] if crf is None else ["-crf", f"{crf:g}"]
    if codec == "mjpeg" and crf is None:
        arguments = [*_JPEG]
    if crf is not None and codec in _CONSTANT_QUALITY_NEEDS_ZERO_RATE:
        arguments += ["-b:v:0", "0"]
    return arguments if preset is None else [*arguments, "-preset", preset]


def check_quality(ffmpeg: str, codec: str, *, crf: float | None, extra: tuple[str, ...]) -> str | None:
    """What to tell the user of an encoder that has no constant quality and was given no other; None: nothing.

    :param extra: ffmpeg's options that the user gave.
    :raises VideoError: `crf` for an encoder that would ignore it.
    """
    if crf is None and (codec in _NO_RATE or codec == "mjpeg"):
        return None
    if codec in _DEFAULT_CRF or (crf is None and (_chooses(extra) or is_clean(codec.partition("_")[0]))):
        return None
    if encoder_takes(ffmpeg, codec, "crf"):
        return None
    if crf is not None:
        raise VideoError(f"{codec} has no --crf (got {crf:g}); {_HOW}")
    return f"{codec} goes by ffmpeg's default bit rate, which is low for large frames: {_HOW}"


def _chooses(extra: tuple[str, ...]) -> bool:
    """Whether ffmpeg's options say how good the picture is to be."""
    options = (word.partition(":") for word in extra)
    return any(name in _CHOICES and not stream.startswith("a") for name, _, stream in options)
