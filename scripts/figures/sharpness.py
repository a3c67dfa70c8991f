"""Clean sources of every sharpness: most networks learn from one blur alone, and real files have others."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from vs_tecogan.metrics.bicubic import bicubic
from vs_tecogan.metrics.psnr import psnr_y

from . import scores
from .footage import Pictures, pictures, videos
from .record import Found
from .render import BICUBIC, upscale_once
from .tables import Column, Table, Value

SIGMAS = (0.8, 1.1, 1.5, 1.9)
"""Of the blur, HR pixels; 1.5 is the BD rule's at 4x."""
SCALE, FRAMES, FIRST = 4, 8, 2
"""FIRST frames of a chain do not count: it has no past yet."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its own options."""
    parser.add_argument("--clips", type=Path, required=True, metavar="DIR", help="folder of evaluation clips")
    parser.add_argument("--models", nargs="+", metavar="MODEL", help="names or files (default: all that upscale at 4x)")


def measure(args: argparse.Namespace) -> Found:
    """Every model after every blur."""
    names = args.models or scores.models_of(args, SCALE)
    clips = [pictures(path, FRAMES) for path in videos(args.clips)]
    rows: dict[str, dict[str, Value]] = {name: {} for name in (BICUBIC, *names)}
    for sigma in SIGMAS:
        for name, cells in rows.items():
            cells[key_of(sigma)] = float(np.mean([fidelity(truth, sigma, name) for truth in clips]))
    columns = {key_of(sigma): Column(label=f"sigma {sigma:g}, dB") for sigma in SIGMAS}
    note = (
        f"Y-PSNR of frames {FIRST + 1} to {FRAMES} of {len(clips)} clips. Low resolution: a Gaussian of this sigma, in "
        "pixels of the original, then every 4th pixel. 1.5 is the BD rule."
    )
    labels = {name: Path(name).stem for name in rows}
    return Found(
        tables={"sigma": Table(corner="model", columns=columns, rows=rows, labels=labels, note=note)},
        settings={"frames": FRAMES, "precision": "fp32"},
        models=names,
        inputs={"clips": args.clips},
        outside="The clips: scripts/fetch_eval.py (DAVIS 2017, 480p).",
    )


def key_of(sigma: float) -> str:
    """A column's key."""
    return f"sigma-{round(10 * sigma)}"


def fidelity(truth: Pictures, sigma: float, model: str) -> float:
    """Mean Y-PSNR of a chain, dB.

    :param truth: (T, H, W, 3) uint8.
    """
    low = np.stack([np.asarray(cv2.GaussianBlur(frame, (0, 0), sigma)[::SCALE, ::SCALE], np.uint8) for frame in truth])
    large: Sequence[Pictures] | Pictures
    large = [bicubic(frame, SCALE) for frame in low] if model == BICUBIC else upscale_once(low, model)
    height, width = truth.shape[1:3]
    pairs = list(zip(large, truth, strict=True))[FIRST:]
    return float(np.mean([psnr_y(ours[:height, :width], theirs) for ours, theirs in pairs]))
