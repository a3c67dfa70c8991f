"""What bfloat16 costs in quality on the CPU."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import numpy as np

from vs_tecogan.metrics import psnr_y
from vs_tecogan.weights import DEFAULT_MODEL

from .footage import Degradation, low_resolution, pictures, videos
from .record import Found, file_hash
from .render import kept_values, model_key, scale_of, upscale
from .tables import Column, Table

FRAMES, SIDE = 4, 320
COLUMNS = {
    "fp32": Column(label="fp32, dB", digits=3),
    "bf16": Column(label="bf16, dB", digits=3),
    "loss": Column(label="loss, dB", digits=3, signed=True),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its own options."""
    parser.add_argument("--clips", type=Path, required=True, metavar="DIR", help="folder of evaluation clips")
    parser.add_argument("--model", default=DEFAULT_MODEL)


def measure(args: argparse.Namespace) -> Found:
    """Y-PSNR of both against the truth, over the middle of a few frames: bf16 may be emulated, slowly."""
    rows, scale = {}, scale_of(args.model)
    for path in videos(args.clips):
        key = ("precision", model_key(args.model), file_hash(path), FRAMES, SIDE)
        rows[path.stem] = kept_values(key, partial(compare, path, args.model, scale))
    note = f"Y-PSNR of {args.model} over the first {FRAMES} frames, the middle {SIDE}x{SIDE} pixels, BD rule."
    return Found(
        tables={"bf16": Table(corner="clip", columns=COLUMNS, rows=rows, labels={}, note=note)},
        settings={"frames": FRAMES, "side": SIDE},
        models=[args.model],
        inputs={"clips": args.clips},
        outside="The clips: scripts/fetch_eval.py (DAVIS 2017, 480p).",
    )


def compare(path: Path, model: str, scale: int) -> dict[str, float]:
    """One clip's row."""
    truth = pictures(path, FRAMES)
    top, left = ((side - SIDE) // 2 // scale * scale for side in truth.shape[1:3])
    truth = truth[:, top : top + SIDE, left : left + SIDE]
    low = low_resolution(truth, scale, Degradation())
    row = {}
    for precision in ("fp32", "bf16"):
        large = upscale(low, model, precision=precision, restart=0, warmup=0)
        row[precision] = float(np.mean([psnr_y(a, b) for a, b in zip(large, truth, strict=True)]))
    return row | {"loss": row["fp32"] - row["bf16"]}
