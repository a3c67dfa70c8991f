#!/usr/bin/env python3
"""Make the moving picture of the README: enlarged input, output of a model and original, side by side.

    scripts/moving_picture.py VIDEO OUT.webp [--model NAME] [--start N] [--frames N] [--crop LEFT,TOP,WIDTH,HEIGHT]

VIDEO is made 4x smaller by the BD rule and enlarged again: once by bicubic (the model's own skip connection), once by
the model. docs/pictures/README.md has the command behind the picture in the README.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import vapoursynth as vs
from PIL import Image, ImageDraw

from vs_tecogan import tecogan
from vs_tecogan.degrade import blur_down_picture
from vs_tecogan.metrics.bicubic import bicubic

SCALE = 4
GAP = 6
"""Width of the line between two panels, in pixels."""

Picture = np.ndarray
"""(H, W, 3) uint8 RGB."""


def read(path: Path, start: int, count: int) -> tuple[list[Picture], float]:
    """`count` frames from `start` on, cut to multiples of SCALE, and their rate in frames per second."""
    clip = vs.core.bs.VideoSource(str(path), cachemode=0, showprogress=False)[start : start + count]
    clip = clip.std.CropAbs(clip.width // SCALE * SCALE, clip.height // SCALE * SCALE)
    return pictures(clip.resize.Bicubic(format=vs.RGB24, matrix_in=matrix(clip))), float(clip.fps)


def matrix(clip: vs.VideoNode) -> int:
    """The clip's matrix; where its frames do not say it, that which its size suggests."""
    with clip.get_frame(0) as frame:
        known = int(frame.props.get("_Matrix", 2))
    return known if known != 2 else vs.MATRIX_BT709 if clip.height >= 720 else vs.MATRIX_ST170_M


def pictures(clip: vs.VideoNode) -> list[Picture]:
    """The frames of an RGB24 clip."""
    return [np.stack([np.asarray(frame[plane]) for plane in range(3)], axis=-1) for frame in clip.frames(close=True)]


def clip_of(frames: Sequence[Picture]) -> vs.VideoNode:
    """An RGB24 clip of the given frames."""
    height, width, _ = frames[0].shape
    blank = vs.core.std.BlankClip(format=vs.RGB24, width=width, height=height, length=len(frames), keep=True)

    def paint(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        frame = f.copy()
        for plane in range(3):
            np.asarray(frame[plane])[...] = frames[n][..., plane]
        return frame

    return blank.std.ModifyFrame(blank, paint)


def panel(picture: Picture, crop: tuple[int, int, int, int], text: str) -> Image.Image:
    """The part `crop` (left, top, width, height) of a picture, with its name in a corner."""
    left, top, width, height = crop
    image = Image.fromarray(picture[top : top + height, left : left + width])
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 12 + draw.textlength(text, font_size=14), 22), fill=(0, 0, 0))
    draw.text((6, 3), text, fill=(255, 255, 255), font_size=14)
    return image


def beside(panels: Sequence[Image.Image]) -> Image.Image:
    """Panels of one size in a row."""
    width, height = panels[0].size
    row = Image.new("RGB", (len(panels) * (width + GAP) - GAP, height), (255, 255, 255))
    for index, image in enumerate(panels):
        row.paste(image, (index * (width + GAP), 0))
    return row


def numbers(text: str) -> tuple[int, ...]:
    """Integers separated by commas."""
    return tuple(int(part) for part in text.split(","))


def main(arguments: Sequence[str]) -> int:
    """Read, make smaller, upscale, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("out", type=Path, help="file to write; the suffix chooses WebP, GIF or APNG")
    parser.add_argument("--model", default="tecogan-4x")
    parser.add_argument("--start", type=int, default=0, help="first frame")
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--crop", type=numbers, help="LEFT,TOP,WIDTH,HEIGHT in pixels of VIDEO; default: all")
    parser.add_argument("--quality", type=int, default=72, help="of WebP, 0 to 100")
    args = parser.parse_args(arguments)

    truths, rate = read(args.video, args.start, args.frames)
    lows = [blur_down_picture(truth, SCALE) for truth in truths]
    results = pictures(tecogan(clip_of(lows), args.model))
    crop = args.crop or (0, 0, truths[0].shape[1], truths[0].shape[0])
    rows = [
        beside(
            (
                panel(bicubic(low, SCALE), crop, "input, bicubic 4x"),
                panel(result, crop, args.model),
                panel(truth, crop, "original"),
            )
        )
        for low, result, truth in zip(lows, results, truths, strict=True)
    ]
    rows[0].save(
        args.out,
        save_all=True,
        append_images=rows[1:],
        duration=round(1000 / rate),
        loop=0,
        quality=args.quality,
        method=6,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
