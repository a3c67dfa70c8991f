"""Pictures that stand still: whether the output comes to rest, or flickers, or goes on changing."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from vs_tecogan.networks import VideoSpec
from vs_tecogan.weights import shipped_models

from .footage import Degradation, Pictures, low_resolution, pictures, videos
from .record import Found
from .render import scale_of, upscale
from .tables import Column, Table, Value

EARLY, LATE = 10, 60
"""Frames between which the picture should not change."""
SIDE = 32
FOOTAGE = "footage"
COLUMNS = {
    "picture": Column(label="picture that stands still"),
    "flicker": Column(label=f"frame {LATE} and the one before, levels"),
    "change": Column(label=f"frames {EARLY} and {LATE}, levels"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its own options."""
    parser.add_argument("--clips", type=Path, required=True, metavar="DIR", help="folder of evaluation clips")
    parser.add_argument("--models", nargs="+", metavar="MODEL", help="names or files (default: all that upscale video)")


def measure(args: argparse.Namespace) -> Found:
    """Every model on every picture."""
    names = args.models or [c.name for c in shipped_models() if isinstance(c.spec, VideoSpec)]
    rows: dict[str, dict[str, Value]] = {}
    labels: dict[str, str] = {}
    for name in names:
        shown = drawn() | {FOOTAGE: footage(args.clips, scale_of(name))}
        for title, picture in shown.items():
            labels[f"{name}-{title}"] = Path(name).stem
            rows[f"{name}-{title}"] = {"picture": title} | changes(picture, name)
    note = (
        f"The filter on {LATE + 1} frames of one picture, fp32, 8 bits, one chain: mean difference of pixels between "
        "two frames. Drawn pictures are the source as it is, with edges that no blur has softened; footage is the "
        "middle of the first clip's first frame, by the BD rule."
    )
    return Found(
        tables={"rest": Table(corner="model", columns=COLUMNS, rows=rows, labels=labels, note=note)},
        settings={"frames": LATE + 1, "precision": "fp32"},
        models=names,
        inputs={"clips": args.clips},
        outside="The clips: scripts/fetch_eval.py (DAVIS 2017, 480p).",
    )


def changes(picture: Pictures, model: str) -> Mapping[str, float]:
    """Differences, in 8-bit levels.

    :param picture: (H, W, 3) uint8.
    """
    film = np.broadcast_to(picture, (LATE + 1, *picture.shape))
    large = upscale(np.ascontiguousarray(film), model, restart=0, warmup=0, duplicates="advance").astype(np.int16)
    return {
        "flicker": float(np.abs(large[LATE] - large[LATE - 1]).mean()),
        "change": float(np.abs(large[LATE] - large[EARLY]).mean()),
    }


def drawn() -> dict[str, Pictures]:
    """Pictures (SIDE, SIDE, 3) uint8 with hard edges, as games, titles and drawings have them."""
    rng = np.random.default_rng(5)
    y, x = np.indices((SIDE, SIDE))
    text = np.zeros((SIDE, SIDE, 3), np.uint8)
    cv2.putText(text, "Ab8", (1, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 1)
    blocks = np.kron(rng.integers(30, 220, (8, 8, 3)), np.ones((4, 4, 1), int)).astype(np.uint8)
    return {
        "coloured blocks": blocks,
        "stripes, 3 pixels apart": grey(255 * (x % 3 == 0)),
        "checkerboard of 1 pixel": grey(255 * ((x + y) % 2)),
        "checkerboard of 2 pixels": grey(255 * ((x // 2 + y // 2) % 2)),
        "text": text,
    }


def grey(plane: np.ndarray) -> Pictures:
    """(H, W) as (H, W, 3) uint8."""
    return plane.astype(np.uint8)[..., None].repeat(3, axis=2)


def footage(clips: Path, scale: int) -> Pictures:
    """The middle of a frame of footage, as a source (SIDE, SIDE, 3) uint8."""
    low = low_resolution(pictures(videos(clips)[0], 1), scale, Degradation())[0]
    top, left = ((side - SIDE) // 2 for side in low.shape[:2])
    return np.ascontiguousarray(low[top : top + SIDE, left : left + SIDE])
