"""Real files as they are, enlarged: crops to be looked at. There is no truth to compare with, and no numbers.

The films are footage that models were trained on, but smaller: here they are enlarged beyond what any model has seen of
them (docs/real.md).
"""

from __future__ import annotations

import argparse
import io
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from vs_tecogan.metrics.bicubic import bicubic

from .footage import Pictures, pictures
from .pictures import GAP, panel
from .record import Found
from .render import upscale_once

WIDTH, HEIGHT, SCALE, FRAMES = 60, 45, 4, 16
"""Of a crop, source pixels; of the models; of a chain, whose last frame is shown."""
AROUND = 40
"""Source pixels about a crop that the models see too."""


@dataclass(frozen=True, kw_only=True)
class Spot:
    """Frame of a film, top left corner of the part that is shown, source pixels."""

    frame: int
    x: int
    y: int


SPOTS = {
    "bbb": Spot(frame=214, x=100, y=140),
    "blocks": Spot(frame=24, x=240, y=140),
    "coffee": Spot(frame=214, x=320, y=75),
    "elephants_dream": Spot(frame=214, x=320, y=120),
    "highway": Spot(frame=230, x=505, y=205),
    "juggle": Spot(frame=214, x=415, y=200),
    "street_dog": Spot(frame=214, x=415, y=200),
    "table_cups": Spot(frame=24, x=310, y=60),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its own options."""
    parser.add_argument("--films", type=Path, required=True, metavar="DIR", help="the films, NAME_360p.mp4")
    parser.add_argument("--models", nargs="+", metavar="M", default=["recurrent-real-4x"], help="names or files, 4x")


def measure(args: argparse.Namespace) -> Found:
    """A sheet for each film."""
    plots = {}
    for name, spot in SPOTS.items():
        title = name.replace("_", "-")
        plots[f"../pictures/real-{title}.webp"] = sheet(args.films / f"{name}_360p.mp4", spot, args.models)
    return Found(
        tables={},
        settings={"source pixels of a crop": f"{WIDTH}x{HEIGHT}", "precision": "fp32"},
        models=args.models,
        inputs={"films": args.films},
        plots=plots,
        outside="The films are those that the models' cards name.",
    )


def sheet(video: Path, spot: Spot, models: list[str]) -> bytes:
    """Above at 4x, below at 2x with its pixels doubled: bicubic, then the models; WebP without loss."""
    film = pictures(video, FRAMES, spot.frame + 1 - FRAMES)
    top, left = max(0, spot.y - AROUND), max(0, spot.x - AROUND)
    low = np.ascontiguousarray(film[:, top : spot.y + HEIGHT + AROUND, left : spot.x + WIDTH + AROUND])
    spot = replace(spot, x=spot.x - left, y=spot.y - top)
    large = {"bicubic": bicubic(low[-1], SCALE)} | {Path(m).stem: upscale_once(low, m)[-1] for m in models}
    rows = [{f"{name} 4x": cut(shown, spot, SCALE) for name, shown in large.items()}]
    half = {"bicubic 2x": bicubic(low[-1], 2)} | {
        f"{name} 4x, then half": halved(shown) for name, shown in large.items() if name != "bicubic"
    }
    rows.append({name: doubled(cut(shown, spot, 2)) for name, shown in half.items()})
    width, height = WIDTH * SCALE, HEIGHT * SCALE
    page = Image.new("RGB", (len(large) * (width + GAP) - GAP, 2 * (height + GAP) - GAP), (255, 255, 255))
    for line, row in enumerate(rows):
        for place, (name, shown) in enumerate(row.items()):
            page.paste(panel(shown, name), (place * (width + GAP), line * (height + GAP)))
    with io.BytesIO() as file:
        page.save(file, "WEBP", lossless=True, quality=100, method=6)
        return file.getvalue()


def cut(picture: Pictures, spot: Spot, scale: int) -> Pictures:
    """The part of an enlarged picture that is shown."""
    return picture[scale * spot.y : scale * (spot.y + HEIGHT), scale * spot.x : scale * (spot.x + WIDTH)]


def halved(picture: Pictures) -> Pictures:
    """Half the size, each pixel the mean of four."""
    height, width = picture.shape[:2]
    return cv2.resize(picture, (width // 2, height // 2), interpolation=cv2.INTER_AREA)


def doubled(picture: Pictures) -> Pictures:
    """Each pixel four times."""
    return np.repeat(np.repeat(picture, 2, axis=0), 2, axis=1)
