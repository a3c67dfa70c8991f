"""A file that has its name only when it is whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import VideoError
from .signals import held_signals


def partial_path(out: Path) -> Path:
    """What `out` is called until it is whole."""
    return out.with_name(f"{out.stem}.part{out.suffix}")


@contextmanager
def partial_file(out: Path) -> Iterator[Path]:
    """An empty file beside `out` to write to, renamed to `out` at the end, removed on any error.

    :raises VideoError: it exists or cannot be made or renamed, or nothing was written to it.
    """
    part, ours = partial_path(out), False
    try:
        # Here the system says what is wrong with the place; ffmpeg's messages do not name it. An existing file may be
        # the input, or that of another run: it is neither written to nor removed.
        with held_signals():
            part.touch(exist_ok=False)
            ours = True
        yield part
        if not part.stat().st_size:
            raise VideoError(f"ffmpeg wrote no {out.name}; check the options after --")
        with held_signals():
            part.replace(out)
            ours = False  # from here on a file of that name is another's
    except OSError as error:
        if not ours and isinstance(error, FileExistsError):
            raise VideoError(in_the_way(part)) from None
        raise VideoError(f"cannot write {out}: {error.strerror or error}") from None
    finally:
        if ours:
            with held_signals(), suppress(OSError):  # an impatient second Ctrl-C must not leave files behind
                part.unlink(missing_ok=True)


def in_the_way(part: Path) -> str:
    """What to tell the user of a partial file that is there already."""
    return f"{part} exists: another run is at work, or one was killed; remove it if it is of no use, or rename it"
