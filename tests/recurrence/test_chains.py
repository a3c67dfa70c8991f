"""Chains and warm-up frames as pure functions."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from vs_tecogan.recurrence.chains import grid_start, warmup_frames

from .standin import bounce


def flags_of(cuts: set[int], length: int, asked: list[int]) -> Callable[[int], bool]:
    def flag(k: int) -> bool:
        assert 0 < k < length, f"flag {k} does not exist or is not one"
        asked.append(k)
        return k in cuts

    return flag


@settings(max_examples=300, deadline=None)
@given(data=st.data(), length=st.integers(1, 40), count=st.integers(0, 50))
def test_warmup_is_a_walk_that_turns_round_at_the_ends_of_the_scene(
    data: st.DataObject, length: int, count: int
) -> None:
    """Catches a wrong reflection, a mirror that repeats its outer frame, or one that leaves the scene."""
    cuts = data.draw(st.sets(st.integers(1, length - 1))) if length > 1 else set()
    start = data.draw(st.integers(0, length - 1))
    first = max((k for k in cuts if k <= start), default=0)
    last = min((k for k in cuts if k > start), default=length) - 1
    asked: list[int] = []
    warmup = warmup_frames(start, count, length, flags_of(cuts, length, asked))
    assert warmup.unknown == ()
    assert warmup.frames == tuple(bounce(k, first, last) for k in range(start - count, start))
    assert all(start - count < k <= start + count for k in asked), "looked further than the warm-up reaches"


@settings(max_examples=200, deadline=None)
@given(data=st.data(), length=st.integers(1, 40), count=st.integers(0, 50))
def test_unknown_flags_are_asked_for_until_the_answer_is_the_same(data: st.DataObject, length: int, count: int) -> None:
    """Catches a warm-up decided before the flags that it depends on are known."""
    cuts = data.draw(st.sets(st.integers(1, length - 1))) if length > 1 else set()
    start = data.draw(st.integers(0, length - 1))
    known: dict[int, bool] = {}
    for _ in range(3):
        warmup = warmup_frames(start, count, length, known.get)
        if not warmup.unknown:
            break
        known.update((k, k in cuts) for k in warmup.unknown)
    assert warmup == warmup_frames(start, count, length, lambda k: k in cuts)


def test_a_scene_starts_mirrored_as_the_official_inference_does() -> None:
    """Catches a change of the published rule: 5 warm-up frames at frame 0 are 5, 4, 3, 2, 1."""
    assert warmup_frames(0, 5, 100, lambda _: False).frames == (5, 4, 3, 2, 1)
    assert warmup_frames(30, 3, 100, lambda k: k == 30).frames == (33, 32, 31)
    assert warmup_frames(30, 3, 100, lambda _: False).frames == (27, 28, 29)


def test_grid() -> None:
    """Catches a chain that starts off the grid, or a grid where there is none."""
    assert [grid_start(n, 4) for n in range(9)] == [0, 0, 0, 0, 4, 4, 4, 4, 8]
    assert grid_start(2**27 - 1, 0) == 0
