"""The native CPU operators against the torch code that defines them, on one thread and on two."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from benchmarks import ops

from .record import Found
from .speed import CLOCKS, benchmark
from .tables import Column, Table, Value

COLUMNS = {
    "reference": Column(label="torch"),
    "dtype": Column(label="type"),
    "threads": Column(label="threads"),
    "slow": Column(label="torch, ms", digits=1),
    "fast": Column(label="native, ms", digits=1),
    "ratio": Column(label="times as fast", digits=1),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its own options."""
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="cpu: for busy machines, one thread")


def measure(args: argparse.Namespace) -> Found:
    """Every operator of scripts/benchmark.py ops."""
    rows: dict[str, Mapping[str, Value]] = {}
    labels, kernels = {}, ""
    for threads in args.threads:
        found = benchmark(ops, ["--threads", str(threads), "--repeats", str(args.repeats), "--clock", args.clock])
        for number, row in enumerate(found):
            key = f"{number}-{threads}"
            labels[key], kernels = str(row["operator"]), str(row["kernels"])
            rows[key] = {
                "reference": str(row["reference"]),
                "dtype": str(row["dtype"]),
                "threads": str(threads),
                "slow": row["reference_ms"],
                "fast": row["native_ms"],
                "ratio": row["ratio"],
            }
    clock = CLOCKS[args.clock]
    note = f"One 4x frame of 480x270, {kernels}, {clock}; both sides take turns, medians of {args.repeats}."
    table = Table(corner="operator", columns=COLUMNS, rows=rows, labels=labels, note=note)
    return Found(tables={"forward": table}, settings={"repeats": args.repeats})
