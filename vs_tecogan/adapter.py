"""The engines as the scheduler wants them: steps over VapourSynth frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .colour import HOST_RGB

if TYPE_CHECKING:
    import vapoursynth as vs

    from .colour import Colour
    from .engine import Engine, Plane, State
    from .engine.base import PictureReader
    from .engine.coding import Coding
    from .engine.cuda import PictureEngine
    from .engine.thread import EngineThread


class EngineRecurrence:
    """One recurrence on one engine.

    VapourSynth calls from whichever pool thread is free; the engine runs on a thread of its own.

    :param engine: the engine; used by this object alone.
    :param thread: the engine's, on which it was made.
    :param clamp:  input samples may be out of range (float clips): bring them to [0, 1], NaN to 0.
    :param props:  properties added to every output frame.
    """

    def __init__(self, engine: Engine, thread: EngineThread, *, clamp: bool, props: Mapping[str, str | int]) -> None:
        self._engine = engine
        self._clamp = clamp
        self._props = props
        self._thread = thread
        thread.use_device(engine.device)

    def zero(self, frame: vs.VideoFrame) -> State:
        """The state before the first frame of a chain."""
        return self._thread.run(self._engine.zero_state, frame.height, frame.width)

    def step(self, state: State, frame: vs.VideoFrame) -> State:
        """Advance ``state`` by one RGBS frame."""
        return self._thread.run(self._engine.step, state, self._read(frame))

    def write(self, state: State, frame: vs.VideoFrame) -> vs.VideoFrame:
        """The output of ``state`` as an RGBS frame, unclamped, with the properties of ``frame``."""
        import vapoursynth as vs

        scale = self._engine.scale
        out = vs.core.create_video_frame(frame.format, frame.width * scale, frame.height * scale)
        self._thread.run(self._engine.read, state, _planes(out))
        out.props.update(frame.props)
        out.props.update(self._props)
        return out

    def is_repeat(self, state: State, frame: vs.VideoFrame) -> bool:
        """Whether ``frame`` holds, bit for bit, the picture that ``state`` took last."""
        return self._thread.run(self._engine.is_repeat, state, self._read(frame))

    def nbytes(self, state: State) -> int:
        """Memory that ``state`` holds."""
        return self._engine.nbytes(state)

    def _read(self, frame: vs.VideoFrame) -> list[Plane]:
        planes = _planes(frame)
        return [_clamped(plane) for plane in planes] if self._clamp else planes


class CodedRecurrence(EngineRecurrence):
    """As :class:`EngineRecurrence`, over coded frames: RGBS comes as :data:`~vs_tecogan.colour.HOST_RGB`, and the
    engine writes its output as the frames are coded.

    :param engine: the engine; used by this object alone.
    :param thread: the engine's, on which it was made.
    :param colour: says what a frame's planes mean.
    """

    def __init__(
        self, engine: PictureReader, thread: EngineThread, colour: Colour, *, clamp: bool,
        props: Mapping[str, str | int],
    ) -> None:  # fmt: skip
        super().__init__(engine, thread, clamp=clamp, props=props)
        self._reader = engine
        self._colour = colour

    def write(self, state: State, frame: vs.VideoFrame) -> vs.VideoFrame:
        """The output as a frame of the format of ``frame`` and with its properties.

        What only zimg can convert comes as RGBS in the property :data:`~vs_tecogan.colour.HOST_RGB`.
        """
        out = _output(frame, self._engine.scale, self._props)
        coding = self._colour.coding(frame)
        if coding is None:
            out.props[HOST_RGB] = super().write(state, frame.props[HOST_RGB])
            return out
        self._thread.run(self._reader.read_picture, state, _planes(out), coding)
        self._colour.retag(frame, out.props)
        return out

    def _read(self, frame: vs.VideoFrame) -> list[Plane]:
        return super()._read(frame.props[HOST_RGB])


@dataclass(frozen=True)
class Shown:
    """A state, and the picture that it took last, held by reference."""

    state: State
    picture: vs.VideoFrame | None
    coding: Coding | None


class PictureRecurrence:
    """One recurrence on one engine that takes and gives frames as they are coded: no conversion on the host.

    The engine queues work and returns, on a thread of its own; the thread that wants an output frame waits for it.

    :param engine: the engine; used by this object alone.
    :param thread: the engine's, on which it was made.
    :param colour: says what a frame's planes mean.
    :param clamp:  as for :class:`EngineRecurrence`, as RGB.
    :param props:  properties added to every output frame.
    """

    def __init__(
        self, engine: PictureEngine, thread: EngineThread, colour: Colour, *, clamp: bool,
        props: Mapping[str, str | int],
    ) -> None:  # fmt: skip
        self._engine = engine
        self._colour = colour
        self._clamp = clamp
        self._props = props
        self._thread = thread
        thread.use_device(engine.device)

    def zero(self, frame: vs.VideoFrame) -> Shown:
        """The state before the first frame of a chain."""
        return Shown(self._thread.run(self._engine.zero_state, frame.height, frame.width), None, None)

    def step(self, shown: Shown, frame: vs.VideoFrame) -> Shown:
        """Advance by one frame; returns before the device has finished."""
        picture, coding = self._picture(frame)
        state = self._thread.run(self._engine.step_picture, shown.state, _planes(picture), coding, clamp=self._clamp)
        return Shown(state, picture, coding)

    def write(self, shown: Shown, frame: vs.VideoFrame) -> vs.VideoFrame:
        """The output as a frame of the format of ``frame`` and with its properties; waits for the device.

        What only zimg can convert comes as RGBS in the property :data:`~vs_tecogan.colour.HOST_RGB`.
        """
        picture, coding = self._picture(frame)
        fetched = self._thread.run(self._engine.fetch, shown.state, coding)
        out = _output(picture, self._engine.scale, self._props)
        fetched.into(_planes(out))
        if picture is frame:
            self._colour.retag(frame, out.props)
            return out
        carrier = _output(frame, self._engine.scale, self._props)
        carrier.props[HOST_RGB] = out
        return carrier

    def is_repeat(self, shown: Shown, frame: vs.VideoFrame) -> bool:
        """Whether ``frame`` holds, bit for bit, the picture that the state took last, and means the same by it."""
        picture, coding = self._picture(frame)
        if shown.picture is None or shown.coding != coding:
            return False
        bits = np.dtype(f"u{picture.format.bytes_per_sample}")  # NaN is not equal to itself
        pairs = zip(_planes(shown.picture), _planes(picture), strict=True)
        return all(np.array_equal(a.view(bits), b.view(bits)) for a, b in pairs)

    def nbytes(self, shown: Shown) -> int:
        """Memory that the state holds."""
        return self._engine.nbytes(shown.state)

    def _picture(self, frame: vs.VideoFrame) -> tuple[vs.VideoFrame, Coding]:
        """The frame that the device takes for ``frame``, and what its planes mean."""
        from .engine.cuda_pictures import PLAIN

        coding = self._colour.coding(frame)
        return (frame.props[HOST_RGB], PLAIN) if coding is None else (frame, coding)


def _output(frame: vs.VideoFrame, scale: int, props: Mapping[str, str | int]) -> vs.VideoFrame:
    """An output frame for ``frame``, with its properties and ours."""
    import vapoursynth as vs

    out = vs.core.create_video_frame(frame.format, frame.width * scale, frame.height * scale)
    out.props.update({key: value for key, value in frame.props.items() if key != HOST_RGB})
    out.props.update(props)
    return out


def _planes(frame: vs.VideoFrame) -> list[np.ndarray[Any, Any]]:
    """The planes of a frame as views, rows apart by their stride."""
    return [np.asarray(frame[index]) for index in range(frame.format.num_planes)]


def _clamped(plane: Plane) -> Plane:
    """``plane`` brought to [0, 1], NaN to 0; itself where it is there already."""
    if plane.min() >= 0 and plane.max() <= 1:  # false for NaN
        return plane
    return np.nan_to_num(plane, nan=0.0, posinf=1.0, neginf=0.0).clip(0.0, 1.0)
