"""What is closed when its core goes."""

from __future__ import annotations

import contextlib
import weakref
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
