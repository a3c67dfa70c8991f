"""The native CPU operators against the torch references that define them.

`ratio` is the reference's time over the native one's; both take turns, medians of the repeats. `reference` names what
torch runs: the operators of `vs_tecogan.ops`, eager, float32, with a cast of the result where `dtype` is bfloat16. One
x4 frame; `lr` is its LR size. The reference of the coded output is what VapourSynth does otherwise: the planes into an
RGBS frame, and `core.resize` from there, on one of its threads.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
import vapoursynth as vs

from vs_tecogan.colour.coding import Coding
from vs_tecogan.engine.cpu.device import layout_of
from vs_tecogan.networks.srnet import ResidualBlock
from vs_tecogan.ops import backward_warp, native, refine_flow
from vs_tecogan.ops.deconv import deconv_relu, pack_kernel
from vs_tecogan.ops.narrow_conv import narrow_conv, pack_narrow_weight
from vs_tecogan.ops.planes import pack_picture, write_planes
from vs_tecogan.ops.recurrent_input import recurrent_input
from vs_tecogan.ops.resample import Grid
from vs_tecogan.ops.winograd import transform_kernel, winograd_conv
from vs_tecogan.training.cpu.deconvolution import Deconvolution
from vs_tecogan.training.cpu.residual import FastResidualBlock

from ._timing import add_timing_arguments, alternate, use

Row = dict[str, object]
Task = Callable[[], object]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_timing_arguments(parser, repeats=9)
    parser.add_argument("--size", type=int, nargs=2, default=(480, 270), metavar=("WIDTH", "HEIGHT"), help="LR size")


def run(args: argparse.Namespace) -> list[Row]:
    clock = use(args)
    w, h = args.size
    torch.manual_seed(0)
    lr, previous = torch.rand(1, 3, h, w), torch.rand(1, 3, 4 * h, 4 * w)
    # flow as networks give it: smooth, a few pixels
    flow = F.interpolate(torch.randn(1, 2, h // 16 + 1, w // 16 + 1), size=(h, w), mode="bilinear") * 2
    near = backward_warp(lr, flow)
    features = torch.randn(1, h, w, 64).permute(0, 3, 1, 2)
    last = torch.nn.Conv2d(64, 3, 3, padding=1)
    weight = pack_narrow_weight(last.weight, torch.float32)
    small = torch.empty(1, 3, h, w)

    def warp_reference(dtype: torch.dtype) -> object:
        return recurrent_input(lr, previous, flow, scale=4, grid=grid, dtype=dtype, impl="torch")

    def warp_native(dtype: torch.dtype) -> object:
        return recurrent_input(lr, previous, flow, scale=4, grid=grid, dtype=dtype, impl="native")

    def gradient(impl: native.Impl) -> object:
        image, motion = previous.clone().requires_grad_(), torch.zeros(1, 2, 4 * h, 4 * w, requires_grad=True)
        return backward_warp(image, motion, impl=impl).sum().backward()  # type: ignore[no-untyped-call]

    coding = Coding(family="yuv", sample="u8", bits=8, shift_x=1, shift_y=1)
    layout = layout_of(coding, 4 * h, 4 * w)
    coded = [np.empty(shape, np.uint8) for shape in layout.shapes]

    grid, single, half = Grid.BICUBIC_LEGACY, torch.float32, torch.bfloat16
    folding = "flow x4 + warp + space-to-depth", "upsample_bicubic, backward_warp, space_to_depth, cat"
    pairs: list[tuple[tuple[str, str], torch.dtype, Task, Task]] = [
        (folding, single, lambda: warp_reference(single), lambda: warp_native(single)),
        (folding, half, lambda: warp_reference(half), lambda: warp_native(half)),
        (
            ("conv 64 -> 3 at LR size", "conv2d"),
            single,
            lambda: F.conv2d(features, last.weight, last.bias, padding=1),
            lambda: narrow_conv(features, weight, last.bias.detach(), small),
        ),
        (
            ("flow refined, 2 rounds, at LR size", "grid_sample, avg_pool2d, pad and arithmetic"),
            single,
            lambda: refine_flow(lr, near, flow, 2, impl="torch"),
            lambda: refine_flow(lr, near, flow, 2, impl="native"),
        ),
        (
            ("warp of the x4 image, with gradients", "backward_warp, autograd"),
            single,
            lambda: gradient("torch"),
            lambda: gradient("native"),
        ),
        *convolutions(features),
    ]
    if args.clock == "wall":  # VapourSynth's threads are others
        zimg = "write_planes, core.resize.Bicubic"
        pairs.append(
            (
                ("RGB to YUV420P8 planes", zimg),
                single,
                zimg_reference(previous),
                lambda: pack_picture(previous, coded, layout),
            )
        )
    rows: list[Row] = []
    for (name, torch_operators), dtype, reference, mine in pairs:
        with torch.set_grad_enabled("gradients" in name):
            slow, fast = alternate(clock, args.repeats, reference, mine)
        rows.append(
            {
                "operator": name,
                "reference": torch_operators,
                "dtype": str(dtype).removeprefix("torch."),
                "lr": f"{w}x{h}",
                "reference_ms": slow * 1e3,
                "native_ms": fast * 1e3,
                "ratio": slow / fast,
                "kernels": native.describe(),
                "threads": args.threads,
                "clock": args.clock,
            }
        )
    return rows


def convolutions(features: torch.Tensor) -> list[tuple[tuple[str, str], torch.dtype, Task, Task]]:
    """Those of 64 channels to 64: of a frame, and of a training batch with gradients."""
    conv, deconv = torch.nn.Conv2d(64, 64, 3, padding=1), torch.nn.ConvTranspose2d(64, 64, 3, 2, 1, 1)
    kernel, taps = transform_kernel(conv.weight), pack_kernel(deconv.weight)
    bias, other_bias = (layer.bias.detach() for layer in (conv, deconv))
    block = ResidualBlock(64)
    fast_block, fast_deconv = FastResidualBlock(block), Deconvolution(deconv)
    batch = torch.randn(4, 64, 32, 32).contiguous(memory_format=torch.channels_last)

    def gradient(layer: Callable[[torch.Tensor], torch.Tensor]) -> object:
        result = layer(batch.clone().requires_grad_())
        return result.backward(torch.ones_like(result, memory_format=torch.channels_last))  # type: ignore[no-untyped-call]

    return [
        (
            ("conv 64 -> 64 at LR size", "conv2d"),
            torch.float32,
            lambda: F.conv2d(features, conv.weight, conv.bias, padding=1),
            lambda: winograd_conv(features, kernel, bias),
        ),
        (
            ("transposed conv 64 -> 64 from LR size, ReLU", "conv_transpose2d, relu"),
            torch.float32,
            lambda: F.conv_transpose2d(features, deconv.weight, deconv.bias, 2, 1, 1).relu_(),
            lambda: deconv_relu(features, taps, other_bias, (1, 1), (1, 1)),
        ),
        (
            ("residual block, 4 x 32x32, with gradients", "conv2d, relu, autograd"),
            torch.float32,
            lambda: gradient(block),
            lambda: gradient(fast_block),
        ),
        (
            ("transposed conv, 4 x 32x32, with gradients", "conv_transpose2d, relu, autograd"),
            torch.float32,
            lambda: gradient(lambda x: deconv(x).relu()),
            lambda: gradient(fast_deconv),
        ),
    ]


def zimg_reference(image: torch.Tensor) -> Task:
    """A task that brings an RGB image (1, 3, H, W) into a YUV420P8 frame by way of an RGBS one."""
    height, width = image.shape[2:]
    core = vs.core
    blank = core.std.BlankClip(format=vs.RGBS, width=width, height=height, length=1 << 20, keep=True)

    def paint(f: vs.VideoFrame, **_: int) -> vs.VideoFrame:
        frame = core.create_video_frame(f.format, f.width, f.height)
        write_planes(image, [np.asarray(frame[plane]) for plane in range(3)])
        return frame

    clip = blank.std.ModifyFrame(blank, paint)
    clip = clip.resize.Bicubic(format=vs.YUV420P8, matrix=1, range=0, resample_filter_uv="spline36")
    numbers = itertools.count()  # a frame made before would come from the cache
    return lambda: clip.get_frame(next(numbers))
