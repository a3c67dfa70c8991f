"""What bfloat16 costs in quality on the CPU: Y-PSNR of a shipped model in fp32 and bf16 on real clips.

Clips are blurred (sigma 1.5) and every fourth sample is kept, as in training; a central crop keeps it quick. `loss_db`
is the Y-PSNR of fp32 less that of bf16, over the frames of a clip.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import numpy as np

from vs_tecogan.degrade import blur_down_picture
from vs_tecogan.engine import create_engine
from vs_tecogan.luma import luma
from vs_tecogan.metrics.picture import psnr
from vs_tecogan.video.names import videos_in
from vs_tecogan.video.read import video_frames
from vs_tecogan.weights import DEFAULT_MODEL, Model, load_model

Row = dict[str, object]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("clips", type=Path, help="folder of videos, or one")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--frames", type=int, default=10)
    parser.add_argument("--crop", type=int, default=480, help="side of the crop, pixels of the full size")


def run(args: argparse.Namespace) -> list[Row]:
    model = load_model(args.model)
    return [compare(model, path, args.frames, args.crop) for path in videos_in(args.clips)]


def compare(model: Model, path: Path, frames: int, crop: int) -> Row:
    truth = []
    for image in itertools.islice(video_frames(path), frames):
        top, left = ((side - crop) // 2 & ~3 for side in image.shape[:2])
        truth.append(image[max(top, 0) :, max(left, 0) :][:crop, :crop])
    lows = [blur_down_picture(image, 4).astype(np.float32) / 255 for image in truth]
    scores = {precision: y_psnr(model, precision, lows, truth) for precision in ("fp32", "bf16")}
    row: Row = {"clip": path.stem, "frames": frames}
    row |= {f"{precision}_db": score for precision, score in scores.items()}
    return row | {"loss_db": scores["fp32"] - scores["bf16"]}


def y_psnr(model: Model, precision: str, lows: list[np.ndarray], truth: list[np.ndarray]) -> float:
    engine = create_engine(model, device="cpu", precision=precision)
    height, width = lows[0].shape[:2]
    state, values = engine.zero_state(height, width), []
    out = np.empty((3, height * engine.scale, width * engine.scale), np.float32)
    for low, image in zip(lows, truth, strict=True):
        state = engine.step(state, [np.ascontiguousarray(low[..., c]) for c in range(3)])
        engine.read(state, list(out))
        picture = out.clip(0, 1).transpose(1, 2, 0)[: image.shape[0], : image.shape[1]]
        values.append(psnr(luma(picture, peak=1), luma(image.astype(np.float32))))
    return float(np.mean(values))
