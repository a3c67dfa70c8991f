"""What segments, resuming and two workers cost a job: rows of the benchmark of jobs."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benchmarks import jobs

from vs_tecogan.errors import UsageError

from .record import Found
from .speed import benchmark
from .tables import Column, Table, Value

COLUMNS = {
    "seconds": Column(label="seconds", digits=0),
    "seconds_more": Column(label="time, %", digits=1, signed=True),
    "cpu_more": Column(label="processor time, %", digits=1, signed=True),
    "bytes_more": Column(label="size of the file, %", digits=2, signed=True),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its own options."""
    parser.add_argument("--video", type=Path, metavar="FILE", help="a source of five minutes")
    parser.add_argument("--rows", type=Path, metavar="JSON", help="what scripts/benchmark.py jobs --json has written")


def measure(args: argparse.Namespace) -> Found:
    """One table."""
    if (args.video is None) == (args.rows is None):
        raise UsageError("jobs: give --video or --rows")
    rows = json.loads(args.rows.read_text()) if args.rows else benchmark(jobs, [str(args.video)])
    settings = {key: rows[0][key] for key in ("model", "frames", "size", "segment", "kill_after")}
    note = (
        f"{settings['model']} on {settings['frames']} frames of {settings['size']}, segments of at least "
        f"{settings['segment']:g} seconds; percent more than one piece. The killed run lost its power after "
        f"{settings['kill_after']:.0%} of its time and was given the same command again."
    )
    labels = {str(row["run"]).replace(" ", "-"): str(row["run"]) for row in rows}
    table: dict[str, dict[str, Value]] = {
        key: {column: row.get(column if column == "seconds" else f"{column}_%") for column in COLUMNS}
        for key, row in zip(labels, rows, strict=True)
    }
    return Found(
        tables={"cost": Table(corner="job", columns=COLUMNS, rows=table, labels=labels, note=note)},
        settings=settings,
        graphs=[str(settings["model"])],
        outside="The source: any video of five minutes; its segments begin at its cuts.",
    )
