"""The engine's own thread, and the planes that go in and out."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
import vapoursynth as vs

from vs_tecogan.adapter import EngineRecurrence
from vs_tecogan.engine import State
from vs_tecogan.engine.thread import EngineThread

from .conftest import ClipMaker


class Probe:
    """An engine that notes the thread and the arithmetic it runs in."""

    scale, device, precision = 2, "cpu", "fp32"

    def __init__(self) -> None:
        self.threads: set[int] = set()
        self.taken: list[np.ndarray] = []
        self.smallest: list[float] = []
        self.failure: Exception | None = None

    def zero_state(self, height: int, width: int) -> State:
        self.threads.add(threading.get_ident())
        return State(None, None)

    def step(self, state: State, planes: Sequence[Any]) -> State:
        self.threads.add(threading.get_ident())
        if self.failure is not None:
            raise self.failure
        self.smallest.append(float(torch.tensor(1e-39) * torch.tensor(0.5)))
        self.taken = [np.array(plane) for plane in planes]
        return State(None, None)

    def read(self, state: State, planes: Sequence[Any]) -> None:
        self.threads.add(threading.get_ident())
        for index, plane in enumerate(planes):
            plane[...] = index + 1

    def is_repeat(self, state: State, planes: Sequence[Any]) -> bool:
        self.threads.add(threading.get_ident())
        return False

    def nbytes(self, state: State) -> int:
        return 7


def test_one_thread_with_plain_arithmetic(make_clip: ClipMaker) -> None:
    """Whatever thread calls, and however that thread treats denormals, the engine sees one thread and IEEE floats."""
    probe, frame = Probe(), make_clip().get_frame(0)
    recurrence = EngineRecurrence(probe, EngineThread(), clamp=False, props={})

    def call(_: int) -> None:
        torch.set_flush_denormal(True)
        try:
            state = recurrence.step(recurrence.zero(frame), frame)
            recurrence.is_repeat(state, frame)
            recurrence.write(state, frame)
        finally:
            torch.set_flush_denormal(False)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(call, range(9)))
    assert len(probe.threads) == 1
    assert all(value > 0 for value in probe.smallest)


@pytest.mark.parametrize("width", [1, 5, 16, 33])
def test_planes_with_padded_rows(make_clip: ClipMaker, width: int) -> None:
    """Rows of a frame are padded to 64 bytes: neither reading nor writing may run planes or rows together."""
    probe, frame = Probe(), make_clip(width=width, height=3, user=1).get_frame(0)
    recurrence = EngineRecurrence(probe, EngineThread(), clamp=False, props={"added": "x"})
    out = recurrence.write(recurrence.step(recurrence.zero(frame), frame), frame)
    for index in range(3):
        np.testing.assert_array_equal(probe.taken[index], np.asarray(frame[index]))
        assert np.all(np.asarray(out[index]) == index + 1)
    assert (out.width, out.height, out.format.id) == (2 * width, 6, vs.RGBS)
    assert (out.props["user"], out.props["added"]) == (1, "x")


def test_clamping_is_asked_for(core: vs.Core) -> None:
    """Integer sources may exceed [0, 1] as floats (superwhites) and are left alone; float sources are clamped."""
    frame = core.std.BlankClip(format=vs.RGBS, width=4, height=4, length=1, color=[1.25, -0.5, 0.5]).get_frame(0)
    for clamp, expected in ((False, [1.25, -0.5, 0.5]), (True, [1.0, 0.0, 0.5])):
        probe = Probe()
        recurrence = EngineRecurrence(probe, EngineThread(), clamp=clamp, props={})
        recurrence.step(recurrence.zero(frame), frame)
        assert [float(plane[0, 0]) for plane in probe.taken] == expected


def test_errors_come_through(make_clip: ClipMaker) -> None:
    """An engine that fails (out of memory) must raise where it was called, and work again afterwards."""
    probe, frame = Probe(), make_clip().get_frame(0)
    recurrence = EngineRecurrence(probe, EngineThread(), clamp=False, props={})
    probe.failure = MemoryError("full")
    with pytest.raises(MemoryError, match="full"):
        recurrence.step(recurrence.zero(frame), frame)
    probe.failure = None
    recurrence.step(recurrence.zero(frame), frame)


def test_thread_ends_with_the_recurrence(make_clip: ClipMaker) -> None:
    """Scripts are reloaded many times in one editor: threads must not pile up."""
    frame, others = make_clip().get_frame(0), set(threading.enumerate())
    recurrence = EngineRecurrence(Probe(), EngineThread(), clamp=False, props={})
    recurrence.zero(frame)
    mine = [thread for thread in threading.enumerate() if thread.name.startswith("vs_tecogan") and thread not in others]
    del recurrence
    for thread in mine:
        thread.join(timeout=10)
    assert mine and not any(thread.is_alive() for thread in mine)
