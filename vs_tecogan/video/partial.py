"""The name of a video that is not whole yet: its suffix still names the container."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .. import files
from ..errors import VideoError


def partial_path(out: Path) -> Path:
    """What `out` is called until it is whole."""
    return out.with_name(f"{out.stem}.part{out.suffix}")


@contextmanager
def partial_file(out: Path) -> Iterator[Path]:
    """An empty file beside `out` to write to, renamed to `out` at the end, removed on any error.

    :raises VideoError: it exists or cannot be made or renamed, or nothing was written to it.
    """
    part = partial_path(out)
    try:
        # Here the system says what is wrong with the place; ffmpeg's messages do not name it. An existing file may be
        # the input, or that of another run.
        with files.partial_file(out, part=part, claim=True):
            yield part
            if not part.stat().st_size:
                raise VideoError(f"ffmpeg wrote no {out.name}; check the options after --")
    except FileExistsError:
        raise VideoError(in_the_way(part)) from None
    except OSError as error:
        raise VideoError(f"cannot write {out}: {error.strerror or error}") from None


def in_the_way(part: Path) -> str:
    """What to tell the user of a partial file that is there already."""
    return f"{part} exists: another run is at work, or one was killed; remove it if it is of no use, or rename it"
