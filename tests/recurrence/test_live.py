"""Players: endless clips whose old frames are gone, as mpv's `video_in`."""

from __future__ import annotations

import threading
import tracemalloc

import pytest
import vapoursynth as vs

from vs_tecogan.recurrence import Schedule, recurrent

from .standin import Hash, Source, cut_clip, pixels_of, reference, wrong

ENDLESS = 2**27
SCHEDULE = Schedule(restart=40, warmup=6, checkpoint=8)
CUTS = {0, 30, 31, 100, 170}
SHOWN = 300


class Buffer:
    """Refuses frames more than `size` before the newest one asked for."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.newest = 0
        self.refused: list[int] = []

    def __call__(self, n: int) -> bool:
        self.newest = max(self.newest, n)
        if n < self.newest - self.size:
            self.refused.append(n)
            return True
        return False


def live(buffer: Buffer, recurrence: Hash | None = None) -> vs.VideoNode:
    clip = Source(ENDLESS, fail=buffer).clip()
    return recurrent(clip, cut_clip(ENDLESS, CUTS), recurrence or Hash(), template=clip, schedule=SCHEDULE)


@pytest.mark.parametrize(("threads", "prefetch", "size"), [(1, 1, 0), (1, 4, 12), (2, 2, 12), (16, 8, 40)])
def test_playing_is_exact_and_never_asks_for_what_is_gone(
    core: vs.Core, warnings: list[str], threads: int, prefetch: int, size: int
) -> None:
    """Catches a warm-up that asks for old frames again instead of those that just went by."""
    core.num_threads = threads
    buffer = Buffer(size)
    recurrence = Hash()
    expected = reference(Hash(), SHOWN + 50, SCHEDULE, CUTS)
    clip = live(buffer, recurrence)[:SHOWN]
    assert wrong(enumerate(clip.frames(prefetch=prefetch)), expected) == []
    assert buffer.refused == [] and warnings == []
    chains = len({e.start for e in expected[:SHOWN]})
    assert recurrence.steps == SHOWN + 6 * chains


@pytest.mark.parametrize("ahead", [1, 3])
def test_a_request_overtaken_by_a_later_one_is_exact(core: vs.Core, warnings: list[str], ahead: int) -> None:
    """Catches a restart where a starved thread plans a chain's first frame after a later frame's flags were asked."""
    core.num_threads = 4
    first = SCHEDULE.restart
    late = first + ahead
    entered, leave = threading.Event(), threading.Event()

    def hold(n: int) -> bool:
        if n == late:
            entered.set()
            leave.wait(1)
        elif n == first:
            leave.set()
        return False

    blank = cut_clip(ENDLESS, CUTS)
    held = Source(ENDLESS, fail=hold, jitter=1e-9).clip()
    flags = blank.std.FrameEval(lambda **_: blank, prop_src=held)
    clip = recurrent(Source(ENDLESS, fail=Buffer(12)).clip(), flags, Hash(), template=held, schedule=SCHEDULE)
    for n in range(first):
        clip.get_frame(n)
    later = clip.get_frame_async(late)
    assert entered.wait(10)
    sooner = clip.get_frame_async(first)
    expected = reference(Hash(), late + 1, SCHEDULE, CUTS)
    assert wrong([(first, sooner.result()), (late, later.result())], expected) == []
    assert warnings == []


def test_a_jump_forward_is_exact(core: vs.Core, warnings: list[str]) -> None:
    """Catches a forward jump that is taken for a restart."""
    core.num_threads = 1
    clip = live(Buffer(0))
    expected = reference(Hash(), 300, SCHEDULE, CUTS)
    assert wrong([(n, clip.get_frame(n)) for n in (0, 1, 2, 95, 96, 97, 98, 99, 100, 250)], expected) == []
    assert warnings == []


def test_a_jump_back_restarts_with_a_warning(core: vs.Core, warnings: list[str]) -> None:
    """Catches a backward request that kills the pipeline: only the frame itself is asked for, and playing goes on."""
    core.num_threads = 1
    buffer = Buffer(60)
    clip = live(buffer)
    for n in range(260):
        clip.get_frame(n)
    clip.clear_cache()
    expected = reference(Hash(), 400, SCHEDULE, CUTS)
    frames = {n: clip.get_frame(n) for n in range(210, 300)}
    # 210..239 lie in a chain whose inputs are gone: the restart says so, the next chain is exact again
    restarts = {int(frames[n].props["TecoganChainStart"]) for n in range(210, 240)}
    assert restarts <= {200, 210}
    assert wrong([(n, frames[n]) for n in range(240, 300)], expected) == []
    assert buffer.refused == []


def test_frames_jumped_over_are_asked_for_no_more_once_they_are_old(core: vs.Core, warnings: list[str]) -> None:
    """Catches a jump to a cut whose skipped frames count for ever as those of a late thread."""
    core.num_threads = 4
    buffer = Buffer(12)
    clip = live(buffer)
    for n in (0, 1, *range(100, 116)):
        clip.get_frame(n)
    clip.clear_cache()
    with pytest.raises(vs.Error, match="source frame 98 is broken"):
        clip.get_frame(98)
    assert set(buffer.refused) == {98}


def test_a_seek_beyond_the_buffer_fails_alone(core: vs.Core, warnings: list[str]) -> None:
    """Catches a clip that stays broken after one refused request."""
    core.num_threads = 2
    buffer = Buffer(20)
    clip = live(buffer)
    for n in range(150):
        clip.get_frame(n)
    with pytest.raises(vs.Error, match="is broken"):
        clip.get_frame(20)
    expected = reference(Hash(), 300, SCHEDULE, CUTS)
    assert wrong([(n, clip.get_frame(n)) for n in range(150, 250)], expected) == []


def test_nothing_grows_with_the_number_of_frames(core: vs.Core) -> None:
    """Catches lists by num_frames (2**27 entries would be a gigabyte) at build and on a far request."""
    source = Source(ENDLESS)
    clip = source.clip()
    flags = cut_clip(ENDLESS, set())
    tracemalloc.start()
    output = recurrent(clip, flags, Hash(), template=clip, schedule=SCHEDULE)
    assert output.num_frames == ENDLESS and source.asked == []
    frame = output.get_frame(ENDLESS - 1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000
    assert frame.props["TecoganChainStart"] == (ENDLESS - 1) // 40 * 40
    start = int(frame.props["TecoganChainStart"])
    pixels = Hash().zero(frame).pixels
    shown = [*range(start - 6, start), *range(start, ENDLESS)]
    for n in shown:
        pixels = Hash().mix(pixels, pixels_of(clip.get_frame(n)))
    assert (pixels_of(frame) == pixels).all()
