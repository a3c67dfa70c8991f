"""The CPU engine beside an encoder, against other runtimes on the same exported graph: scripts/benchmark.py busy."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from benchmarks import busy

from vs_tecogan.weights import DEFAULT_MODEL

from .record import Found
from .speed import benchmark
from .tables import Column, Table, Value

COLUMNS = {
    "runtime": Column(label="runtime"),
    "load": Column(label="beside it"),
    "ms": Column(label="ms per frame", digits=0),
    "against": Column(label="times the engine's", digits=1),
    "cpu": Column(label="processor ms per frame", digits=0),
    "cpu_against": Column(label="times the engine's", digits=1),
    "x264": Column(label="frames per second left to x264", digits=1),
}
LOADS = {"idle": "nothing", "busy": "x264"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its own options."""
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--size", default="180x144", metavar="WxH")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)


def measure(args: argparse.Namespace) -> Found:
    """All runtimes that are installed, idle and busy."""
    options = {"model": args.model, "size": args.size, "threads": args.threads}
    options |= {"seconds": args.seconds, "rounds": args.rounds}
    found = benchmark(busy, [word for key, value in options.items() for word in (f"--{key}", str(value))])
    rows: dict[str, Mapping[str, Value]] = {}
    for row in found:
        if "ms" not in row:
            continue  # not installed
        rows[f"{row['runtime']}-{row['load']}"] = {
            "runtime": str(row["runtime"]),
            "load": LOADS[str(row["load"])],
            "ms": row["ms"],
            "against": row["against"],
            "cpu": row["cpu_ms"],
            "cpu_against": row["cpu_against"],
            "x264": row.get("x264_fps"),
        }
    note = (
        f"{args.model} at {args.size}, fp32, {args.threads} threads for the runtime and as many for x264. Others run "
        f"the exported graph. Runtimes take turns, medians of {args.rounds}."
    )
    table = Table(corner="model", columns=COLUMNS, rows=rows, labels=dict.fromkeys(rows, args.model), note=note)
    return Found(tables={"runtimes": table}, settings=options, graphs=[args.model])
