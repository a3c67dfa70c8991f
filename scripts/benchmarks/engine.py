"""The engine: how much of a frame is convolution, and how a plain loop compares.

`conv_share`: convolution FLOPs of the network over the rate (FLOP/s) of its most frequent layer, 64 -> 64 at LR size in
the same precision, measured in the same run; that time over the frame's. `against_plain`: frame time of a plain eager
float32 loop of the same torch modules over the engine's. `ms` and `plain_fp32_ms` are medians, `least_ms` is the least;
all three take turns. Peak memory is measured by `scripts/figures.py memory`.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vs_tecogan.colour.coding import PLAIN
from vs_tecogan.engine import create_engine, resolve_precision
from vs_tecogan.networks import Generator, GeneratorSpec, Network, RecurrentSR
from vs_tecogan.weights import DEFAULT_MODEL, Model, ModelCard, load_model

from ._timing import add_timing_arguments, turns, use

Row = dict[str, object]
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_timing_arguments(parser, repeats=5)
    parser.add_argument("--size", action="append", metavar="WxH", help="LR size (default 180x144 and 480x270)")
    parser.add_argument(
        "--precision", action="append", choices=list(DTYPES), help="default: fp32 and the automatic one"
    )
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    parser.add_argument("--no-plain", action="store_true", help="leave out the plain loop, which is slow")


def run(args: argparse.Namespace) -> list[Row]:
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


def measure(args: argparse.Namespace, clock: Callable[[], float], width: int, height: int, precision: str) -> Row:
    engine = create_engine(load_model(args.model), device=args.device, precision=precision)
    frames = noise(width, height)
    network = load_model(args.model).network.to(args.device)
    dtype = DTYPES[precision]
    features = torch.randn(1, height, width, 64, dtype=dtype, device=args.device).permute(0, 3, 1, 2)
    weight = torch.randn(64, 64, 3, 3, dtype=dtype, device=args.device).contiguous(memory_format=torch.channels_last)
    bias = torch.zeros(64, dtype=dtype, device=args.device)
    plain = plain_loop(network, [torch.from_numpy(np.stack(frame))[None].to(args.device) for frame in frames])
    following = {"following": (frames[0], PLAIN)} if engine.ahead else {}
    finish = torch.cuda.synchronize if args.device != "cpu" else lambda: None

    with torch.inference_mode():
        state = engine.step(engine.zero_state(height, width), frames[0])

        def convolve() -> None:
            for _ in range(10):
                F.conv2d(features, weight, bias, padding=1)
            finish()

        def step() -> None:
            engine.step(state, frames[1], **following)
            finish()

        def by_torch() -> None:
            plain()
            finish()

        tasks = [convolve, step] if args.no_plain else [convolve, step, by_torch]
        times = turns(clock, args.repeats, *tasks)
    conv_time, step_time, *plain_time = (statistics.median(one) for one in times)
    rate = 10 * 2 * 64 * 64 * 9 * height * width / conv_time
    row: Row = {
        "lr": f"{width}x{height}",
        "device": args.device,
        "precision": precision,
        "ms": step_time * 1e3,
        "least_ms": min(times[1]) * 1e3,
        "conv_gflops": rate / 1e9,
        "conv_share": network_flops(network, width, height) / rate / step_time,
    }
    if plain_time:
        row |= {"plain_fp32_ms": plain_time[0] * 1e3, "against_plain": plain_time[0] / step_time}
    return row | {"threads": args.threads, "clock": args.clock, "model": args.model}


def plain_loop(network: Network, frames: Sequence[Tensor]) -> Callable[[], object]:
    """One step a call, with a step behind it, by the modules' own forward and torch's operators.

    :param frames: two pictures (1, 3, H, W), which take turns.
    """
    first, second = frames
    if isinstance(network, RecurrentSR):
        network.impl = "torch"
        begin, window = (
            torch.cat(frames[: network.spec.window], dim=1)
            for frames in ([first, first, second], [first, second, first])
        )
        with torch.inference_mode():
            _, state = network(begin, network.initial_state(1, *first.shape[2:]))
        return lambda: network(window, state)
    assert isinstance(network, Generator)
    with torch.inference_mode():
        previous = network.step(first)
    return lambda: network.step(second, first, previous)


def network_flops(network: Network, width: int, height: int) -> float:
    """FLOPs (two a multiply-add) of all convolutions of a frame."""
    if isinstance(network, RecurrentSR):
        return 2e3 * network.spec.kilo_macs * width * height
    assert isinstance(network, Generator)
    return conv_flops(width, height, network.spec.blocks)


def conv_flops(width: int, height: int, blocks: int) -> int:
    """FLOPs (two a multiply-add) of all convolutions of FRVSR's x4 frame; transposed ones as sub-pixel convolutions."""
    total, (h, w) = 0, (height, width)
    for index, (a, b) in enumerate(((6, 32), (32, 64), (64, 128), (128, 256), (256, 128), (128, 64))):
        total += 9 * h * w * (a * b + b * b)
        h, w = (h // 2, w // 2) if index < 3 else (h * 2, w * 2)
    total += 9 * h * w * (64 * 32 + 32 * 2)
    per_pixel = 51 * 64 + 2 * blocks * 64 * 64 + (1 + 4) * 64 * 64 + 16 * 64 * 3
    return 2 * (total + 9 * height * width * per_pixel)


def random_model(blocks: int) -> Model:
    torch.manual_seed(0)
    spec = GeneratorSpec(blocks=blocks, flow_rounds=2)
    return Model(Generator(spec).eval(), ModelCard(name="random", spec=spec))


def noise(width: int, height: int) -> list[list[np.ndarray]]:
    random = np.random.default_rng(0)
    return [list(random.random((3, height, width), dtype=np.float32)) for _ in range(2)]
