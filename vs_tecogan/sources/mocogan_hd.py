"""``mocogan_hd()``: a clip from two seeds, one for what it shows, one for how it moves."""

from __future__ import annotations

import math
import os

import numpy as np
import vapoursynth as vs

from ..engine.select import resolve_device
from ..engine.thread import EngineThread
from ..errors import UsageError, UserError
from ..networks import VideoGenerator
from ..networks.walk import REACH, Walk
from ..version import __version__
from ..weights import Model, Opened, open_model

MODEL = "mocogan-hd-skies"
LENGTH = 256
LONGEST = 1 << 20
"""Frames: the codes of all that were passed stay in memory."""
LARGEST_SEED = 1 << 62


def mocogan_hd(
    model: str | os.PathLike[str] | Model | None = None,
    *,
    content_seed: int = 1,
    motion_seed: int = 1,
    length: int = LENGTH,
    truncation: float = 1.0,
    step_size: float | None = None,
    reach: float = REACH,
    other_motion: int | None = None,
    mix: float = 0.5,
    fps: int = 25,
    device: str | None = None,
) -> vs.VideoNode:
    """A clip that a model makes of two seeds (MoCoGAN-HD). It needs no footage.

    Frame 0 depends on ``content_seed`` alone. All others are painted one by one from codes that are made once, so frame
    n is the same in any order of requests, on the same machine.

    :param model:        name of a shipped model, path of a weight file, or a loaded model; None = ``mocogan-hd-skies``.
    :param content_seed: what is shown.
    :param motion_seed:  how it moves.
    :param length:       frames; a longer clip begins like a shorter one.
    :param truncation:   from 0 to 1: below 1 what is shown comes nearer to the mean picture and is more often whole.
    :param step_size:    how far codes move per frame (lambda of the paper); None is the training's. 0 stands still.
    :param reach:        standard deviations from the mean at which codes turn back, so that long clips stay what the
        model knows; ``float("inf")`` never turns, as published.
    :param other_motion: a second motion seed to mix with the first.
    :param mix:          its part, from 0 to 1.
    :param fps:          frame rate that the clip says.
    :param device:       "cpu", "cuda" or "cuda:N"; None = CUDA where there is one.
    :return: RGBS, full range, with ``TecoganModel`` and ``TecoganVersion``.
    :raises vapoursynth.Error: anything wrong with the arguments, in one line.
    """
    thread = EngineThread()
    try:
        _check_whole(
            content_seed=content_seed, motion_seed=motion_seed, length=length, fps=fps, other=other_motion or 0
        )
        _check_numbers(truncation=truncation, mix=mix, step_size=step_size, reach=reach)
        place = resolve_device(device)
        thread.use_device(place)
        opened = thread.run(open_source, MODEL if model is None else model)
        network = thread.run(opened.network.to, place)
    except (UserError, OSError) as error:
        raise vs.Error(f"mocogan_hd: {error}") from error
    other = None if other_motion is None else (other_motion, float(mix))

    def begin() -> Walk:
        return Walk(
            network, content_seed, motion_seed, other=other, truncation=truncation, step_size=step_size, reach=reach
        )

    walk = thread.run(begin)
    size = network.spec.image.size
    template = vs.core.std.BlankClip(
        width=size, height=size, format=vs.RGBS, length=length, fpsnum=fps, fpsden=1, keep=True
    )

    def paint(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        picture = thread.run(_picture, walk, n)
        out = f.copy()
        for index in range(3):
            np.asarray(out[index])[...] = picture[index]
        out.props.update({"_Matrix": vs.MATRIX_RGB, "_Range": vs.RANGE_FULL, "_Primaries": vs.PRIMARIES_BT709,
                          "TecoganModel": opened.card.name, "TecoganVersion": __version__})  # fmt: skip
        return out

    return template.std.ModifyFrame(template, paint)


def _picture(walk: Walk, number: int) -> np.ndarray:
    """(3, size, size)."""
    return np.asarray(walk.pictures(range(number, number + 1))[0].cpu().numpy())


def open_source(model: object) -> Opened[VideoGenerator]:
    """A video generator, behind a name, a path or itself.

    :raises WeightsError: it cannot be opened, or makes no video.
    :raises UsageError: it is none of these.
    """
    return open_model(model, VideoGenerator, f"is no MoCoGAN-HD; give one, such as {MODEL}")


def _check_whole(**values: int) -> None:
    """:raises UsageError: no whole number, or one that is out of range."""
    limits = {"length": (1, LONGEST), "fps": (1, 1000)}
    for name, value in values.items():
        low, high = limits.get(name, (0, LARGEST_SEED))
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            shown = "other_motion" if name == "other" else name
            raise UsageError(f"{shown}={value!r}; give a whole number from {low} to {high}")


def _check_numbers(**values: float | None) -> None:
    """:raises UsageError: no number, or one that is out of range."""
    highest = {"truncation": 1.0, "mix": 1.0, "step_size": 10.0}
    for name, value in values.items():
        if value is None and name == "step_size":
            continue
        number = isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)
        high = highest.get(name, math.inf)
        if not number or value is None or not 0 <= value <= high:
            raise UsageError(f"{name}={value!r}; give a number from 0 to {high:g}")
