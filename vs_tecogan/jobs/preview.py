"""A short excerpt, as the whole job would show it, and what the whole job would take."""

from __future__ import annotations

import struct
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import vapoursynth as vs

from ..files import write_file
from ..video.alpha import keeps_alpha
from ..video.source import Source
from ..video.write import EncoderOptions, Job, encode
from .render import upscaled
from .spec import Placement, Spec

type Picture = npt.NDArray[np.uint8]
"""(H, W, 3) RGB."""

_GAP = 8
"""White pixels between two pictures."""


@dataclass(frozen=True, kw_only=True)
class Excerpt:
    """What was made of a few frames."""

    picture: Picture
    """Its middle frame."""
    seconds_per_frame: float
    """Without the first frame, which waits for its chain."""
    bytes_per_frame: float


def render_excerpt(
    spec: Spec, place: Placement, source: Source, options: EncoderOptions, out: Path, on_frame: Callable[[], None]
) -> Excerpt:
    """Encode the frames of ``spec`` into ``out``: the same pixels as in the whole film, for they have the same chains.

    :raises VideoError: the encoder failed.
    :raises vapoursynth.Error: an option that the filter refuses, or a frame that fails.
    """
    clip = upscaled(source, spec, place)[spec.first : spec.end]
    timeline = source.timeline.cut(spec.first, spec.end)
    marks = [time.monotonic()]

    def mark() -> None:
        marks.append(time.monotonic())
        on_frame()

    job = Job(
        clip=clip,
        source=source,
        timeline=timeline,
        out=out,
        options=options,
        first=spec.first,
        alpha=keeps_alpha(source.clip, spec.codec),
        whole=False,
    )
    encode(job, on_frame=mark, note=lambda _: None)
    steps = marks[2:] or marks[1:]
    begin = marks[1] if len(marks) > 2 else marks[0]
    return Excerpt(
        picture=rgb_of(clip, clip.num_frames // 2),
        seconds_per_frame=(steps[-1] - begin) / max(len(marks) - 2, 1),
        bytes_per_frame=out.stat().st_size / clip.num_frames,
    )


def enlarged(source: Source, spec: Spec, size: tuple[int, int]) -> Picture:
    """The middle frame of the excerpt, enlarged by bicubic interpolation to (width, height)."""
    middle = spec.first + (spec.end - spec.first) // 2
    return rgb_of(source.clip, middle, size)


def rgb_of(clip: vs.VideoNode, n: int, size: tuple[int, int] | None = None) -> Picture:
    """Frame n as RGB of 8 bits."""
    one = clip[n]
    width, height = size or (clip.width, clip.height)
    with one.get_frame(0) as frame:
        unsaid = frame.props.get("_Matrix", 2) == 2 and clip.format.color_family == vs.YUV
    guess = {"matrix_in": vs.MATRIX_BT709 if clip.height > 576 else vs.MATRIX_ST170_M} if unsaid else {}
    with one.resize.Bicubic(width, height, format=vs.RGB24, **guess).get_frame(0) as frame:
        return np.stack([np.asarray(frame[plane]) for plane in range(3)], axis=-1)


def side_by_side(pictures: list[Picture]) -> Picture:
    """Pictures of the same height in a row, with white between them."""
    height = pictures[0].shape[0]
    gap = np.full((height, _GAP, 3), 255, np.uint8)
    row = [part for picture in pictures for part in (picture, gap)][:-1]
    return np.concatenate(row, axis=1)


def write_png(path: Path, picture: Picture) -> None:
    """Write an 8-bit RGB PNG.

    :raises OSError: it cannot be written.
    """
    height, width, _ = picture.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), picture.reshape(height, -1)], axis=1)  # filter 0: none
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 6)), (b"IEND", b""))
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    write_file(path, b"\x89PNG\r\n\x1a\n" + body)
