"""Shipped 4x models on compressed sources: the BD rule, then H.264 at crf 28 or MPEG-2 at a DVD's rate; 12 frames."""

from __future__ import annotations

import argparse

from . import scores
from .footage import Degradation, videos
from .record import Found

FRAMES = 12
CODECS = {"h264": ("h264:28", "H.264 (x264, crf 28)"), "mpeg2": ("mpeg2:4500", "MPEG-2 (as 4500 kbit/s at 720x480)")}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its own options."""
    scores.add_arguments(parser)
    parser.add_argument("--codecs", nargs="+", choices=CODECS, default=list(CODECS))


def measure(args: argparse.Namespace) -> Found:
    """Every shipped 4x model, bicubic and the originals, for each codec."""
    names = scores.models_of(args, 4)
    tables = {}
    for key in args.codecs:
        codec, label = CODECS[key]
        found = scores.score(args, FRAMES, 4, names, Degradation(codec=codec))
        clips = len(videos(args.clips))
        note = f"Means over the first {FRAMES} frames of {clips} clips, low resolution by the BD rule, then {label}."
        tables[key] = scores.table(found, note)
    return Found(
        tables=tables,
        settings={"degradation": "BD, sigma 1.5, 8 bits, then a codec in 4:2:0", "precision": "fp32", "frames": FRAMES},
        models=names,
        inputs=scores.inputs_of(args),
        outside="The clips: scripts/fetch_eval.py (DAVIS 2017, 480p).",
    )
