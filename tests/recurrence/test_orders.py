"""Frame n is the same whatever the order of requests, the number of threads and the timing of the source."""

from __future__ import annotations

import random
from collections.abc import Iterable

import numpy as np
import pytest
import vapoursynth as vs

from vs_tecogan.recurrence import Schedule

from .standin import Contractive, Hash, Source, build, cut_clip, pixels_of, reference, with_repeats, wrong

N = 90
PICTURES = with_repeats(N, seed=5)
CASES: dict[str, tuple[Schedule, set[int] | None]] = {
    "published": (Schedule(restart=0, warmup=0, duplicates="advance"), None),
    "scenes": (Schedule(restart=0, warmup=5, checkpoint=4), {0, 1, 20, 21, 22, 60}),
    "grid": (Schedule(restart=16, warmup=4, checkpoint=4), None),
    "grid and scenes": (Schedule(restart=25, warmup=7, checkpoint=8, duplicates="advance"), {3, 24, 25, 26, 70}),
    "warm-up longer than the chain": (Schedule(restart=3, warmup=9), {2, 40}),
}
ORDERS = [
    "linear 0", "linear 1", "linear 8", "linear 32", "reverse", "random", "seek", "two consumers", "async shuffled",
    "async twice",
]  # fmt: skip


def requests(order: str, clip: vs.VideoNode) -> Iterable[tuple[int, vs.VideoFrame]]:
    chance = random.Random(7)
    every = list(range(N))
    if order.startswith("linear"):
        return enumerate(clip.frames(prefetch=int(order.split()[1]) or None))
    if order == "two consumers":
        pairs = zip(enumerate(clip.frames()), enumerate(clip[40:].frames(), 40), strict=False)
        return (item for pair in pairs for item in pair)
    if order.startswith("async"):
        chance.shuffle(every)
        every = every * 2 if order.endswith("twice") else every
        futures = [(n, clip.get_frame_async(n)) for n in every]
        return ((n, future.result()) for n, future in futures)
    numbers = {
        "reverse": every[::-1],
        "random": [chance.randrange(N) for _ in range(60)],
        "seek": [*range(10), *range(60, 75), *range(5, 20), 74, 74, 73, 72, 5, 89, 5],
    }[order]
    return ((n, clip.get_frame(n)) for n in numbers)


@pytest.mark.parametrize("threads", [1, 2, 16])
@pytest.mark.parametrize("case", CASES)
def test_every_order_gives_the_definition(core: vs.Core, case: str, threads: int) -> None:
    """Catches any wrong, missing or repeated step, for any order, on a source that answers at once."""
    schedule, cuts = CASES[case]
    expected = reference(Hash(), N, schedule, cuts or (), PICTURES)
    core.num_threads = threads
    for order in ORDERS:
        recurrence = Hash()
        clip = build(Source(N, PICTURES), schedule, cuts, recurrence)
        assert wrong(requests(order, clip), expected) == [], order
        assert recurrence.overlaps == 0, order


@pytest.mark.parametrize("threads", [1, 2, 16])
@pytest.mark.parametrize("case", ["published", "grid and scenes"])
def test_a_jittering_source_changes_nothing(core: vs.Core, case: str, threads: int) -> None:
    """Catches states that depend on which input arrives first."""
    schedule, cuts = CASES[case]
    expected = reference(Hash(), N, schedule, cuts or (), PICTURES)
    core.num_threads = threads
    for order in ("linear 0", "linear 32", "seek", "two consumers", "async shuffled"):
        clip = build(Source(N, PICTURES, jitter=0.003), schedule, cuts)
        assert wrong(requests(order, clip), expected) == [], order


def test_a_contractive_recurrence_is_bit_identical_too(core: vs.Core) -> None:
    """Catches float states that are rounded or shared on the way (the stand-in forgets, like the network)."""
    schedule, cuts = CASES["grid and scenes"]
    expected = reference(Contractive(), N, schedule, cuts or (), PICTURES)
    core.num_threads = 2
    for order in ORDERS:
        assert wrong(requests(order, build(Source(N, PICTURES), schedule, cuts, Contractive())), expected) == []


def test_the_definition_depends_on_order() -> None:
    """Catches a stand-in or a reference so weak that the tests above could not fail."""
    schedule = Schedule(restart=0, warmup=0)
    straight = reference(Hash(), 10, schedule)
    swapped = reference(Hash(), 10, schedule, pictures=[0, 1, 3, 2, *range(4, 10)])
    assert np.array_equal(straight[1].pixels, swapped[1].pixels)
    assert not any(np.array_equal(a.pixels, b.pixels) for a, b in zip(straight[2:], swapped[2:], strict=True))
    warm = reference(Hash(), 10, Schedule(restart=0, warmup=1))
    assert not np.array_equal(straight[9].pixels, warm[9].pixels)


def test_repeated_frames_hold_or_advance() -> None:
    """Catches a held frame that shows a step, or an advanced one that does not; a chain's first frame always steps."""
    pictures = [0, 0, 0, 1, 1, 1, 1, 2]
    frames = {}
    steps = {}
    for duplicates in ("hold", "advance"):
        recurrence = Hash()
        clip = build(Source(8, pictures), Schedule(restart=5, warmup=0, duplicates=duplicates), None, recurrence)
        frames[duplicates] = [pixels_of(frame) for frame in clip.frames()]
        steps[duplicates] = recurrence.steps
    held = [np.array_equal(a, b) for a, b in zip(frames["hold"][:-1], frames["hold"][1:], strict=True)]
    assert held == [True, True, False, True, False, True, False]
    assert not any(np.array_equal(a, b) for a, b in zip(frames["advance"][:-1], frames["advance"][1:], strict=True))
    assert steps == {"hold": 4, "advance": 8}


def test_several_instances_share_nothing(core: vs.Core) -> None:
    """Catches state kept outside an instance: three of them, one on top of another, requested at once."""
    core.num_threads = 4
    schedule = Schedule(restart=10, warmup=2)
    source = Source(40)
    clip = source.clip()
    outputs = [build(Source(40), schedule, {7}), build(Source(40), Schedule(restart=0, warmup=0))]
    from vs_tecogan.recurrence import recurrent

    stacked = recurrent(
        recurrent(clip, None, Hash(), template=clip, schedule=schedule),
        cut_clip(40, {20}),
        Hash(),
        template=clip,
        schedule=Schedule(restart=0, warmup=3),
    )
    once = reference(Hash(), 40, schedule)
    pictures = [frame.pixels for frame in once]
    expected_stack = np.zeros_like(pictures[0])
    for n in (*(3, 2, 1), *range(20)):
        expected_stack = Hash().mix(expected_stack, pictures[n])
    futures = [[output.get_frame_async(n) for n in range(40)] for output in (*outputs, stacked)]
    got = [[future.result() for future in row] for row in futures]
    assert wrong(enumerate(got[0]), reference(Hash(), 40, schedule, {7})) == []
    assert wrong(enumerate(got[1]), reference(Hash(), 40, Schedule(restart=0, warmup=0))) == []
    assert np.array_equal(pixels_of(got[2][19]), expected_stack)


def test_clearing_the_cache_changes_nothing(core: vs.Core) -> None:
    """Catches frames that rely on VapourSynth's caches."""
    schedule, cuts = CASES["grid and scenes"]
    expected = reference(Hash(), N, schedule, cuts or (), PICTURES)
    clip = build(Source(N, PICTURES), schedule, cuts)
    for n in [*range(30), 12, 80, 79, 3]:
        core.clear_cache()
        assert wrong([(n, clip.get_frame(n))], expected) == []
