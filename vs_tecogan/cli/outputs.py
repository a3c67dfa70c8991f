"""Whether a file can be written, looked at before hours of work."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import UsageError
from ..video.partial import in_the_way, partial_path

# fmt: off
_MANY_FILES = frozenset((
    ".bmp", ".dpx", ".exr", ".hdr", ".im1", ".im24", ".im8", ".j2c", ".j2k", ".jls", ".jp2", ".jpeg", ".jpg", ".jxl",
    ".jxs", ".ljpg", ".pam", ".pbm", ".pcx", ".pfm", ".pgm", ".pgmyuv", ".phm", ".pix", ".png", ".ppm", ".qoi", ".ras",
    ".rs", ".sgi", ".sun", ".sunras", ".tga", ".tif", ".tiff", ".vbn", ".wbmp", ".xbm", ".xface", ".xwd", ".y",
    ".m3u8", ".mpd",
))
# fmt: on
"""Suffixes for which ffmpeg writes a file for each frame, or for each piece of a stream."""


def check_out(source: Path, out: Path, *, overwrite: bool) -> None:
    """Refuse a name that cannot become a new file.

    :param source: the input, which must not be written over.
    :raises UsageError: why, and what to do.
    """
    try:
        _look_at_out(source, out, overwrite=overwrite)
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror}; give another name") from None


def _look_at_out(source: Path, out: Path, *, overwrite: bool) -> None:
    if out.is_dir():
        raise UsageError(f"{out} is a directory; give the name of a file in it")
    if not out.suffix:
        raise UsageError(f"{out} has no suffix to name a container; give one, such as {out}.mkv")
    if out.suffix.lower() in _MANY_FILES:
        single = out.with_suffix(".mkv").name
        raise UsageError(f"{out} would be many files; give the name of a video container, such as {single}")
    if not out.parent.is_dir():
        raise UsageError(f"{out.parent} is no directory; make it first")
    if out.exists() and out.samefile(source):
        raise UsageError(f"{out} is the input itself; give another name")
    if out.exists() and not overwrite:
        raise UsageError(f"{out} exists; give another name, or -y to replace it")
    part = partial_path(out)
    if part.exists() and part.samefile(source):
        raise UsageError(f"{part} is the input, and what {out.name} is called until it is whole; give another name")
    if part.exists():
        raise UsageError(in_the_way(part))
    if not os.access(out.parent, os.W_OK):
        raise UsageError(f"{out.parent} cannot be written to; choose another place")
