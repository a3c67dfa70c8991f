"""The progress line of a run, on stderr."""

import math
import sys
import time
from collections import deque
from typing import Any

from tqdm import tqdm

SMOOTHING = 0.98
"""Of the losses that are shown."""
SPAN_SECONDS = 180.0
"""Time over which the speed is averaged."""
LEAST_ENDS = 3
"""Ends of iterations that the speed looks at, however long ago they were."""
QUIET_SECONDS = 30.0
"""Where stderr is no terminal a line is written this often instead of a bar."""


class Means:
    """Means of metrics since they were last taken; one that comes in some iterations only is averaged over those."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._counts: dict[str, int] = {}

    def add(self, metrics: dict[str, float]) -> None:
        """Take those of an iteration."""
        for name, value in metrics.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
            self._counts[name] = self._counts.get(name, 0) + 1

    def __bool__(self) -> bool:
        return bool(self._sums)

    def take(self) -> dict[str, float]:
        """The means, in the order in which they came; begins anew."""
        means = {name: total / self._counts[name] for name, total in self._sums.items()}
        self._sums, self._counts = {}, {}
        return means


class Speed:
    """Iterations per second in the last minutes; the wait for the first iteration does not count."""

    def __init__(self) -> None:
        self._ends: deque[float] = deque()

    def note(self, now: float) -> None:
        """An iteration has ended."""
        self._ends.append(now)
        while len(self._ends) > LEAST_ENDS and now - self._ends[0] > SPAN_SECONDS:
            self._ends.popleft()

    @property
    def value(self) -> float:
        """0 until two iterations have ended."""
        if len(self._ends) < 2:
            return 0.0
        return (len(self._ends) - 1) / max(self._ends[-1] - self._ends[0], 1e-9)


class TrainingProgress:
    """Losses, speed and time left; a bar on a terminal, sparse lines in a log file.

    :param total: iterations of the run; :param start: where it goes on; :param active: False keeps silent.
    :param deadline: when the run ends at the latest, by ``time.monotonic``.
    """

    def __init__(self, total: int, start: int, *, active: bool, deadline: float = math.inf) -> None:
        self._total, self._active, self._deadline = total, active, deadline
        self._means: dict[str, float] = {}
        self._written = time.monotonic()
        self._speed = Speed()
        self._bar: Any = None
        if active and sys.stderr.isatty():
            self._bar = tqdm(total=total, initial=start, unit="it", dynamic_ncols=True, file=sys.stderr)

    @property
    def speed(self) -> float:
        """Iterations per second in the last minutes."""
        return self._speed.value

    def __enter__(self) -> "TrainingProgress":
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, iteration: int, metrics: dict[str, float]) -> None:
        """Take the metrics of an iteration; they are shown smoothed."""
        now = time.monotonic()
        self._speed.note(now)
        for name, value in metrics.items():
            self._means[name] = SMOOTHING * self._means.get(name, value) + (1 - SMOOTHING) * value
        if not self._active:
            return
        text = " ".join(f"{name} {value:.4g}" for name, value in self._means.items())
        if self._bar is not None:
            ends = "" if math.isinf(self._deadline) else f"ends in {_words(max(0.0, self._deadline - now))} "
            self._bar.set_postfix_str(ends + text, refresh=False)
            self._bar.update()
        elif now - self._written >= QUIET_SECONDS or iteration in (1, self._total):
            self._written = now
            left = (self._total - iteration) / self.speed if self.speed else 0.0
            known = self.speed or iteration == self._total
            left = min(left, max(0.0, self._deadline - now))
            rest = f"{_words(left)} left" if known else "time left unknown"
            print(f"{iteration}/{self._total} {self.speed:.3f} it/s {rest} {text}", file=sys.stderr, flush=True)  # noqa: T201


def _words(seconds: float) -> str:
    return f"{int(seconds // 3600)}h{int(seconds % 3600 // 60):02d}m"
