"""From which state frame n is reached, and over which inputs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from .api import Schedule
from .chains import Chain, grid_start, warmup_frames
from .store import Entry, FlagStore, FrameCache, StateStore
from .upstream import Key, Kind, Upstream

FLAG_BATCH = 32


class Wait(Enum):
    """A probe is under way whose answer decides the route."""

    FOR_PROBE = auto()


@dataclass(frozen=True, slots=True)
class Missing[S]:
    """Flags that must be known before the route can be; `top` and `loose` let the walk go on where it stopped."""

    flags: tuple[int, ...]
    top: int
    loose: Entry[S] | None


@dataclass(frozen=True, slots=True)
class Route[S]:
    """Steps still to take in `chain`: the frames of `warmup`, then `first` and on, from `state` (None = zero)."""

    chain: Chain
    warmup: tuple[int, ...]
    first: int
    state: S | None
    base: Entry[S] | None = None

    @property
    def restarts(self) -> bool:
        """Whether this starts a chain where the definition has none."""
        return self.state is None and not self.chain.primed


def from_entry[S](entry: Entry[S]) -> Route[S]:
    return Route(entry.chain, (), entry.frame + 1, entry.state, entry)


class Planner[S]:
    """Reads the stores; every method wants the scheduler's lock held and calls nothing of VapourSynth's."""

    def __init__(
        self,
        schedule: Schedule,
        length: int,
        stores: tuple[StateStore[S], FrameCache, FlagStore | None],
        upstream: Upstream,
    ) -> None:
        self._schedule = schedule
        self._length = length
        self._states, self._inputs, self._flags = stores
        self._upstream = upstream
        self.probes: list[Key] = []

    def route(self, n: int, top: int, loose: Entry[S] | None, *, patient: bool = False) -> Route[S] | Missing[S] | Wait:
        """Walk down from frame `top` (n, or where the walk stopped for flags) to a state or the chain's start.

        `loose`: the last state of a chain restarted without warm-up that was met above `top`; it is used where the
        exact route is cut off by a frame that cannot be had. `patient`: say so where a probe under way decides; else
        its frame is asked for like any.
        """
        grid = grid_start(n, self._schedule.restart)
        missing: list[int] = []
        trouble = self._upstream.trouble
        for k in range(top, grid - 1, -1):
            entry = self._states.get(k, primed=True)
            if entry is not None:
                return from_entry(entry) if not missing else Missing(tuple(missing), missing[0], loose)
            loose = loose or self._states.get(k, primed=False)
            if k == grid:
                break
            if self._flags is not None:
                cut = self._flags.get(k)
                if cut:
                    grid = k
                    break
                if cut is None:
                    if patient and self._upstream.pending(Kind.FLAG, k):
                        return Wait.FOR_PROBE
                    if not self._may_ask_flag(k, n):
                        return self._cut_off(k, loose) if not missing else Missing(tuple(missing), missing[0], loose)
                    missing.append(k)
                    if len(missing) == FLAG_BATCH:
                        break
            if trouble:
                if patient and self._upstream.pending(Kind.INPUT, k - 1):
                    return Wait.FOR_PROBE
                if not self._has(k - 1):
                    return self._cut_off(k, loose) if not missing else Missing(tuple(missing), missing[0], loose)
        if missing:
            return Missing(tuple(missing), missing[0], loose)
        return self._primed(n, grid, loose, patient)

    def _primed(self, n: int, start: int, loose: Entry[S] | None, patient: bool) -> Route[S] | Missing[S] | Wait:
        """The route from the zero state at the start of the chain."""
        warmup = warmup_frames(start, self._schedule.warmup, self._length, self._flag)
        if warmup.unknown:
            if patient and any(self._upstream.pending(Kind.FLAG, k) for k in warmup.unknown):
                return Wait.FOR_PROBE
            if not all(self._may_ask_flag(k, n) for k in warmup.unknown):
                return self._cut_off(start, loose)
            return Missing(warmup.unknown, start, loose)
        if self._upstream.trouble:
            others = [k for k in warmup.frames if k != n]
            if patient and any(self._upstream.pending(Kind.INPUT, k) for k in others):
                return Wait.FOR_PROBE
            if not all(self._has(k) for k in others):
                return self._cut_off(start, loose)
        return Route(Chain(start, True), warmup.frames, start, None)

    def _cut_off(self, start: int, loose: Entry[S] | None) -> Route[S]:
        """Frame `start` is the first that can be had: go on from a state after it, or restart there."""
        if loose is not None and loose.frame >= start:
            return from_entry(loose)
        return Route(Chain(start, False), (), start, None)

    def _flag(self, k: int) -> bool | None:
        return self._flags.get(k) if self._flags is not None else False

    def _has(self, k: int) -> bool:
        return k in self._inputs or self._upstream.askable(Kind.INPUT, k)

    def _may_ask_flag(self, k: int, n: int) -> bool:
        if self._upstream.askable(Kind.FLAG, k):
            return True
        if not self._upstream.failing(Kind.FLAG, k):
            return False
        if k in (n, n + 1) and self._upstream.failing(Kind.INPUT, n):
            return True  # the request for a failing frame asks upstream again, for what is made from it too
        if k == n:
            self.probes += self._upstream.mark([(Kind.FLAG, k)])
        return False
