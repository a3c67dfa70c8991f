"""What is known about the frames that the scheduler asks for: in flight, failing, or too old to ask for."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from functools import partial
from types import MappingProxyType

import vapoursynth as vs

LIVE_LENGTH = 1 << 26
"""A clip this long is a player's stream (mpv): frames older than the newest one asked for are gone."""
MOST_FAILING = 4096


class Kind(StrEnum):
    """Which of the two clips a frame belongs to: the input, or that of scene flags."""

    INPUT = "input"
    FLAG = "flag"


Key = tuple[Kind, int]
Probe = tuple[Key, object]
Horizon = Mapping[Kind, int]
NOWHERE: Horizon = MappingProxyType({})


class Pull:
    """What one node in flight asks for, on behalf of the output frame `target`. Never changed once made."""

    __slots__ = ("asked", "target")

    def __init__(self, target: int, asked: tuple[Key, ...]) -> None:
        self.target = target
        self.asked = asked


class Token:
    """Held by the callable of a one-shot node only: when it dies and the callable never ran, the request failed."""

    __slots__ = ("_report", "pull")

    def __init__(self, pull: Pull, report: Callable[[Pull], None]) -> None:
        self.pull = pull
        self._report: Callable[[Pull], None] | None = report

    def arrived(self) -> None:
        """The callable ran: nothing is to be reported."""
        self._report = None

    def __del__(self) -> None:
        if self._report is not None:
            self._report(self.pull)


class Upstream:
    """Requests in flight and failing frames of the input clip and the clip of flags.

    A failed node does not tell which of its frames failed, so each is asked for once more, asynchronously (a probe).
    Every method but `horizon`, `launch` and `failed` wants `lock` held; VapourSynth is only ever called without it.
    """

    def __init__(
        self, clip: vs.VideoNode, flags: vs.VideoNode | None, keep: Callable[[Kind, int, vs.VideoFrame], None]
    ) -> None:
        """`keep` takes what probes bring (with the lock held)."""
        self._keep = keep
        self.lock = threading.Lock()
        self.answered = threading.Condition(self.lock)
        self.live = clip.num_frames >= LIVE_LENGTH
        self.closed = False
        self._nodes = {Kind.INPUT: clip, Kind.FLAG: flags}
        self._length = clip.num_frames
        self._flying: dict[int, Pull] = {}
        self._newest = {Kind.INPUT: -1, Kind.FLAG: -1}
        self._overtaken: dict[Kind, set[int]] = {Kind.INPUT: set(), Kind.FLAG: set()}
        self._failing: OrderedDict[Key, bool] = OrderedDict()
        self._pending: dict[Key, object] = {}  # by probe, so that one overtaken by a delivery is not believed
        self._failed: deque[Pull] = deque()

    @property
    def in_flight(self) -> int:
        """Number of nodes that have not answered."""
        return len(self._flying)

    def awaits(self, target: int) -> bool:
        """Whether a request in flight is for this output frame."""
        return any(pull.target == target for pull in self._flying.values())

    def targets(self) -> set[int]:
        """Output frames that requests in flight wait for."""
        return {pull.target for pull in self._flying.values()}

    def depart(self, target: int, asked: Iterable[Key]) -> Token:
        """Note a node in flight."""
        pull = Pull(target, tuple(asked))
        self._flying[id(pull)] = pull
        if self.live:
            for key in sorted(pull.asked):
                self._advance(*key)
        return Token(pull, self.failed)

    def arrive(self, token: Token) -> None:
        """All that the node asked for was delivered."""
        token.arrived()
        self._flying.pop(id(token.pull), None)
        if self._failing or self._pending:
            for key in token.pull.asked:
                self._delivered(key)

    def failing(self, kind: Kind, k: int) -> bool:
        """Whether the last request for the frame failed."""
        return (kind, k) in self._failing

    def pending(self, kind: Kind, k: int) -> bool:
        """Whether a probe of the frame is under way."""
        return (kind, k) in self._pending

    def horizon(self) -> Horizon:
        """The newest frames asked for; what a plan that begins now may ask for lies after them, in a live clip."""
        return dict(self._newest) if self.live else NOWHERE

    def askable(self, kind: Kind, k: int, horizon: Horizon) -> bool:
        """Whether a plan that began at `horizon` may ask for a frame that it can do without; see `_advance`."""
        key = (kind, k)
        if key in self._failing:
            return False
        if not self.live or k > horizon[kind]:
            return True
        return k in self._overtaken[kind] or any(key in pull.asked for pull in self._flying.values())

    @property
    def trouble(self) -> bool:
        """Whether some frame may not be askable."""
        return bool(self.live or self._failing or self._pending)

    @property
    def untroubled(self) -> bool:
        """Whether nothing speaks against any frame, failures included that nobody has looked into yet."""
        return not (self.live or self._failing or self._pending or self._failed)

    def take_probes(self) -> list[Probe]:
        """What to probe after the failures reported so far; pass it to `launch` without the lock."""
        if not self._failed:
            return []
        keys: list[Key] = []
        while self._failed:
            pull = self._failed.popleft()
            self._flying.pop(id(pull), None)
            for kind, k in pull.asked:  # a flag may be made from the frame before it and its own
                keys += [(kind, k), (Kind.FLAG, k + 1)] if kind is Kind.INPUT else []
                keys += [(Kind.INPUT, k - 1), (Kind.INPUT, k), (kind, k), (kind, k + 1)] if kind is Kind.FLAG else []
        return self.mark(keys)

    def mark(self, keys: Iterable[Key]) -> list[Probe]:
        """Note the probes of `keys`; returns those that are new, to pass to `launch`."""
        if self.closed:
            return []
        new = {key: object() for key in dict.fromkeys(keys) if key not in self._pending and self._exists(key)}
        self._pending.update(new)
        return list(new.items())

    def launch(self, probes: Iterable[Probe]) -> None:
        """Send the probes, asynchronously. Without the lock."""
        for key, mark in probes:
            node = self._nodes[key[0]]
            assert node is not None
            try:
                node.get_frame_async(key[1], partial(self._answer, key, mark))
            except Exception as error:  # no answer will come, and nobody shall wait for one
                self._answer(key, mark, None, error)

    def failed(self, pull: Pull) -> None:
        """A node died unanswered (called by its token, in whichever thread and wherever that is)."""
        self._failed.append(pull)
        if self.lock.acquire(blocking=False):
            try:
                keys = self.take_probes()
            finally:
                self.lock.release()
            self.launch(keys)

    def close(self) -> None:
        """Send no more probes, and let nobody wait for one."""
        self.closed = True
        self._pending.clear()
        self.answered.notify_all()

    def _answer(self, key: Key, mark: object, frame: vs.VideoFrame | None, _error: Exception | None) -> None:
        with self.lock:
            if frame is not None:
                self._delivered(key)
                if not self.closed:
                    self._keep(*key, frame)
            elif self._pending.get(key) is mark:
                del self._pending[key]
                self._failing[key] = True
                if len(self._failing) > MOST_FAILING:
                    self._failing.popitem(last=False)
            self.answered.notify_all()

    def _advance(self, kind: Kind, k: int) -> None:
        """Note a frame asked for, in a live clip, and those that it overtook.

        Threads do not plan in the order of the requests. A frame that nobody asked for yet, fewer frames than there are
        threads before one that somebody did, can still be had: a filter of frame n alone may ask for it as late.
        """
        newest = self._newest[kind]
        if k > newest:
            since = k - vs.core.num_threads + 1
            late = {j for j in self._overtaken[kind] if j >= since}
            self._overtaken[kind] = late.union(range(max(newest + 1, since), k))
            self._newest[kind] = k
        self._overtaken[kind].discard(k)

    def _exists(self, key: Key) -> bool:
        return 0 <= key[1] < self._length and self._nodes[key[0]] is not None

    def _delivered(self, key: Key) -> None:
        kind, k = key
        if self._forget(key) and kind is Kind.INPUT:
            self._forget((Kind.FLAG, k))  # the flags made from it deserve a new try
            self._forget((Kind.FLAG, k + 1))

    def _forget(self, key: Key) -> bool:
        """Drop what is known against a frame, probes under way included; whether it was failing."""
        self._pending.pop(key, None)
        return self._failing.pop(key, False)
