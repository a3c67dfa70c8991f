"""Frames through a real encoder and back, as a file of them would show them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..errors import VideoError
from .ffmpeg import find_ffmpeg, send_through

_SMALLEST = {"libsvtav1": 64}
"""Pixels on a side that an encoder takes; others take 16."""
_READERS = {"mpeg2video": "mpegvideo"}
"""ffmpeg's names of bare streams for reading, where they are others than for writing."""


def through_encoder(frames: npt.NDArray[np.uint8], encoder: Sequence[str], form: str) -> npt.NDArray[np.uint8]:
    """Compress and decompress frames as one 4:2:0 stream.

    Sides that are odd or shorter than the encoder takes are filled up with repeated edges for the encoder.

    :param frames: (T, H, W, 3) uint8 RGB.
    :param encoder: ffmpeg's options of the encoder, ``-c:v`` and its name first.
    :param form: ffmpeg's name of the bare stream, such as "h264" or "mpeg2video".
    :return: the frames as decoded, same shape and dtype.
    :raises VideoError: ffmpeg fails, or none has the encoder.
    """
    count, height, width = frames.shape[:3]
    least = _SMALLEST.get(encoder[1], 16)
    pad = ((0, 0), _up_to_even(height, least), _up_to_even(width, least), (0, 0))
    data = np.pad(frames, pad, mode="edge")
    # One thread, so that the result does not depend on the machine.
    quiet = [find_ffmpeg(encoder[1]), "-nostdin", "-v", "error", "-threads", "1"]
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24"]
    size = ["-s", f"{data.shape[2]}x{data.shape[1]}", "-r", "25"]
    stream = send_through(
        [*quiet, *raw, *size, "-i", "-", *encoder, "-pix_fmt", "yuv420p", "-f", form, "-"], data.tobytes()
    )
    back = ["-f", _READERS.get(form, form), "-i", "-", "-fps_mode", "passthrough"]
    plain = send_through([*quiet, *back, *raw, "-"], stream)
    decoded = np.frombuffer(plain, np.uint8)
    if decoded.size != data.size:
        raise VideoError(f"ffmpeg returned {decoded.size / data[0].size:.1f} of {count} frames from {form}")
    return decoded.reshape(data.shape)[:, :height, :width]


def _up_to_even(side: int, least: int) -> tuple[int, int]:
    return 0, max(least - side, side % 2)
