#!/usr/bin/env python3
"""A picture of crops, one row each: bicubic, the models, the original; low resolution as in score_models.py.

    scripts/crops.py OUT.png --crop VIDEO:FRAME:X,Y [--crop ...] --models NAME|FILE [...] [--codec h264:CRF|mpeg2:KBITS]

FRAME is the frame shown, X,Y the crop's top left corner. The models run over the --frames frames that end there, after
their warm-up.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from score_models import codec, enlarged, excerpt, upscaled

from vs_tecogan.engine import Engine, create_engine
from vs_tecogan.errors import MetricsError, UserError
from vs_tecogan.filter import WARMUP
from vs_tecogan.metrics import Picture
from vs_tecogan.metrics.sources import open_clip
from vs_tecogan.weights import load_model


@dataclass(frozen=True, kw_only=True)
class Crop:
    """Where to look: frame `frame` of the video, top left corner at (x, y)."""

    video: Path
    frame: int
    x: int
    y: int


def main() -> int:
    """Write the picture; 2 for unusable arguments."""
    args = parse_arguments()
    try:
        engines = [create_engine(load_model(m), device=args.device, precision=args.precision) for m in args.models]
        rows = [row(crop, engines, args) for crop in args.crop]
    except (UserError, FileNotFoundError) as error:
        print(f"crops: {error}", file=sys.stderr)
        return 2
    write(np.concatenate(rows), args.zoom, args.out)
    return 0


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, metavar="OUT.png")
    parser.add_argument("--crop", type=crop, action="append", required=True, metavar="VIDEO:FRAME:X,Y")
    parser.add_argument("--models", nargs="+", required=True, metavar="NAME|FILE", help="all of one scale")
    parser.add_argument("--codec", type=codec, metavar="h264:CRF|mpeg2:KBITS", help="compress the low-resolution clip")
    parser.add_argument("--size", type=size, default=(240, 200), metavar="WxH", help="of each crop; default: 240x200")
    parser.add_argument("--frames", type=int, default=12, metavar="N", help="frames of the chain; default: 12")
    parser.add_argument("--zoom", type=float, default=1.5, help="enlarge the finished picture; default: 1.5")
    parser.add_argument("--device", default=None, help="as in the filter; default: CUDA where there is one")
    parser.add_argument("--precision", default="auto")
    return parser.parse_args()


def crop(text: str) -> Crop:
    """A valid --crop."""
    try:
        video, frame, corner = text.rsplit(":", 2)
        x, y = (int(part) for part in corner.split(","))
        return Crop(video=Path(video), frame=int(frame), x=x, y=y)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}; give VIDEO:FRAME:X,Y, such as clip.mp4:60:200,40") from None


def size(text: str) -> tuple[int, int]:
    """A valid --size."""
    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r}; give WxH, such as 240x200")
    return int(width), int(height)


def row(crop: Crop, engines: Sequence[Engine], args: argparse.Namespace) -> Picture:
    """Bicubic, the models and the original, side by side.

    :raises MetricsError: no such frame, or a crop beyond it.
    """
    clip = open_clip(crop.video)
    width, height = args.size
    if not (
        0 <= crop.frame < clip.length and 0 <= crop.x <= clip.width - width and 0 <= crop.y <= clip.height - height
    ):
        raise MetricsError(
            f"frame {crop.frame} at {crop.x},{crop.y} with {width}x{height}; "
            f"{crop.video} has {clip.length} frames of {clip.width}x{clip.height}"
        )
    first = max(0, crop.frame + 1 - args.frames)
    part = excerpt(clip, first, crop.frame + 1 - first)
    shown = [enlarged(part, engines[0].scale, args.codec)]
    shown += [upscaled(engine, part, WARMUP, args.codec) for engine in engines]
    tiles = [last(frames)[crop.y : crop.y + height, crop.x : crop.x + width] for frames in (*shown, part.frames())]
    return np.concatenate(tiles, axis=1)


def last(frames: Iterator[Picture]) -> Picture:
    """The last picture of a non-empty sequence."""
    for frame in frames:
        result = frame
    return result


def write(picture: Picture, zoom: float, out: Path) -> None:
    """Write the picture, enlarged so that its crops can be seen."""
    import cv2

    large = cv2.resize(picture, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC)
    out.parent.mkdir(parents=True, exist_ok=True)
    png = cv2.imencode(".png", np.ascontiguousarray(large[..., ::-1]), [cv2.IMWRITE_PNG_COMPRESSION, 9])[1]
    print(f"crops: {out}, {large.shape[1]}x{large.shape[0]}, {out.write_bytes(png.tobytes())} bytes", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
