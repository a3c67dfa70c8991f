"""The progress line of a run, on stderr."""

import sys
import time
from typing import Any

from tqdm import tqdm

SMOOTHING = 0.98
QUIET_SECONDS = 30.0
"""Where stderr is no terminal a line is written this often instead of a bar."""


class TrainingProgress:
    """Losses, speed and time left; a bar on a terminal, sparse lines in a log file.

    :param total: iterations of the run; :param start: where it goes on; :param active: False keeps silent.
    """

    def __init__(self, total: int, start: int, *, active: bool) -> None:
        self._total, self._active = total, active
        self._means: dict[str, float] = {}
        self._last = self._written = time.monotonic()
        self._seconds = 0.0
        self._bar: Any = None
        if active and sys.stderr.isatty():
            self._bar = tqdm(total=total, initial=start, unit="it", dynamic_ncols=True, file=sys.stderr)

    @property
    def speed(self) -> float:
        """Iterations a second, smoothed."""
        return 1 / self._seconds if self._seconds else 0.0

    def __enter__(self) -> "TrainingProgress":
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, iteration: int, metrics: dict[str, float]) -> None:
        """Take the metrics of an iteration; they are shown smoothed."""
        now = time.monotonic()
        duration, self._last = now - self._last, now
        self._seconds = duration if not self._seconds else SMOOTHING * self._seconds + (1 - SMOOTHING) * duration
        for name, value in metrics.items():
            self._means[name] = SMOOTHING * self._means.get(name, value) + (1 - SMOOTHING) * value
        if not self._active:
            return
        text = " ".join(f"{name} {value:.4g}" for name, value in self._means.items())
        if self._bar is not None:
            self._bar.set_postfix_str(text, refresh=False)
            self._bar.update()
        elif now - self._written >= QUIET_SECONDS or iteration in (1, self._total):
            self._written = now
            left = (self._total - iteration) * self._seconds
            rest = f"{int(left // 3600)}h{int(left % 3600 // 60):02d}m left"
            print(f"{iteration}/{self._total} {self.speed:.3f} it/s {rest} {text}", file=sys.stderr, flush=True)  # noqa: T201
