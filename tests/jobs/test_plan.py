"""Segments as a pure function of length, cuts, `restart` and a least length."""

from __future__ import annotations

import itertools
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from vs_tecogan.jobs.plan import plan_segments
from vs_tecogan.recurrence import Schedule
from vs_tecogan.recurrence.chains import chain_starts

from ..recurrence.standin import Source, build

many = settings(max_examples=400, deadline=None)
spans = st.tuples(st.integers(0, 300), st.integers(1, 600)).map(lambda pair: (pair[0], pair[0] + pair[1]))
restarts = st.one_of(st.just(0), st.integers(1, 90))
cut_sets = st.sets(st.integers(1, 900), max_size=40)


@many
@given(span=spans, cuts=cut_sets, restart=restarts, least=st.integers(1, 200))
def test_segments_cover_the_clip_once_and_start_with_chains(
    span: tuple[int, int], cuts: set[int], restart: int, least: int
) -> None:
    """Would catch a frame that is lost or doubled, a segment that begins inside a chain, or one that is too short."""
    first, end = span
    segments = plan_segments(first, end, cuts=cuts, restart=restart, least=least)
    assert [segment.index for segment in segments] == list(range(len(segments)))
    assert (segments[0].first, segments[-1].end) == span
    for before, after in itertools.pairwise(segments):
        assert before.end == after.first
        assert after.first in cuts or (restart and after.first % restart == 0)
    assert all(segment.frames >= least for segment in segments) or len(segments) == 1


@many
@given(span=spans, cuts=cut_sets, restart=st.integers(1, 90), least=st.integers(1, 200))
def test_no_segment_is_longer_than_it_has_to_be(
    span: tuple[int, int], cuts: set[int], restart: int, least: int
) -> None:
    """Would catch a plan that forgets to cut: an interruption would cost more work than was promised."""
    for segment in plan_segments(*span, cuts=cuts, restart=restart, least=least):
        assert segment.frames < max(2 * least, least + restart) + least


@many
@given(span=spans, cuts=cut_sets, restart=restarts, least=st.integers(1, 200), chance=st.randoms())
def test_the_order_of_the_cuts_does_not_matter(
    span: tuple[int, int], cuts: set[int], restart: int, least: int, chance: Random
) -> None:
    """Would catch a plan that is no pure function: another machine would cut elsewhere."""
    shuffled = [*cuts, *list(cuts)[:3]]
    chance.shuffle(shuffled)
    wanted = plan_segments(*span, cuts=cuts, restart=restart, least=least)
    assert plan_segments(*span, cuts=shuffled, restart=restart, least=least) == wanted


def test_a_cut_is_preferred() -> None:
    """Would catch key frames forced between cuts, which cost bytes, while a cut is near."""
    ends = [s.end for s in plan_segments(0, 1000, cuts=[130, 420, 440], restart=40, least=100)]
    assert ends == [130, 240, 420, 520, 640, 760, 880, 1000]


@settings(max_examples=40, deadline=None)
@given(length=st.integers(1, 60), cuts=st.sets(st.integers(1, 59), max_size=6), restart=st.integers(0, 20))
def test_chain_starts_are_those_of_the_filter(length: int, cuts: set[int], restart: int) -> None:
    """Would catch a plan whose rule is not the one by which frames are made."""
    cuts = {cut for cut in cuts if cut < length}
    starts = chain_starts(0, length, cuts=cuts, restart=restart)
    clip = build(Source(length), Schedule(restart=restart, warmup=0), cuts)
    said = [int(frame.props["TecoganChainStart"]) for frame in clip.frames(close=True)]
    assert said == [max(start for start in starts if start <= n) for n in range(length)]
