"""Peak memory of a render on the CPU, each in a process of its own: whole frames and tiles."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping

from vs_tecogan.weights import DEFAULT_MODEL

from .record import ROOT, Found
from .render import scale_of
from .tables import Column, Table, Value

COLUMNS = {
    "size": Column(label="input"),
    "output": Column(label="output"),
    "frames": Column(label="frames are"),
    "peak": Column(label="peak of the process, GB"),
    "libraries": Column(label="before the first frame, GB"),
}
CASES = (("480x270", None), ("960x540", None), ("1920x1080", None), ("1920x1080", (512, 384)))
PROGRAM = """
import json, resource, sys
import vapoursynth as vs
from vs_tecogan import tecogan
width, height, tile, model = json.loads(sys.argv[1])
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
clip = vs.core.std.BlankClip(format=vs.YUV420P8, width=width, height=height, length=2, color=[90, 120, 130])
options = {"device": "cpu", "precision": "fp32", "duplicates": "advance", "warmup": 0, "restart": 0}
clip = tecogan(clip.std.SetFrameProps(_Matrix=1), model, tile=tile and tuple(tile), **options)
libraries = peak()
for frame in clip.frames(prefetch=1, close=True):
    pass
print(json.dumps([libraries, peak()]))
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its own options."""
    parser.add_argument("--model", default=DEFAULT_MODEL)


def measure(args: argparse.Namespace) -> Found:
    """Two recurrent frames of each size: the second has a state behind it."""
    rows: dict[str, Mapping[str, Value]] = {}
    for size, tile in CASES:
        width, height = map(int, size.split("x"))
        job = json.dumps([width, height, tile, args.model])
        command = [sys.executable, "-c", PROGRAM, job]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        libraries, peak = json.loads(done.stdout)
        scale = scale_of(args.model)
        rows[f"{size}-{'tiles' if tile else 'whole'}"] = {
            "size": size,
            "output": f"{width * scale}x{height * scale}",
            "frames": f"tiles of {tile[0]}x{tile[1]}" if tile else "whole",
            "peak": peak,
            "libraries": libraries,
        }
    labels = dict.fromkeys(rows, args.model)
    note = f"The filter in VapourSynth, YUV420P8 in and out, fp32, two frames of a chain, {args.model}."
    table = Table(corner="model", columns=COLUMNS, rows=rows, labels=labels, note=note)
    return Found(tables={"peak": table}, settings={}, models=[args.model])
