"""Whether an encode can be made in parts that are joined without encoding again, and which options go where.

Options that a user gives after ``--`` are known by name or the job is not cut: a filter may look at frames before a
part's first one, a bit rate is spent over the whole film.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..video.compression import is_clean
from ..video.streams import container_of, is_known

_CONSTANT_QUALITY = frozenset(("libx264", "libx264rgb", "libx265", "libsvtav1", "libaom-av1", "libvpx-vp9", "mjpeg"))
"""Encoders that go by constant quality unless they are told another way."""
_ANIMATIONS = frozenset((".gif", ".apng", ".webp"))
"""Containers whose picture is filtered as a whole."""
_IN_MP4 = _CONSTANT_QUALITY | {"h264_nvenc", "hevc_nvenc", "av1_nvenc", "mpeg4", "mpeg2video"}
"""Encoders whose frames may not be stored in the order in which they are shown: MP4 keeps both times of each."""
# fmt: off
_QUALITY = frozenset(("-q", "-qscale", "-qp", "-cq", "-global_quality", "-crf"))
_ENCODER = _QUALITY | frozenset((
    "-pix_fmt", "-tune", "-profile", "-level", "-preset", "-g", "-keyint_min", "-sc_threshold", "-bf", "-refs",
    "-x264-params", "-x264opts", "-x265-params", "-svtav1-params", "-aom-params", "-aq-mode", "-aq-strength",
    "-cpu-used", "-row-mt", "-deadline", "-quality", "-tiles", "-tile-columns", "-tile-rows", "-lag-in-frames",
    "-auto-alt-ref", "-arnr-strength", "-psy-rd", "-rc-lookahead", "-me_method", "-subq", "-trellis", "-coder",
    "-context", "-slices", "-slicecrc", "-threads", "-color_range", "-color_primaries", "-color_trc", "-colorspace",
    "-chroma_sample_location", "-spatial-aq", "-temporal-aq", "-b_ref_mode", "-multipass", "-pred",
))
_MUXER = frozenset((
    "-metadata", "-movflags", "-map_chapters", "-map_metadata", "-disposition", "-brand", "-tag", "-vtag",
    "-cues_to_front", "-reserve_index_space", "-default_mode", "-write_tmcd", "-title", "-timecode",
))
_SOUND = frozenset(("-ar", "-ac", "-af", "-acodec", "-scodec", "-ab", "-aq", "-vol", "-channel_layout", "-ch_layout"))
_SWITCHES = frozenset(("-an", "-sn"))
# fmt: on
_BOTH_WAYS = frozenset(("-c", "-codec", "-b", "-q", "-qscale", "-filter", "-profile", "-bsf", "-metadata", "-tag"))
"""Options that belong to the stream named after the colon."""
_NEEDS_ALL = ("pass=", "bitrate=", "stats=", "vbv-", "qpfile=", "zones=", "rc=1", "rc=2", "tbr=", "2pass")
"""Words in an encoder's own parameters that make it depend on more than one part."""


@dataclass(frozen=True, kw_only=True)
class OptionSplit:
    """How the options after ``--`` are shared out."""

    encoder: tuple[str, ...] = ()
    """For each part."""
    muxer: tuple[str, ...] = ()
    """For the join."""


def cut_options(out: Path, codec: str, crf: float | None, extra: Sequence[str]) -> OptionSplit | str:
    """Which options are for the parts and which for the join; or why there can be no parts, in a few words.

    :param codec: ffmpeg's name of the encoder.
    :param extra: options of ffmpeg that the user gave.
    """
    if not is_known(out) or container_of(out).frame_clock or out.suffix.lower() in _ANIMATIONS:
        return f"{out.suffix} is a container that parts are not joined in"
    encoder: list[str] = []
    muxer: list[str] = []
    for option, value in _pairs(extra):
        name, _, stream = option.partition(":")
        words = [option] if value is None else [option, value]
        of_another_stream = stream[:1] in ("a", "s", "t") and name in _BOTH_WAYS
        if of_another_stream or name in _SOUND or option in _SWITCHES or name in _MUXER:
            muxer += words
        elif name in ("-b", "-vb") and value == "0":
            encoder += words
        elif name in _ENCODER and stream in ("", "v", "v:0") and value is not None:
            if any(word in value for word in _NEEDS_ALL):
                return f"{option} {value} concerns the whole film"
            encoder += words
        else:
            return f"it is not known whether {option} can be applied to parts"
    constant = codec in _CONSTANT_QUALITY or is_clean(codec.partition("_")[0]) or crf is not None
    if not constant and not any(option.partition(":")[0] in _QUALITY for option, _ in _pairs(encoder)):
        return f"{codec} goes by an average bit rate"
    return OptionSplit(encoder=tuple(encoder), muxer=tuple(muxer))


def part_format(codec: str) -> str:
    """ffmpeg's name of the container for parts: it keeps every timestamp to the tick."""
    return "mp4" if codec in _IN_MP4 else "nut"


def _pairs(options: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Options with their values; None for a switch."""
    words = iter(options)
    for option in words:
        yield option, None if option in _SWITCHES else next(words, None)
