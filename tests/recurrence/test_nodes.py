"""The nodes that are kept and used again deliver the right frame, each job once, and hold nobody alive."""

from __future__ import annotations

import gc
import weakref

import pytest
import vapoursynth as vs

from vs_tecogan.recurrence.nodes import MOST_DELAYS, MOST_EMITTERS, Emitters, Taps

from .standin import Source


@pytest.fixture
def clip(core: vs.Core) -> vs.VideoNode:
    return core.std.BlankClip(width=8, height=6, format=vs.GRAY8, length=100, keep=True)


def emitters_of(clip: vs.VideoNode) -> Emitters:
    return Emitters(clip, clip.std.BlankClip(width=16, height=16, length=1, keep=True))


class Job:
    """Makes a frame that says which job it is of."""

    def __init__(self, clip: vs.VideoNode, number: int, done: list[int]) -> None:
        self.frame = clip.get_frame(0)
        self.number = number
        self.done = done

    def __call__(self) -> vs.VideoFrame:
        self.done.append(self.number)
        output = self.frame.copy()
        output.props["job"] = self.number
        return output


@pytest.mark.parametrize("delays", [False, True])
def test_a_tap_is_the_frame_asked_for(core: vs.Core, delays: bool) -> None:
    """Catches a delay that is one off, at the clip's ends too, and frames after n, which no delay can give."""
    clip = Source(40).clip()
    taps = Taps(clip, delays=delays)
    for n in (0, 1, 5, 20, 39):
        for k in {n, 0, 39, *range(max(n - MOST_DELAYS - 2, 0), min(n + 3, 40))}:
            tap = taps.at(k, n)
            chosen = clip.std.FrameEval(lambda tap=tap, **_: tap)
            assert chosen.get_frame(n).props["src"] == k, (k, n)


def test_every_job_is_done_once_for_its_own_request(core: vs.Core, clip: vs.VideoNode) -> None:
    """Catches a node given to two requests at once, and one that answers with the frame of the request before."""
    core.num_threads = 4
    emitters = emitters_of(clip)
    done: list[int] = []
    for rounds in range(20):
        jobs = dict(enumerate([5, 5, 5, 6, 7, 5, 6, 6] * 8, 1000 * rounds))
        nodes = [(number, n, emitters.node(n, Job(clip, number, done))) for number, n in jobs.items()]
        futures = [(number, node.get_frame_async(n)) for number, n, node in nodes]
        assert [future.result().props["job"] for _, future in futures] == list(jobs)
    assert len(done) == len(set(done)) == 20 * 64


def test_nodes_are_used_again_but_not_twice_for_one_frame(core: vs.Core, clip: vs.VideoNode) -> None:
    """Catches a new node for every frame (the cost), and a node whose old request a new one could join (a lost job)."""
    emitters = emitters_of(clip)
    done: list[int] = []
    seen = []
    for n in range(50):
        node = emitters.node(n, Job(clip, n, done))
        seen.append(node)
        node.get_frame(n)
    assert len({id(node) for node in seen}) <= 2
    first = emitters.node(7, Job(clip, 7, done))
    first.get_frame(7)
    second = emitters.node(7, Job(clip, 8, done))
    assert second is not first and second.get_frame(7).props["job"] == 8


def test_the_nodes_kept_are_bounded(core: vs.Core, clip: vs.VideoNode) -> None:
    """Catches a store of nodes that grows with the requests in flight, or with requests for one frame."""
    emitters = emitters_of(clip)
    nodes = [emitters.node(n, Job(clip, n, [])) for n in range(3 * MOST_EMITTERS)]
    for n, node in enumerate(nodes):
        node.get_frame(n)
    for _ in range(3 * MOST_EMITTERS):
        emitters.node(1, Job(clip, 1, [])).get_frame(1)
    assert len(emitters._free) + len(emitters._busy) <= MOST_EMITTERS


def test_a_failing_job_fails_its_request_and_frees_the_node(core: vs.Core, clip: vs.VideoNode) -> None:
    """Catches a node that stays taken, or keeps its job, after an error."""
    emitters = emitters_of(clip)

    def fail() -> vs.VideoFrame:
        raise MemoryError("no room")

    with pytest.raises(vs.Error, match="no room"):
        emitters.node(3, fail).get_frame(3)
    assert not emitters._busy
    assert emitters.node(4, Job(clip, 4, [])).get_frame(4).props["job"] == 4


def test_kept_nodes_hold_nothing_alive(core: vs.Core, clip: vs.VideoNode) -> None:
    """Catches a cycle through node, callable and store; the garbage collector does not see into VapourSynth."""
    gc.disable()
    try:
        emitters = emitters_of(clip)
        job = Job(clip, 1, [])
        emitters.node(1, job).get_frame(1)
        gone = [weakref.ref(emitters), weakref.ref(job)]
        del emitters, job
        assert [reference() for reference in gone] == [None, None]
    finally:
        gc.enable()
