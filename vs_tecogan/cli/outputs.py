"""Whether a file can be written, looked at before hours of work."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import UsageError
from ..video.names import is_image, is_numbered, is_picture
from ..video.partial import in_the_way, partial_path
from ..video.pictures import picture_names
from ..video.source import Source

# fmt: off
_MANY_FILES = frozenset((
    ".dpx", ".exr", ".hdr", ".im1", ".im24", ".im8", ".j2c", ".j2k", ".jls", ".jp2", ".jxl",
    ".jxs", ".ljpg", ".pam", ".pbm", ".pcx", ".pfm", ".pgm", ".pgmyuv", ".phm", ".pix", ".ppm", ".qoi", ".ras",
    ".rs", ".sgi", ".sun", ".sunras", ".tga", ".vbn", ".wbmp", ".xbm", ".xface", ".xwd", ".y",
    ".m3u8", ".mpd",
))
# fmt: on
"""Suffixes for which ffmpeg writes a file for each frame, or for each piece of a stream."""


def check_out(source: Path, out: Path, *, overwrite: bool, whole: bool = True) -> None:
    """Refuse a name that cannot become a new file.

    :param source: the input, which must not be written over.
    :param whole: whether all of its frames are asked for, or those to its end.
    :raises UsageError: why, and what to do.
    """
    try:
        _look_at_out(source, out, overwrite=overwrite, whole=whole)
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror}; give another name") from None


def _look_at_out(source: Path, out: Path, *, overwrite: bool, whole: bool) -> None:
    if out.is_dir():
        raise UsageError(f"{out} is a directory; give the name of a file in it, or --out-dir {out}")
    if not out.suffix:
        raise UsageError(f"{out} has no suffix to name a container; give one, such as {out}.mkv")
    if out.suffix.lower() in _MANY_FILES:
        single = out.with_suffix(".mkv").name
        raise UsageError(f"{out} would be many files; give the name of a video container, such as {single}")
    if is_numbered(out) and not is_picture(out):
        raise UsageError(f"{out} is numbered, as pictures are; end it in .png, .jpg, .tif or .bmp")
    if is_picture(out) and not is_numbered(out) and whole and not is_image(source):
        raise UsageError(many_frames(out, str(source)))
    if not out.parent.is_dir():
        raise UsageError(f"{out.parent} is no directory; make it first")
    if not os.access(out.parent, os.W_OK):
        raise UsageError(f"{out.parent} cannot be written to; choose another place")
    if is_numbered(out):
        return  # its files are looked at when their number is known
    if out.exists() and source.exists() and out.samefile(source):
        raise UsageError(f"{out} is the input itself; give another name")
    if out.exists() and not overwrite:
        raise UsageError(f"{out} exists; give another name, or -y to replace it")
    part = partial_path(out)
    if part.exists() and source.exists() and part.samefile(source):
        raise UsageError(f"{part} is the input, and what {out.name} is called until it is whole; give another name")
    if part.exists():
        raise UsageError(in_the_way(part))


def check_pictures(out: Path, source: Source, first: int, end: int, *, overwrite: bool, begun: bool) -> None:
    """Refuse picture files that exist, or would be of another number than there are frames.

    :param begun: whether an interrupted run may have made some of them.
    :raises UsageError: why, and what to do.
    """
    if is_picture(out) and not is_numbered(out) and end - first > 1:
        raise UsageError(many_frames(out, f"{end - first} frames"))
    read = {file.resolve() for file in source.pictures}
    for name in picture_names(out, source, first, end):
        if name.exists() and name.resolve() in read:
            raise UsageError(f"{name} is a picture of the input itself; choose another folder")
        if name.exists() and not (overwrite or begun):
            raise UsageError(f"{name} exists; give another name, or -y to replace all of them")


def many_frames(out: Path, what: str) -> str:
    """What to tell the user who wants a film as one picture."""
    numbered, single = out.with_name(f"%04d{out.suffix}"), out.with_suffix(".mkv").name
    return f"{what} would be many files, and {out} is one picture; give {numbered}, or a container such as {single}"
