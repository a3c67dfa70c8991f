"""Speed of the default model on the CPU: the engine against a plain torch loop, and the filter against the engine."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks import engine, filter  # noqa: A004 - the benchmark of the filter

from vs_tecogan.engine import resolve_precision
from vs_tecogan.weights import DEFAULT_MODEL

from .record import Found
from .render import scale_of
from .tables import Column, Table, Value

ENGINE = {
    "size": Column(label="input"),
    "output": Column(label="output"),
    "precision": Column(label="precision"),
    "threads": Column(label="threads"),
    "ms": Column(label="ms per frame, median", digits=0),
    "least": Column(label="ms, least", digits=0),
    "plain": Column(label="plain torch loop, fp32, ms", digits=0),
    "ratio": Column(label="times as fast", digits=1),
}
FILTER = {
    "threads": Column(label="threads"),
    "precision": Column(label="precision"),
    "bare": Column(label="engine alone, ms per frame", digits=0),
    "filter": Column(label="in VapourSynth, ms per frame", digits=0),
    "overhead": Column(label="overhead, %", digits=1, signed=True),
    "fps": Column(label="frames per second"),
}
CLOCKS = {"wall": "wall clock", "cpu": "processor time of one thread while other programs ran"}
SIZES = ("180x144", "480x270", "960x540")
LARGE = "960x540"
"""A plain loop takes half a minute for such a frame; it is left out."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its own options."""
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="cpu: for busy machines, one thread")
    parser.add_argument("--no-filter", action="store_true", help="leave the filter's table as it is")
    parser.add_argument("--sizes", nargs="+", default=SIZES, metavar="WxH")


def measure(args: argparse.Namespace) -> Found:
    """All sizes, precisions and threads."""
    precisions = dict.fromkeys(("fp32", resolve_precision("cpu", "auto")[0]))
    rows: dict[str, Mapping[str, Value]] = {}
    for threads in args.threads:
        for size in args.sizes:
            for precision in precisions:
                key = f"{size}-{precision}-{threads}"
                rows[key] = engine_row(args, size, precision, threads)
                print(key, rows[key])
    labels = dict.fromkeys(rows, args.model)
    clock = CLOCKS[args.clock]
    note = (
        f"{args.model}, {clock}; both sides of a ratio take turns, medians of {args.repeats}. The plain loop runs "
        "the same torch modules, frame by frame, in float32 on as many threads."
    )
    tables = {"engine": Table(corner="model", columns=ENGINE, rows=rows, labels=labels, note=note)}
    if not args.no_filter:
        tables["filter"] = filter_table(args)
    return Found(tables=tables, settings={"repeats": args.repeats, "clock": args.clock}, graphs=[args.model])


def filter_table(args: argparse.Namespace) -> Table:
    """The filter beside the engine that it uses."""
    rows = {size: filter_row(args, size, max(args.threads)) for size in args.sizes if size != LARGE}
    note = (
        f"{args.model}, YUV420P8 in and out, null output, medians over all frames; engine and filter take turns, a "
        "process each. A difference below a few percent is noise."
    )
    return Table(corner="input", columns=FILTER, rows=rows, labels={}, note=note)


def engine_row(args: argparse.Namespace, size: str, precision: str, threads: int) -> Mapping[str, Value]:
    """One line of scripts/benchmark.py engine."""
    options = ["--size", size, "--precision", precision, "--threads", str(threads), "--model", args.model]
    options += ["--repeats", str(args.repeats), "--clock", args.clock] + (["--no-plain"] if size == LARGE else [])
    (row,) = benchmark(engine, options)
    width, height = map(int, size.split("x"))
    scale = scale_of(args.model)
    return {
        "size": size,
        "output": f"{width * scale}x{height * scale}",
        "precision": precision,
        "threads": str(threads),
        "ms": row["ms"],
        "least": row["least_ms"],
        "plain": row.get("plain_fp32_ms"),
        "ratio": row.get("against_plain"),
    }


def filter_row(args: argparse.Namespace, size: str, threads: int) -> Mapping[str, Value]:
    """One line of scripts/benchmark.py filter."""
    options = ["--size", size, "--threads", str(threads), "--model", args.model, "--repeats", str(args.repeats)]
    (row,) = benchmark(filter, options)
    return {
        "threads": str(threads),
        "precision": row["precision"],
        "bare": row["bare_ms"],
        "filter": row["filter_ms"],
        "overhead": 100 * (row["filter_ms"] / row["bare_ms"] - 1),
        "fps": 1000 / row["filter_ms"],
    }


def benchmark(module: object, options: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of a benchmark with these options."""
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)  # type: ignore[attr-defined]
    return module.run(parser.parse_args(list(options)))  # type: ignore[attr-defined,no-any-return]
