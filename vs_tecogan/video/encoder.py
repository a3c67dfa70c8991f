"""A running ffmpeg that encodes what is written to its standard input."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from threading import Thread
from types import TracebackType
from typing import IO, BinaryIO, cast

from ..errors import VideoError
from ..signals import held_signals

_PHRASES_WITHOUT_A_CAUSE = (
    "Conversion failed",
    "Last message repeated",
    "Cannot open libx265 encoder",
    "Error opening output file",
    "Error opening input file",
    "Error while opening encoder",
    "Error initializing output stream",
    "Error initializing the muxer",
    "Error selecting an encoder",
    "Error submitting video frame",
    "Error while processing the decoded data",
    "Error reinitializing filters",
    "Failed to inject frame into filter network",
    "Error submitting a packet",
    "Error muxing a packet",
    "Error writing trailer",
    "Error closing file",
    "Error encoding a frame",
    "Error sending frames",
    "Terminating thread",
    "Task finished with error",
    "Nothing was written into output file",
    "Could not open encoder before EOF",
    "Error parsing global options",
    "Error splitting the argument list",
    "Error parsing options for output file",
    "av_interleaved_write_frame",
    "maybe incorrect parameters such as",
)


def cause_of_failure(lines: Iterable[str]) -> str:
    """The line of an ffmpeg log that says what went wrong: the last one that is more than an echo of a failure."""
    texts = [re.sub(r"\[[^\]]* @ 0x[0-9a-f]+\] ?", "", line).strip() for line in lines]
    texts = [text for text in texts if text and not re.match(r"file:.*: Invalid argument$", text)]
    telling = [text for text in texts if not any(phrase in text for phrase in _PHRASES_WITHOUT_A_CAUSE)]
    disk = [text for text in texts if "No space left on device" in text or "File too large" in text]
    if disk:
        return f"disk full ({disk[-1]})"
    return (telling or texts or ["no message"])[-1]


class EncoderKilledError(VideoError):
    """Something else has ended ffmpeg: it may be tried again."""


class Encoder:
    """A running ffmpeg that reads raw video from its standard input.

    Entering the context starts it, leaving it before finish() kills it. It runs in a session of its own, so that Ctrl-C
    in the terminal reaches this program alone, which then ends it in order.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._log: deque[str] = deque(maxlen=60)

    @property
    def stdin(self) -> BinaryIO:
        """Where the video goes. Writing raises BrokenPipeError once ffmpeg has ended: call finish() then."""
        return cast(BinaryIO, self._process.stdin)

    def finish(self) -> None:
        """End the video and wait until ffmpeg has written everything.

        :raises VideoError: ffmpeg failed.
        """
        with suppress(BrokenPipeError):  # where ffmpeg ended first, its exit status tells whether that was wrong
            self.stdin.close()
        status = self._process.wait()
        self._reader.join()
        if status < 0:
            raise EncoderKilledError(f"ffmpeg was killed by signal {-status}: {cause_of_failure(self._log)}")
        if status > 0:
            raise VideoError(f"ffmpeg failed: {cause_of_failure(self._log)}")

    def __enter__(self) -> Encoder:
        """Start ffmpeg.

        :raises VideoError: it cannot be run.
        """
        try:
            with held_signals():  # raised between fork and assignment, Ctrl-C would leave a process that nobody knows
                self._process = self._start()
                self._reader = Thread(target=self._read_log, args=(self._process.stderr,), daemon=True)
                self._reader.start()
        except VideoError:
            raise
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self._end()

    def _start(self) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise VideoError(f"cannot run {self._command[0]}: {error.strerror}") from None

    def _end(self) -> None:
        """Kill it if it still runs, and wait until it is gone."""
        with held_signals():  # an impatient second Ctrl-C must not leave it running
            if self._process.poll() is None:
                self._kill()
            self._process.wait()
            self._reader.join()
            with suppress(BrokenPipeError):  # what was buffered has nowhere to go
                self.stdin.close()

    def _kill(self) -> None:
        """End it with whatever it may have started: a child that lives on would keep the pipes open."""
        if hasattr(os, "killpg"):
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()

    def _read_log(self, stream: IO[bytes] | None) -> None:
        for line in stream or ():
            self._log.append(line.decode(errors="replace"))
