"""What bfloat16 costs in quality on the CPU: Y-PSNR of a shipped model in fp32 and bf16 on real clips.

Clips are blurred (sigma 1.5) and every fourth sample is kept, as in training; a central crop keeps it quick. `loss_db`
is the Y-PSNR of fp32 less that of bf16, over the frames of a clip.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from vs_tecogan.engine import create_engine
from vs_tecogan.weights import DEFAULT_MODEL, Model, load_model

from ._videos import videos_in

Row = dict[str, object]
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("clips", type=Path, help="folder of videos, or one")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--frames", type=int, default=10)
    parser.add_argument("--crop", type=int, default=480, help="side of the crop, pixels of the full size")


def run(args: argparse.Namespace) -> list[Row]:
    model = load_model(args.model)
    return [compare(model, path, args.frames, args.crop) for path in videos_in(args.clips)]


def compare(model: Model, path: Path, frames: int, crop: int) -> Row:
    reader, truth = cv2.VideoCapture(str(path)), []
    for _ in range(frames):
        image = reader.read()[1]
        top, left = ((side - crop) // 2 & ~3 for side in image.shape[:2])
        truth.append(image[max(top, 0) :, max(left, 0) :][:crop, :crop, ::-1].astype(np.float32) / 255)
    lows = [cv2.GaussianBlur(image, (0, 0), 1.5)[::4, ::4] for image in truth]
    scores = {precision: psnr(model, precision, lows, truth) for precision in ("fp32", "bf16")}
    row: Row = {"clip": path.stem, "frames": frames}
    row |= {f"{precision}_db": score for precision, score in scores.items()}
    return row | {"loss_db": scores["fp32"] - scores["bf16"]}


def psnr(model: Model, precision: str, lows: list[np.ndarray], truth: list[np.ndarray]) -> float:
    engine = create_engine(model, device="cpu", precision=precision)
    height, width = lows[0].shape[:2]
    state, values = engine.zero_state(height, width), []
    out = np.empty((3, height * engine.scale, width * engine.scale), np.float32)
    for low, image in zip(lows, truth, strict=True):
        state = engine.step(state, [np.ascontiguousarray(low[..., c]) for c in range(3)])
        engine.read(state, list(out))
        picture = out.clip(0, 1).transpose(1, 2, 0)[: image.shape[0], : image.shape[1]]
        values.append(-10 * np.log10(np.mean(((picture - image) @ LUMA) ** 2)))
    return float(np.mean(values))
