"""Clocks and repetitions shared by the benchmarks of operators, engines and the filter."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch

CLOCKS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "cpu": time.thread_time}


def add_timing_arguments(parser: argparse.ArgumentParser, *, repeats: int) -> None:
    parser.add_argument("--repeats", type=int, default=repeats, help=f"timings of each thing (default {repeats})")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="torch threads")
    parser.add_argument(
        "--clock",
        choices=list(CLOCKS),
        default="wall",
        help="cpu: time on the processor of the one calling thread, for busy machines; needs --threads 1",
    )


def use(args: argparse.Namespace) -> Callable[[], float]:
    """Set the threads; the clock asked for."""
    if args.clock == "cpu" and args.threads != 1:
        raise SystemExit("--clock cpu counts one thread only; give --threads 1")
    torch.set_num_threads(args.threads)
    return CLOCKS[args.clock]


def alternate(clock: Callable[[], float], repeats: int, *tasks: Callable[[], object]) -> list[float]:
    """Median seconds of each task; they take turns, so that noise meets all alike."""
    return [statistics.median(kept) for kept in turns(clock, repeats, *tasks)]


def turns(clock: Callable[[], float], repeats: int, *tasks: Callable[[], object]) -> list[list[float]]:
    """Seconds of each task in each round, the first left out, which warms up."""
    times: list[list[float]] = [[] for _ in tasks]
    for round_ in range(repeats + 1):
        for task, kept in zip(tasks, times, strict=True):
            start = clock()
            task()
            if round_:
                kept.append(clock() - start)
    return times
