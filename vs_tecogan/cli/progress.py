"""A progress bar on stderr: frames, frames a second, time left."""

import sys
import time
from types import TracebackType
from typing import Self, TextIO

from tqdm import tqdm

from .common import lost_reader_is_no_error

_SECONDS_BETWEEN_LINES = 30.0


class Progress:
    """Counts frames; a bar on a terminal, a line now and then elsewhere, so that a log stays readable.

    :param total: frames to come, and those that were done before.
    :param quiet: True shows nothing.
    :param begun: frames that were done before.
    """

    def __init__(self, total: int, *, quiet: bool = False, stream: TextIO | None = None, begun: int = 0) -> None:
        self.done = self._begun = begun
        self._total = total
        self._stream = stream or sys.stderr
        self._begin = self._last_line = time.monotonic()
        self._lines = not quiet and not self._stream.isatty()
        self._bar = tqdm(
            total=total,
            initial=begun,
            unit=" frames",
            file=self._stream,
            disable=quiet or self._lines,
            dynamic_ncols=True,
            smoothing=0.1,
            leave=False,
        )

    def frame(self) -> None:
        """One frame more is done."""
        self._advance(1)

    def lost(self, frames: int) -> None:
        """Frames that were done have to be done again."""
        self._advance(-frames)

    def _advance(self, frames: int) -> None:
        self.done += frames
        now = time.monotonic()
        with lost_reader_is_no_error(self._stream):
            self._bar.update(frames)
            if self._lines and now - self._last_line >= _SECONDS_BETWEEN_LINES:
                self._last_line = now
                self._stream.write(f"{self._line(now)}\n")
                self._stream.flush()

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
        return f"{self.done}/{self._total} frames, {rate:.2f} fps, {left} left"
