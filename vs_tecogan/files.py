"""Files that have their name only when they are whole, and are on the disk by then."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .signals import held_signals


class PartialFile:
    """A file that is written under another name, and renamed when it is whole.

    A reader sees the file that was there before, or the whole new one, also after a crash or a loss of power.
    Use :func:`partial_file` or :func:`write_file` where the writing happens in one place.

    :param path: the final name.
    :param part: the name until then; None = ``NAME.part`` beside it, which a file left by a crash does not block.
    """

    def __init__(self, path: Path, *, part: Path | None = None) -> None:
        self.path = path
        self.part = part or path.with_name(f"{path.name}.part")
        self._ours = True

    def claim(self) -> None:
        """Make the part anew, and empty, instead of writing over one that is there.

        :raises FileExistsError: another's is there; it is neither written to nor removed.
        :raises OSError: it cannot be made.
        """
        self._ours = False
        with held_signals():
            self.part.touch(exist_ok=False)
            self._ours = True

    def commit(self) -> None:
        """Force the part to the disk and give it its name.

        :raises OSError: the system refuses; the part is still there.
        """
        _force(self.part)
        with held_signals():
            self.part.replace(self.path)
            self._ours = False  # from here on a file of that name is another's
        _force_folder(self.path.parent)

    def discard(self) -> None:
        """Remove the part, unless it has its name already, or is another's."""
        if self._ours:
            with held_signals(), suppress(OSError):  # an impatient second Ctrl-C must not leave files behind
                self.part.unlink(missing_ok=True)


@contextmanager
def partial_file(path: Path, *, part: Path | None = None, claim: bool = False) -> Iterator[Path]:
    """The name to write to; it becomes ``path`` at the end of the block and is removed on any error in it.

    :param part: that name; None = ``NAME.part`` beside ``path``.
    :param claim: refuse to write over a part that is there.
    :raises FileExistsError: with ``claim``, where one is.
    :raises OSError: the file cannot be made, forced to the disk or renamed.
    """
    file = PartialFile(path, part=part)
    try:
        if claim:
            file.claim()
        yield file.part
        file.commit()
    finally:
        file.discard()


def write_file(path: Path, content: bytes | memoryview | str) -> None:
    """Write a whole file at once; text as UTF-8, its line breaks as they are.

    :raises OSError: it cannot be written; what was there before stays as it was.
    """
    data = content.encode() if isinstance(content, str) else content
    with partial_file(path) as part:
        part.write_bytes(data)


def _force(path: Path) -> None:
    # Windows flushes only what is open for writing.
    descriptor = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network drives cannot; what took hours to make is not thrown away for it.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def _force_folder(folder: Path) -> None:
    """Force a rename to the disk, where the system has a way: Windows has none, and some network drives refuse."""
    if os.name != "posix":
        return
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
