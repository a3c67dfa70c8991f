"""Giving freed memory back to the system.

torch asks glibc for aligned blocks. Up to glibc 2.37 a freed one is not found again for a request of the same size, and
a state that lies behind it keeps it from being joined with what follows: a thousand states of a small video, 1 GB, took
8 GB. Trimming hands the pages of such holes back.
"""

import ctypes
from collections.abc import Callable

LIMIT = 512 << 20
"""Bytes that steps may have taken and freed before the heap is trimmed."""


class Heap:
    """Counts what was freed, and trims in time.

    :param trim: does it; None where the system's allocator has no such call, or needs none.
    """

    def __init__(self, trim: Callable[[], object] | None) -> None:
        self._trim, self._freed = trim, 0

    def freed(self, count: int) -> None:
        """So many bytes may lie in holes now."""
        self._freed += count
        if self._trim is not None and self._freed > LIMIT:
            self._freed = 0
            self._trim()


def trimmer() -> Callable[[], object] | None:
    """glibc's ``malloc_trim`` over all its arenas; None elsewhere."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, TypeError, AttributeError):  # Windows; musl and macOS
        return None
    trim.argtypes, trim.restype = (ctypes.c_size_t,), ctypes.c_int
    return lambda: trim(0)
