"""What is kept, what goes first, and that it is counted right."""

from __future__ import annotations

from collections.abc import Set

import pytest

from vs_tecogan.recurrence import Schedule
from vs_tecogan.recurrence.chains import Chain
from vs_tecogan.recurrence.store import ENTRY_BYTES, Entry, FlagStore, Role, StateStore

COST = 1000 + ENTRY_BYTES
CHAIN = Chain(0, True)


def filled(frames: range, checkpoint: int = 8, head: int | None = None) -> StateStore[object]:
    store: StateStore[object] = StateStore(checkpoint)
    for k in frames:
        store.put(Entry(k, CHAIN, object(), 1000), Role.HEAD if k == head else Role.RECENT)
    return store


def kept(store: StateStore[object], frames: range) -> set[int]:
    return {k for k in frames if store.get(k, primed=True)}


def nobody() -> Set[int]:
    return frozenset()


def test_unneeded_states_go_before_checkpoints_and_heads() -> None:
    """Catches an eviction that costs a live reader or a short seek its state while idle states stay."""
    store = filled(range(1, 20), head=3)
    store.shrink(8 * COST, nobody)
    assert kept(store, range(20)) == {3, 8, 14, 15, 16, 17, 18, 19}
    store.shrink(3 * COST, nobody)
    assert kept(store, range(20)) >= {3} and len(store) == 3
    store.shrink(0, nobody)
    assert kept(store, range(20)) == {3}, "the state that one step needs must stay"


def test_states_waited_for_outlive_checkpoints() -> None:
    """Catches an out-of-order request that finds its state gone and repeats the step."""
    store = filled(range(33), head=32)
    store.shrink(3 * COST, lambda: {5, 6})
    assert kept(store, range(33)) == {5, 6, 32}


def test_checkpoints_leave_half_of_the_budget() -> None:
    """Catches old checkpoints that crowd out the states of the last frames in a long render."""
    store = filled(range(100), checkpoint=2, head=99)
    store.shrink(10 * COST, nobody)
    assert sum(k % 2 == 0 for k in kept(store, range(100))) <= 7
    assert 97 in kept(store, range(100))


def test_a_held_state_is_counted_once() -> None:
    """Catches still frames that use up the budget although they share one state."""
    store: StateStore[object] = StateStore(8)
    state = object()
    for k in range(1, 6):
        store.put(Entry(k, CHAIN, state, 1000), Role.RECENT)
    assert store.bytes == 1000 + 5 * ENTRY_BYTES
    store.put(Entry(5, CHAIN, object(), 1000), Role.RECENT)
    assert store.bytes == 2000 + 5 * ENTRY_BYTES
    store.clear()
    assert store.bytes == 0 and len(store) == 0


def test_flags_are_remembered_in_bounded_pages() -> None:
    """Catches flags confused with each other, or a store that grows with the number of frames."""
    flags = FlagStore()
    flags.put(0, False)
    flags.put(1, True)
    assert [flags.get(k) for k in (0, 1, 2, 2**26)] == [False, True, None, None]
    for page in range(1, 2 * FlagStore.MOST_PAGES):
        flags.put(page * FlagStore.PAGE, True)
    assert flags.get(0) is None and flags.get((2 * FlagStore.MOST_PAGES - 1) * FlagStore.PAGE) is True
    assert len(flags._pages) == FlagStore.MOST_PAGES


@pytest.mark.parametrize(
    "options",
    [
        {"restart": -1, "warmup": 0},
        {"restart": 0, "warmup": -1},
        {"restart": 0, "warmup": 0, "memory": 0},
        {"restart": 0, "warmup": 0, "checkpoint": 0},
        {"restart": 0, "warmup": 0, "duplicates": "skip"},
    ],
)
def test_impossible_schedules_are_refused(options: dict[str, int]) -> None:
    """Catches an option that would be accepted and then mean nothing."""
    with pytest.raises(ValueError, match="give"):
        Schedule(**options)
