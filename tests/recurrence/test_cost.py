"""What the scheduler makes a recurrence and a source do, and how much it keeps."""

from __future__ import annotations

import pytest
import vapoursynth as vs

from vs_tecogan.recurrence import Schedule, recurrent

from .standin import HEIGHT, WIDTH, Hash, Source, State, build, cut_clip, reference, wrong

MIB = 1 << 20


@pytest.mark.parametrize("prefetch", [1, 2, 8, 32])
@pytest.mark.parametrize("threads", [1, 2, 16])
def test_a_linear_render_computes_each_frame_once(core: vs.Core, threads: int, prefetch: int) -> None:
    """Catches steps repeated because requests overlap: N steps and the declared warm-up, no more."""
    core.num_threads = threads
    recurrence = Hash()
    clip = build(Source(200, jitter=0.0005), Schedule(restart=40, warmup=6), {0, 55, 120}, recurrence)
    for _ in clip.frames(prefetch=prefetch):
        pass
    chains = 6  # 0, 40, 55, 80, 120, 160
    assert recurrence.steps == 200 + 6 * chains


def test_a_linear_render_asks_for_each_input_and_flag_once(core: vs.Core) -> None:
    """Catches warm-up frames that are requested again at a chain's start although they were just used."""
    core.num_threads = 1
    source = Source(200)
    flags: list[int] = []
    asked_for = cut_clip(200, {0, 55, 120}, flags)
    clip = source.clip()
    # caches off, so that every request reaches the source
    clip.std.SetVideoCache(mode=0)
    asked_for.std.SetVideoCache(mode=0)
    output = recurrent(clip, asked_for, Hash(), template=clip, schedule=Schedule(restart=40, warmup=6))
    for n in range(200):
        output.get_frame(n)
    assert sorted(source.asked) == list(range(200))
    assert sorted(flags) == list(range(1, 200))


@pytest.mark.parametrize("threads", [1, 2, 16])
@pytest.mark.parametrize("restart", [0, 100])
def test_interleaved_readers_each_keep_a_head(core: vs.Core, restart: int, threads: int) -> None:
    """Catches a single head that is thrown to and fro: at most 1.1 steps a frame each, cost of the first seek apart."""
    core.num_threads = threads
    count = 120
    starts = (0, 150, 260)
    recurrence = Hash(size=MIB)  # 12 states in the budget
    clip = build(Source(400), Schedule(restart=restart, warmup=0, memory=12, checkpoint=16), None, recurrence)
    clip.get_frame(starts[-1] - 1)
    clip.get_frame(starts[-2] - 1)
    recurrence.steps = 0
    readers = [clip[start : start + count].frames(prefetch=2) for start in starts]
    for _ in zip(*readers, strict=True):
        pass
    assert recurrence.steps <= 1.1 * count * len(starts)


@pytest.mark.parametrize("checkpoint", [4, 16])
def test_a_short_seek_back_costs_at_most_the_checkpoint_distance(core: vs.Core, checkpoint: int) -> None:
    """Catches checkpoints that are not kept, or kept where a seek does not find them."""
    recurrence = Hash(size=MIB)
    schedule = Schedule(restart=60, warmup=5, memory=12, checkpoint=checkpoint)
    source = Source(200)
    clip = build(source, schedule, {20, 100}, recurrence)
    for n in range(130):
        clip.get_frame(n)
    for n in (129, 128, 125, 122, 120):
        recurrence.steps = 0
        clip.get_frame(n)
        assert recurrence.steps <= checkpoint, n


def test_a_cold_seek_costs_at_most_restart_and_warmup(core: vs.Core) -> None:
    """Catches a seek that walks from the clip's start, or further than its chain."""
    for n in (0, 29, 30, 31, 59, 170, 199):
        recurrence = Hash()
        source = Source(200)
        clip = build(source, Schedule(restart=30, warmup=8), {170}, recurrence)
        clip.get_frame(n)
        start = max(n // 30 * 30, 170 if n >= 170 else 0)
        assert recurrence.steps == n - start + 1 + 8
        assert len(set(source.asked)) <= n - start + 1 + 8


def test_a_cold_seek_in_an_endless_chain_pulls_in_batches(core: vs.Core) -> None:
    """Catches a seek that asks for thousands of inputs at once, or that loses its way between the batches."""
    schedule = Schedule(restart=0, warmup=3, checkpoint=50)
    expected = reference(Hash(), 700, schedule, {5})
    recurrence = Hash()
    clip = build(Source(700), schedule, {5}, recurrence)
    futures = [(n, clip.get_frame_async(n)) for n in (650, 651, 699, 649)]
    assert wrong(((n, future.result()) for n, future in futures), expected) == []
    assert recurrence.steps <= 1.5 * 700


class Watched(Hash):
    """Notes at every step how many bytes VapourSynth's frames take, and how many states are alive."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.held: list[int] = []
        self.most = 0

    def step(self, state: State, frame: vs.VideoFrame) -> State:
        self.held.append(vs.core.used_cache_size)
        self.most = max(self.most, len(self.alive))
        return super().step(state, frame)


@pytest.mark.parametrize(("warmup", "attached"), [(3, 0), (0, 0), (0, MIB)])
def test_a_cold_seek_keeps_neither_the_frames_nor_the_states_it_went_over(
    core: vs.Core, warmup: int, attached: int
) -> None:
    """Catches a stage that holds its batch, or the state it began from, until the frame asked for is done.

    With a mebibyte attached to each frame, the smallest batches there are go the same way.
    """
    core.num_threads = 2
    recurrence = Watched(size=MIB)
    clip = Source(700).clip()
    clip.std.SetVideoCache(mode=0)
    schedule = Schedule(restart=0, warmup=warmup, memory=4)
    output = recurrent(clip, None, recurrence, template=clip, schedule=schedule, attached=attached)
    before = core.used_cache_size
    expected = reference(Hash(), 700, schedule)
    assert wrong([(699, output.get_frame(699))], expected) == []
    assert max(recurrence.held) - before < 700 * 4 * WIDTH * HEIGHT // 4
    assert recurrence.most <= 6


@pytest.mark.parametrize("memory", [1, 3, 9])
def test_memory_is_bounded(core: vs.Core, memory: int) -> None:
    """Catches states that are kept beyond the budget, whatever the requests (one in flight here)."""
    core.num_threads = 2
    recurrence = Hash(size=MIB - 600)  # an entry costs some bytes too
    schedule = Schedule(restart=50, warmup=4, memory=memory, checkpoint=4)
    expected = reference(Hash(), 150, schedule, {70})
    clip = build(Source(150), schedule, {70}, recurrence)
    most = 0
    for n in [*range(150), *range(149, 100, -1), 3, 90, 4, 91, 5, 92]:
        assert wrong([(n, clip.get_frame(n))], expected) == []
        most = max(most, len(recurrence.alive))
    assert most <= memory


def carrying(source: Source) -> vs.VideoNode:
    """The frames of the source, each with a frame of a mebibyte of its own as a prop; no cache keeps any."""
    burden = vs.core.std.BlankClip(width=1024, height=1024, format=vs.GRAY8, length=source.length)
    clip = source.clip().std.ClipToProp(burden, prop="burden")
    burden.std.SetVideoCache(mode=0)
    clip.std.SetVideoCache(mode=0)
    return clip


def test_what_frames_carry_counts_for_the_memory(core: vs.Core) -> None:
    """Catches input frames kept by the size of their planes alone: 18 would stay here, of a mebibyte each."""
    core.num_threads = 1
    clip = carrying(Source(40))
    schedule = Schedule(restart=0, warmup=8, memory=8)
    output = recurrent(clip, None, Hash(), template=clip, schedule=schedule, attached=MIB)
    before = core.used_cache_size
    for n in range(40):
        output.get_frame(n)
    output.clear_cache()
    assert core.used_cache_size - before < 4 * MIB


@pytest.mark.parametrize("prefetch", [1, 2, 4, 8])
def test_warm_up_frames_that_the_memory_cannot_hold_are_asked_for_again(core: vs.Core, prefetch: int) -> None:
    """Catches a chain primed with less than its warm-up because the frames were not kept, or requests without end."""
    core.num_threads = 2
    source = Source(120)
    schedule = Schedule(restart=40, warmup=8, memory=8)
    expected = reference(Hash(), 120, schedule)
    clip = source.clip()
    clip.std.SetVideoCache(mode=0)
    output = recurrent(clip, None, Hash(), template=clip, schedule=schedule, attached=MIB)
    assert wrong(enumerate(output.frames(prefetch=prefetch)), expected) == []
    # How often a request finds the memory full depends on how threads take turns: on a busy machine one more comes.
    assert len(source.asked) <= 120 + 9 * 3 * (prefetch + 2)


def test_a_tiny_budget_is_still_exact_with_many_requests_in_flight(core: vs.Core) -> None:
    """Catches a state that eviction takes from under a request that was planned on it."""
    core.num_threads = 16
    schedule = Schedule(restart=30, warmup=4, memory=1, checkpoint=4)
    expected = reference(Hash(), 120, schedule, {70})
    clip = build(Source(120, jitter=0.001), schedule, {70}, Hash(size=4 * MIB))
    assert wrong(enumerate(clip.frames(prefetch=32)), expected) == []
    futures = [(n, clip.get_frame_async(n)) for n in range(119, -1, -3)]
    assert wrong(((n, future.result()) for n, future in futures), expected) == []


def test_a_still_clip_costs_no_steps_and_no_memory(core: vs.Core) -> None:
    """Catches held frames that are computed or stored one by one."""
    recurrence = Hash(size=MIB)
    clip = build(Source(300, pictures=[1] * 300), Schedule(restart=0, warmup=2, memory=2), None, recurrence)
    for _ in clip.frames():
        pass
    assert recurrence.steps == 3 and len(recurrence.alive) == 1


def test_building_asks_for_nothing(core: vs.Core) -> None:
    """Catches a get_frame while the script is evaluated."""
    source = Source(100)
    build(source, Schedule(restart=10, warmup=3), {4})
    assert source.asked == []


def test_clips_of_another_length_are_refused(core: vs.Core) -> None:
    """Catches flags that end before the clip does, which would fail in the middle of a render."""
    clip = Source(10).clip()
    with pytest.raises(ValueError, match="cuts has 9 frames"):
        recurrent(clip, cut_clip(9, set()), Hash(), template=clip, schedule=Schedule(restart=0, warmup=0))
    with pytest.raises(ValueError, match="template has 9 frames"):
        recurrent(clip, None, Hash(), template=clip[:9], schedule=Schedule(restart=0, warmup=0))
