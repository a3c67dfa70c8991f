"""The CUDA engine on one card: against eager torch, against the card's convolutions, and in the filter.

`against eager fp16`: frame time of a plain eager loop of the same torch modules, float16 and channels_last, frames and
states on the device, over the engine's, which is given YUV420P8 host planes. `of conv throughput`: FLOPs of the
network's convolutions over the rate of its most frequent layer, 64 -> 64 at LR size in float16, from the same run;
that time over the engine's frame time. `filter against engine`: time of the bare engine loop on the same planes, whose
output stays on the device, over the filter's, YUV420P8 host frames in and out; it alone needs VapourSynth. Figures are
medians; what is compared takes turns, on the same pictures: noise, because flat ones would spare the card power, which
raises its clock. Weights are random: speed does not depend on them.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F

from vs_tecogan.colour.coding import Coding
from vs_tecogan.engine import Engine, create_engine
from vs_tecogan.engine.cuda.pictures import nbytes
from vs_tecogan.engine.thread import EngineThread
from vs_tecogan.filter import _build
from vs_tecogan.networks import Generator
from vs_tecogan.ops import backward_warp, cuda, space_to_depth
from vs_tecogan.recurrence.api import Schedule

from ._timing import alternate
from .engine import conv_flops, random_model

if TYPE_CHECKING:
    import vapoursynth as vs

Row = dict[str, object]
Picture = list[np.ndarray]
TARGETS = {"against eager fp16": 2.0, "of conv throughput": 0.7, "filter against engine": 0.9}
CODING = Coding(family="yuv", sample="u8", bits=8, shift_x=1, shift_y=1)
CONVOLUTIONS = 20
"""A timing of the layer runs it so often."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="cuda", help="cuda (default) or cuda:N")
    parser.add_argument("--size", default="960x540", metavar="WxH", help="LR size (default 960x540, to 4K)")
    parser.add_argument("--blocks", type=int, default=10)
    parser.add_argument("--frames", type=int, default=60, help="frames a timing (default 60)")
    parser.add_argument("--repeats", type=int, default=5, help="timings of each thing (default 5)")


def run(args: argparse.Namespace) -> list[Row]:
    reason = unavailable()
    if reason:
        return [{"what": what, "at_least": least, "result": reason} for what, least in TARGETS.items()]
    width, height = map(int, args.size.split("x"))
    engine = create_engine(random_model(args.blocks), device=args.device, precision="fp16")
    if not engine.reads_coded:
        raise SystemExit(f"frames of {args.size} do not run on the CUDA engine here; see the warnings above")
    torch.cuda.set_device(engine.device)
    return measure(args, engine, width, height, torch.cuda.synchronize)


def unavailable() -> str:
    """Why nothing can be measured; empty where it can."""
    if not torch.cuda.is_available():
        return "not measured: torch finds no CUDA device"
    return "" if cuda.available() else f"not measured: {cuda.missing()}"


def measure(
    args: argparse.Namespace, engine: Engine, width: int, height: int, finish: Callable[[], object]
) -> list[Row]:
    pictures = noise(width, height, args.frames)
    eager = Eager(random_model(args.blocks).generator, engine.device)
    start = engine.zero_state(height, width)
    states = [engine.step(start, picture, CODING) for picture in pictures[:4]]
    images = [state.lr for state in states if state.lr is not None]
    features = torch.randn(1, height, width, 64, device=engine.device).half().permute(0, 3, 1, 2)
    weight = torch.randn(64, 64, 3, 3, device=engine.device).half().contiguous(memory_format=torch.channels_last)

    def bare() -> None:
        state = start
        for picture in pictures:
            state = engine.step(state, picture, CODING)
        finish()

    @torch.inference_mode()
    def plain() -> None:
        last = None
        for k in range(args.frames):
            last = eager.step(images[k % len(images)], last)
        finish()

    @torch.inference_mode()
    def convolve() -> None:
        for _ in range(CONVOLUTIONS):
            F.conv2d(features, weight, padding=1)
        finish()

    finish()
    bare_time, plain_time, conv_time = alternate(time.perf_counter, args.repeats, bare, plain, convolve)
    rate = CONVOLUTIONS * 2 * 64 * 64 * 9 * height * width / conv_time
    share = conv_flops(width, height, args.blocks) / rate / (bare_time / args.frames)
    milliseconds = bare_time / args.frames * 1e3
    details: dict[str, Row] = {
        "against eager fp16": {
            "result": plain_time / bare_time, "ms": milliseconds, "eager_ms": plain_time / args.frames * 1e3
        },
        "of conv throughput": {"result": share, "ms": milliseconds, "conv_tflops": rate / 1e12},
        "filter against engine": through_filter(args, engine, pictures, bare),
    }  # fmt: skip
    common: Row = {"lr": args.size, "precision": engine.precision, "blocks": args.blocks, "card": card(engine.device)}
    return [{"what": what, "at_least": TARGETS[what], **details[what], **common} for what in TARGETS]


def through_filter(
    args: argparse.Namespace, engine: Engine, pictures: Sequence[Picture], bare: Callable[[], None]
) -> Row:
    """The row of the filter in VapourSynth, against ``bare``, the engine's loop over the same pictures."""
    if importlib.util.find_spec("vapoursynth") is None:
        return {"result": "not measured: VapourSynth is not installed"}
    source = clip_of(pictures)
    height, width = (engine.scale * side for side in pictures[0][0].shape)

    def filtered() -> None:
        schedule = Schedule(restart=0, warmup=0)
        clip = _build(source, engine, EngineThread(), "random", scene_change=False, matrix=None, schedule=schedule)
        for frame in clip.frames(close=True):
            assert frame.width == width

    loop_time, filter_time = alternate(time.perf_counter, args.repeats, bare, filtered)
    return {
        "result": loop_time / filter_time,
        "ms": loop_time / args.frames * 1e3,
        "filter_ms": filter_time / args.frames * 1e3,
        "mb_down": nbytes(CODING, height, width) / 1e6,
    }


def noise(width: int, height: int, count: int) -> list[Picture]:
    """Pictures of legal codes."""
    random = np.random.default_rng(0)
    return [
        [random.integers(16, 236, shape, np.uint8) for shape in CODING.plane_shapes(height, width)]
        for _ in range(count)
    ]


def clip_of(pictures: Sequence[Picture]) -> vs.VideoNode:
    """The pictures as a clip, made beforehand."""
    import vapoursynth as vs

    height, width = pictures[0][0].shape
    blank = vs.core.std.BlankClip(format=vs.YUV420P8, width=width, height=height, length=len(pictures), keep=True)
    blank = blank.std.SetFrameProps(_Matrix=1, _Range=0)
    frames = [blank.get_frame(0).copy() for _ in pictures]
    for frame, picture in zip(frames, pictures, strict=True):
        for index, plane in enumerate(picture):
            np.asarray(frame[index])[...] = plane
    return blank.std.ModifyFrame(blank, lambda n, **_: frames[n])


def card(device: str) -> str:
    return torch.cuda.get_device_name(device) if device != "cpu" else "none"


class Eager:
    """The network as plain torch runs it: float16, channels_last, a launch for every operator."""

    def __init__(self, generator: Generator, device: str) -> None:
        self._net = generator.to(device, torch.float16).to(memory_format=torch.channels_last)

    def step(
        self, lr: torch.Tensor, last: tuple[torch.Tensor, torch.Tensor] | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """One frame (1, 3, H, W) float32, and the last frame and its output -> this frame and its output, float32."""
        scale = self._net.spec.scale
        small = _narrow(lr)
        if last is None:
            n, _, h, w = lr.shape
            warped = small.new_zeros(n, 3 * scale * scale, h, w)
        else:
            flow = self._net.upsample_flow(self._net.estimate_flow(_narrow(last[0]), small))
            warped = space_to_depth(backward_warp(last[1], flow, impl="torch"), scale)
        return lr, self._net.reconstruct(small, _narrow(warped))


def _narrow(image: torch.Tensor) -> torch.Tensor:
    return image.to(torch.float16, memory_format=torch.channels_last)
