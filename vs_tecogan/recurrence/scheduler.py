"""Plan, pull, catch up: exact frame recurrence out of node requests in any order."""

from __future__ import annotations

import contextlib
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import vapoursynth as vs

from .api import Recurrence, Schedule
from .plan import Missing, Planner, Route, Search, Wait, from_entry
from .store import Entry, FlagStore, FrameCache, Role, StateStore
from .upstream import Kind, Token, Upstream

CUT_PROP = "_TecoganCut"
PULL_BATCH = 32
PROBE_PATIENCE = 1.0  # seconds, after an upstream error only
MOST_WARNINGS = 256
MOST_READERS = 4
MIB = 1 << 20


def recurrent[S](
    clip: vs.VideoNode,
    cuts: vs.VideoNode | None,
    recurrence: Recurrence[S],
    *,
    template: vs.VideoNode,
    schedule: Schedule,
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
    :raises ValueError: cuts or template of another length.

    Output frames are those of `recurrence.write` with the int props `TecoganChainStart` (the frame where the chain of n
    began) and `TecoganWarmup` (warm-up frames used). An upstream error surfaces on the frames whose requests needed the
    failing frame; later ones restart after it from the zero state, without warm-up and with a warning, until a request
    for that frame succeeds (frames of a restart may stay in VapourSynth's own cache for a while).
    """
    scheduler = Scheduler(clip, cuts, recurrence, template, schedule)
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
    ) -> None:
        for name, other in (("cuts", cuts), ("template", template)):
            if other is not None and other.num_frames != clip.num_frames:
                raise ValueError(f"{name} has {other.num_frames} frames; give as many as the clip's {clip.num_frames}")
        self._recurrence = recurrence
        self._schedule = schedule
        self._template = template
        self._clip = clip
        self._cuts = cuts
        self._tiny = clip.std.BlankClip(width=16, height=16, format=vs.GRAY8, length=1, keep=True)
        self._hold = schedule.duplicates == "hold"
        self._computing = threading.Lock()
        self._budget = schedule.memory * MIB
        self._states: StateStore[S] = StateStore(schedule.checkpoint)
        self._inputs = FrameCache(_frame_bytes(clip), self._budget // 4)
        # a batch takes at least one step
        self._batch = max(schedule.warmup + 1, min(PULL_BATCH, self._inputs.most))
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
        _close_with_core(self)

    def close(self) -> None:
        """Drop states and frames: the core goes."""
        with self._lock:
            self._upstream.close()
            self._states.clear()
            self._inputs.clear()

    # Plan: which state, which inputs

    def plan(self, n: int) -> vs.VideoNode:
        """The node whose frame n is output frame n. Never waits for a frame of this request."""
        return self._plan(Search(n, n, self._upstream.horizon()))

    def _plan(self, search: Search[S]) -> vs.VideoNode:
        route = self._route(search)
        if isinstance(route, Missing):
            return self._ask_flags(route)
        if route.restarts:
            self._warn(route.chain.start)
        return self._pull(search.n, route)

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

    def _ask_flags(self, missing: Missing[S]) -> vs.VideoNode:
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

        resume = partial(self._plan, missing.search)
        return self._stage(_stage_nodes(self._cuts, wanted, n), learn, resume)

    def _stage(
        self,
        nodes: list[vs.VideoNode],
        absorb: Callable[[list[vs.VideoFrame]], None],
        resume: Callable[[], vs.VideoNode],
    ) -> vs.VideoNode:
        """The node that `resume` returns once `absorb` has taken a frame of each of `nodes`.

        One node is asked for the frame requested, several for their frame 0 (see `_stage_nodes`).
        """
        if len(nodes) == 1:

            def absorb_one(f: vs.VideoFrame, **_: int) -> vs.VideoNode:
                absorb([f])
                return resume()

            return self._template.std.FrameEval(absorb_one, prop_src=nodes)

        # FrameEval holds what it asked for until frame n is done; ModifyFrame lets it go at once
        def absorb_all(f: list[vs.VideoFrame], **_: int) -> vs.VideoFrame:
            absorb(f[1:])
            return f[0]

        taken = self._tiny.std.ModifyFrame([self._tiny, *nodes], absorb_all)
        return self._template.std.FrameEval(lambda **_: resume(), prop_src=[taken])

    # Pull: a one-shot node for the inputs

    def _pull(self, n: int, route: Route[S]) -> vs.VideoNode:
        """A node that asks for the inputs still needed and makes frame n, in stages where they are many."""
        frames: dict[int, vs.VideoFrame] = {}
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
            order = sorted(asked)
            token = self._upstream.depart(n, [(Kind.INPUT, k) for k in order])
        take = partial(self._take, token, order, frames)
        if last < n:
            holder: list[Route[S]] = [route]

            def advance(arrived: list[vs.VideoFrame]) -> None:
                holder[0] = from_entry(self._catch_up(route, take(arrived), last, n))

            return self._stage(_stage_nodes(self._clip, order, n), advance, lambda: self._pull(n, holder[0]))

        def finish(n: int, f: Any) -> vs.VideoFrame:
            arrived = take(f if isinstance(f, list) else [f])
            entry = self._catch_up(route, arrived, n, n)
            return self._write(entry, arrived[n])

        nodes = [_frame_at(self._clip, k, n) for k in order]
        return self._template.std.ModifyFrame(nodes or [self._tiny], finish)

    def _take(
        self,
        token: Token,
        order: list[int],
        frames: dict[int, vs.VideoFrame],
        arrived: list[vs.VideoFrame],
    ) -> dict[int, vs.VideoFrame]:
        """`frames` completed by those that `arrived`, which are also kept for the plans to come."""
        with self._lock:
            self._upstream.arrive(token)
            for k, frame in zip(order, arrived, strict=False):  # nothing asked for: the frame is the tiny one
                frames[k] = frame
                self._inputs.put(k, frame)
            # what the next chain's warm-up may need; a live clip does not give it twice
            one = 2 * self._schedule.warmup + 2
            most = one * min(max(self._states.heads, 1), MOST_READERS) + self._upstream.in_flight
            self._inputs.shrink(most, least=one + self._upstream.in_flight if self._upstream.live else 1)
        return frames

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
                if not (self._hold and k > route.chain.start and self._recurrence.is_repeat(state, frames[k])):
                    state = self._recurrence.step(state, frames[k])
                entry = Entry(k, route.chain, state, self._recurrence.nbytes(state))
                self._keep(entry, base if k == target else None, leads=k == target)
        assert entry is not None
        return entry

    def _zero(self, route: Route[S], frames: Mapping[int, vs.VideoFrame]) -> S:
        """The zero state, primed with the warm-up frames, whose output is never seen."""
        state = self._recurrence.zero(frames[route.first])
        for k in route.warmup:
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
        output.props["TecoganChainStart"] = entry.chain.start
        output.props["TecoganWarmup"] = self._schedule.warmup if entry.chain.primed else 0
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


def _frame_at(node: vs.VideoNode, k: int, n: int) -> vs.VideoNode:
    """A node whose frame n is frame k of `node`: a clip of one frame answers every request with it."""
    return node if k == n else node.std.Trim(first=k, last=k)


def _is_cut(frame: vs.VideoFrame) -> bool:
    return bool(frame.props.get(CUT_PROP, 0))


def _keep_probed(inputs: FrameCache, flags: FlagStore, kind: Kind, k: int, frame: vs.VideoFrame) -> None:
    if kind is Kind.INPUT:
        inputs.put(k, frame)
    else:
        flags.put(k, _is_cut(frame))


def _stage_nodes(node: vs.VideoNode, frames: list[int], n: int) -> list[vs.VideoNode]:
    """Nodes for `Scheduler._stage` to absorb `frames` of `node`."""
    return [_frame_at(node, k, n if len(frames) == 1 else 0) for k in frames]


def _frame_bytes(clip: vs.VideoNode) -> int:
    luma: int = clip.width * clip.height * clip.format.bytes_per_sample
    chroma: int = luma >> (clip.format.subsampling_w + clip.format.subsampling_h)
    planes: int = clip.format.num_planes
    return luma + (planes - 1) * chroma


def _close_with_core(scheduler: Scheduler[Any]) -> None:
    """Free states when the core goes, in case somebody still holds the clip; without keeping the scheduler alive."""
    reference = weakref.ref(scheduler)

    def close() -> None:
        alive = reference()
        if alive is not None:
            alive.close()

    def forget() -> None:
        with contextlib.suppress(Exception):  # the core may be gone already
            vs.unregister_on_destroy(close)

    vs.register_on_destroy(close)
    weakref.finalize(scheduler, forget).atexit = False
