"""What all subcommands share: one-line errors, exit codes, and an end in order on Ctrl-C."""

from __future__ import annotations

import argparse
import errno
import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Timer, main_thread
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, NoReturn, TextIO

from ..errors import UserError, one_line
from ..tracebacks import innermost

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

PROGRAM = "vs-tecogan"
_NO_READER = (errno.EPIPE, errno.EINVAL) if os.name == "nt" else (errno.EPIPE,)
"""What writing fails with when the reader has gone."""


class Interrupted(KeyboardInterrupt):
    """A signal asked the program to end."""

    def __init__(self, signum: int) -> None:
        super().__init__()
        self.signum = signum


class Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in one line instead of repeating the usage."""

    gathers = ""
    """Name of a list of words that takes those between and after options too; empty = none."""
    _words: tuple[str, ...] = ()
    """What is parsed, for a hint on files whose names look like options."""

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]
        """Refuse unknown words here: argparse leaves those of a subcommand to its parent, whose help is another."""
        self._words = tuple(sys.argv[1:] if args is None else args)
        parsed, unknown = super().parse_known_args(args, namespace)
        if self.gathers and not any(word.startswith("-") for word in unknown):
            getattr(parsed, self.gathers).extend(map(Path, unknown))
            unknown = []
        if unknown:
            self.error(f"unknown: {' '.join(unknown)}")
        return parsed, unknown

    def error(self, message: str) -> NoReturn:
        """Print one line to stderr and exit with code 2."""
        files = [word for word in self._words if word.startswith("-") and Path(word).exists()]
        hint = f"; write ./{files[0]} for the file of that name" if files else ""
        self.exit(2, f"{PROGRAM}: {one_line(message)}{hint}; see {self.prog} --help\n")


def say(text: object) -> None:
    """Print one line to stderr; stdout is left to what a caller may want to read from it.

    Where whoever read stderr has gone, nothing is said, and the work goes on.
    """
    line = f"{PROGRAM}: {one_line(text)}"
    with lost_reader_is_no_error(sys.stderr):
        if (progress := sys.modules.get("tqdm")) is not None:
            progress.tqdm.write(line, file=sys.stderr)  # above a progress bar, not at its end
            sys.stderr.flush()
        else:
            print(line, file=sys.stderr, flush=True)  # noqa: T201


@contextmanager
def lost_reader_is_no_error(stream: TextIO) -> Iterator[None]:
    """Go on after the block where `stream` cannot be written to any more."""
    try:
        yield
    except OSError:
        _lead_nowhere(stream)


def _lead_nowhere(stream: TextIO) -> None:
    """Give a stream whose reader has gone another end: what it still holds would fail again in the flush at exit."""
    with suppress(OSError):  # no file of the system
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def guarded(command: Callable[[], int]) -> int:
    """Run a command; turn every way in which it can end into an exit code and at most one line.

    :return: the command's code; 2 for what the user can put right, 1 for what the program did wrong, 130 after Ctrl-C,
        143 after SIGTERM.
    """
    _replace_closed_streams()
    try:
        with _log_on_stderr(), _signals_raise(), _no_interrupt_lost():
            return command()
    except KeyboardInterrupt as interrupt:
        say("interrupted")
        return 128 + (interrupt.signum if isinstance(interrupt, Interrupted) else signal.SIGINT)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _NO_READER and _stdout_has_no_reader():
            return 0
        code, line = explained(error)
        say(line)
        return code


def explained(error: Exception) -> tuple[int, str]:
    """Exit code and line for an error: 2 for what the user can put right, 1 for what the program did wrong."""
    if os.environ.get("VS_TECOGAN_DEBUG"):
        traceback.print_exception(error)
    if isinstance(error, ModuleNotFoundError) and (package := (error.name or "").partition(".")[0]) != "vs_tecogan":
        return 2, f"the package {package} is not installed; `{PROGRAM} doctor` says what to do"
    kind, text = innermost(error)
    if _is_users(error) and kind in ("", "vapoursynth.Error"):
        return 2, text
    return 1, f"internal error: {kind or type(error).__name__}: {text} (VS_TECOGAN_DEBUG=1 shows where)"


def _replace_closed_streams() -> None:
    """Lead to nowhere what the caller has closed, as in `2>&-`: Python then has None for a stream.

    Its number would go to the next file that is opened, and messages of libraries into that file.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):  # lowest number first, as the system gives it
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115


def _stdout_has_no_reader() -> bool:
    """Whether who read our stdout has gone, as in `vs-tecogan models | head -1`; it then leads to nowhere."""
    try:
        print(flush=True)  # noqa: T201  # no system call that all systems have tells; what failed has ended the output
    except OSError:
        _lead_nowhere(sys.stdout)
        return True
    return False


def _is_users(error: Exception) -> bool:
    """Whether the text of `error` was written for the user."""
    if isinstance(error, UserError):
        return True
    vapoursynth = sys.modules.get("vapoursynth")
    return vapoursynth is not None and isinstance(error, vapoursynth.Error)


class _Said(logging.Handler):
    """Shows a log record as :func:`say` does."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print the record's message."""
        say(record.getMessage())


@contextmanager
def _log_on_stderr() -> Iterator[None]:
    """Show what VapourSynth and the package log, a line each, while a command runs."""
    handler = _Said()
    loggers = [logging.getLogger(name) for name in ("vapoursynth", "vs_tecogan")]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)


@contextmanager
def _signals_raise() -> Iterator[None]:
    """Let SIGTERM and SIGHUP unwind the program as Ctrl-C does."""

    def interrupt(signum: int, _frame: FrameType | None) -> None:
        raise Interrupted(signum)

    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    try:
        before = {name: signal.signal(getattr(signal, name), interrupt) for name in names}
    except ValueError:  # not the main thread: signals are someone else's
        yield
        return
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


@contextmanager
def _no_interrupt_lost() -> Iterator[None]:
    """Send an interrupt again that met a callback which cannot raise, such as VapourSynth's of a log message.

    Python drops an exception there after showing it, and the command would go on as if Ctrl-C had not been pressed.
    """
    before = sys.excepthook, sys.unraisablehook
    timers: list[Timer] = []

    def show(kind: type[BaseException], value: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            before[0](kind, value, trace)

    def dropped(unraisable: UnraisableHookArgs) -> None:
        lost = unraisable.exc_value
        if not isinstance(lost, KeyboardInterrupt):
            before[1](unraisable)
            return
        # Later, since here it would be lost again.
        timers.append(Timer(0.02, _signal, [lost.signum if isinstance(lost, Interrupted) else signal.SIGINT]))
        timers[-1].daemon = True
        timers[-1].start()

    sys.excepthook, sys.unraisablehook = show, dropped
    try:
        yield
    finally:
        for timer in timers:
            timer.cancel()
        sys.excepthook, sys.unraisablehook = before


def _signal(signum: int) -> None:
    """Give the main thread a signal, waking it where it waits."""
    if hasattr(signal, "pthread_kill") and (main := main_thread().ident) is not None:
        signal.pthread_kill(main, signum)
    else:
        signal.raise_signal(signum)
