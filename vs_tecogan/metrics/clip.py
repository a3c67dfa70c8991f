"""Metrics as VapourSynth clip functions: the numbers of this package as frame properties, exact in any order.

Each function returns its first clip, pixels untouched, with a property on every frame that has the neighbours it needs.
Frames are compared as 8-bit RGB, converted by what their properties say.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import numpy as np
import vapoursynth as vs

from ..colour.tags import check_format
from ..colour.zimg import Colour
from ..packages import how_to_install, is_installed
from .evaluation import View
from .picture import Picture
from .protocol import Crop, ProtocolName, crop_of
from .psnr import psnr_y
from .ssim import SSIM_WINDOW, ssim_y
from .tdiff import step_error
from .tof import flow_distance

type Values = dict[str, float]


def rgb24(clip: vs.VideoNode, *, name: str = "clip") -> vs.VideoNode:
    """Any clip of constant format as RGB24, without dither; the colour rules are those of the filter.

    :param name: what the log calls it where its matrix has to be guessed.
    :raises ColourError: a format that cannot be converted.
    """
    check_format(clip)
    if clip.format.id == vs.RGB24:
        return clip

    def warn(line: str) -> None:
        guess = line.rpartition("; give matrix=")[0] or line  # an option of the filter, not of a measurement
        logging.getLogger("vs_tecogan").warning("%s: %s; tag the video if that is wrong", name, guess)

    floats = Colour(clip=clip, matrix=None, log=warn).to_rgb()
    return floats.resize.Point(format=vs.RGB24, dither_type="none")


def picture_of(frame: vs.VideoFrame) -> Picture:
    """An RGB24 frame as (H, W, 3) uint8, copied."""
    return np.dstack([np.asarray(frame[plane]) for plane in range(3)])


def psnr(clip: vs.VideoNode, reference: vs.VideoNode, *, protocol: ProtocolName = "plain") -> vs.VideoNode:
    """Attach ``PSNRY`` and ``SSIMY``: Y-PSNR in decibels (infinity for equal pictures) and, from 7x7 pixels on, SSIM.

    :param protocol: "official" looks at the official crop; which frames to skip is left to the script.
    :raises vs.Error: no clips, unlike in size, length or frame rate, an unknown protocol, or one that leaves no pixel.
    """
    crop = _prepare("psnr", clip, reference, protocol).window

    def measure(result: Picture, truth: Picture) -> Values:
        result, truth = result[crop], truth[crop]
        values = {"PSNRY": psnr_y(result, truth)}
        return values if min(result.shape[:2]) < SSIM_WINDOW else values | {"SSIMY": ssim_y(result, truth)}

    return _attach(clip, [rgb24(clip), rgb24(reference)], measure, first=0)


def tof(clip: vs.VideoNode, reference: vs.VideoNode, *, protocol: ProtocolName = "plain") -> vs.VideoNode:
    """Attach ``TOF``: distance in pixels of the motions that lead to this frame; frame 0 has none.

    :param protocol: "official" averages over the official crop.
    :raises vs.Error: no clips, unlike in size, length or frame rate, an unknown protocol, or one that leaves no pixel.
    """
    crop = _prepare("tof", clip, reference, protocol)
    result, truth = rgb24(clip), rgb24(reference)

    def measure(before: Picture, now: Picture, true_before: Picture, true_now: Picture) -> Values:
        flows = (View(b, crop).ahead(View(a, crop)) for a, b in ((before, now), (true_before, true_now)))
        return {"TOF": flow_distance(*(flow[crop.window] for flow in flows))}

    return _attach(clip, [_delayed(result), result, _delayed(truth), truth], measure, first=1)


def tdiff(clip: vs.VideoNode, *, protocol: ProtocolName = "plain") -> vs.VideoNode:
    """Attach ``TDiff``: 100 x mean change from the frame before that motion does not explain; frame 0 has none.

    :param protocol: "official" averages over the official crop.
    :raises vs.Error: no clip, an unknown protocol, or one that leaves no pixel.
    """
    crop = _prepare("tdiff", clip, clip, protocol)
    result = rgb24(clip)

    def measure(before: Picture, now: Picture) -> Values:
        error = step_error(before, now, View(now, crop).back(View(before, crop)))[crop.window]
        return {"TDiff": 100.0 * float(np.mean(error, dtype=np.float64))}

    return _attach(clip, [_delayed(result), result], measure, first=1)


def _prepare(name: str, clip: vs.VideoNode, reference: vs.VideoNode, protocol: ProtocolName) -> Crop:
    """Check that two clips match, and give the crop."""
    for given in (clip, reference):
        if not isinstance(given, vs.VideoNode):
            raise vs.Error(f"{name}: a {type(given).__name__} came; give video clips")
    if not is_installed("cv2"):  # here, before a frame is asked for
        raise vs.Error(f"{name}: the package OpenCV is missing: {how_to_install('cv2')}")
    for what, mine, theirs in (
        ("size", f"{clip.width}x{clip.height}", f"{reference.width}x{reference.height}"),
        ("length", f"{clip.num_frames} frames", f"{reference.num_frames} frames"),
    ):
        if mine != theirs:
            raise vs.Error(f"{name}: clip has {mine}, reference {theirs}; give two clips of one {what}")
    one, other = float(clip.fps), float(reference.fps)
    if one and other and abs(one / other - 1) > 0.001:
        raise vs.Error(f"{name}: clip runs at {one:g} fps, reference at {other:g}; give two clips of one frame rate")
    try:
        return crop_of(protocol, clip.height, clip.width)
    except ValueError as error:
        raise vs.Error(f"{name}: {error}") from None


def _delayed(clip: vs.VideoNode) -> vs.VideoNode:
    """Frame n shows frame n - 1; frame 0 itself."""
    return clip.std.DuplicateFrames(frames=[0]).std.Trim(length=clip.num_frames)


def _attach(
    clip: vs.VideoNode, inputs: Sequence[vs.VideoNode], measure: Callable[..., Values], *, first: int
) -> vs.VideoNode:
    """Set what ``measure`` says of the inputs' pictures on every frame from ``first`` on."""

    def modify(n: int, f: list[vs.VideoFrame]) -> vs.VideoFrame:
        frame = f[0].copy()
        if n >= first:
            for key, value in measure(*(picture_of(one) for one in f[1:])).items():
                frame.props[key] = value
        return frame

    return clip.std.ModifyFrame(clips=[clip, *inputs], selector=modify)
