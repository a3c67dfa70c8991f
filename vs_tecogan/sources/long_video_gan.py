"""``long_video_gan()``: endless video by seed and frame number, exact in any order of requests, or looping."""

from __future__ import annotations

import os
from collections import OrderedDict

import numpy as np
import numpy.typing as npt
import torch
import vapoursynth as vs
from torch import Tensor

from ..engine.select import resolve_device
from ..engine.thread import EngineThread
from ..errors import UsageError, UserError
from ..networks import LongVideo, LongVideoSR
from ..version import __version__
from ..weights import Model, Opened, open_model

MODEL = "long-video-skies"
LENGTH = 1 << 20
MEMORY = 64
CHUNK = 64
"""Frames that are computed at a time, from a multiple of this on: so a frame is always computed among the same."""
LAST = 1 << 40
"""Frames that a seed has."""
SEEDS = 1 << 63

type Chunk = npt.NDArray[np.float32]
"""(T, 3, H, W) in [0, 1]."""


def long_video_gan(
    model: str | os.PathLike[str] | Model | None = None,
    *,
    seed: int = 1,
    length: int = LENGTH,
    loop: int | None = None,
    start: int = 0,
    fps: int = 25,
    memory: int = MEMORY,
    device: str | None = None,
    upscaler: str | os.PathLike[str] | Model | None = None,
) -> vs.VideoNode:
    """Generate video with LongVideoGAN's network.

    Frame n is a pure function of the model, the seed, ``loop`` and ``start + n``, in any order of requests, on the same
    kind of device. Nothing runs from frame to frame: a seek to any frame costs a chunk of 64.

    :param model: name of a shipped model for it, path of a weight file, or a loaded model; None is
        ``long-video-skies``.
    :param seed: a whole number from 0: another video.
    :param length: frames of the clip.
    :param loop: frames after which everything repeats, bit for bit; the seam is a step like any other where it is a
        multiple of 8. None is never.
    :param start: frame of the endless video that is frame 0.
    :param fps: frames per second that the clip says of itself.
    :param memory: MiB for computed frames; never changes the picture.
    :param device: "cpu", "cuda" or "cuda:N"; None = CUDA where there is one.
    :param upscaler: LongVideoGAN's second stage, by file or as a loaded model: frames are as many times larger. A frame
        is made from the small ones around it, 4 on both sides, alone: any order and loops stay exact.
    :return: RGBS in [0, 1], of the model's size, with ``TecoganModel``, ``TecoganVersion`` and ``TecoganSeed``; with an
        upscaler, of that times its scale, and ``TecoganUpscaler``.
    :raises vapoursynth.Error: anything wrong with the arguments, in one line.
    """
    thread = EngineThread()
    try:
        _check(seed=seed, length=length, loop=loop, start=start, fps=fps, memory=memory)
        place = resolve_device(device)
        thread.use_device(place)
        opened = thread.run(open_long_video, MODEL if model is None else model)
        network = thread.run(opened.network.to, place)
        second = None if upscaler is None else thread.run(open_upscaler, upscaler)
        large = None if second is None else thread.run(second.network.to, place)
    except (UserError, OSError) as error:
        raise vs.Error(f"long_video_gan: {error}") from error
    frames, spec = Frames(network, seed, loop or 0, memory << 20), network.spec
    frame = frames.frame if large is None else EnlargedFrames(frames, large, seed).frame
    scale = large.spec.scale if large else 1
    template = vs.core.std.BlankClip(
        width=spec.width * scale, height=spec.height * scale, format=vs.RGBS, length=length, fpsnum=fps, fpsden=1,
        keep=True,
    )  # fmt: skip

    def paint(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        picture, out = thread.run(frame, start + n), f.copy()
        for plane in range(3):
            np.asarray(out[plane])[...] = picture[plane]
        out.props["TecoganModel"], out.props["TecoganVersion"] = opened.card.name, __version__
        out.props["TecoganSeed"] = seed
        if second is not None:
            out.props["TecoganUpscaler"] = second.card.name
        return out

    return template.std.ModifyFrame(template, paint)


class Frames:
    """Frames of one video, a chunk at a time; the last ones used are kept. Runs on one thread.

    :param period: frames of the loop; 0 is none.
    :param memory: bytes for chunks; one is always kept.
    """

    def __init__(self, network: LongVideo, seed: int, period: int, memory: int) -> None:
        self._network, self._seed, self._period = network, seed, period
        step = network.spec.step
        self._chunk = -(-CHUNK // step) * step
        self._most = max(1, memory // (self._chunk * 3 * network.spec.height * network.spec.width * 4))
        self._kept: OrderedDict[int, Chunk] = OrderedDict()

    def frame(self, number: int) -> Chunk:
        """(3, H, W) in [0, 1]."""
        number = number % self._period if self._period else number
        chunk, place = divmod(number, self._chunk)
        if chunk in self._kept:
            self._kept.move_to_end(chunk)
        else:
            self._kept[chunk] = self._compute(chunk * self._chunk)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        picture: Chunk = self._kept[chunk][place]
        return picture

    @torch.no_grad()
    def _compute(self, first: int) -> Chunk:
        network = self._network
        latents = network.latents(self._seed, first, self._chunk, period=self._period).to(network.constant.device)
        frames: Tensor = network(latents[None], first, self._chunk)[0]
        pictures = (frames * 0.5 + 0.5).clamp(0, 1)
        return np.asarray(pictures.float().cpu().numpy(), np.float32)


class EnlargedFrames:
    """The same frames, enlarged one by one, each from the small ones around it. Runs on the same thread."""

    def __init__(self, frames: Frames, network: LongVideoSR, seed: int) -> None:
        self._frames, self._network = frames, network
        self._z = network.latent(seed)[None].to(network.grey.device)

    @torch.no_grad()
    def frame(self, number: int) -> Chunk:
        """(3, scale H, scale W) in [0, 1]."""
        reach = self._network.spec.reach
        window = np.stack([self._frames.frame(n) for n in range(number - reach, number + reach + 1)])
        small = torch.from_numpy(window).to(self._z) * 2 - 1
        large = self._network(small[None], self._z)[0, 0]
        return np.asarray((large * 0.5 + 0.5).clamp(0, 1).float().cpu().numpy(), np.float32)


def open_upscaler(model: object) -> Opened[LongVideoSR]:
    """A model of LongVideoGAN's second stage, behind a name, a path or itself.

    :raises WeightsError: it cannot be opened, or does something else.
    :raises UsageError: it is none of these.
    """
    return open_model(model, LongVideoSR, "is no second stage of LongVideoGAN; leave upscaler, and use tecogan()")


def open_long_video(model: object) -> Opened[LongVideo]:
    """A model that makes long videos, behind a name, a path or itself.

    :raises WeightsError: it cannot be opened, or does something else.
    :raises UsageError: it is none of these.
    """
    return open_model(model, LongVideo, f"makes no long video; give one such as {MODEL}")


def _check(
    *, seed: object, length: object, loop: object, start: object, fps: object, memory: object
) -> None:  # fmt: skip
    """:raises UsageError: an argument that cannot be."""
    for name, value, least, end in (
        ("seed", seed, 0, SEEDS), ("length", length, 1, 1 << 31), ("loop", 1 if loop is None else loop, 1, LENGTH + 1),
        ("start", start, 0, LAST), ("fps", fps, 1, 1 << 16), ("memory", memory, 1, 1 << 20),
    ):  # fmt: skip
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value < end:
            raise UsageError(f"{name}={value!r}; give a whole number from {least} to {end - 1}")
