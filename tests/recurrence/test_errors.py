"""Upstream errors surface where they belong and poison nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import vapoursynth as vs

from vs_tecogan.recurrence import Schedule, recurrent
from vs_tecogan.recurrence.upstream import Kind, Upstream

from .standin import Hash, Source, build, is_exact, reference, wrong

N = 50
SCHEDULE = Schedule(restart=20, warmup=4, checkpoint=8)


def clip_of(fail: Callable[[int], bool], cuts: set[int] | None) -> vs.VideoNode:
    return build(Source(N, fail=fail), SCHEDULE, cuts, detecting=True)


def failing_frames(clip: vs.VideoNode) -> tuple[list[int], list[tuple[int, vs.VideoFrame]]]:
    failed: list[int] = []
    got: list[tuple[int, vs.VideoFrame]] = []
    for n in range(N):
        try:
            got.append((n, clip.get_frame(n)))
        except vs.Error as error:
            assert "is broken" in str(error)
            failed.append(n)
    return failed, got


@pytest.mark.parametrize("threads", [1, 2, 16])
@pytest.mark.parametrize("cuts", [None, {0, 30}])
@pytest.mark.parametrize("broken", [0, 5, 17, 20, 31])
def test_a_transient_error_leaves_no_trace(
    core: vs.Core, warnings: list[str], broken: int, cuts: set[int] | None, threads: int
) -> None:
    """Catches a state computed without the frame that failed once: one request fails, everything after it is exact."""
    core.num_threads = threads
    left = [1]

    def fail(n: int) -> bool:
        return n == broken and bool(left) and bool(left.pop())

    expected = reference(Hash(), N, SCHEDULE, cuts or ())
    clip = clip_of(fail, cuts)
    failed, got = failing_frames(clip)
    assert len(failed) == 1
    assert wrong(got, expected) == []
    assert wrong([(n, clip.get_frame(n)) for n in range(N)], expected) == []
    assert warnings == []


@pytest.mark.parametrize("threads", [1, 2, 16])
@pytest.mark.parametrize("cuts", [None, {0, 40}])
@pytest.mark.parametrize("broken", [0, 5, 20, 25])
def test_a_broken_frame_fails_alone_and_heals(
    core: vs.Core, warnings: list[str], broken: int, cuts: set[int] | None, threads: int
) -> None:
    """Catches a broken frame that takes the rest of its chain with it, and a restart that outlives the trouble."""
    core.num_threads = threads
    healthy: list[bool] = []
    expected = reference(Hash(), N, SCHEDULE, cuts or ())
    clip = clip_of(lambda n: n == broken and not healthy, cuts)
    failed, got = failing_frames(clip)
    assert failed == [broken]
    end = broken - broken % 20 + 20  # of the chain
    for n, frame in got:
        if broken < n < end:
            assert frame.props["TecoganChainStart"] == broken + 1 and frame.props["TecoganWarmup"] == 0
        else:
            assert is_exact(n, frame, expected) and frame.props["TecoganWarmup"] == 4
    assert len(warnings) == 1 and f"restarts at frame {broken + 1}" in warnings[0]
    healthy.append(True)
    clip.clear_cache()
    assert wrong([(n, clip.get_frame(n)) for n in [broken, *range(N)]], expected) == []


def test_a_broken_warmup_frame_only_costs_the_warmup(core: vs.Core, warnings: list[str]) -> None:
    """Catches a chain that cannot start because a frame that only primes it is broken."""
    clip = clip_of(lambda n: n == 17, None)
    failed, got = failing_frames(clip)
    assert failed == [17]
    starts = {n: (frame.props["TecoganChainStart"], frame.props["TecoganWarmup"]) for n, frame in got}
    assert starts[16] == (0, 4) and starts[18] == (18, 0) and starts[20] == (20, 0) and starts[40] == (40, 4)


def test_an_error_of_the_flags_is_an_error_of_the_frame(core: vs.Core, warnings: list[str]) -> None:
    """Catches a broken detector that hangs the clip, or is taken for "no cut" without a word."""
    clip = Source(N).clip()

    def mark(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        if n == 7:
            raise ValueError("flag 7 is broken")
        return f

    output = recurrent(clip, clip.std.ModifyFrame(clip, mark), Hash(), template=clip, schedule=SCHEDULE)
    failed, got = failing_frames(output)
    assert failed == [7]
    assert {frame.props["TecoganChainStart"] for n, frame in got if 7 < n < 20} == {7}
    assert len(warnings) == 1


def test_an_error_of_the_recurrence_surfaces_and_passes(core: vs.Core) -> None:
    """Catches a step that failed once (out of memory, say) and left half of a state behind."""

    class Faulty(Hash):
        faults = 1

        def step(self, state, frame):  # type: ignore[no-untyped-def]
            if frame.props["src"] == 9 and self.faults:
                self.faults -= 1
                raise MemoryError("no room for frame 9")
            return super().step(state, frame)

    expected = reference(Hash(), N, SCHEDULE)
    clip = build(Source(N), SCHEDULE, None, Faulty())
    with pytest.raises(vs.Error, match="no room for frame 9"):
        clip.get_frame(12)
    assert wrong([(n, clip.get_frame(n)) for n in (12, 9, 10, 30)], expected) == []


def test_a_probe_that_cannot_be_sent_is_waited_for_by_nobody(core: vs.Core) -> None:
    """Catches a probe that stays under way for ever: every later plan would wait for it until its patience ends."""

    class Gone:
        num_frames = N

        def get_frame_async(self, n: int, callback: object) -> None:
            raise RuntimeError("the core is gone")

    upstream = Upstream(Gone(), None, lambda *_: None)  # type: ignore[arg-type]
    with upstream.lock:
        token = upstream.depart(5, [(Kind.INPUT, 4), (Kind.INPUT, 5)])
    del token  # its node died unanswered
    with upstream.lock:
        assert not any(upstream.pending(Kind.INPUT, k) for k in (4, 5))
        assert all(upstream.failing(Kind.INPUT, k) for k in (4, 5))


def test_a_failure_reported_while_the_lock_is_taken_is_not_lost(core: vs.Core) -> None:
    """Catches a lost report, or a thread that waits for its own lock, where a node dies inside the scheduler."""
    clip = Source(N).clip()
    upstream = Upstream(clip, None, lambda *_: None)
    with upstream.lock:
        token = upstream.depart(5, [(Kind.INPUT, 5)])
        del token
        assert not upstream.untroubled
        probes = upstream.take_probes()
    assert [key for key, _ in probes] == [(Kind.INPUT, 5)]
    assert upstream.in_flight == 0
