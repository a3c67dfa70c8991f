"""Crops of the models side by side: bicubic, each model, the original. Pictures only, no numbers."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from vs_tecogan.metrics.bicubic import bicubic

from .footage import Degradation, Pictures, low_resolution, pictures
from .record import Found
from .render import scale_of, upscale

ZOOM, WIDTH, HEIGHT = 1.5, 240, 200


@dataclass(frozen=True, kw_only=True)
class Crop:
    """Where to look: frame ``frame`` of a video, top left corner at (x, y)."""

    video: str
    frame: int
    x: int
    y: int


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """A picture of rows of crops."""

    models: Sequence[str]
    crops: Sequence[Crop]
    codec: str = ""
    frames: int = 12
    """Length of the chain that ends at the frame."""


CUPS = Crop(video="table_cups_360p.mp4", frame=30, x=220, y=80)
DOG = Crop(video="street_dog_360p.mp4", frame=30, x=130, y=60)
JUGGLE = Crop(video="juggle_360p.mp4", frame=100, x=290, y=20)
SHEETS = {
    "models-4x.png": Sheet(models=("frvsr-4x", "tecogan-4x"), crops=(JUGGLE, DOG)),
    "models-2x.png": Sheet(models=("frvsr-2x", "tecogan-2x"), crops=(JUGGLE, DOG), frames=6),
    "real-4x.png": Sheet(models=("tecogan-4x", "tecogan-real-4x"), crops=(CUPS, DOG), codec="h264:28"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its own options."""
    parser.add_argument("--clips", type=Path, required=True, metavar="DIR", help="the training footage at 640x360")


def measure(args: argparse.Namespace) -> Found:
    """All sheets."""
    sheets = {}
    for name, sheet in SHEETS.items():
        sheets[name] = png(np.concatenate([row(args.clips, crop, sheet) for crop in sheet.crops]))
    models = dict.fromkeys(model for sheet in SHEETS.values() for model in sheet.models)
    files = dict.fromkeys(crop.video for sheet in SHEETS.values() for crop in sheet.crops)
    return Found(
        tables={},
        settings={"from left to right": "bicubic, the models, the original", "zoom": ZOOM},
        models=list(models),
        inputs={name: args.clips / name for name in files},
        plots=sheets,
        outside="The clips: the 360p training footage that the model cards name.",
    )


def row(folder: Path, crop: Crop, sheet: Sheet) -> Pictures:
    """Bicubic, the models and the original, side by side."""
    first = max(0, crop.frame + 1 - sheet.frames)
    truth = pictures(folder / crop.video, crop.frame + 1 - first, first)
    scale = scale_of(sheet.models[0])
    low = low_resolution(truth, scale, Degradation(codec=sheet.codec))
    shown = [bicubic(low[-1], scale), *(upscale(low, model)[-1] for model in sheet.models), truth[-1]]
    return np.concatenate([one[crop.y : crop.y + HEIGHT, crop.x : crop.x + WIDTH] for one in shown], axis=1)


def png(picture: np.ndarray) -> bytes:
    """Enlarged so that the crops can be seen."""
    large = cv2.resize(picture, None, fx=ZOOM, fy=ZOOM, interpolation=cv2.INTER_CUBIC)
    data = cv2.imencode(".png", np.ascontiguousarray(large[..., ::-1]), [cv2.IMWRITE_PNG_COMPRESSION, 9])[1]
    return bytes(data.tobytes())
