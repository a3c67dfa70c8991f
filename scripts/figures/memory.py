"""Memory of a render on the CPU, each in a process of its own: peaks of whole frames and tiles, growth over time."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

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

PLAIN_COLUMNS = {
    "size": Column(label="input"),
    "step": Column(label="taken by steps, GB"),
    "pixel": Column(label="kB per input pixel", digits=1),
    "estimate": Column(label="the engine's estimate, GB"),
}
PLAIN_SIZES = ("480x270", "800x450")
PLAIN = """
import json, resource, sys
import numpy as np
import torch
from vs_tecogan.colour.coding import PLAIN
from vs_tecogan.engine.create import run_on
from vs_tecogan.engine.device import Device
from vs_tecogan.weights import load_model
width, height, model = json.loads(sys.argv[1])
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
engine = run_on(load_model(model).network, Device("cpu"), "fp32")
small, picture = (list(np.zeros((3, *size), np.float32)) for size in ((16, 16), (height, width)))
def steps(frame, state):
    for _ in range(2):
        state = engine.step(state, frame, following=(frame, PLAIN) if engine.ahead else None)
steps(small, engine.zero_state(16, 16))
before = peak()
steps(picture, engine.zero_state(height, width))
print(json.dumps([peak() - before, engine._network.step_bytes(height, width) / 1e9]))
"""

GROWTH_COLUMNS = {
    "done": Column(label="done"),
    "resident": Column(label="resident, MB", digits=0),
}
GROWTH = """
import json, sys
import vapoursynth as vs
from vs_tecogan import tecogan
frames, reloads, model = json.loads(sys.argv[1])
def resident():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) / 1e3 for line in file if line.startswith("VmRSS"))
def clip():
    source = vs.core.std.BlankClip(format=vs.YUV420P8, width=96, height=64, length=max(frames), color=[90, 120, 130])
    noisy = vs.core.std.ModifyFrame(source, source, lambda n, f: f)
    options = {"device": "cpu", "precision": "fp32", "duplicates": "advance"}
    return tecogan(noisy.std.SetFrameProps(_Matrix=1), model, **options)
rows = {}
upscaled = clip()
for n, frame in enumerate(upscaled.frames(prefetch=2, close=True), 1):
    if n in frames:
        rows[f"{n} frames"] = resident()
del upscaled, frame
for k in range(1, max(reloads) + 1):
    again = clip()
    again.get_frame(0)
    del again
    vs.core.clear_cache()
    if k in reloads:
        rows[f"{k} reloads"] = resident()
print(json.dumps(rows))
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its own options."""
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--tables", nargs="+", choices=MAKERS, default=tuple(MAKERS))
    parser.add_argument("--frames", type=int, nargs="+", default=(100, 500, 1000, 2000), help="after which to look")
    parser.add_argument("--reloads", type=int, nargs="+", default=(1, 10, 50), help="of the clip, after which to look")


def measure(args: argparse.Namespace) -> Found:
    """The tables that were asked for."""
    return Found(tables={name: MAKERS[name](args) for name in args.tables}, settings={}, graphs=[args.model])


def peaks(args: argparse.Namespace) -> Table:
    """Two recurrent frames of each size: the second has a state behind it."""
    rows: dict[str, Mapping[str, Value]] = {}
    for size, tile in CASES:
        width, height = map(int, size.split("x"))
        libraries, peak = run(PROGRAM, [width, height, tile, args.model])
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
    return Table(corner="model", columns=COLUMNS, rows=rows, labels=labels, note=note)


def plain(args: argparse.Namespace) -> Table:
    """Steps by torch's own operators, which run where no faster engine does."""
    rows: dict[str, Mapping[str, Value]] = {}
    for size in PLAIN_SIZES:
        width, height = map(int, size.split("x"))
        taken, estimate = run(PLAIN, [width, height, args.model])
        rows[size] = {"size": size, "step": taken, "pixel": 1e6 * taken / (width * height), "estimate": estimate}
    note = f"Two steps of {args.model} by torch's own operators on the CPU, fp32, less what small frames took."
    return Table(corner="model", columns=PLAIN_COLUMNS, rows=rows, labels=dict.fromkeys(rows, args.model), note=note)


def growth(args: argparse.Namespace) -> Table:
    """Memory after many frames, then after many reloads of the script, in one process."""
    found = run(GROWTH, [args.frames, args.reloads, args.model])
    rows = {key.replace(" ", "-"): {"done": key, "resident": value} for key, value in found.items()}
    note = f"One process: a render of 96x64 by {args.model}, fp32, then the clip made anew again and again."
    return Table(corner="model", columns=GROWTH_COLUMNS, rows=rows, labels=dict.fromkeys(rows, args.model), note=note)


MAKERS = {"peak": peaks, "plain": plain, "growth": growth}


def run(program: str, job: object) -> Any:
    """What a process of its own prints."""
    command = [sys.executable, "-c", program, json.dumps(job)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    return json.loads(done.stdout)
