"""``smoke()``: a simulation as two clips, exact in any order of requests; and colours to look at it."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
import vapoursynth as vs
from torch import Tensor

from ..engine.thread import EngineThread
from ..errors import UsageError
from ..recurrence import Schedule, recurrent
from .coarse import coarse, coarse_velocity
from .grid import to_centres
from .scene import Scene, random_scene
from .solver import Fields, Physics, advance, begin

LEAST = 16
"""Cells of the shorter side."""
VELOCITY = "_SmokeVelocity"
"""Property of a density frame in which its velocity travels."""
START = 20
"""Steps before frame 0, as published."""
MEMORY = 256
SWIFTEST = 0.5
"""Most of ``swirl``: at 1 smoke moves so many cells a step that it flows in as teeth."""

GLOW = (
    (0, 0, 0),
    (40, 11, 84),
    (101, 21, 110),
    (159, 42, 99),
    (212, 72, 66),
    (245, 125, 21),
    (250, 193, 39),
    (252, 255, 164),
)
"""Colours of densities 0 to 1, at equal distances."""  # fmt: skip


def smoke(
    width: int,
    height: int,
    length: int,
    *,
    seed: int = 0,
    fine: int = 1,
    start: int = START,
    swirl: float = 0.0,
    confinement: float = Physics.confinement,
    fps: int = 25,
    memory: int = MEMORY,
) -> tuple[vs.VideoNode, vs.VideoNode]:
    """Simulated smoke: density and velocity, a time step a frame.

    Frame n is a pure function of the arguments, in any order of requests, on the same machine. A seek replays the
    steps from the nearest kept state.

    :param width, height: of the clips, at least 16.
    :param length: frames.
    :param seed: of the scene: the same seed gives the same scene at every size.
    :param fine: simulate on a grid this many times finer, and show it coarsened as tempoGAN's training data is. So
        ``smoke(64, 64, n, fine=4)`` is what :func:`tempogan` enlarges, and ``smoke(256, 256, n)`` what it should give.
    :param start: steps before frame 0.
    :param swirl: speed of a random velocity that the air begins with, percent of the shorter side per frame, 0 to 0.5.
        Above 0.3 teeth begin to show where smoke flows in.
    :param confinement: how much whirls are kept alive in the first 20 steps; 0 is off.
    :param memory: MiB for kept states; never changes the picture.
    :return: density, GRAYS, from 0; and velocity, RGBS: x and y in pixels of these clips per frame, y downwards, and 0.
    :raises vapoursynth.Error: an argument that cannot be, in one line.
    """
    try:
        for name, value, least in (
            ("width", width, LEAST), ("height", height, LEAST), ("length", length, 1), ("seed", seed, 0),
            ("fine", fine, 1), ("start", start, 0), ("fps", fps, 1), ("memory", memory, 1),
        ):  # fmt: skip
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise UsageError(f"{name}={value!r}; give a whole number from {least} up")
        for name, number, most in (("swirl", swirl, SWIFTEST), ("confinement", confinement, 1)):
            if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number <= most:
                raise UsageError(f"{name}={number!r}; give a number from 0 to {most}")
    except UsageError as error:
        raise vs.Error(f"smoke: {error}") from error
    thread = EngineThread()
    scene = thread.run(partial(random_scene, swirl=swirl), (height * fine, width * fine), [seed])
    recurrence = SmokeRecurrence(scene, Physics(confinement=confinement), thread, fine=fine, start=start)
    template = vs.core.std.BlankClip(
        width=width, height=height, format=vs.GRAYS, length=length, fpsnum=fps, fpsden=1, keep=True
    )
    clock = vs.core.std.BlankClip(width=16, height=16, format=vs.GRAY8, length=length, fpsnum=fps, fpsden=1, keep=True)
    schedule = Schedule(restart=0, warmup=0, duplicates="advance", memory=memory)
    both = recurrent(clock, None, recurrence, template=template, schedule=schedule)
    return both.std.RemoveFrameProps(VELOCITY), both.std.PropToClip(VELOCITY)


class SmokeRecurrence:
    """A simulation as a recurrence: its input frames only count the steps."""

    def __init__(self, scene: Scene, physics: Physics, thread: EngineThread, *, fine: int, start: int) -> None:
        self._scene, self._physics, self._thread, self._fine, self._start = scene, physics, thread, fine, start

    def zero(self, frame: vs.VideoFrame) -> Fields:
        """The fields before frame 0."""
        return self._thread.run(self._begin)

    def _begin(self) -> Fields:
        fields = begin(self._scene)
        for _ in range(self._start):
            fields = advance(fields, self._scene, self._physics)
        return fields

    def step(self, state: Fields, frame: vs.VideoFrame) -> Fields:
        """The fields a step later."""
        return self._thread.run(advance, state, self._scene, self._physics)

    def write(self, state: Fields, frame: vs.VideoFrame) -> vs.VideoFrame:
        """The density, with the velocity in its property."""
        density, velocity = self._thread.run(self._shown, state)
        height, width = density.shape[-2:]
        out = vs.core.create_video_frame(vs.core.get_video_format(vs.GRAYS), width, height)
        carried = vs.core.create_video_frame(vs.core.get_video_format(vs.RGBS), width, height)
        np.asarray(out[0])[...] = density[0, 0].numpy()
        for plane in range(3):
            np.asarray(carried[plane])[...] = velocity[0, plane].numpy() if plane < 2 else 0
        out.props.update({key: value for key, value in frame.props.items() if key.startswith("_Duration")})
        carried.props.update(dict(out.props))
        out.props[VELOCITY] = carried
        return out

    def _shown(self, state: Fields) -> tuple[Tensor, Tensor]:
        density, velocity = state.density, to_centres(state.velocity)
        if self._fine > 1:
            return coarse(density, self._fine), coarse_velocity(velocity, self._fine)
        return density, velocity

    def is_repeat(self, state: Fields, frame: vs.VideoFrame) -> bool:
        """Never: time goes on."""
        return False

    def nbytes(self, state: Fields) -> int:
        """Memory that the fields hold."""
        return state.nbytes


def smoke_colours(density: vs.VideoNode) -> vs.VideoNode:
    """A density (GRAYS, 0 to 1) as a glow, RGB24; to look at it.

    :raises vapoursynth.Error: another format.
    """
    if not isinstance(density, vs.VideoNode) or density.format is None or density.format.id != vs.GRAYS:
        raise vs.Error("smoke_colours: expected a GRAYS clip, such as the density of smoke() or tempogan()")
    table = glow()
    template = density.std.BlankClip(format=vs.RGB24, keep=True)

    def paint(f: list[vs.VideoFrame], **_: int) -> vs.VideoFrame:
        out = f[0].copy()
        levels = (np.nan_to_num(np.asarray(f[1][0])).clip(0, 1) * 255 + 0.5).astype(np.uint8)
        for plane in range(3):
            np.asarray(out[plane])[...] = table[levels, plane]
        return out

    return template.std.ModifyFrame([template, density], paint)


def glow() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """(256, 3) colours of densities 0 to 1."""
    knots = torch.linspace(0, 255, len(GLOW)).numpy()
    levels = np.arange(256)
    return np.stack([np.interp(levels, knots, [c[k] for c in GLOW]) for k in range(3)], 1).round().astype(np.uint8)
