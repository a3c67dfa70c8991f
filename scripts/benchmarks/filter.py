"""The filter in VapourSynth, with null output, against the bare engine loop on the same frames.

`ratio` is the bare loop's time a frame over the filter's: medians over all frames but the first of every run, where
short runs of both take turns, so that noise meets both alike. `ratio_low` and `ratio_high` are the same of the lower
and the upper quartiles: how much the machine scatters. `ratio_total` leaves nothing out: the sum of all runs, first
frames and every stall included. The filter's time of a frame is that between two of its frames.

Each side is a process of its own, as in use: a second team of OpenMP threads in one process slows both.

The source is YUV420P8, and so is the output: the filter's time includes both conversions, scheduling and frame
properties. Loading the model is left out on both sides. Chains run on without restarts or warm-up, so
that both do one step a frame.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import itertools
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection

import numpy as np
import torch
import vapoursynth as vs

from vs_tecogan import tecogan
from vs_tecogan.colour.coding import PLAIN
from vs_tecogan.engine import create_engine, resolve_device, resolve_precision
from vs_tecogan.weights import DEFAULT_MODEL, load_model

from ._timing import add_timing_arguments, use

Row = dict[str, object]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_timing_arguments(parser, repeats=9)
    parser.add_argument("--size", action="append", metavar="WxH", help="LR size (default 180x144 and 480x270)")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--model", default=DEFAULT_MODEL)


def run(args: argparse.Namespace) -> list[Row]:
    if args.clock == "cpu":
        raise SystemExit("the filter runs on threads of its own; --clock wall alone can measure it")
    use(args)
    if args.device != "cpu" and not torch.cuda.is_available():
        return [{"device": args.device, "result": "not measured: torch finds no CUDA device"}]
    rows: list[Row] = []
    for size in args.size or ["180x144", "480x270"]:
        width, height = map(int, size.split("x"))
        job = Job(
            model=args.model, width=width, height=height, frames=args.frames, device=args.device,
            precision=args.precision, threads=args.threads,
        )  # fmt: skip
        rows.append(measure(job, args.repeats))
    return rows


@dataclass(frozen=True, kw_only=True)
class Job:
    """What both sides compute."""

    model: str
    width: int
    height: int
    frames: int
    device: str
    precision: str
    threads: int


def measure(job: Job, repeats: int) -> Row:
    with contextlib.ExitStack() as stack:
        ours, theirs = (stack.enter_context(beside(side, job)) for side in (bare_side, filter_side))
        loop, whole, totals = [], [], [0.0, 0.0]
        for number in range(repeats + 1):
            times = [ask(ours), ask(theirs)]
            if number:  # the first run of each warms up
                loop += times[0][1:]
                whole += times[1][1:]
                totals = [total + sum(run) for total, run in zip(totals, times, strict=True)]
    (low, ratio, high), (_, bare_time, _), (_, filter_time, _) = quartiles(loop, whole)
    return {
        "lr": f"{job.width}x{job.height}",
        "device": job.device,
        "precision": resolve_precision(resolve_device(job.device), job.precision)[0],
        "bare_ms": bare_time * 1e3,
        "filter_ms": filter_time * 1e3,
        "ratio": ratio,
        "ratio_low": low,
        "ratio_high": high,
        "ratio_total": totals[0] / totals[1],
        "frames": len(whole),
        "threads": job.threads,
    }


@contextlib.contextmanager
def beside(side: Callable[[Connection, Job], None], job: Job) -> Iterator[Connection]:
    """The near end of a pipe to a process that runs ``side``."""
    context = multiprocessing.get_context("spawn")
    near, far = context.Pipe()
    process = context.Process(target=side, args=(far, job), daemon=True)
    process.start()
    far.close()  # so that a dead process is the end of the pipe
    try:
        yield near
    finally:
        near.close()
        process.join()


def ask(side: Connection) -> list[float]:
    """Let the process do one run; the seconds of its frames."""
    side.send(None)
    try:
        times: list[float] = side.recv()
    except EOFError:
        raise SystemExit("one side of the benchmark ended before its time; its error stands above") from None
    return times


def serve(pipe: Connection, once: Callable[[], list[float]]) -> None:
    """One run for each request, until nobody asks any more."""
    with contextlib.suppress(EOFError):
        while True:
            pipe.recv()
            pipe.send(once())


def bare_side(pipe: Connection, job: Job) -> None:
    torch.set_num_threads(job.threads)
    source = moving_source(job.width, job.height, job.frames)
    engine = create_engine(load_model(job.model), device=job.device, precision=job.precision)
    rgb = source.resize.Bicubic(format=vs.RGBS, matrix_in=1)
    frames = [[np.asarray(frame[c]).copy() for c in range(3)] for frame in rgb.frames()]

    def steps() -> Iterator[object]:
        state = engine.zero_state(job.height, job.width)
        for frame, following in itertools.zip_longest(frames, frames[1:]):
            ahead = (following, PLAIN) if engine.ahead and following is not None else None
            state = engine.step(state, frame, following=ahead)
            yield state

    serve(pipe, lambda: frame_times(steps()))


def filter_side(pipe: Connection, job: Job) -> None:
    torch.set_num_threads(job.threads)
    source = moving_source(job.width, job.height, job.frames)

    def once() -> list[float]:
        # a filter of its own for each run: frames that one has made it may hand out again
        clip = tecogan(
            source, model=job.model, device=job.device, precision=job.precision, restart=0, warmup=0,
            scene_change=False,
        )  # fmt: skip
        assert clip.width == 4 * job.width
        times = frame_times(clip.frames(close=True))
        del clip
        gc.collect()  # and its threads end before the next one's begin
        return times

    serve(pipe, once)


def quartiles(loop: list[float], whole: list[float]) -> tuple[list[float], list[float], list[float]]:
    """Quartiles of both and their ratios, at least two times each."""
    ours, all_ = statistics.quantiles(loop, method="inclusive"), statistics.quantiles(whole, method="inclusive")
    return [a / b for a, b in zip(ours, all_, strict=True)], ours, all_


def frame_times(frames: Iterable[object]) -> list[float]:
    """Seconds that each frame took, from the start or the frame before it."""
    times = [time.perf_counter(), *(time.perf_counter() for _ in frames)]
    return [after - before for before, after in itertools.pairwise(times)]


def moving_source(width: int, height: int, frames: int) -> vs.VideoNode:
    """A clip whose frames all differ, tagged BT.709 limited."""
    clips = [
        vs.core.std.BlankClip(
            format=vs.YUV420P8, width=width, height=height, length=1, color=[40 + 7 * k % 180, 128, 128]
        )
        for k in range(frames)
    ]
    clip = vs.core.std.Splice(clips)
    return clip.std.SetFrameProps(_Matrix=1, _Range=0, _Transfer=1, _Primaries=1)
