"""What segments cost `vs-tecogan upscale`: time and size against one piece, resuming, and two workers against one.

Each row is one run of the command on the same frames, or two where it is killed in the middle. CPU seconds are those of
all its processes: they say more than the clock where other programs run too.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from vs_tecogan.video.probe import probe

Row = dict[str, object]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("video", type=Path)
    parser.add_argument("--model", default="recurrent-small-4x")
    parser.add_argument("--end", type=int, default=7500, help="frames (default 7500: five minutes)")
    parser.add_argument(
        "--segment", type=float, default=30.0, help="seconds of a segment (default 30, as the command's)"
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kill-after", type=float, default=0.5, help="share of the run's time (default 0.5)")


def run(args: argparse.Namespace) -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "out.mkv"
        command = [sys.executable, "-m", "vs_tecogan", "upscale", str(args.video), str(out), "-q", "-y"]
        command += ["--model", args.model, "--end", str(args.end)]
        cut = [*command, "--segment", str(args.segment)]
        rows = [_measured("one piece", [*command, "--segment", "1e6"], out)]
        rows.append(_measured("segments", cut, out))
        rows.append(_measured("killed and resumed", cut, out, kill_after=_seconds(rows[1]) * args.kill_after))
        rows.append(_measured(f"{args.workers} workers", [*cut, "--workers", str(args.workers)], out))
    (source,) = probe(args.video).videos[:1]
    asked = {"segment": args.segment, "kill_after": args.kill_after, "model": args.model, "frames": args.end}
    for row in rows:
        row |= asked | {"size": f"{source.width}x{source.height}"}
    for row in rows[1:]:
        row["seconds_more_%"] = 100 * (_seconds(row) / _seconds(rows[0]) - 1)
        row["cpu_more_%"] = 100 * (float(str(row["cpu_seconds"])) / float(str(rows[0]["cpu_seconds"])) - 1)
        row["bytes_more_%"] = 100 * (int(str(row["bytes"])) / int(str(rows[0]["bytes"])) - 1)
    return rows


def _seconds(row: Row) -> float:
    return float(str(row["seconds"]))


def _measured(name: str, command: Sequence[str], out: Path, *, kill_after: float | None = None) -> Row:
    begin, used = time.perf_counter(), _cpu_seconds()
    if kill_after is not None:
        first = subprocess.Popen(command, start_new_session=True)
        time.sleep(kill_after)
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
    subprocess.run(command, check=True)
    return {
        "run": name,
        "seconds": time.perf_counter() - begin,
        "cpu_seconds": _cpu_seconds() - used,
        "bytes": out.stat().st_size,
    }


def _cpu_seconds() -> float:
    """Of all processes that this one has started and that have ended."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime
