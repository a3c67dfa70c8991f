"""``tempogan()``: enlarge the density of simulated smoke; stateless."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import torch
import vapoursynth as vs
from torch import Tensor

from ..engine.select import resolve_device
from ..engine.thread import EngineThread
from ..errors import UsageError, UserError
from ..networks.tempogan import FluidSR
from ..version import __version__
from ..weights import Model, Opened, open_model
from .coarse import enlarge
from .upscale import upscale

MODEL = "tempogan-4x"
TILE = 256
LUMINANCE = (0.2126, 0.7152, 0.0722)
"""Of emission in linear light, BT.709."""
FAINT = 1e-3
"""Below this luminance a colour says nothing."""


def tempogan(
    density: vs.VideoNode,
    velocity: vs.VideoNode | None = None,
    model: str | os.PathLike[str] | Model | None = None,
    *,
    tile: int = TILE,
    device: str | None = None,
) -> vs.VideoNode:
    """Enlarge smoke with tempoGAN's network. Frame n depends on frame n of both clips alone.

    :param density:  GRAYS, such as :func:`smoke` gives; or RGBS, emission in linear light: its luminance is enlarged,
        and its colours follow. NaN, infinity and what is negative become 0.
    :param velocity: RGBS of the same size and length: x and y in pixels of this clip per frame, y downwards. Models
        that see velocity need it. Vorticity is made of it where a model sees that too.
    :param model:    name of a shipped model for smoke, path of a weight file, or a loaded model; None is
        ``tempogan-4x``.
    :param tile:     larger frames are computed in tiles of at most this side, which changes nothing but memory; 0 is
        never.
    :param device:   "cpu", "cuda" or "cuda:N"; None = CUDA where there is one.
    :return: the fine density in the format of ``density``, not negative, unclamped above; its properties and
        ``TecoganModel``, ``TecoganVersion``.
    :raises vapoursynth.Error: anything wrong with the arguments, in one line.
    """
    thread = EngineThread()
    try:
        _check(density, velocity, tile)
        place = resolve_device(device)
        thread.use_device(place)
        opened = thread.run(open_fluid, MODEL if model is None else model)
        network = opened.network
        if network.spec.dimensions != 2:
            raise UsageError(f"model {opened.card.name!r} is for volumes; use vs-tecogan fluid upscale, or a 2-D model")
        if network.spec.inputs != "density" and velocity is None:
            raise UsageError(f"model {opened.card.name!r} sees velocity; give velocity=, a clip as smoke() makes it")
        network = thread.run(network.to, place)
    except (UserError, OSError) as error:
        raise vs.Error(f"tempogan: {error}") from error
    scale = network.spec.scale
    template = density.std.BlankClip(width=density.width * scale, height=density.height * scale, keep=True)
    clips = [template, density] if velocity is None else [template, density, velocity]

    def paint(f: list[vs.VideoFrame], **_: int) -> vs.VideoFrame:
        planes = _read(f[1]).clamp_min_(0)
        flow = _read(f[2])[:, :2] if len(f) > 2 else None
        fine = thread.run(_fine, network, planes, flow, tile)
        out = f[0].copy()
        for index in range(out.format.num_planes):
            np.asarray(out[index])[...] = fine[0, index].numpy()
        out.props.update(dict(f[1].props.items()))
        out.props["TecoganModel"], out.props["TecoganVersion"] = opened.card.name, __version__
        return out

    return template.std.ModifyFrame(clips, paint)


def _fine(network: FluidSR, planes: Tensor, flow: Tensor | None, tile: int) -> Tensor:
    """(1, planes, fine) on the CPU."""
    device = next(network.parameters()).device
    planes, flow = planes.to(device), None if flow is None else flow.to(device)
    if planes.shape[1] == 1:
        return upscale(network, planes, flow, tile=tile).cpu()
    return coloured(planes, lambda density: upscale(network, density, flow, tile=tile), network.spec.scale).cpu()


def coloured(emission: Tensor, fine: Any, scale: int) -> Tensor:
    """Emission (1, 3, y, x) whose luminance is enlarged by ``fine``; its colours are enlarged plainly and follow."""
    weights = torch.tensor(LUMINANCE, device=emission.device).reshape(1, 3, 1, 1)
    luminance = (emission * weights).sum(1, keepdim=True)
    plain = enlarge(emission, scale, "linear")
    below = (plain * weights).sum(1, keepdim=True)
    above: Tensor = fine(luminance)
    # Where there is hardly any light, what comes is grey.
    share = (below / FAINT).clamp(0, 1)
    return share * plain * (above / below.clamp_min(1e-12)) + (1 - share) * above


def open_fluid(model: object) -> Opened[FluidSR]:
    """A model for smoke, behind a name, a path or itself.

    :raises WeightsError: it cannot be opened, or enlarges something else.
    :raises UsageError: it is none of these.
    """
    return open_model(model, FluidSR, "enlarges video; give one for smoke, or use tecogan()")


def _check(density: object, velocity: object, tile: object) -> None:
    """:raises UsageError: a clip of another format or size, or a tile that is no number."""
    if not isinstance(density, vs.VideoNode):
        raise UsageError(f"density is of type {type(density).__name__}; give a clip")
    if density.format is None or density.format.id not in (vs.GRAYS, vs.RGBS) or not density.width:
        raise UsageError("density: expected a GRAYS or RGBS clip of constant size; convert it with resize")
    if velocity is not None:
        if not isinstance(velocity, vs.VideoNode) or velocity.format is None or velocity.format.id != vs.RGBS:
            raise UsageError("velocity: expected an RGBS clip, x and y in its first two planes, as smoke() makes it")
        ours, theirs = ((c.width, c.height, c.num_frames) for c in (density, velocity))
        if ours != theirs:
            raise UsageError(f"velocity is {theirs[0]}x{theirs[1]}, {theirs[2]} frames; expected those of density, "
                             f"{ours[0]}x{ours[1]}, {ours[2]} frames")  # fmt: skip
    if isinstance(tile, bool) or not isinstance(tile, int) or tile < 0:
        raise UsageError(f"tile={tile!r}; give a whole number of pixels, or 0")


def _read(frame: vs.VideoFrame) -> Tensor:
    """(1, planes, y, x). NaN and infinity, which a network would spread, become 0."""
    planes = [np.asarray(frame[index]) for index in range(frame.format.num_planes)]
    return torch.from_numpy(np.stack(planes))[None].nan_to_num_(0.0, 0.0, 0.0)
