"""Signals that have to wait for a moment."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def held_signals() -> Iterator[None]:
    """Let SIGINT, SIGTERM and SIGHUP take effect after the block instead of in it.

    For the few lines in which an exception would lose hold of something just made, such as a process. Unlike a blocked
    signal mask this is not inherited by processes started in the block. Signals without a Python handler, and threads
    other than the main one, are left alone: nothing is raised there.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []

    def remember(signum: int, _frame: FrameType | None) -> None:
        came.append(signum)

    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: handler for number in numbers if callable(handler := signal.getsignal(number))}
    for number in before:
        signal.signal(number, remember)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in came[:1]:
            signal.raise_signal(number)
