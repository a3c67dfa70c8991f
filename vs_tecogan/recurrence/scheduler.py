"""Plan, pull, catch up: exact frame recurrence out of node requests in any order."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import vapoursynth as vs

from .api import Recurrence, Schedule
from .chains import Chain, grid_start
from .lifetime import Exit, close_with_core
from .nodes import Emitters, Stages, Taps
from .plan import Missing, Planner, Route, Search, Wait, from_entry
from .store import Entry, FlagStore, FrameCache, Role, StateStore, frame_bytes
from .upstream import LIVE_LENGTH, Key, Kind, Token, Upstream

CUT_PROP = "_TecoganCut"
PULL_BATCH = 32
PROBE_PATIENCE = 1.0  # seconds, after an upstream error only
MOST_WARNINGS = 256
MOST_READERS = 4
MIB = 1 << 20

Frames = dict[int, vs.VideoFrame]


def recurrent[S](
    clip: vs.VideoNode,
    cuts: vs.VideoNode | None,
    recurrence: Recurrence[S],
    *,
    template: vs.VideoNode,
    schedule: Schedule,
    attached: int = 0,
) -> vs.VideoNode:
    """The clip whose frame n shows the state of `recurrence` after input frame n, whatever the order of requests.

    Frame n belongs to the chain that starts at c, the later of the grid start n // restart * restart (0 without
    `restart`) and the last cut not after n. From `recurrence.zero` the chain takes its warm-up frames (see
    `chains.warmup_frames`), then the frames c..n; with `duplicates="hold"` a frame after c that repeats its predecessor
    is no step. Frame n is thus a pure function of the inputs; a cold seek costs at most restart + warmup steps.

    :param clip: input; constant format and size. Of 2**26 frames and more (mpv) it is taken for a stream whose old
        frames cannot be asked for again: where they are needed, the recurrence restarts at the frame requested.
    :param cuts: clip of the same length whose frame n has the int prop `_TecoganCut` = 1 where a scene starts at n;
        None for no cuts. Its pixels are ignored.
    :param recurrence: zero, step, write, ...; see `Recurrence`.
    :param template: clip of the output's format, size, length and rate; its frames are never requested.
    :param schedule: see `Schedule`. States and frames of requests in flight may exceed its `memory`, and of a live clip
        the frames that the next warm-up needs are always kept.
    :param attached: bytes of other frames that each frame of `clip` carries as props; they count for `memory`.
    :raises ValueError: cuts or template of another length.

    Output frames are those of `recurrence.write` with the int props `TecoganChainStart` (the frame where the chain of n
    began) and `TecoganWarmup` (warm-up frames used). An upstream error surfaces on the frames whose requests needed the
    failing frame; later ones restart after it from the zero state, without warm-up and with a warning, until a request
    for that frame succeeds (frames of a restart may stay in VapourSynth's own cache for a while).
    """
    scheduler = Scheduler(clip, cuts, recurrence, template, schedule, attached)
    return template.std.FrameEval(scheduler.plan, clip_src=[clip] if cuts is None else [clip, cuts])


class Scheduler[S]:
    """State of one `recurrent` clip. Holds its inputs, never its output: no cycle keeps it alive.

    `_lock` guards the stores for moments; `_computing` is held during steps. Under neither is anything of VapourSynth
    waited for, so that no order of requests can deadlock.
    """

    def __init__(
        self,
        clip: vs.VideoNode,
        cuts: vs.VideoNode | None,
        recurrence: Recurrence[S],
        template: vs.VideoNode,
        schedule: Schedule,
        attached: int,
    ) -> None:
        for name, other in (("cuts", cuts), ("template", template)):
            if other is not None and other.num_frames != clip.num_frames:
                raise ValueError(f"{name} has {other.num_frames} frames; give as many as the clip's {clip.num_frames}")
        self._recurrence = recurrence
        self._schedule = schedule
        self._template = template
        self._clip = clip
        self._cuts = cuts
        delays = clip.num_frames < LIVE_LENGTH
        clips = {Kind.INPUT: clip} if cuts is None else {Kind.INPUT: clip, Kind.FLAG: cuts}
        self._taps = {kind: Taps(node, delays=delays) for kind, node in clips.items()}
        self._tiny = clip.std.BlankClip(width=16, height=16, format=vs.GRAY8, length=1, keep=True)
        self._stages = Stages(template, self._tiny)
        self._emitters = Emitters(template, self._tiny)
        self._hold = schedule.duplicates == "hold"
        self._computing = threading.Lock()
        self._budget = schedule.memory * MIB
        self._states: StateStore[S] = StateStore(schedule.checkpoint)
        self._inputs = FrameCache(frame_bytes(clip) + attached, self._budget // 4)
        # a batch takes at least one step, and `Stages` holds on to a single frame
        self._batch = max(schedule.warmup + 1, 2, min(PULL_BATCH, self._inputs.most))
        self._flags = FlagStore()
        self._upstream = Upstream(clip, cuts, partial(_keep_probed, self._inputs, self._flags))
        self._lock = self._upstream.lock
        self._planner = Planner(
            schedule,
            clip.num_frames,
            (self._states, self._inputs, None if cuts is None else self._flags),
            self._upstream,
        )
        self._warned: OrderedDict[int, None] = OrderedDict()
        self._exit = Exit()
        close_with_core(self)

    def close(self) -> None:
        """Drop states and frames: the core goes."""
        with self._lock:
            self._upstream.close()
            self._states.clear()
            self._inputs.clear()

    # Plan: which state, which inputs

    def plan(self, n: int) -> vs.VideoNode:
        """The node whose frame n is output frame n. Never waits for a frame of this request."""
        if self._exit.begun:
            return self._tiny  # not of the output's size: an error for which no traceback is formatted
        base = token = None
        with self._lock:
            follows = self._seems_to_follow(n)
            if follows and self._flag(n) is None:
                token = self._upstream.depart(n, self._to_follow(n))
            elif follows and (base := self._base(n)):
                token = self._upstream.depart(n, ((Kind.INPUT, n),))
        if token is None:
            return self._plan(Search(n, n, self._upstream.horizon()), {})
        if base is None:
            nodes = [self._taps[kind].at(k, n) for kind, k in token.pull.asked]
            return self._template.std.FrameEval(partial(self._follow_if, token), prop_src=nodes)
        return self._template.std.ModifyFrame(self._clip, partial(self._follow, token, base))

    # The linear way: frame n after frame n-1. Of these methods, those without a token want the lock held.

    def _flag(self, k: int) -> bool | None:
        return False if self._cuts is None else self._flags.get(k)

    def _seems_to_follow(self, n: int) -> bool:
        """Whether n needs its input, and its flag where that is unknown, and seems to need little else."""
        return (
            self._upstream.untroubled
            and n != grid_start(n, self._schedule.restart)
            and n not in self._inputs
            and self._states.get(n, primed=True) is None
            and (
                self._states.get(n - 1, primed=True) is not None
                or n - 1 in self._inputs
                or self._upstream.awaits(n - 1)
            )
        )

    def _to_follow(self, n: int) -> list[Key]:
        """Flag and input of n, and of n-1 where that is still under way."""
        asked = [(Kind.INPUT, n), (Kind.FLAG, n)]
        if self._states.get(n - 1, primed=True) is None:
            if n - 1 not in self._inputs:
                asked.append((Kind.INPUT, n - 1))
            if self._flag(n - 1) is None and n - 1 != grid_start(n, self._schedule.restart):
                asked.append((Kind.FLAG, n - 1))
        return asked

    def _base(self, n: int) -> Entry[S] | None:
        """The state that frame n follows, where no cut stands between."""
        base = self._states.get(n - 1, primed=True) if self._flag(n) is False else None
        if base is not None:
            self._states.touch(base)
        return base

    def _follow(self, token: Token, base: Entry[S], n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        with self._lock:
            self._upstream.arrive(token)
            self._keep_inputs((n,), (f,))
        return self._advance(base, n, f)

    def _follow_if(self, token: Token, n: int, f: list[vs.VideoFrame]) -> vs.VideoNode:
        """Go on from frame n-1 where the flag allows it; else plan with what has arrived."""
        arrived = list(zip(token.pull.asked, f, strict=True))
        frames = {k: frame for (kind, k), frame in arrived if kind is Kind.INPUT}
        flags = {k: _is_cut(frame) for (kind, k), frame in arrived if kind is Kind.FLAG}
        with self._lock:
            self._upstream.arrive(token)
            for k, cut in flags.items():
                self._flags.put(k, cut)
            self._keep_inputs(tuple(frames), tuple(frames.values()))
            base = self._base(n) if self._upstream.untroubled else None
        if base is None:
            return self._plan(Search(n, n, self._upstream.horizon()), frames)
        return self._emitters.node(n, partial(self._advance, base, n, frames[n]))

    def _advance(self, base: Entry[S], n: int, frame: vs.VideoFrame) -> vs.VideoFrame:
        """Output frame n, one step from `base` unless another request has taken it."""
        with self._computing:
            with self._lock:
                entry = self._states.get(n, primed=True)
            if entry is None or entry.chain != base.chain:
                entry = self._step(base.state, n, base.chain, frame)
                self._keep(entry, base, leads=True)
        return self._write(entry, frame)

    # Any way

    def _plan(self, search: Search[S], frames: Frames) -> vs.VideoNode:
        """The node for frame `search.n`; `frames`: inputs at hand."""
        self._exit.check()
        route = self._route(search)
        if isinstance(route, Missing):
            return self._ask_flags(route, frames)
        if route.restarts:
            self._warn(route.chain.start)
        return self._pull(search.n, route, frames)

    def _route(self, search: Search[S]) -> Route[S] | Missing[S]:
        """The route, after a moment's patience where a probe under way decides."""
        deadline = None
        while True:
            with self._lock:
                probes = self._upstream.take_probes()
                if not probes:
                    left = deadline - time.monotonic() if deadline else PROBE_PATIENCE
                    route = self._planner.route(search, patient=left > 0)
                    if not isinstance(route, Wait):
                        if isinstance(route, Route) and route.base is not None:
                            self._states.touch(route.base)
                        return route
                    if deadline:
                        self._upstream.answered.wait(left)
            self._upstream.launch(probes)
            if deadline is None and not probes:  # a single worker thread would wait for itself
                deadline = time.monotonic() + (PROBE_PATIENCE if vs.core.num_threads > 1 else 0.0)

    def _ask_flags(self, missing: Missing[S], frames: Frames) -> vs.VideoNode:
        """A stage that learns the missing flags, then plans again."""
        assert self._cuts is not None
        n = missing.search.n
        wanted = sorted(missing.flags)
        with self._lock:
            token = self._upstream.depart(n, [(Kind.FLAG, k) for k in wanted])

        def learn(frames: list[vs.VideoFrame]) -> None:
            flags = [_is_cut(frame) for frame in frames]
            with self._lock:
                for k, cut in zip(wanted, flags, strict=True):
                    self._flags.put(k, cut)
                self._upstream.arrive(token)

        resume = partial(self._plan, missing.search, frames)
        return self._stages.node(self._cuts, wanted, n, learn, resume)

    # Pull: a one-shot node for the inputs

    def _pull(self, n: int, route: Route[S], at_hand: Frames) -> vs.VideoNode:
        """A node that asks for the inputs still needed and makes frame n, in stages where they are many."""
        frames = dict(at_hand)
        asked: set[int] = set()
        last = n
        with self._lock:
            for k in (*route.warmup, *range(route.first, n + 1), n):
                if k in frames or k in asked:
                    continue
                frame = self._inputs.get(k)
                if frame is not None:
                    frames[k] = frame
                elif len(asked) < self._batch or k == n:
                    asked.add(k)
                else:
                    last = k - 1
                    break
            # VapourSynth takes up last first what one node asks for
            order = sorted(asked, reverse=True)
            token = self._upstream.depart(n, [(Kind.INPUT, k) for k in order])
        if last < n:
            # VapourSynth holds every stage until frame n is done: none may keep the state and the frames it went over
            way: list[Route[S]] = [route]

            def advance(arrived: list[vs.VideoFrame]) -> None:
                self._take(token, order, arrived, frames)
                way.append(from_entry(self._catch_up(way.pop(), frames, last, n)))
                frames.clear()

            return self._stages.node(self._clip, order, n, advance, lambda: self._pull(n, way.pop(), at_hand))
        make = partial(self._make, token, order, route, frames)
        if not order:
            return self._emitters.node(n, partial(make, n, []))
        return self._template.std.ModifyFrame([self._taps[Kind.INPUT].at(k, n) for k in order], make)

    def _make(self, token: Token, order: list[int], route: Route[S], frames: Frames, n: int, f: Any) -> vs.VideoFrame:
        """Output frame n, once the inputs of `order` have arrived as `f`."""
        self._take(token, order, f if isinstance(f, list) else [f], frames)
        return self._write(self._catch_up(route, frames, n, n), frames[n])

    def _take(self, token: Token, order: list[int], arrived: list[vs.VideoFrame], frames: Frames) -> None:
        """Complete `frames` by those that arrived, which are also kept for the plans to come."""
        self._exit.check()
        frames.update(zip(order, arrived, strict=True))
        with self._lock:
            self._upstream.arrive(token)
            self._keep_inputs(order, arrived)

    def _keep_inputs(self, order: Sequence[int], arrived: Sequence[vs.VideoFrame]) -> None:
        """With the lock held. `order` is descending; what is kept longest is the last."""
        for k, frame in zip(reversed(order), reversed(arrived), strict=True):
            self._inputs.put(k, frame)
        # what the next chain's warm-up may need; a live clip does not give it twice
        one = 2 * self._schedule.warmup + 2
        in_flight = self._upstream.in_flight
        most = one * min(max(self._states.heads, 1), MOST_READERS) + in_flight
        self._inputs.shrink(most, least=one + in_flight if self._upstream.live else 1)

    # Catch up: all outstanding steps

    def _catch_up(self, route: Route[S], frames: Mapping[int, vs.VideoFrame], last: int, target: int) -> Entry[S]:
        """The state after frame `last` on the way to `target`, over whatever of the route nobody has done yet."""
        if route.first > last:
            assert route.base is not None
            return route.base
        with self._computing:
            with self._lock:
                base = self._states.nearest(route.chain, route.first, last) or route.base
            if base is None:
                state = self._zero(route, frames)
                first = route.first
            else:
                state = base.state
                first = base.frame + 1
            entry = base
            for k in range(first, last + 1):
                entry = self._step(state, k, route.chain, frames[k])
                state = entry.state
                self._keep(entry, base if k == target else None, leads=k == target)
        assert entry is not None
        return entry

    def _step(self, state: S, k: int, chain: Chain, frame: vs.VideoFrame) -> Entry[S]:
        """Frame k, a step from `state` unless it repeats its predecessor."""
        self._exit.check()
        if not (self._hold and k > chain.start and self._recurrence.is_repeat(state, frame)):
            state = self._recurrence.step(state, frame)
        return Entry(k, chain, state, self._recurrence.nbytes(state))

    def _zero(self, route: Route[S], frames: Mapping[int, vs.VideoFrame]) -> S:
        """The zero state, primed with the warm-up frames, whose output is never seen."""
        state = self._recurrence.zero(frames[route.first])
        for k in route.warmup:
            self._exit.check()
            state = self._recurrence.step(state, frames[k])
        return state

    def _keep(self, entry: Entry[S], base: Entry[S] | None, *, leads: bool) -> None:
        """Store a state; if it `leads`, the reader that stood at `base` now stands there."""
        with self._lock:
            if self._upstream.closed:
                return
            leads = leads and not self._states.follows_head(entry)
            self._states.put(entry, Role.HEAD if leads else Role.RECENT)
            if base is not None and entry.frame - base.frame <= self._schedule.checkpoint:
                self._states.retire(base)
            self._states.shrink(self._budget - self._inputs.bytes, self._upstream.targets)

    def _write(self, entry: Entry[S], frame: vs.VideoFrame) -> vs.VideoFrame:
        output = self._recurrence.write(entry.state, frame)
        props = output.props
        props["TecoganChainStart"] = entry.chain.start
        props["TecoganWarmup"] = self._schedule.warmup if entry.chain.primed else 0
        return output

    def _warn(self, start: int) -> None:
        """Say once that the recurrence restarts where its definition does not."""
        with self._lock:
            if start in self._warned:
                return
            self._warned[start] = None
            if len(self._warned) > MOST_WARNINGS:
                self._warned.popitem(last=False)
        vs.core.log_message(
            vs.MESSAGE_TYPE_WARNING,
            f"tecogan: input before frame {start} is unavailable; the recurrence restarts at frame {start} from zero",
        )


def _is_cut(frame: vs.VideoFrame) -> bool:
    return bool(frame.props.get(CUT_PROP, 0))


def _keep_probed(inputs: FrameCache, flags: FlagStore, kind: Kind, k: int, frame: vs.VideoFrame) -> None:
    if kind is Kind.INPUT:
        inputs.put(k, frame)
    else:
        flags.put(k, _is_cut(frame))
