"""``tecogan()``: checks arguments and wires colour, scenes, engine and scheduler together."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from typing import Literal

import vapoursynth as vs

from .colour.matrices import parse_matrix
from .colour.tags import check_format
from .colour.zimg import Colour
from .engine import Engine, create_engine
from .engine.adapter import EngineRecurrence
from .engine.select import NAMES
from .engine.thread import EngineThread
from .errors import UsageError, UserError
from .recurrence import recurrent
from .recurrence.ahead import with_next
from .recurrence.api import Schedule
from .recurrence.store import frame_bytes
from .scenes import scene_cuts
from .version import __version__
from .weights import DEFAULT_MODEL, Model, as_model

RESTART = 160
"""With :data:`WARMUP`, 5 % more steps than one endless chain, and no seek longer than 168 steps."""
WARMUP = 8
"""A restart differs from no restart by 0.1 to 0.2 levels of 8 bits on average, a tenth of what changes from frame to
frame or less, and more in single spots (measured: ``docs/recurrence.md``). More frames lower the mean."""
MOST_WARMUP = 1000
"""Every chain's first frame waits for its warm-up; a number far above what helps is a slip."""
MEMORY = 1024
"""MiB; ten states of a 3840x2160 output."""


def tecogan(
    clip: vs.VideoNode,
    model: str | os.PathLike[str] | Model | None = None,
    *,
    device: str | None = None,
    precision: Literal["auto", "fp32", "fp16", "bf16"] = "auto",
    strength: float | None = None,
    faithful: bool = False,
    scene_change: bool = True,
    restart: int = RESTART,
    warmup: int = WARMUP,
    duplicates: Literal["hold", "advance"] = "hold",
    memory: int = MEMORY,
    tile: tuple[int, int] | None = None,
    matrix: int | str | None = None,
) -> vs.VideoNode:
    """Temporally coherent video super-resolution with TecoGAN and its relatives.

    Frame n is a pure function of the clip and the options that shape the picture: the same pixels in any order of
    requests and for any number of threads.

    :param clip:            Clip to upscale. RGB, YUV or GRAY; 8 to 16 bit integer, 16 or 32 bit float; any size from
                            1x1. Size and format must be constant, frames progressive. Float clips are clamped to
                            [0, 1], as RGB, on reading, and NaN becomes 0; integers beyond legal white are kept.
    :param model:           Name of a shipped model (``vs-tecogan models`` lists them), path of a weight file
                            (``.safetensors``, ``.pth``), or a loaded :class:`~vs_tecogan.weights.Model`. Architecture
                            and scale are read off the weights. None = ``recurrent-texture-4x``, for clean sources.
    :param device:          "cpu", "cuda", "xpu" or "mps", with ":N" for another than the first ("cuda:1"). None = the
                            first GPU that works, else the CPU.
    :param precision:       Arithmetic of the convolutions: "fp32", "fp16" (CUDA only) or "bf16". "auto" = the fastest
                            that the device has in hardware. Flow and warps are float32 always.
    :param strength:        Of a model that takes one: 0 keeps grain and faults of the source, 1 cleans as far as it was
                            trained. None = 1. Other models refuse it.
    :param faithful:        Bring each output back to its source before the next frame sees it: made smaller again by
                            the kernel that the model was trained on, it is closer to the source. One step of
                            back-projection.
    :param scene_change:    Start anew at scene cuts, so that nothing of one scene is smeared into the next. Frames are
                            believed where they carry ``_SceneChangePrev`` or ``_SceneChangeNext``, else a built-in
                            detector decides. False = ignore both; for clips known to be a single shot.
    :param restart:         Start anew at least every this many frames. Bounds a seek to ``restart + warmup`` steps; a
                            larger value saves the warm-up, at most ``warmup / restart`` of the time. 0 = only at scene
                            cuts: cheapest to render in one go, but a seek replays the scene from its start.
    :param warmup:          Frames run before the first frame of each chain and thrown away, so that a restart hardly
                            shows: those before it in the scene, mirrored at the scene's start. Must exceed neither 1000
                            nor ``restart``, unless that is 0. ``restart=0, warmup=0, scene_change=False`` is the plain
                            published recursion.
    :param duplicates:      What a frame identical to its predecessor does: "hold" repeats the output, at no cost;
                            "advance" runs the network as for any frame, whose output may still change a little.
    :param memory:          MiB of RAM, or of device memory, that states and recent frames may take. Too little costs
                            time when frames are requested out of order; never changes the picture.
    :param tile:            (width, height) in input pixels, each above 64: larger frames are computed in overlapping,
                            blended tiles of at most this size, each with a state of its own. None = whole frames,
                            tiled only where they would not fit into half of the device's memory. Changes the picture
                            slightly.
    :param matrix:          Matrix of YUV frames that have no ``_Matrix`` (or 2, unspecified): a name as in
                            ``core.resize`` ("709", "170m", "470bg", "2020ncl", ...) or its H.273 code. None = by the
                            size of the clip, as players do, with one warning in the log. Ignored where a frame has
                            its ``_Matrix``, and for RGB and GRAY. Frames of "2020cl", "chromancl", "chromacl" or
                            "ictcp" must say their ``_Transfer`` or ``_Primaries``, or both, too.
    :return:                The clip at ``scale`` times the size, same family, subsampling and depth. RGBS comes out
                            unclamped; integers are rounded without dither, so give a deeper clip to dither yourself.
                            Frame properties are kept. Always set: ``_Range`` but for RGB in float, ``_Matrix`` of YUV,
                            ``_ChromaLocation`` where chroma is subsampled. Added: ``TecoganModel``, ``TecoganVersion``,
                            ``TecoganChainStart``, ``TecoganWarmup``. Dropped: ``_Alpha``, of the input's size.
    :raises vapoursynth.Error: anything wrong with the arguments, in one line. What is wrong with single frames
                            (interlaced, a failing filter upstream) fails those frames.
    """
    thread = EngineThread()
    try:
        _check(clip, scene_change=scene_change, restart=restart, warmup=warmup, duplicates=duplicates, memory=memory)
        code = parse_matrix(matrix)
        look = _look(strength, faithful)
        opened = thread.run(as_model, DEFAULT_MODEL if model is None else model)
        engine = thread.run(_engine, opened, device, precision, tile, look)
    except (UserError, OSError) as error:
        raise vs.Error(f"tecogan: {error}") from error
    schedule = Schedule(restart=restart, warmup=warmup, duplicates=duplicates, memory=memory)
    name = opened.card.name
    return _build(clip, engine, thread, name, scene_change=scene_change, matrix=code, schedule=schedule)


def _build(
    clip: vs.VideoNode, engine: Engine, thread: EngineThread, name: str, *, scene_change: bool, matrix: int | None,
    schedule: Schedule,
) -> vs.VideoNode:  # fmt: skip
    """The graph: to pictures that the engine takes, the recurrence, and back to the clip's format."""

    def log(line: str) -> None:
        vs.core.log_message(vs.MESSAGE_TYPE_WARNING, f"tecogan: {line}")

    clip = clip.std.RemoveFrameProps("_Alpha")
    colour = Colour(clip=clip, matrix=matrix, log=log, reads=engine.reads_coded, writes=engine.writes_coded)
    cuts = scene_cuts(clip) if scene_change else None
    clamp, props = clip.format.sample_type == vs.FLOAT, {"TecoganModel": name, "TecoganVersion": __version__}
    recurrence = EngineRecurrence(engine, thread, colour, clamp=clamp, props=props)
    template = clip.std.BlankClip(width=clip.width * engine.scale, height=clip.height * engine.scale, keep=True)
    source, attached = colour.to_coded(), colour.rgb_bytes
    if engine.ahead:
        source, attached = with_next(source, cuts, schedule.restart), 2 * attached + frame_bytes(source)
    upscaled = recurrent(source, cuts, recurrence, template=template, schedule=schedule, attached=attached)
    return colour.from_coded(upscaled)


@dataclass(frozen=True, kw_only=True)
class _Look:
    """What the engine makes of the network's output."""

    strength: float | None
    faithful: bool


def _look(strength: object, faithful: object) -> _Look:
    """:raises UsageError: values of a wrong type or range."""
    if not isinstance(faithful, bool):
        raise UsageError(f"faithful={faithful!r}; give True or False")
    if strength is None:
        return _Look(strength=None, faithful=faithful)
    if isinstance(strength, bool) or not isinstance(strength, int | float) or not 0 <= strength <= 1:
        raise UsageError(f"strength={strength!r}; give a number from 0 (keeps grain and faults) to 1 (cleans), or None")
    return _Look(strength=float(strength), faithful=faithful)


def _engine(model: Model, device: object, precision: object, tile: object, look: _Look) -> Engine:
    if not (device is None or isinstance(device, str)):
        raise UsageError(f"device {device!r}; give None, {NAMES}")
    if not isinstance(precision, str):
        raise UsageError(f'precision {precision!r}; give "auto", "fp32", "fp16" or "bf16"')
    create = partial(
        create_engine, model, device=device, precision=precision, strength=look.strength, faithful=look.faithful
    )
    if tile is None:
        return create()
    if not isinstance(tile, tuple | list) or len(tile) != 2:
        raise UsageError(f"tile={tile!r}; give (width, height) in input pixels, or None")
    width, height = (_count("tile", side, 1) for side in tile)
    return create(tile=(height, width))


def _check(
    clip: object, *, scene_change: object, restart: object, warmup: object, duplicates: object, memory: object
) -> None:
    """Refuse option values of a wrong type or range.

    :raises UsageError: naming the value and what to give instead.
    """
    if not isinstance(clip, vs.VideoNode):
        raise UsageError(f"clip is of type {type(clip).__name__}; give a video clip, such as core.bs.VideoSource(path)")
    check_format(clip)
    if not isinstance(scene_change, bool):
        raise UsageError(f"scene_change={scene_change!r}; give True or False")
    restart, warmup = _count("restart", restart, 0), _count("warmup", warmup, 0)
    if warmup > MOST_WARMUP:
        raise UsageError(f"warmup={warmup}; give at most {MOST_WARMUP}, each frame of which every chain waits for")
    _count("memory", memory, 1)
    if 0 < restart < warmup:
        raise UsageError(f"warmup={warmup} exceeds restart={restart}; give a warmup of at most restart, or restart=0")
    if duplicates not in ("hold", "advance"):
        raise UsageError(f'duplicates={duplicates!r}; give "hold" or "advance"')


def _count(name: str, value: object, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UsageError(f"{name}={value!r}; give a whole number from {least} up")
    return value
