"""The index of a large file, made once: with progress, stopped at once by Ctrl-C, and found again by the next command.

BestSource decodes the whole file to number its frames. In this process nothing could be shown or stopped meanwhile, so
a process of its own does it. Indexes lie in the user's folder for caches, the newest of them.

Run as a module, it is that process: ``python -m vs_tecogan.video.index FILE TRACK BASE`` prints percents.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import vapoursynth as vs

from ..signals import held_signals

type OnPercent = Callable[[int], None]

LEAST_BYTES = 16 << 20
"""Smaller files are read in a few seconds: no index is kept of them."""
_KEPT = 100
"""Indexes, of some hundred kilobytes per hour of film each."""
_COMMAND = (sys.executable, "-m", "vs_tecogan.video.index")


def base_of_index(path: Path, track: int, *, wanted: Path | None, on_percent: OnPercent) -> Path | None:
    """Base name of the index of a stream, for BestSource to read: found, or made now.

    :param track: number of the stream in the file.
    :param wanted: base name where an index is to be as well, for others who see that folder.
    :param on_percent: told how much of the file has been read, while an index is made.
    :return: None where none is kept: the file is small, or nothing can be written.
    :raises KeyboardInterrupt: at once, leaving nothing behind.
    """
    if wanted is not None and _file(wanted, track).exists():
        return wanted
    if path.stat().st_size < LEAST_BYTES:
        return wanted
    try:
        base = _cache() / _name(path, track)
        found = _file(base, track)
        if not found.exists():
            _make(path, track, base, on_percent)
        found.touch()  # the newest stay
        if wanted is None:
            return base
        wanted.parent.mkdir(exist_ok=True)
        shutil.copyfile(found, _file(wanted, track))
    except OSError:
        pass
    return wanted


def _file(base: Path, track: int) -> Path:
    """The file that BestSource makes of a base name."""
    return base.with_name(f"{base.name}.{track}.bsindex")


def _name(path: Path, track: int) -> str:
    """Of an index: another for each content, as far as name, length and time of change tell it, and each release."""
    about, release = path.stat(), vs.core.bs.version
    key = (str(path.absolute()), about.st_size, about.st_mtime_ns, track, str(release))
    return hashlib.blake2b(repr(key).encode(), digest_size=16).hexdigest()


def _cache() -> Path:
    """The folder of the indexes.

    :raises OSError: it cannot be made.
    """
    home = Path.home() if sys.platform != "win32" else Path(os.environ.get("LOCALAPPDATA") or Path.home())
    usual = {"win32": home, "darwin": home / "Library" / "Caches"}.get(sys.platform, home / ".cache")
    folder = Path(os.environ.get("XDG_CACHE_HOME") or usual) / "vs-tecogan" / "index"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _make(path: Path, track: int, base: Path, on_percent: OnPercent) -> None:
    """Make an index in a process of its own. Where that fails, there is none.

    :raises OSError: the process cannot be started, or has left no index.
    """
    begun = base.with_name(f"{base.name}.{os.getpid()}")
    try:
        with held_signals():  # raised between fork and assignment, Ctrl-C would leave a process that nobody knows
            process = subprocess.Popen(
                [*_COMMAND, str(path.absolute()), str(track), str(begun)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                start_new_session=True,
            )
        try:
            on_percent(0)
            for line in process.stdout or ():
                if line.strip().isdecimal():
                    on_percent(int(line))
        finally:
            with held_signals():
                process.kill()
                process.wait()
                for stream in (process.stdin, process.stdout):
                    if stream:
                        stream.close()
        _file(begun, track).replace(_file(base, track))
    finally:
        with suppress(OSError):
            _file(begun, track).unlink(missing_ok=True)
    _forget_old(base.parent)


def _forget_old(folder: Path) -> None:
    """Remove all indexes but the newest."""
    with suppress(OSError):
        files = sorted(folder.glob("*.bsindex"), key=lambda file: file.stat().st_mtime, reverse=True)
        for file in files[_KEPT:]:
            file.unlink(missing_ok=True)


class _Percents(logging.Handler):
    """Prints what BestSource logs of its progress."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a number."""
        if found := re.search(r"(\d+)%", record.getMessage()):
            print(found[1], flush=True)  # noqa: T201


def main() -> None:
    """Make an index."""
    path, track, base = sys.argv[1:]
    logger = logging.getLogger("vapoursynth")
    logger.setLevel(logging.INFO)
    logger.addHandler(_Percents())
    vs.core.bs.VideoSource(path, track=int(track), cachemode=4, cachepath=base, showprogress=True)


if __name__ == "__main__":
    main()
