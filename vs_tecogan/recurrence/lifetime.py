"""What is closed when its core goes, and what ends early when the program does."""

from __future__ import annotations

import atexit
import contextlib
import weakref
from collections.abc import Callable
from typing import Protocol

import vapoursynth as vs


class Closable(Protocol):
    """Whatever holds frames or nodes of a core."""

    def close(self) -> None:
        """Let go of them."""
        ...


def close_with_core(thing: Closable) -> None:
    """Close `thing` when the core goes, in case somebody still holds its clip; without keeping it alive."""
    reference = weakref.ref(thing)

    def close() -> None:
        alive = reference()
        if alive is not None:
            alive.close()

    def forget() -> None:
        with contextlib.suppress(Exception):  # the core may be gone already
            vs.unregister_on_destroy(close)

    vs.register_on_destroy(close)
    weakref.finalize(thing, forget).atexit = False


class Exit:
    """Whether the program is ending; ask :meth:`check` before every piece of work.

    VapourSynth waits at exit for all requests in flight, of which a script may have left thousands: each must fail
    instead of being computed. Handlers run in reverse order, so this one comes before VapourSynth's.
    """

    def __init__(self) -> None:
        self.begun = False
        handler = _beginner(weakref.ref(self))
        atexit.register(handler)
        weakref.finalize(self, atexit.unregister, handler).atexit = False

    def begin(self) -> None:
        """From now on all work is refused."""
        self.begun = True

    def check(self) -> None:
        """:raises vapoursynth.Error: the program is ending."""
        if self.begun:
            raise vs.Error("tecogan: the program is ending")


def _beginner(reference: weakref.ref[Exit]) -> Callable[[], None]:
    def begin() -> None:
        alive = reference()
        if alive is not None:
            alive.begin()

    return begin
