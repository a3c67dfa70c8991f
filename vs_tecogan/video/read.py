"""Frames of video files and image folders as RGB arrays, without VapourSynth.

:func:`read_frames` reads either. What the filter and the metrics read through VapourSynth comes from
:func:`~vs_tecogan.video.source.open_source` and :func:`~vs_tecogan.video.source.bestsource` instead.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import numpy.typing as npt

from ..colour.matrices import guess_matrix
from ..errors import VideoError
from .ffmpeg import find_ffmpeg
from .names import Footage
from .probe import VideoStream, probe

Frame = npt.NDArray[np.uint8]
"""(H, W, 3) RGB."""

_SCALER_NAMES = {1: "bt709", 4: "fcc", 5: "bt601", 6: "bt601", 7: "smpte240m", 9: "bt2020"}
"""H.273 codes of matrices, and what ffmpeg's scaler calls them."""
_RGB = 0
_USUAL_RATE = 25.0


def read_frames(footage: Footage) -> Iterator[Frame]:
    """All frames in order; memory use does not grow with their number.

    :raises VideoError: they cannot be read to their end.
    """
    return image_frames(footage.images) if footage.images else video_frames(footage.path)


def frame_rate(footage: Footage) -> float:
    """Frames per second; 25 for images, and for videos that do not say.

    :raises VideoError: the file holds no video.
    """
    return _USUAL_RATE if footage.images else float(first_video(footage.path)[1].frame_rate or _USUAL_RATE)


def first_video(path: Path) -> tuple[int, VideoStream]:
    """Number and description of a file's first video stream that is no cover picture.

    :raises VideoError: it has none.
    """
    seen = probe(path)
    for number, stream in seen.videos.items():
        if not stream.is_cover:
            return number, stream
    kinds = ", ".join(seen.others) or ("a cover picture" if seen.videos else "")
    raise VideoError(f"{path.name}: ffmpeg finds no video ({f'only {kinds}' if kinds else seen.complaint})")


def video_frames(path: Path) -> Iterator[Frame]:
    """Every frame of a video file, upright or not as it is stored, converted to RGB by the matrix that the file names.

    Where it names none, the rule of the filter decides, by size.

    :raises VideoError: the file holds no video, or decoding stops with an error before its end.
    """
    number, stream = first_video(path)
    shape = (stream.height, stream.width, 3)
    command = [find_ffmpeg(), "-nostdin", "-v", "error", "-xerror", "-noautorotate", "-i", f"file:{path}"]
    scaler = f"scale=in_color_matrix={_scaler_matrix(path, stream)}:flags=accurate_rnd+full_chroma_int+bicubic"
    command += ["-map", f"0:{number}", "-vf", scaler, "-fps_mode", "passthrough"]
    command += ["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    # Messages go to a file: a pipe that nobody empties would stop ffmpeg on a badly damaged source.
    with tempfile.TemporaryFile() as messages:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=messages)
        pictures = cast(BinaryIO, process.stdout)
        try:
            while len(data := _read_exactly(pictures, int(np.prod(shape)))) == np.prod(shape):
                yield np.frombuffer(data, np.uint8).reshape(shape)
            if code := process.wait():
                messages.seek(0)
                text = messages.read().decode(errors="replace").strip().splitlines() or [f"exit code {code}"]
                raise VideoError(f"{path.name}: {text[-1]}")
        finally:
            pictures.close()
            process.kill()
            process.wait()


def _scaler_matrix(path: Path, stream: VideoStream) -> str:
    code = guess_matrix(stream.width, stream.height) if stream.matrix is None else stream.matrix
    if code == _RGB:
        return "bt709"  # asked for, and not used
    if code not in _SCALER_NAMES:
        raise VideoError(f"{path.name}: ffmpeg cannot convert its colour matrix (H.273 code {code}) to RGB")
    return _SCALER_NAMES[code]


def _read_exactly(stream: BinaryIO, count: int) -> bytearray:
    """Up to ``count`` bytes, fewer only at the end of the stream."""
    buffer = bytearray(count)
    view, filled = memoryview(buffer), 0
    while filled < count and (got := stream.readinto(view[filled:])):  # type: ignore[attr-defined]
        filled += got
    return buffer[:filled]


def read_image(path: Path) -> Frame:
    """One image; 16-bit samples are scaled to 8 bits, not cut.

    :raises VideoError: it is no image that can be read, or has samples of another type.
    """
    import cv2  # of the extras train and metrics

    try:
        # not imread: on Windows it opens no file whose name needs other letters than the system's code page has
        data = np.fromfile(path, np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH) if data.size else None
    except OSError:
        image = None
    if image is None:
        raise VideoError(f"{path} is not a readable image")
    if image.dtype == np.uint16:
        image = np.rint(image / 257.0).astype(np.uint8)
    if image.dtype != np.uint8:
        raise VideoError(f"{path} has {image.dtype} samples; expected 8 or 16 bits")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def image_frames(images: Sequence[Path]) -> Iterator[Frame]:
    """Images one by one.

    :raises VideoError: an image cannot be read, or its size differs from that of the first.
    """
    shape: tuple[int, ...] | None = None
    for path in images:
        image = read_image(path)
        if shape is not None and image.shape != shape:
            raise VideoError(
                f"{path} is {image.shape[1]}x{image.shape[0]}, the folder's first image {shape[1]}x{shape[0]}; "
                "a folder's images are the frames of one clip, photographs go to prepare --stills"
            )
        shape = image.shape
        yield image
