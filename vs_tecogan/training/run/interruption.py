"""A polite end: SIGINT and SIGTERM become a request to stop after the current iteration."""

import signal
from types import FrameType
from typing import Any


class Interruption:
    """Notes SIGINT and SIGTERM while it is entered; a second one stops at once."""

    def __init__(self) -> None:
        self.came = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Interruption":
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                self._before[number] = signal.signal(number, self._take)
            except ValueError:
                # Only the main thread may; elsewhere the caller's handlers stay.
                return self
        return self

    def _take(self, number: int, frame: FrameType | None) -> None:
        self.came = True
        signal.signal(number, self._before[number])

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
