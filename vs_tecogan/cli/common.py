"""What all subcommands share: one-line errors, exit codes, and an end in order on Ctrl-C."""

import argparse
import logging
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

PROGRAM = "vs-tecogan"


class UsageError(Exception):
    """The user asked for something that cannot be done; the text is one line and the exit code 2."""


class Interrupted(KeyboardInterrupt):
    """A signal asked the program to end."""

    def __init__(self, signum: int) -> None:
        super().__init__()
        self.signum = signum


class Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in one line instead of repeating the usage."""

    def error(self, message: str) -> NoReturn:
        """Print one line to stderr and exit with code 2."""
        self.exit(2, f"{PROGRAM}: {one_line(message)}; see {self.prog} --help\n")


def one_line(text: object) -> str:
    """`text` without line breaks."""
    return " ".join(str(text).split())


def say(text: object) -> None:
    """Print one line to stderr; stdout is left to what a caller may want to read from it."""
    print(f"{PROGRAM}: {one_line(text)}", file=sys.stderr, flush=True)  # noqa: T201


def guarded(command: Callable[[], int]) -> int:
    """Run a command; turn every way in which it can end into an exit code and at most one line.

    :return: the command's code; 2 for what the user can put right, 1 for what the program did wrong, 130 after Ctrl-C,
        143 after SIGTERM.
    """
    try:
        with _log_on_stderr(), _signals_raise():
            return command()
    except KeyboardInterrupt as interrupt:
        say("interrupted")
        return 128 + (interrupt.signum if isinstance(interrupt, Interrupted) else signal.SIGINT)
    except BrokenPipeError:
        # Whoever read our stdout has gone, as in `vs-tecogan models | head -1`; the flush at exit must not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if os.environ.get("VS_TECOGAN_DEBUG"):
            traceback.print_exc()
        kind, text = _innermost(error)
        if _is_users(error) and kind in ("", "vapoursynth.Error"):
            say(text)
            return 2
        say(f"internal error: {kind or type(error).__name__}: {text} (VS_TECOGAN_DEBUG=1 shows where)")
        return 1


def _innermost(error: Exception) -> tuple[str, str]:
    """Type and text of the exception that a callback of VapourSynth raised, which comes as a printed traceback.

    :return: ("", the text of `error`) where there is no traceback in it.
    """
    text = str(error)
    if "Traceback (most recent call last)" not in text:
        return "", text
    after_last_frame = text[text.rfind('\n  File "') :].splitlines()[2:]
    raised = next((line for line in after_last_frame if re.match(r"[A-Za-z_][\w.]*(:|$)", line)), "Error: unknown")
    kind, _, message = raised.partition(": ")
    return kind, message


def _is_users(error: Exception) -> bool:
    """Whether the text of `error` was written for the user."""
    from ..media.errors import MediaError

    if isinstance(error, UsageError | MediaError):
        return True
    vapoursynth = sys.modules.get("vapoursynth")
    return vapoursynth is not None and isinstance(error, vapoursynth.Error)


@contextmanager
def _log_on_stderr() -> Iterator[None]:
    """Show what VapourSynth and the package log, a line each, while a command runs."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(f"{PROGRAM}: %(message)s"))
    handler.addFilter(_strip)
    loggers = [logging.getLogger(name) for name in ("vapoursynth", "vs_tecogan")]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)


def _strip(record: logging.LogRecord) -> bool:
    record.msg, record.args = one_line(record.getMessage()), None
    return True


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
