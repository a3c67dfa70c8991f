"""The nodes that the scheduler puts together; those that can be are kept, for to make one costs more than to ask it."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import vapoursynth as vs

MOST_DELAYS = 8
MOST_EMITTERS = 32


class Taps:
    """Single frames of a clip, as nodes to request frame n of."""

    def __init__(self, clip: vs.VideoNode, *, delays: bool) -> None:
        """`delays`: frames shortly before n by a delayed clip; without, VapourSynth takes them up strictly in order."""
        self._clip = clip
        self._most = MOST_DELAYS if delays else 0
        self._delays: dict[int, vs.VideoNode] = {}

    def at(self, k: int, n: int) -> vs.VideoNode:
        """A node whose frame n is frame k of the clip."""
        delay = n - k
        if not 0 < delay <= self._most:
            return _frame_at(self._clip, k, n)
        node = self._delays.get(delay)
        if node is None:
            node = self._clip.std.DuplicateFrames([0] * delay)
            node.std.SetVideoCache(mode=0)  # the clip has a cache of its own
            self._delays[delay] = node
        return node


class Stages:
    """Nodes that take some frames first and then become another node."""

    def __init__(self, template: vs.VideoNode, tiny: vs.VideoNode) -> None:
        self._template = template
        self._tiny = tiny

    def node(
        self,
        clip: vs.VideoNode,
        frames: list[int],
        n: int,
        absorb: Callable[[list[vs.VideoFrame]], None],
        resume: Callable[[], vs.VideoNode],
    ) -> vs.VideoNode:
        """The node that `resume` returns, once `absorb` has taken `frames` of `clip`; for a request of frame n."""
        if len(frames) == 1:

            def absorb_one(f: vs.VideoFrame, **_: int) -> vs.VideoNode:
                absorb([f])
                return resume()

            return self._template.std.FrameEval(absorb_one, prop_src=[_frame_at(clip, frames[0], n)])

        # FrameEval holds what it asked for until frame n is done; ModifyFrame lets it go at once
        def absorb_all(f: list[vs.VideoFrame], **_: int) -> vs.VideoFrame:
            absorb(f[1:])
            return f[0]

        taken = self._tiny.std.ModifyFrame([self._tiny, *(_frame_at(clip, k, 0) for k in frames)], absorb_all)
        return self._template.std.FrameEval(lambda **_: resume(), prop_src=[taken])


def _frame_at(clip: vs.VideoNode, k: int, n: int) -> vs.VideoNode:
    """A node whose frame n is frame k of `clip`: a clip of one frame answers every request with it."""
    return clip if k == n else clip.std.Trim(first=k, last=k)


class _Emitter:
    """The callable of one kept node. Holds neither the node nor the scheduler: no cycle keeps them alive."""

    __slots__ = ("emitters", "job", "last")

    def __init__(self, emitters: weakref.ref[Emitters]) -> None:
        self.emitters = emitters
        self.job: Callable[[], vs.VideoFrame] | None = None
        self.last = -1

    def __call__(self, n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        job, self.job = self.job, None
        assert job is not None
        try:
            return job()
        finally:
            emitters = self.emitters()
            if emitters is not None:
                emitters.give_back(self)


class Emitters:
    """Nodes that deliver a frame for which no input is missing, each for one request at a time.

    A node is never given out twice in a row for the same frame: VapourSynth joins requests for one frame of one node,
    and a request that joins the one just answered would leave its job undone.
    """

    def __init__(self, template: vs.VideoNode, tiny: vs.VideoNode) -> None:
        """`template`: a clip of the output's format and size; `tiny`: an instant clip, which drives the nodes."""
        self._template = template
        self._tiny = tiny
        self._free: deque[tuple[vs.VideoNode, _Emitter]] = deque()
        self._busy: dict[_Emitter, vs.VideoNode] = {}

    def node(self, n: int, job: Callable[[], vs.VideoFrame]) -> vs.VideoNode:
        """A node whose frame n is what `job` returns, called once. No lock is needed."""
        node, emitter = self._take(n)
        emitter.last = n
        emitter.job = job
        return node

    def give_back(self, emitter: _Emitter) -> None:
        """Take a node back, whose job is done or has failed, for another request."""
        node = self._busy.pop(emitter, None)
        if node is not None:
            self._free.append((node, emitter))

    def _take(self, n: int) -> tuple[vs.VideoNode, _Emitter]:
        try:
            node, emitter = self._free.popleft()
        except IndexError:
            pass
        else:
            if emitter.last != n:
                self._busy[emitter] = node
                return node, emitter
            self._free.append((node, emitter))
        emitter = _Emitter(weakref.ref(self))
        node = self._template.std.ModifyFrame(self._tiny, emitter)
        if len(self._free) + len(self._busy) < MOST_EMITTERS:
            node.std.SetVideoCache(mode=0)
            self._busy[emitter] = node
        return node, emitter
