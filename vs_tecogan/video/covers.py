"""Cover pictures for containers that hold them as attachments: ffmpeg's Matroska would make a second video of one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..errors import VideoError
from .ffmpeg import ask, find_ffmpeg

PICTURES = {"mjpeg": ("jpg", "image/jpeg"), "png": ("png", "image/png"), "bmp": ("bmp", "image/bmp")}
"""ffmpeg's names of codecs, and the suffix and type of files that hold nothing else."""


@dataclass(frozen=True, kw_only=True)
class Attached:
    """A cover that becomes an attachment."""

    index: int
    """Of the stream in the original file."""
    codec: str
    place: int
    """Number among the attachments of the new file."""


@contextmanager
def attached_covers(path: Path, covers: Sequence[Attached]) -> Iterator[list[str]]:
    """ffmpeg's output options that attach the covers of a file. Copies of them are kept until the block ends.

    :raises VideoError: a cover cannot be read.
    """
    if not covers:
        yield []
        return
    with tempfile.TemporaryDirectory(prefix="vs-tecogan-") as folder:
        options: list[str] = []
        for number, cover in enumerate(covers):
            suffix, mime = PICTURES[cover.codec]
            # The name that players of Matroska look for.
            name = f"cover{number + 1 if number else ''}.{suffix}"
            _extract(path, cover, Path(folder) / name)
            options += ["-attach", f"{folder}/{name}"]
            for tag in (f"mimetype={mime}", f"filename={name}"):
                options += [f"-metadata:s:t:{cover.place}", tag]
        yield options


def _extract(path: Path, cover: Attached, out: Path) -> None:
    command = [find_ffmpeg(), "-v", "error", "-nostdin", "-y", "-i", f"file:{path}", "-map", f"0:{cover.index}"]
    done = ask(*command, "-c", "copy", "-frames:v", "1", "-f", "image2", "-update", "1", f"file:{out}")
    if done.returncode or not out.is_file():
        raise VideoError(f"{path.name}: its cover (stream {cover.index}) cannot be read: {done.stderr.strip()[-200:]}")
