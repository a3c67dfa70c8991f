"""What the scheduler of the recurrence costs per frame: a recurrence that does nothing, on an instant source."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from benchmarks import scheduler

from .record import Found
from .speed import benchmark
from .tables import Column, Table, Value

CASES = {
    "no scheduler": "plain",
    "[FrameEval]": "frame-eval",
    "[a new node]": "new-node",
    "[a new node, flags]": "new-node-flags",
    "one chain": "chain",
    "one chain, flags": "chain-flags",
    "restart 120, warmup 8, flags": "restart",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its own options."""
    parser.add_argument("--repeats", type=int, default=5)


def measure(args: argparse.Namespace) -> Found:
    """Every case of scripts/benchmark.py scheduler, by requests in flight."""
    rows: dict[str, dict[str, Value]] = {}
    columns: dict[str, Column] = {}
    for row in benchmark(scheduler, ["--repeats", str(args.repeats)]):
        flight = str(row["in_flight"])
        columns |= {flight: Column(label=f"{flight} in flight, ms"), "steps": Column(label="steps per frame", digits=3)}
        case = rows.setdefault(CASES.get(str(row["case"]), str(row["case"])), {})
        case |= {flight: row["ms"], "steps": row["steps_per_frame"]}
    note = (
        "Milliseconds per 1920x1080 frame, wall clock, beside the requests of a plain ModifyFrame. Rows in brackets "
        "are empty callbacks in the same nodes: what VapourSynth itself costs."
    )
    labels: Mapping[str, str] = {key: label for label, key in CASES.items()}
    order = {key: columns[key] for key in sorted(columns, key=lambda key: (key == "steps", len(key), key))}
    return Found(tables={"cost": Table(corner="", columns=order, rows=rows, labels=labels, note=note)}, settings={})
