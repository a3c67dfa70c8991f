"""An engine as the scheduler wants it: steps over VapourSynth frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import vapoursynth as vs

from ..colour.coding import PLAIN, Coding
from ..colour.tags import TAGS, Tags
from ..colour.zimg import HOST_RGB, Colour
from ..recurrence.ahead import NEXT_PROP
from .base import Engine, Picture, State
from .thread import EngineThread


@dataclass(frozen=True)
class Shown:
    """A state, and the picture that it took last, held by reference."""

    state: State
    picture: vs.VideoFrame | None
    coding: Coding | None


class EngineRecurrence:
    """One recurrence on one engine, over the frames of :meth:`~vs_tecogan.colour.zimg.Colour.to_coded`.

    VapourSynth calls from whichever pool thread is free; the engine runs on a thread of its own. It may queue work and
    return: the thread that wants an output frame waits for it.

    :param engine: the engine; used by this object alone.
    :param thread: the engine's, on which it was made.
    :param colour: says what a frame's planes mean.
    :param clamp:  input samples may be out of range (float clips): bring them to [0, 1] as RGB, NaN to 0.
    :param props:  properties added to every output frame.
    """

    def __init__(
        self,
        engine: Engine,
        thread: EngineThread,
        colour: Colour,
        *,
        clamp: bool,
        props: Mapping[str, str | int],
    ) -> None:
        self._engine = engine
        self._thread = thread
        self._colour = colour
        self._clamp = clamp
        self._props = props
        thread.use_device(engine.device)

    def zero(self, frame: vs.VideoFrame) -> Shown:
        """The state before the first frame of a chain."""
        return Shown(self._thread.run(self._engine.zero_state, frame.height, frame.width), None, None)

    def step(self, shown: Shown, frame: vs.VideoFrame) -> Shown:
        """Advance by one frame; may return before the device has finished."""
        picture, coding = self._picture(frame, self._colour.reads)
        state = self._thread.run(
            self._engine.step,
            shown.state,
            _planes(picture),
            coding,
            clamp=self._clamp,
            following=self._following(frame),
        )
        return Shown(state, picture, coding)

    def write(self, shown: Shown, frame: vs.VideoFrame) -> vs.VideoFrame:
        """The output as a frame of the format of ``frame`` and with its properties; waits for the device.

        What the engine does not convert comes as RGBS in the property :data:`~vs_tecogan.colour.zimg.HOST_RGB`.
        """
        picture, coding = self._picture(frame, self._colour.writes)
        out = self._blank(picture)
        self._thread.run(self._engine.begin_read, shown.state, _planes(out), coding)()
        if picture is frame:
            self._colour.retag(Tags.carried(frame.props), out.props)
            return out
        carrier = self._blank(frame)
        carrier.props[HOST_RGB] = out
        return carrier

    def is_repeat(self, shown: Shown, frame: vs.VideoFrame) -> bool:
        """Whether ``frame`` holds, bit for bit, the picture that the state took last, and means the same by it."""
        picture, coding = self._picture(frame, self._colour.reads)
        if shown.picture is None or shown.coding != coding:
            return False
        bits = np.dtype(f"u{picture.format.bytes_per_sample}")  # NaN is not equal to itself
        pairs = zip(_planes(shown.picture), _planes(picture), strict=True)
        return all(np.array_equal(a.view(bits), b.view(bits)) for a, b in pairs)

    def nbytes(self, shown: Shown) -> int:
        """Memory that the state and its picture hold."""
        planes = [] if shown.picture is None else _planes(shown.picture)
        return self._engine.nbytes(shown.state) + sum(plane.nbytes for plane in planes)

    def _following(self, frame: vs.VideoFrame) -> Picture | None:
        """The picture after ``frame``, where it carries one."""
        if NEXT_PROP not in frame.props:
            return None
        picture, coding = self._picture(frame.props[NEXT_PROP], self._colour.reads)
        return _planes(picture), coding

    def _picture(self, frame: vs.VideoFrame, coded: bool) -> tuple[vs.VideoFrame, Coding]:
        """The frame that the engine takes for ``frame``, or gives, and what its planes mean."""
        coding = self._colour.coding(Tags.carried(frame.props)) if coded else None
        return (frame.props[HOST_RGB], PLAIN) if coding is None else (frame, coding)

    def _blank(self, frame: vs.VideoFrame) -> vs.VideoFrame:
        """An output frame for ``frame``, with its properties and ours."""
        scale = self._engine.scale
        out = vs.core.create_video_frame(frame.format, frame.width * scale, frame.height * scale)
        out.props.update({key: value for key, value in frame.props.items() if key not in (HOST_RGB, TAGS, NEXT_PROP)})
        out.props.update(self._props)
        return out


def _planes(frame: vs.VideoFrame) -> list[np.ndarray[Any, Any]]:
    """The planes of a frame as views, rows apart by their stride."""
    return [np.asarray(frame[index]) for index in range(frame.format.num_planes)]
