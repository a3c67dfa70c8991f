"""Fields: frames that hold two moments each, and film that is only stored like them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import vapoursynth as vs

from ..errors import VideoError
from .ffmpeg import ask, find_ffmpeg

FIELD_ORDERS = ("progressive", "tff", "bff")
_CODES = {"progressive": 0, "bff": 1, "tff": 2}
"""Values of ``_FieldBased``."""
_NAMES = {1: "bottom field first", 2: "top field first"}
_INSTALL = "pip install vapoursynth-bwdif"
_LOOKED_AT = 120
"""Frames that ffmpeg looks at to tell whether fields are of two moments."""
_CLEAR = 0.8
"""Share of the frames that must look one way before a file is said to be so."""


@dataclass(frozen=True, kw_only=True)
class FieldOptions:
    """What is done with frames that are stored as two fields."""

    order: str = ""
    """One of :data:`FIELD_ORDERS`, instead of what the file says; empty = as it says."""
    deinterlace: bool = False
    """Make a whole picture of each frame of two moments; others stay as they are."""


def as_progressive(clip: vs.VideoNode, fields: FieldOptions) -> vs.VideoNode:
    """The clip as whole pictures, one for each frame, as far as ``fields`` ask for it.

    :raises VideoError: the deinterlacer is missing, or does not take the clip's format.
    """
    if fields.order:
        clip = clip.std.SetFieldBased(_CODES[fields.order])
    return _deinterlaced(clip) if fields.deinterlace else clip


def has_deinterlacer() -> bool:
    """Whether bwdif is installed."""
    return hasattr(vs.core, "bwdif")


def _deinterlaced(clip: vs.VideoNode) -> vs.VideoNode:
    if not has_deinterlacer():
        raise VideoError(f"--deinterlace needs the deinterlacer bwdif: {_INSTALL}")
    bwdif: Any = vs.core.bwdif
    try:
        whole = bwdif.Bwdif(clip, field=1)  # which field is kept is told by the frame's own _FieldBased: the first
    except vs.Error as error:
        raise VideoError(f"--deinterlace: {error}; frames of {clip.format.name} cannot be deinterlaced") from None

    def choose(f: vs.VideoFrame, **_: int) -> vs.VideoNode:
        return whole if f.props.get("_FieldBased", 0) else clip

    return clip.std.FrameEval(choose, prop_src=[clip], clip_src=[clip, whole])


def order_name(code: object) -> str:
    """The order of fields that a value of ``_FieldBased`` means, in words."""
    return _NAMES.get(int(code) if isinstance(code, int) else 0, "in fields")


def refusal(path: Path, frame: int, code: object, whole: float | None) -> VideoError:
    """The error for a frame that is stored in fields: which options take it, by what its picture looks like.

    :param code: the frame's ``_FieldBased``.
    :param whole: the share of frames around it that look whole; None where that is not clear.
    """
    begin = f"{path} is interlaced at frame {frame} ({order_name(code)})"
    deinterlace = "--deinterlace" if has_deinterlacer() else f"--deinterlace (it needs bwdif: {_INSTALL})"
    if whole is not None and whole >= _CLEAR:
        return VideoError(
            f"{begin}, but looks whole, as film does that is stored in fields: give --field-order progressive"
        )
    if whole is not None and whole <= 1 - _CLEAR:
        return VideoError(f"{begin}, and looks so: give {deinterlace}")
    return VideoError(
        f"{begin}: give {deinterlace}, or --field-order progressive where its pictures are whole, as film on DVD is"
    )


@dataclass(frozen=True, kw_only=True)
class Seen:
    """How many frames look like what, by ffmpeg's ``idet``."""

    top: int
    """Of two moments, the upper field first."""
    bottom: int
    whole: int
    unsure: int

    @property
    def share(self) -> float | None:
        """The share of whole frames among those that are sure; None where these are few."""
        known = self.top + self.bottom + self.whole
        return self.whole / known if known > self.unsure else None


def look_at_fields(path: Path, stream: int, seconds: Fraction) -> Seen:
    """How a file's pictures look from a time on, whatever it says of them.

    :param stream: number of the picture in the file.
    :param seconds: from the start of the file.
    :raises VideoError: there is no ffmpeg that works.
    """
    where = ("-ss", f"{float(seconds):.3f}") if seconds > 0 else ()
    found = ask(
        *(find_ffmpeg(), "-v", "info", "-nostdin", *where, "-i", f"file:{path}", "-map", f"0:{stream}"),
        *("-vf", "idet", "-frames:v", str(_LOOKED_AT), "-f", "null", "-"),
    ).stderr
    return read_idet(found)


def read_idet(report: str) -> Seen:
    """Read what ``idet`` says at its end."""
    counts = re.findall(r"Multi frame detection: TFF: *(\d+) BFF: *(\d+) Progressive: *(\d+) Undet\w*: *(\d+)", report)
    # The last: ffmpeg 9 counts nothing first, with a filter that it throws away.
    top, bottom, whole, unsure = map(int, counts[-1]) if counts else (0, 0, 0, 0)
    return Seen(top=top, bottom=bottom, whole=whole, unsure=unsure)


def unsaid(path: Path, stream: int, seconds: Fraction) -> str | None:
    """What to tell of a file that says that it is progressive, and does not look so."""
    seen = look_at_fields(path, stream, seconds)
    if seen.share is None or seen.share > 1 - _CLEAR:
        return None
    order = "tff" if seen.top >= seen.bottom else "bff"
    return (
        f"{path} says that it is progressive, and looks interlaced: --deinterlace --field-order {order} makes whole "
        "pictures; else the combs are upscaled too"
    )
