"""What tiles change: the picture of a frame computed in tiles against that of the whole frame, on real clips.

`seam_db`: PSNR of the one against the other where tiles overlap and are blended; `elsewhere_db`: in the rest of the
frame; `worst_level`: the largest difference of a sample, in 8-bit levels. Of the last of `--frames` recurrent frames,
RGB clamped to [0, 1]. The clips' own frames, cropped in the centre, are the low-resolution input.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import numpy as np

from vs_tecogan.engine import create_engine
from vs_tecogan.engine.tiles import spans
from vs_tecogan.video.names import videos_in
from vs_tecogan.video.read import video_frames
from vs_tecogan.weights import DEFAULT_MODEL, Model, load_model

Row = dict[str, object]
Image = np.ndarray


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("clips", type=Path, help="folder of videos, or one")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--frames", type=int, default=6)
    parser.add_argument("--size", default="320x240", metavar="WxH", help="crop taken as LR frame (default 320x240)")
    parser.add_argument("--tile", default="128x112", metavar="WxH", help="LR tile (default 128x112)")
    parser.add_argument("--precision", default="auto")


def run(args: argparse.Namespace) -> list[Row]:
    model = load_model(args.model)
    size, tile = (tuple(map(int, text.split("x")))[::-1] for text in (args.size, args.tile))
    rows = []
    for path in videos_in(args.clips):
        clip = read(path, args.frames, size)
        whole, tiled = (last_output(model, clip, args.precision, shape) for shape in (size, tile))
        rows.append({"clip": path.stem, **compare(whole, tiled, overlaps(size, tile, model.generator.spec.scale))})
    common: Row = {"frame": args.frames, "lr": args.size, "tile": args.tile, "precision": args.precision}
    return [row | common for row in rows]


def read(path: Path, frames: int, size: tuple[int, ...]) -> list[list[Image]]:
    """Frames as R, G, B planes of ``size`` (height, width) from the centre."""
    clip = []
    for image in itertools.islice(video_frames(path), frames):
        if image.shape[0] < size[0] or image.shape[1] < size[1]:
            raise SystemExit(f"{path} is smaller than {size[1]}x{size[0]} pixels")
        top, left = ((have - want) // 2 for have, want in zip(image.shape, size, strict=False))
        crop = image[top : top + size[0], left : left + size[1]].astype(np.float32) / 255
        clip.append([np.ascontiguousarray(crop[..., c]) for c in range(3)])
    if len(clip) < frames:
        raise SystemExit(f"{path} has no {frames} frames")
    return clip


def last_output(model: Model, clip: list[list[Image]], precision: str, tile: tuple[int, ...]) -> Image:
    """(3, sH, sW) in [0, 1] of the last frame."""
    height, width = clip[0][0].shape
    engine = create_engine(model, device="cpu", precision=precision, tile=(tile[0], tile[1]))
    state = engine.zero_state(height, width)
    for planes in clip:
        state = engine.step(state, planes)
    output = np.empty((3, height * engine.scale, width * engine.scale), np.float32)
    engine.read(state, list(output))
    return output.clip(0, 1)


def overlaps(size: tuple[int, ...], tile: tuple[int, ...], scale: int) -> Image:
    """Where more than one tile lies, bool (sH, sW)."""
    counts = []
    for length, side in zip(size, tile, strict=True):
        count = np.zeros(length * scale, int)
        for span in spans(length, side):
            count[span.start * scale : span.stop * scale] += 1
        counts.append(count)
    return counts[0][:, None] * counts[1] > 1


def compare(whole: Image, tiled: Image, seam: Image) -> Row:
    error = (whole - tiled) ** 2
    seam_db, elsewhere_db = (float(-10 * np.log10(error[:, where].mean() + 1e-20)) for where in (seam, ~seam))
    return {"seam_db": seam_db, "elsewhere_db": elsewhere_db, "worst_level": float(error.max() ** 0.5 * 255)}
