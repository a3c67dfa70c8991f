"""What tiles change: a frame in tiles against the whole frame, where tiles overlap and elsewhere."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import numpy as np

from vs_tecogan.engine.create import make_engine
from vs_tecogan.weights import DEFAULT_MODEL, load_model

from .convergence import floats
from .footage import Pictures, pictures, videos
from .record import Found, file_hash
from .render import frames_of, kept_values, model_key
from .tables import Column, Table

FRAMES, SIZE, TILE = 6, (320, 240), (128, 112)
COLUMNS = {
    "seam": Column(label="in the overlap, dB", digits=1),
    "elsewhere": Column(label="elsewhere, dB", digits=1),
    "worst": Column(label="largest difference, 8-bit levels", digits=1),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its own options."""
    parser.add_argument("--clips", type=Path, required=True, metavar="DIR", help="folder of evaluation clips")
    parser.add_argument("--model", default=DEFAULT_MODEL)


def measure(args: argparse.Namespace) -> Found:
    """The last of six recurrent frames of each clip."""
    rows, seam = {}, overlaps(args.model)
    for path in videos(args.clips):
        key = (model_key(args.model), file_hash(path), FRAMES, SIZE, TILE)
        rows[path.stem] = kept_values(key, partial(compare, path, args.model, seam))
    note = (
        f"{args.model}, frame {FRAMES} of a chain, input {SIZE[0]}x{SIZE[1]} (the middle of the clip's own frames) "
        f"in tiles of {TILE[0]}x{TILE[1]}, PSNR of RGB."
    )
    return Found(
        tables={"seams": Table(corner="clip", columns=COLUMNS, rows=rows, labels={}, note=note)},
        settings={"precision": "fp32", "frames": FRAMES, "size": SIZE, "tile": TILE},
        models=[args.model],
        inputs={"clips": args.clips},
        outside="The clips: scripts/fetch_eval.py (DAVIS 2017, 480p).",
    )


def compare(path: Path, model: str, seam: np.ndarray) -> dict[str, float]:
    """One clip's row."""
    low = centre(pictures(path, FRAMES))
    whole, tiled = (last(low, model, tile) for tile in (SIZE, TILE))
    error = np.square(whole.astype(np.float64) - tiled)
    parts = {"seam": error[seam], "elsewhere": error[~seam]}
    row = {key: float(-10 * np.log10(part.mean() + 1e-20)) for key, part in parts.items()}
    return row | {"worst": float(error.max() ** 0.5 * 255)}


def centre(frames: Pictures) -> Pictures:
    """The middle of each frame."""
    top, left = (frames.shape[1] - SIZE[1]) // 2, (frames.shape[2] - SIZE[0]) // 2
    return frames[:, top : top + SIZE[1], left : left + SIZE[0]]


def last(low: Pictures, model: str, tile: tuple[int, int]) -> np.ndarray:
    """(sH, sW, 3) in [0, 1]."""
    clip = floats(low, model, restart=0, warmup=0, tile=tile)
    return np.asarray(frames_of(clip)[-1].clip(0, 1))


def overlaps(model: str) -> np.ndarray:
    """Where more than one tile lies, bool (sH, sW)."""
    height, width = SIZE[::-1]
    engine = make_engine(load_model(model).network, "cpu", "fp32", tile=TILE[::-1])
    counts = np.zeros((height, width), int)
    for tile in engine.tiling.tiles(height, width):
        counts[tile.part] += 1
    return counts.repeat(engine.scale, 0).repeat(engine.scale, 1) > 1
