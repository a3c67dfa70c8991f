"""The engine: how much of a frame is convolution, and how a plain loop compares.

`conv_share`: convolution FLOPs of the network over the rate (FLOP/s) of its most frequent layer, 64 -> 64 at LR size in
the same precision, measured in the same run; that time over the frame's. `against_plain`: frame time of a plain eager
float32 loop of the same torch modules over the engine's. Figures are medians; all three take turns. Weights are random:
speed does not depend on them. `--memory` measures the peak of a 1920x1080 -> 7680x4320 frame in a process of its own,
in bfloat16 unless told otherwise; a processor without such instructions takes very long for that.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

import numpy as np
import torch
import torch.nn.functional as F

from vs_tecogan.engine import create_engine, resolve_precision
from vs_tecogan.networks import Generator, GeneratorSpec
from vs_tecogan.weights import Model, ModelCard

from ._timing import add_timing_arguments, alternate, use

Row = dict[str, object]
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_timing_arguments(parser, repeats=5)
    parser.add_argument("--size", action="append", metavar="WxH", help="LR size (default 180x144 and 480x270)")
    parser.add_argument(
        "--precision", action="append", choices=list(DTYPES), help="default: fp32 and the automatic one"
    )
    parser.add_argument("--blocks", type=int, default=10)
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    parser.add_argument("--no-plain", action="store_true", help="leave out the plain loop, which is slow")
    parser.add_argument("--memory", action="store_true", help="measure only the peak memory of a large CPU frame")


def run(args: argparse.Namespace) -> list[Row]:
    if args.memory:
        return [peak_memory(args, precision) for precision in args.precision or ["bf16"]]
    clock = use(args)
    automatic = resolve_precision(args.device, "auto")[0]
    rows: list[Row] = []
    if args.device != "cpu" and not torch.cuda.is_available():
        return [{"device": args.device, "result": "not measured: torch finds no CUDA device"}]
    for size in args.size or ["180x144", "480x270"]:
        width, height = map(int, size.split("x"))
        for precision in args.precision or dict.fromkeys(("fp32", automatic)):
            rows.append(measure(args, clock, width, height, precision))
    return rows


def measure(args: argparse.Namespace, clock: object, width: int, height: int, precision: str) -> Row:
    engine, frames = (
        create_engine(random_model(args.blocks), device=args.device, precision=precision),
        noise(width, height),
    )
    model = random_model(args.blocks).generator.to(args.device)
    dtype = DTYPES[precision]
    features = torch.randn(1, height, width, 64, dtype=dtype, device=args.device).permute(0, 3, 1, 2)
    weight = torch.randn(64, 64, 3, 3, dtype=dtype, device=args.device).contiguous(memory_format=torch.channels_last)
    bias = torch.zeros(64, dtype=dtype, device=args.device)
    first, second = (torch.from_numpy(np.stack(frame))[None].to(args.device) for frame in frames)
    finish = torch.cuda.synchronize if args.device != "cpu" else lambda: None

    with torch.inference_mode():
        state, previous = engine.step(engine.zero_state(height, width), frames[0]), model.step(first)

        def convolve() -> None:
            for _ in range(10):
                F.conv2d(features, weight, bias, padding=1)
            finish()

        def step() -> None:
            engine.step(state, frames[1])
            finish()

        def plain() -> None:
            model.step(second, first, previous)
            finish()

        tasks = [convolve, step] if args.no_plain else [convolve, step, plain]
        conv_time, step_time, *plain_time = alternate(clock, args.repeats, *tasks)  # type: ignore[arg-type]
    rate = 10 * 2 * 64 * 64 * 9 * height * width / conv_time
    row: Row = {
        "lr": f"{width}x{height}",
        "device": args.device,
        "precision": precision,
        "ms": step_time * 1e3,
        "conv_gflops": rate / 1e9,
        "conv_share": conv_flops(width, height, args.blocks) / rate / step_time,
    }
    if plain_time:
        row |= {"plain_fp32_ms": plain_time[0] * 1e3, "against_plain": plain_time[0] / step_time}
    return row | {"threads": args.threads, "clock": args.clock, "blocks": args.blocks}


def conv_flops(width: int, height: int, blocks: int) -> int:
    """FLOPs (two a multiply-add) of all convolutions of a x4 frame; transposed ones as sub-pixel convolutions."""
    total, (h, w) = 0, (height, width)
    for index, (a, b) in enumerate(((6, 32), (32, 64), (64, 128), (128, 256), (256, 128), (128, 64))):
        total += 9 * h * w * (a * b + b * b)
        h, w = (h // 2, w // 2) if index < 3 else (h * 2, w * 2)
    total += 9 * h * w * (64 * 32 + 32 * 2)
    per_pixel = 51 * 64 + 2 * blocks * 64 * 64 + (1 + 4) * 64 * 64 + 16 * 64 * 3
    return 2 * (total + 9 * height * width * per_pixel)


def random_model(blocks: int) -> Model:
    torch.manual_seed(0)
    spec = GeneratorSpec(blocks=blocks, flow_rounds=2)  # as frvsr-4x; tecogan-4x has a third
    return Model(Generator(spec).eval(), ModelCard(name="random", spec=spec))


def noise(width: int, height: int) -> list[list[np.ndarray]]:
    random = np.random.default_rng(0)
    return [list(random.random((3, height, width), dtype=np.float32)) for _ in range(2)]


def peak_memory(args: argparse.Namespace, precision: str) -> Row:
    """Two recurrent frames of 1920x1080 in a fresh process; its largest resident size, libraries included."""
    program = (
        "import json, resource, sys; sys.path[:0] = sys.argv[1:];"
        "from benchmarks import engine as e; from vs_tecogan.engine import create_engine;"
        "base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        f"engine = create_engine(e.random_model({args.blocks}), device='cpu', precision='{precision}');"
        "frames = e.noise(1920, 1080); state = engine.zero_state(1080, 1920);"
        "state = engine.step(state, frames[0]); state = engine.step(state, frames[1]);"
        "peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "print(json.dumps({'peak_gb': peak * 1024 / 1e9, 'of_it_libraries_gb': base * 1024 / 1e9}))"
    )
    done = subprocess.run([sys.executable, "-c", program, *sys.path[:2]], check=True, capture_output=True, text=True)
    return {"lr": "1920x1080", "device": "cpu", "precision": precision, **json.loads(done.stdout)}
