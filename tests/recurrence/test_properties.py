"""Thousands of random request patterns over random clips, schedules and failures; each seed is a test of its own."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
import vapoursynth as vs

from vs_tecogan.recurrence import Schedule

from .standin import Expected, Hash, Source, build, is_exact, picture, pixels_of, reference, with_repeats, wrong

MIB = 1 << 20
PATTERNS = 150


@dataclass(frozen=True)
class Scene:
    """One random clip, schedule and stand-in."""

    length: int
    schedule: Schedule
    cuts: set[int] | None
    pictures: list[int]
    size: int

    @staticmethod
    def draw(chance: random.Random) -> Scene:
        length = chance.randint(1, 48)
        schedule = Schedule(
            restart=chance.choice([0, 0, 1, 2, 5, 12, 40]),
            warmup=chance.choice([0, 1, 3, 6, 60]),
            duplicates=chance.choice(["hold", "advance"]),
            memory=chance.choice([1, 4, 64]),
            checkpoint=chance.choice([1, 3, 16]),
        )
        cuts = {k for k in range(length) if chance.random() < 0.12} if chance.random() < 0.7 else None
        pictures = with_repeats(length, chance.randrange(10**6), share=chance.choice([0, 0.3, 0.9]))
        return Scene(length, schedule, cuts, pictures, chance.choice([200, MIB // 2, 2 * MIB]))

    def expected(self) -> list[Expected]:
        return reference(Hash(), self.length, self.schedule, self.cuts or (), self.pictures)

    def numbers(self, chance: random.Random) -> list[int]:
        """Runs forward and back, jumps and repeats."""
        numbers: list[int] = []
        while len(numbers) < 24:
            n = chance.randrange(self.length)
            run = range(n, min(n + chance.randint(1, 8), self.length))
            numbers += run if chance.random() < 0.7 else run[::-1]
        return numbers


def request(clip: vs.VideoNode, numbers: list[int], burst: int) -> list[tuple[int, vs.VideoFrame | None]]:
    """Frames of `numbers` with up to `burst` requests in flight; None where a request failed."""
    got: list[tuple[int, vs.VideoFrame | None]] = []
    for first in range(0, len(numbers), burst):
        futures = [(n, clip.get_frame_async(n)) for n in numbers[first : first + burst]]
        got += [(n, None if future.exception() else future.result()) for n, future in futures]
    return got


@pytest.mark.parametrize("seed", range(12))
def test_random_requests(core: vs.Core, seed: int) -> None:
    """Catches any dependence on the order, the overlap or the repetition of requests, or on what the budget holds."""
    chance = random.Random(seed)
    for pattern in range(PATTERNS):
        core.num_threads = chance.choice([1, 2, 4, 16])
        scene = Scene.draw(chance)
        source = Source(scene.length, scene.pictures, jitter=chance.choice([0, 0, 0, 0.0003]))
        clip = build(source, scene.schedule, scene.cuts, Hash(scene.size))
        got = request(clip, scene.numbers(chance), chance.choice([1, 2, 8, 24]))
        assert all(frame is not None for _, frame in got)
        assert wrong(got, scene.expected()) == [], f"seed {seed}, pattern {pattern}: {scene}"  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(4))
def test_random_requests_on_a_source_that_fails(core: vs.Core, seed: int) -> None:
    """Catches a state poisoned by an upstream error.

    Whatever fails and when: a frame delivered is exact, or says by its props that it is a restart without warm-up and
    then is exactly that; and once every frame was delivered, all frames are exact.
    """
    chance = random.Random(1000 + seed)
    for pattern in range(PATTERNS // 4):
        core.num_threads = chance.choice([1, 2, 4, 16])
        scene = Scene.draw(chance)
        failures = Counter({chance.randrange(scene.length): chance.choice([1, 2, 5, 10**9]) for _ in range(2)})

        def fails(n: int, failures: Counter[int] = failures) -> bool:
            failures[n] -= 1
            return failures[n] >= 0

        source = Source(scene.length, scene.pictures, fail=fails)
        detecting = chance.random() < 0.5
        clip = build(source, scene.schedule, scene.cuts, Hash(scene.size), detecting=detecting)
        expected = scene.expected()
        where = f"seed {seed}, pattern {pattern}: {scene}"
        for n, frame in request(clip, scene.numbers(chance), chance.choice([1, 2, 8])):
            if frame is not None and not is_exact(n, frame, expected):
                assert frame.props["TecoganWarmup"] == 0, where
                start = int(frame.props["TecoganChainStart"])
                assert expected[n].start <= start <= n, where
                assert np.array_equal(pixels_of(frame), restarted(scene, start, n)), where
        failures.clear()
        clip.clear_cache()  # every frame shall really be asked for, not come from VapourSynth's own cache
        request(clip, list(range(scene.length)), 1)
        clip.clear_cache()  # which may have frames of a restart
        again = request(clip, list(range(scene.length)), 4)
        assert [n for n, frame in again if frame is None] == [], where
        assert wrong(again, expected) == [], where  # type: ignore[arg-type]


def restarted(scene: Scene, start: int, n: int) -> np.ndarray:
    """Frame n of a chain that starts from zero at `start`, without warm-up."""
    pixels = np.zeros_like(picture(0))
    for k in range(start, n + 1):
        repeats = k > start and scene.pictures[k] == scene.pictures[k - 1]
        if not (repeats and scene.schedule.duplicates == "hold"):
            pixels = Hash().mix(pixels, picture(scene.pictures[k]))
    return pixels
