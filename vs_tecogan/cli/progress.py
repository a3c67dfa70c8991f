"""A progress bar on stderr: frames, frames a second, time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from tqdm import tqdm

from .common import lost_reader_is_no_error, say

_SECONDS_BETWEEN_LINES = 30.0


class Opening:
    """Shows how much of a large file has been read while its index is made; nothing where that is not done.

    :param path: the file.
    :param quiet: True shows nothing.
    """

    def __init__(self, path: Path, *, quiet: bool = False) -> None:
        self._path = path
        self._quiet = quiet
        self._bar: Progress | None = None
        self._seen = 0

    def percent(self, percent: int) -> None:
        """So much has been read."""
        if self._bar is None:
            if not self._quiet:
                say(f"reading {self._path} once to number its frames; the next time this is known")
            self._bar = Progress(100, quiet=self._quiet, unit="%")
        self._bar.advance(percent - self._seen)
        self._seen = percent

    def __enter__(self) -> Self:
        """Nothing is shown before it is needed."""
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.__exit__(kind, value, tb)


class Progress:
    """Counts frames; a bar on a terminal, a line now and then elsewhere, so that a log stays readable.

    :param total: frames to come, and those that were done before.
    :param quiet: True shows nothing.
    :param begun: frames that were done before.
    :param within: the bar over all files, which shows these frames instead.
    :param unit: what is counted.
    """

    def __init__(
        self,
        total: int,
        *,
        quiet: bool = False,
        stream: TextIO | None = None,
        begun: int = 0,
        within: Overall | None = None,
        unit: str = " frames",
    ) -> None:
        self._unit = unit
        self.done = self._begun = begun
        self._total = total
        self._within = within
        if within:
            within.expect(total, begun)
            quiet = True
        self._stream = stream or sys.stderr
        self._begin = self._last_line = time.monotonic()
        self._lines = not quiet and not self._stream.isatty()
        self._bar = tqdm(
            total=total,
            initial=begun,
            unit=unit,
            file=self._stream,
            disable=quiet or self._lines,
            dynamic_ncols=True,
            smoothing=0.1,
            leave=False,
        )

    def frame(self) -> None:
        """One frame more is done."""
        self.advance(1)

    def lost(self, frames: int) -> None:
        """Frames that were done have to be done again."""
        self.advance(-frames)

    def advance(self, frames: int) -> None:
        """Frames are done; fewer than none where some have to be done again."""
        self.done += frames
        if self._within:
            self._within.advance(frames)
        now = time.monotonic()
        with lost_reader_is_no_error(self._stream):
            self._bar.update(frames)
            if self._lines and now - self._last_line >= _SECONDS_BETWEEN_LINES:
                self._last_line = now
                self._stream.write(f"{self._line(now)}\n")
                self._stream.flush()

    def found(self, frames: int) -> None:
        """Frames were done before: they say nothing of the rate."""
        self.done += frames
        self._begun += frames
        if not self._bar.disable:
            with lost_reader_is_no_error(self._stream):
                self._bar.initial += frames
                self._bar.update(frames)

    def correct(self, total: int) -> None:
        """The total is another than was thought."""
        self._total = total
        if not self._bar.disable:
            with lost_reader_is_no_error(self._stream):
                self._bar.total = total
                self._bar.refresh()

    @property
    def seconds(self) -> float:
        """Time since the start."""
        return time.monotonic() - self._begin

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        with lost_reader_is_no_error(self._stream):
            self._bar.close()

    def _line(self, now: float) -> str:
        rate = max(self.done - self._begun, 1) / (now - self._begin)
        minutes, seconds = divmod(int((self._total - self.done) / rate), 60)
        left = f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"  # a film on a CPU takes days
        speed = f", {rate:.2f} fps" if self._unit == " frames" else ""
        return f"{self.done}/{self._total}{self._unit}{speed}, {left} left"


class Overall:
    """One bar over all frames of several files.

    :param frames: about how many each file has.
    """

    def __init__(self, frames: Sequence[int], *, quiet: bool = False, stream: TextIO | None = None) -> None:
        self._expected = list(frames)
        self._done = [0] * len(self._expected)
        self._file = 0
        self._progress = Progress(sum(frames), quiet=quiet, stream=stream)

    @property
    def done(self) -> int:
        """Frames of all files that are done."""
        return self._progress.done

    @property
    def total(self) -> int:
        """Frames of all files, as far as is known."""
        return sum(self._expected)

    def begin(self, number: int) -> None:
        """The next file is begun."""
        self._file = number

    def expect(self, frames: int, begun: int) -> None:
        """The file has so many frames, of which some were done before."""
        self._expected[self._file] = frames
        self._progress.correct(self.total)
        self._done[self._file] = begun
        self._progress.found(begun)

    def advance(self, frames: int) -> None:
        """Frames are done; fewer than none where some have to be done again."""
        self._done[self._file] += frames
        self._progress.advance(frames)

    def leave(self) -> None:
        """The file is left as it is: nothing more of it is to come."""
        self._expected[self._file] = self._done[self._file]
        self._progress.correct(self.total)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self._progress.__exit__(kind, value, tb)
