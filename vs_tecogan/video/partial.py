"""The name of a video that is not whole yet: its suffix still names the container."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..errors import VideoError
from ..files import PartialFile
from ..tracebacks import innermost
from .names import is_numbered
from .pictures import unpack


def partial_path(out: Path) -> Path:
    """What `out` is called until it is whole; numbered pictures are one file until then."""
    return out.with_name(f"{out.stem}.part{container_suffix(out)}")


def container_suffix(out: Path) -> str:
    """The suffix of the one file that is written first: that of `out`, unless it stands for many pictures."""
    return ".nut" if is_numbered(out) else out.suffix


@contextmanager
def partial_file(out: Path, names: Sequence[Path] = ()) -> Iterator[Path]:
    """An empty file beside `out` to write to, renamed to `out` at the end, removed on any error.

    :param names: of picture files, into which it is unpacked at the end instead.
    :raises VideoError: it exists or cannot be made or renamed, or nothing was written to it.
    """
    part = partial_path(out)
    file = PartialFile(out, part=part)
    try:
        # Here the system says what is wrong with the place; ffmpeg's messages do not name it. An existing file may be
        # the input, or that of another run.
        file.claim()
        yield part
        if not part.stat().st_size:
            raise VideoError(f"ffmpeg wrote no {out.name}; check the options after --")
        if names:
            unpack(part, names)
        else:
            file.commit()
    except FileExistsError:
        raise VideoError(in_the_way(part)) from None
    except OSError as error:
        raise VideoError(f"cannot write {out}: {error.strerror or error}") from None
    finally:
        file.discard()


class Count:
    """Counts frames.

    :param on_frame: told of each.
    """

    def __init__(self, on_frame: Callable[[], None]) -> None:
        self.frames = 0
        self._on_frame = on_frame

    def frame(self) -> None:
        """One frame more is done."""
        self.frames += 1
        self._on_frame()


def keep_begun(part: Path, out: Path, first: int, frames: int, error: Exception, names: Sequence[Path] = ()) -> None:
    """Keep what was encoded before a frame failed: a whole video of fewer frames.

    :param first: number of its first frame.
    :param names: of all picture files, where it is to be unpacked into such.
    :raises VideoError: what a user can put right, with the name that the video has now. Any other error is left to the
        caller, after that name was logged.
    """
    if names:
        unpack(part, names[:frames])
        line = (
            f"the {frames} frames before are kept, up to {names[frames - 1]}; --start {first + frames} makes the rest"
        )
    else:
        kept = _name_of_begun(out, first, frames)
        part.replace(kept)
        line = (
            f"the {frames} frames before are kept in {kept}; --start {first + frames} makes the rest, as another file"
        )
    kind, text = innermost(error)
    if kind in ("", "vapoursynth.Error"):
        raise VideoError(f"{text}; {line}") from error
    logging.getLogger(__name__).warning(line)


def _name_of_begun(out: Path, first: int, frames: int) -> Path:
    name = f"{out.stem}.{first}-{first + frames - 1}"
    names = (f"{name}{out.suffix}" if k == 1 else f"{name}.{k}{out.suffix}" for k in itertools.count(1))
    return next(path for path in map(out.with_name, names) if not path.exists())


def in_the_way(part: Path) -> str:
    """What to tell the user of a partial file that is there already."""
    return f"{part} exists: another run is at work, or one was killed; remove it if it is of no use, or rename it"
