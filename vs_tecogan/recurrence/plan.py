"""From which state frame n is reached, and over which inputs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto

from .api import Schedule
from .chains import Chain, grid_start, warmup_frames
from .store import Entry, FlagStore, FrameCache, StateStore
from .upstream import Horizon, Kind, Upstream

FLAG_BATCH = 32


class Wait(Enum):
    """A probe is under way whose answer decides the route."""

    FOR_PROBE = auto()


@dataclass(frozen=True, slots=True)
class Search[S]:
    """Where the search for a route to frame `n` stands: all flags above `top` are known.

    `loose`: the last state of a chain restarted without warm-up that was met above `top`; it is used where the exact
    route is cut off by a frame that cannot be had. `horizon`: see `Upstream.horizon`.
    """

    n: int
    top: int
    horizon: Horizon
    loose: Entry[S] | None = None


@dataclass(frozen=True, slots=True)
class Missing[S]:
    """Flags that must be known before the route can be, and the search to go on with then."""

    flags: tuple[int, ...]
    search: Search[S]


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
    """The route that goes on from a kept state."""
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

    def route(self, search: Search[S], *, patient: bool = False) -> Route[S] | Missing[S] | Wait:
        """Walk down from frame `search.top` to a state or to the chain's start.

        `patient`: say so where a probe under way decides; else its frame is asked for like any.
        """
        start = grid_start(search.n, self._schedule.restart)
        loose = search.loose
        missing: list[int] = []
        found: Route[S] | None = None
        for k in range(search.top, start - 1, -1):
            entry = self._states.get(k, primed=True)
            if entry is not None:
                found = from_entry(entry)
                break
            loose = loose or self._states.get(k, primed=False)
            if k == start or len(missing) == FLAG_BATCH:
                break
            flag = self._flag(k)
            if flag:
                start = k
                break
            link = self._link(k, flag is None, search, patient)
            if isinstance(link, Wait):
                return link
            if not link:
                found = self._cut_off(k, loose)
                break
            if flag is None:
                missing.append(k)
        if missing:
            return Missing(tuple(missing), replace(search, top=missing[0], loose=loose))
        return found or self._primed(start, replace(search, loose=loose), patient)

    def _link(self, k: int, ask_flag: bool, search: Search[S], patient: bool) -> bool | Wait:
        """Whether frame k can be joined to its predecessor, as far as its flag and that input can be had."""
        if ask_flag:
            if patient and self._upstream.pending(Kind.FLAG, k):
                return Wait.FOR_PROBE
            if not self._may_ask_flag(k, search):
                return False
        if not self._upstream.trouble:
            return True
        if patient and self._upstream.pending(Kind.INPUT, k - 1):
            return Wait.FOR_PROBE
        return self._has(k - 1, search)

    def _primed(self, start: int, search: Search[S], patient: bool) -> Route[S] | Missing[S] | Wait:
        """The route from the zero state at the start of the chain."""
        warmup = warmup_frames(start, self._schedule.warmup, self._length, self._flag)
        if warmup.unknown:
            if patient and any(self._upstream.pending(Kind.FLAG, k) for k in warmup.unknown):
                return Wait.FOR_PROBE
            if not all(self._may_ask_flag(k, search) for k in warmup.unknown):
                return self._cut_off(start, search.loose)
            return Missing(warmup.unknown, replace(search, top=start))
        if self._upstream.trouble:
            others = [k for k in warmup.frames if k != search.n]
            if patient and any(self._upstream.pending(Kind.INPUT, k) for k in others):
                return Wait.FOR_PROBE
            if not all(self._has(k, search) for k in others):
                return self._cut_off(start, search.loose)
        return Route(Chain(start, True), warmup.frames, start, None)

    def _cut_off(self, start: int, loose: Entry[S] | None) -> Route[S]:
        """Frame `start` is the first that can be had: go on from a state after it, or restart there."""
        if loose is not None and loose.frame >= start:
            return from_entry(loose)
        return Route(Chain(start, False), (), start, None)

    def _flag(self, k: int) -> bool | None:
        return self._flags.get(k) if self._flags is not None else False

    def _has(self, k: int, search: Search[S]) -> bool:
        return k in self._inputs or self._upstream.askable(Kind.INPUT, k, search.horizon)

    def _may_ask_flag(self, k: int, search: Search[S]) -> bool:
        n = search.n
        if self._upstream.askable(Kind.FLAG, k, search.horizon):
            return True
        if not self._upstream.failing(Kind.FLAG, k):
            return False
        # a request for the frame that fails asks upstream again, for what is made from it too
        own_input = k in (n, n + 1) and self._upstream.failing(Kind.INPUT, n)
        own_flag = k == n and not self._upstream.failing(Kind.INPUT, n - 1)
        return own_input or own_flag
