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

from vs_tecogan.colour.coding import PLAIN, Coding
from vs_tecogan.colour.tags import TAGS
from vs_tecogan.colour.zimg import Colour
from vs_tecogan.engine import State
from vs_tecogan.engine.adapter import EngineRecurrence
from vs_tecogan.engine.base import Picture, Wait
from vs_tecogan.engine.thread import EngineThread

from .conftest import ClipMaker


class Probe:
    """An engine that notes the thread and the arithmetic it runs in."""

    scale, device, precision = 2, "cpu", "fp32"
    reads_coded = writes_coded = False

    def __init__(self) -> None:
        self.threads: set[int] = set()
        self.taken: list[np.ndarray] = []
        self.clamped: list[bool] = []
        self.smallest: list[float] = []
        self.failure: Exception | None = None

    def zero_state(self, height: int, width: int) -> State:
        self.threads.add(threading.get_ident())
        return State(None, ())

    def step(
        self,
        state: State,
        planes: Sequence[Any],
        coding: Coding = PLAIN,
        *,
        clamp: bool = False,
        following: Picture | None = None,
    ) -> State:
        assert following is None
        self.clamped.append(clamp)
        self.threads.add(threading.get_ident())
        if self.failure is not None:
            raise self.failure
        self.smallest.append(float(torch.tensor(1e-39) * torch.tensor(0.5)))
        self.taken = [np.array(plane) for plane in planes]
        return State(None, ())

    def begin_read(self, state: State, planes: Sequence[Any], coding: Coding = PLAIN) -> Wait:
        self.threads.add(threading.get_ident())

        def wait() -> None:
            for index, plane in enumerate(planes):
                plane[...] = index + 1

        return wait

    def read(self, state: State, planes: Sequence[Any], coding: Coding = PLAIN) -> None:
        self.begin_read(state, planes, coding)()

    def nbytes(self, state: State) -> int:
        return 7


def adapted(probe: Probe, clip: vs.VideoNode, **options: Any) -> tuple[EngineRecurrence, vs.VideoFrame]:
    """The recurrence on a probe, and the first frame that it would be given."""
    colour = Colour(clip=clip, matrix=None, log=[].append)
    props, clamp = options.get("props", {}), options.get("clamp", False)
    recurrence = EngineRecurrence(probe, EngineThread(), colour, clamp=clamp, props=props)
    return recurrence, colour.to_coded().get_frame(0)


def test_one_thread_with_plain_arithmetic(make_clip: ClipMaker) -> None:
    """Whatever thread calls, and however that thread treats denormals, the engine sees one thread and IEEE floats."""
    probe = Probe()
    recurrence, frame = adapted(probe, make_clip())

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
    probe = Probe()
    recurrence, frame = adapted(probe, make_clip(width=width, height=3, user=1), props={"added": "x"})
    out = recurrence.write(recurrence.step(recurrence.zero(frame), frame), frame)
    for index in range(3):
        np.testing.assert_array_equal(probe.taken[index], np.asarray(frame[index]))
        assert np.all(np.asarray(out[index]) == index + 1)
    assert (out.width, out.height, out.format.id) == (2 * width, 6, vs.RGBS)
    assert dict(out.props) == {key: value for key, value in frame.props.items() if key != TAGS} | {"added": "x"}
    assert out.props["user"] == 1


def test_repeats_are_told_bit_for_bit(make_clip: ClipMaker) -> None:
    """A repeat run again, or a frame that differs in one sample taken for one."""
    recurrence, frame = adapted(Probe(), make_clip())
    zero = recurrence.zero(frame)
    shown = recurrence.step(zero, frame)
    other = frame.copy()
    np.asarray(other[2])[3, 4] = np.nextafter(np.asarray(other[2])[3, 4], np.float32(2))
    assert not recurrence.is_repeat(zero, frame)
    assert recurrence.is_repeat(shown, frame.copy()) and not recurrence.is_repeat(shown, other)
    assert recurrence.nbytes(zero) == 7 and recurrence.nbytes(shown) == 7 + 3 * 4 * frame.width * frame.height


@pytest.mark.parametrize("clamp", [False, True])
def test_clamping_is_asked_for(make_clip: ClipMaker, clamp: bool) -> None:
    """Integer sources may exceed [0, 1] as floats (superwhites) and are left alone; float sources are clamped."""
    probe = Probe()
    recurrence, frame = adapted(probe, make_clip(), clamp=clamp)
    recurrence.step(recurrence.zero(frame), frame)
    assert probe.clamped == [clamp]


def test_errors_come_through(make_clip: ClipMaker) -> None:
    """An engine that fails (out of memory) must raise where it was called, and work again afterwards."""
    probe = Probe()
    recurrence, frame = adapted(probe, make_clip())
    probe.failure = MemoryError("full")
    with pytest.raises(MemoryError, match="full"):
        recurrence.step(recurrence.zero(frame), frame)
    probe.failure = None
    recurrence.step(recurrence.zero(frame), frame)


def test_thread_ends_with_the_recurrence(make_clip: ClipMaker) -> None:
    """Scripts are reloaded many times in one editor: threads must not pile up."""
    make_clip().get_frame(0)
    others = set(threading.enumerate())
    recurrence, frame = adapted(Probe(), make_clip())
    recurrence.zero(frame)
    mine = [thread for thread in threading.enumerate() if thread.name.startswith("vs_tecogan") and thread not in others]
    del recurrence
    for thread in mine:
        thread.join(timeout=10)
    assert mine and not any(thread.is_alive() for thread in mine)
