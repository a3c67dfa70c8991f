"""The demo's own parts: a short moving clip to upscale, and a picture of one frame before and after.

Usage: demo.py clip OUT.mkv | demo.py picture INPUT OUTPUT PICTURE.png
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import vapoursynth as vs

from vs_tecogan.colour.matrices import guess_matrix
from vs_tecogan.video.ffmpeg import find_ffmpeg
from vs_tecogan.video.source import bestsource

Image = np.ndarray[Any, np.dtype[np.float32]]

WIDTH, HEIGHT, SCALE = 640, 480, 4
FRAMES, RATE = 48, 24
WIDEST = 960
"""Largest width and height of each half of the picture; larger frames are cut to their middle."""


def texture(seed: int, size: int) -> Image:
    """Smooth noise of several octaves, (size, size) in [0, 1], periodic."""
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :])
    spectrum = np.fft.rfft2(np.random.default_rng(seed).standard_normal((size, size)))
    noise = np.fft.irfft2(spectrum / np.maximum(frequency, 4 / size) ** 1.1, s=(size, size))
    return ((noise - noise.min()) / np.ptp(noise)).astype(np.float32)


def lettering(text: str) -> Image:
    """A line of text as a mask (height, width) in [0, 1]."""
    blank = vs.core.std.BlankClip(format=vs.GRAY8, width=60 + 24 * len(text), height=120, length=1, color=0)
    with blank.text.Text(text, alignment=5, scale=3).get_frame(0) as frame:
        mask = (np.asarray(frame[0]) > 128).astype(np.float32)
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return np.pad(mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], 12)


def scene(n: int, ground: Image, bricks: Image, sign: Image) -> Image:
    """Frame n at full size, (HEIGHT, WIDTH, 3) in [0, 1]: a wall and a meadow pass by, a wheel turns, a sign floats."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    u = x + 3.3 * n
    wall = bricks[(y % 512).astype(int), (u % 512).astype(int)]
    mortar = np.minimum(y % 24, (u + 28 * (y // 24 % 2)) % 56) < 3
    picture = np.stack((0.62 - 0.2 * wall, 0.36 - 0.16 * wall, 0.28 - 0.12 * wall), axis=-1)
    picture[mortar] = 0.75
    grass = ground[(y * 1.7 % 512).astype(int), ((u * 1.4) % 512).astype(int)]
    meadow = y > 330 + 12 * np.sin(u / 47)
    picture[meadow] = np.stack((0.2 + 0.3 * grass, 0.35 + 0.5 * grass, 0.12 + 0.2 * grass), axis=-1)[meadow]
    _wheel(picture, x - (150 + 5 * n), y - 330, n)
    _paste(picture, sign, left=round(330 - 1.5 * n), top=round(80 + 25 * np.sin(n / 7)))
    return picture


def _wheel(picture: Image, x: Image, y: Image, n: int) -> None:
    radius, angle = np.hypot(x, y), np.arctan2(y, x) - 0.09 * n
    spokes = (radius < 82) & (np.abs(np.sin(6 * angle)) * radius < 9)
    rim = np.abs(radius - 88) < 8
    picture[(radius < 96) & ~rim] *= 0.45
    picture[spokes] = (0.9, 0.85, 0.55)
    picture[rim] = (0.12, 0.12, 0.16)


def _paste(picture: Image, sign: Image, *, left: int, top: int) -> None:
    height, width = sign.shape
    part = picture[top : top + height, left : left + width]
    part[...] = np.where(sign[..., None] > 0.5, (0.98, 0.95, 0.3), (0.1, 0.16, 0.42))[: part.shape[0], : part.shape[1]]


def shrink(picture: Image) -> Image:
    """Gaussian blur of sigma 1.5, then every fourth pixel: the degradation that the first models are trained for."""
    taps = np.arange(-6, 7)
    weights = np.exp(-(taps**2) / (2 * 1.5**2))
    weights /= weights.sum()
    for axis in (0, 1):
        padding = [(6, 6) if dimension == axis else (0, 0) for dimension in range(3)]
        padded = np.pad(picture, padding, mode="edge")
        length = picture.shape[axis]
        picture = sum(
            w * np.take(padded, range(i, i + length), axis=axis) for i, w in enumerate(weights.astype(np.float32))
        )
    return picture[::SCALE, ::SCALE]


def make_clip(out: Path) -> None:
    """Write the clip: two seconds of 160x120 at 24 fps, lossless, and a tone. The same pixels on every machine."""
    out.parent.mkdir(parents=True, exist_ok=True)
    ground, bricks, sign = texture(1, 512), texture(2, 512), lettering("vs_tecogan")
    frames = (shrink(scene(n, ground, bricks, sign)) for n in range(FRAMES))
    raw = b"".join(np.clip(frame * 255 + 0.5, 0, 255).astype(np.uint8).tobytes() for frame in frames)
    size = f"{WIDTH // SCALE}x{HEIGHT // SCALE}"
    tags = ("-colorspace", "smpte170m", "-color_primaries", "smpte170m", "-color_trc", "bt709", "-color_range", "tv")
    run_ffmpeg(
        *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", str(RATE), "-i", "pipe:0"),
        *("-f", "lavfi", "-i", f"sine=frequency=330:duration={FRAMES / RATE}", "-af", "volume=0.3"),
        *("-vf", "scale=out_color_matrix=smpte170m:out_range=tv,format=yuv420p", *tags),
        *("-c:v", "ffv1", "-threads", "1", "-c:a", "aac", f"file:{out}"),
        data=raw,
    )


def make_picture(source: Path, result: Path, out: Path) -> None:
    """Write the middle frame of two videos side by side: the first enlarged by bicubic to the size of the second."""
    before, after = (bestsource(path) for path in (source, result))
    middle = after.num_frames // 2
    width, height = after.width, after.height
    halves = (
        (before.resize.Bicubic(width, height, format=vs.RGB24, **matrix(before)), f"input, bicubic {width}x{height}"),
        (after.resize.Bicubic(format=vs.RGB24, **matrix(after)), f"vs_tecogan {width}x{height}"),
    )
    scale = max(1, min(width, WIDEST) // 320)
    labelled = [middle_of(clip[middle]).text.Text(text, alignment=7, scale=scale) for clip, text in halves]
    with vs.core.std.StackHorizontal(labelled).get_frame(0) as frame:
        pixels = np.stack([np.asarray(frame[plane]) for plane in range(3)], axis=-1)
    run_ffmpeg(
        *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{pixels.shape[1]}x{pixels.shape[0]}", "-i", "pipe:0"),
        *("-frames:v", "1", "-update", "1", f"file:{out}"),
        data=pixels.tobytes(),
    )


def matrix(clip: vs.VideoNode) -> dict[str, int]:
    """The matrix argument that a clip needs on the way to RGB: none where its frames or its family say it."""
    if clip.format.color_family != vs.YUV:
        return {}
    with clip.get_frame(0) as frame:
        known = frame.props.get("_Matrix", 2) != 2
    return {} if known else {"matrix_in": guess_matrix(clip.width, clip.height)}


def middle_of(clip: vs.VideoNode) -> vs.VideoNode:
    """At most WIDEST by WIDEST pixels of a clip."""
    width, height = min(clip.width, WIDEST), min(clip.height, WIDEST)
    return clip.std.CropAbs(width, height, (clip.width - width) // 2, (clip.height - height) // 2)


def run_ffmpeg(*arguments: str, data: bytes) -> None:
    """Run ffmpeg with `data` on its standard input."""
    command = [find_ffmpeg(), "-hide_banner", "-loglevel", "error", "-y", *arguments]
    subprocess.run(command, input=data, check=True)


def main(arguments: list[str]) -> int:
    """Do what the usage says."""
    match arguments:
        case ["clip", out]:
            make_clip(Path(out))
        case ["picture", source, result, out]:
            make_picture(Path(source), Path(result), Path(out))
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
