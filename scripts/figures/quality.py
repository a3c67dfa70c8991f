"""Shipped models on clean sources: the BD rule at 4x (40 frames) and 2x (12 frames)."""

from __future__ import annotations

import argparse

from . import scores
from .footage import Degradation, videos
from .record import Found

FRAMES = {4: 40, 2: 12}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its own options."""
    scores.add_arguments(parser)
    parser.add_argument("--scales", type=int, nargs="+", choices=FRAMES, default=list(FRAMES))


def measure(args: argparse.Namespace) -> Found:
    """Every shipped model of each scale, bicubic and the originals."""
    tables, models = {}, []
    for scale in args.scales:
        frames = FRAMES[scale]
        names = scores.models_of(args, scale)
        found = scores.score(args, frames, scale, names, Degradation())
        clips = len(videos(args.clips))
        note = f"Means over the first {frames} frames of {clips} clips, low resolution by the BD rule at {scale}x."
        tables |= {f"{scale}x": scores.table(found, note), f"clips-{scale}x": scores.gains(found, note)}
        models += names
    return Found(
        tables=tables,
        settings={"degradation": "BD, sigma 1.5, 8 bits", "precision": "fp32", "frames": FRAMES},
        models=models,
        inputs=scores.inputs_of(args),
        outside="The clips: scripts/fetch_eval.py (DAVIS 2017, 480p).",
    )
