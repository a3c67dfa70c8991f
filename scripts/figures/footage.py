"""The clips that figures are measured on, and their low-resolution versions."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vs_tecogan.degrade import blur_down_picture
from vs_tecogan.errors import UsageError
from vs_tecogan.metrics.sources import open_clip
from vs_tecogan.video.ffmpeg import find_ffmpeg
from vs_tecogan.video.names import is_video

type Pictures = npt.NDArray[np.uint8]
"""(T, H, W, 3) RGB."""


@dataclass(frozen=True, kw_only=True)
class Degradation:
    """How the low-resolution version of a clip is made: the BD rule, then a codec or none."""

    codec: str = ""
    """"h264:CRF", or "mpeg2:KBITS" for 720x480 and as many bits a pixel for other sizes; 4:2:0, 25 frames a second."""

    def encoder(self, height: int, width: int) -> list[str]:
        """ffmpeg's options."""
        name, _, value = self.codec.partition(":")
        if name == "h264":
            return ["-c:v", "libx264", "-preset", "medium", "-crf", value]
        rate = str(int(value) * 1000 * height * width // (720 * 480))
        return ["-c:v", "mpeg2video", "-b:v", rate, "-maxrate", rate, "-bufsize", rate, "-bf", "2", "-g", "12"]


def videos(folder: Path) -> list[Path]:
    """The videos of a folder, by name.

    :raises UsageError: there are none.
    """
    found = sorted(path for path in folder.glob("*") if is_video(path))
    if not found:
        raise UsageError(f"{folder}: no video there; scripts/fetch_eval.py makes the evaluation clips")
    return found


def pictures(path: Path, frames: int | None = None, first: int = 0) -> Pictures:
    """Frames of a video."""
    end = None if frames is None else first + frames
    return np.stack(list(itertools.islice(open_clip(path).frames(), first, end)))


def low_resolution(truth: Pictures, scale: int, degradation: Degradation) -> Pictures:
    """(T, ceil(H / scale), ceil(W / scale), 3): Gaussian blur of sigma 1.5, every ``scale``-th pixel, 8 bits."""
    small = np.stack([blur_down_picture(picture, scale) for picture in truth])
    return compressed(small, degradation) if degradation.codec else small


def compressed(frames: Pictures, degradation: Degradation) -> Pictures:
    """Through an encoder and back; sizes become even for it by repeating edges, which are cut again."""
    count, height, width = frames.shape[:3]
    padded = np.pad(frames, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    size = f"{padded.shape[2]}x{padded.shape[1]}"
    quiet = [str(find_ffmpeg()), "-nostdin", "-v", "error", "-threads", "1"]
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24"]
    encoder = [*degradation.encoder(height, width), "-pix_fmt", "yuv420p", "-f", "nut", "-"]
    stream = _through([*quiet, *raw, "-s", size, "-r", "25", "-i", "-", *encoder], padded.tobytes())
    decoded = np.frombuffer(_through([*quiet, "-f", "nut", "-i", "-", *raw, "-"], stream), np.uint8)
    return np.ascontiguousarray(decoded.reshape(count, *padded.shape[1:])[:, :height, :width])


def _through(command: list[str], data: bytes) -> bytes:
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


def there_and_back(count: int, length: int) -> Iterator[int]:
    """Indices of ``count`` frames played forth and back until there are ``length``."""
    return itertools.islice(itertools.cycle([*range(count), *range(count - 2, 0, -1)]), length)
