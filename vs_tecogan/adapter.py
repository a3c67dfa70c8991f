"""The engine as the scheduler wants it: steps over VapourSynth frames."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    import vapoursynth as vs

    from .engine import Engine, Plane, State

T = TypeVar("T")


class EngineRecurrence:
    """One recurrence on one engine.

    VapourSynth calls from whichever pool thread is free. The engine runs on a thread of its own instead, because a
    thread carries state that arithmetic depends on: its OpenMP team, denormal handling, and the current CUDA device.

    :param engine: the engine; used by this object alone.
    :param clamp:  input samples may be out of range (float clips): bring them to [0, 1], NaN to 0.
    :param props:  properties added to every output frame.
    """

    def __init__(self, engine: Engine, *, clamp: bool, props: dict[str, str | int]) -> None:
        self._engine = engine
        self._clamp = clamp
        self._props = props
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="vs_tecogan", initializer=_prepare(engine.device))
        weakref.finalize(self, self._worker.shutdown, wait=False)

    def zero(self, frame: vs.VideoFrame) -> State:
        """The state before the first frame of a chain."""
        return self._run(self._engine.zero_state, frame.height, frame.width)

    def step(self, state: State, frame: vs.VideoFrame) -> State:
        """Advance ``state`` by one RGBS frame."""
        return self._run(self._engine.step, state, self._read(frame))

    def write(self, state: State, frame: vs.VideoFrame) -> vs.VideoFrame:
        """The output of ``state`` as an RGBS frame, unclamped, with the properties of ``frame``."""
        import vapoursynth as vs

        scale = self._engine.scale
        out = vs.core.create_video_frame(frame.format, frame.width * scale, frame.height * scale)
        if self._engine.device == "cpu":  # a mere copy: it need not queue behind the next step
            self._engine.read(state, _planes(out))
        else:
            self._run(self._engine.read, state, _planes(out))
        out.props.update(frame.props)
        out.props.update(self._props)
        return out

    def is_repeat(self, state: State, frame: vs.VideoFrame) -> bool:
        """Whether ``frame`` holds, bit for bit, the picture that ``state`` took last."""
        return self._run(self._engine.is_repeat, state, self._read(frame))

    def nbytes(self, state: State) -> int:
        """Memory that ``state`` holds."""
        return self._engine.nbytes(state)

    def _read(self, frame: vs.VideoFrame) -> list[Plane]:
        planes = _planes(frame)
        return [_clamped(plane) for plane in planes] if self._clamp else planes

    def _run(self, task: Callable[..., T], *arguments: Any) -> T:
        return self._worker.submit(task, *arguments).result()


def _planes(frame: vs.VideoFrame) -> list[Plane]:
    """The planes of a float32 frame as views, rows apart by their stride."""
    return [np.asarray(frame[index]) for index in range(frame.format.num_planes)]


def _clamped(plane: Plane) -> Plane:
    """``plane`` brought to [0, 1], NaN to 0; itself where it is there already."""
    if plane.min() >= 0 and plane.max() <= 1:  # false for NaN
        return plane
    return np.nan_to_num(plane, nan=0.0, posinf=1.0, neginf=0.0).clip(0.0, 1.0)


def _prepare(device: str) -> Callable[[], None]:
    """What the engine's thread does first. It inherits the flags of the thread that started it: set them."""

    def prepare() -> None:
        import torch

        torch.set_flush_denormal(False)
        if device.startswith("cuda"):
            torch.cuda.set_device(device)

    return prepare
