"""Frames of video files and image folders as RGB arrays, without VapourSynth."""

import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from ..errors import TrainingError

Frame = npt.NDArray[np.uint8]
"""(H, W, 3) RGB."""

VIDEO_SUFFIXES = frozenset(
    [
        ".mp4",
        ".mkv",
        ".webm",
        ".avi",
        ".mov",
        ".m4v",
        ".mpg",
        ".mpeg",
        ".ts",
        ".m2ts",
        ".flv",
        ".wmv",
        ".y4m",
        ".ogv",
        ".vob",
    ]
)
IMAGE_SUFFIXES = frozenset([".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"])


class DecodeError(TrainingError):
    """A source that cannot be read to its end."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """One clip to be: a video file, or a folder of images that are its frames."""

    path: Path
    images: tuple[Path, ...] = ()
    """Frames in natural order of their names; empty for a video file."""
    still: bool = False
    """A picture by itself: ``images`` holds just that one."""

    def digest(self) -> str:
        """SHA-256 of the file, or of the names and contents of the images."""
        state = hashlib.sha256()
        for path in self.images or (self.path,):
            if self.images:
                state.update(path.name.encode() + b"\0")
            with path.open("rb") as stream:
                while block := stream.read(1 << 20):
                    state.update(block)
        return state.hexdigest()


def find_sources(paths: list[Path]) -> list[Source]:
    """Video files, and folders holding images, below ``paths``, in natural order and without repeats.

    :raises TrainingError: a path does not exist, or nothing usable lies below any of them.
    """
    found: dict[Path, Source] = {}
    for path in paths:
        if not path.exists():
            raise TrainingError(f"{path} does not exist; give video files, or folders of videos or images")
        folders = [path, *sorted((p for p in path.rglob("*") if p.is_dir()), key=natural_key)] if path.is_dir() else []
        for folder in folders:
            entries = sorted((p for p in folder.iterdir() if p.is_file()), key=natural_key)
            images = tuple(p for p in entries if p.suffix.lower() in IMAGE_SUFFIXES)
            if images:
                found.setdefault(folder.resolve(), Source(path=folder, images=images))
            for file in entries:
                if file.suffix.lower() in VIDEO_SUFFIXES:
                    found.setdefault(file.resolve(), Source(path=file))
        if path.is_file():
            found.setdefault(path.resolve(), Source(path=path))
    if not found:
        raise TrainingError(
            f"no video and no image below {', '.join(map(str, paths))}; known endings: .mp4 .mkv .png ..."
        )
    return list(found.values())


def find_stills(paths: list[Path]) -> list[Source]:
    """Images below ``paths``, each a source by itself, in natural order and without repeats.

    :raises TrainingError: a path does not exist, or holds no image.
    """
    found: dict[Path, Source] = {}
    for path in paths:
        files = sorted(path.rglob("*"), key=natural_key) if path.is_dir() else [path]
        images = [p for p in files if p.is_file() and p.suffix.lower() in IMAGE_SUFFIXES]
        if not images:
            raise TrainingError(f"--stills {path}: no image there; give images (.png .jpg ...) or folders of them")
        for image in images:
            found.setdefault(image.resolve(), Source(path=image, images=(image,), still=True))
    return list(found.values())


def natural_key(path: Path) -> list[tuple[int, str]]:
    """Sort key under which ``frame10`` follows ``frame9``."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", str(path).lower())]


def ffmpeg_executable() -> str:
    """Path of ffmpeg: the one on PATH, else the one that imageio-ffmpeg carries.

    :raises TrainingError: neither is there.
    """
    if found := shutil.which("ffmpeg"):
        return found
    try:
        import imageio_ffmpeg
    except ImportError:
        raise TrainingError("no ffmpeg on PATH; install ffmpeg, or 'pip install imageio-ffmpeg'") from None
    return str(imageio_ffmpeg.get_ffmpeg_exe())


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """What ffmpeg reports of a file's first video stream."""

    width: int
    height: int
    fps: float
    matrix: str
    """YUV matrix for the conversion to RGB: what the file says, else BT.709 from 720 lines on and BT.601 below."""


def probe(path: Path) -> VideoInfo:
    """Size, rate and matrix of the first video stream.

    :raises DecodeError: ffmpeg finds no video in the file.
    """
    command = [ffmpeg_executable(), "-hide_banner", "-nostdin", "-i", str(path)]
    report = subprocess.run(command, capture_output=True, check=False).stderr.decode(errors="replace")
    stream = re.search(r"Stream #.*Video:.*", report)
    size = re.search(r"[ ,](\d{2,5})x(\d{2,5})[ ,\[]", stream.group() + " ") if stream else None
    if not stream or not size:
        kinds = ", ".join(dict.fromkeys(re.findall(r"Stream #.*?: (Audio|Subtitle|Data|Attachment):", report))).lower()
        last = next((line.strip() for line in reversed(report.splitlines()) if line.strip()), "no report")
        raise DecodeError(f"{path.name}: ffmpeg finds no video ({f'only {kinds}' if kinds else last})")
    rate = re.search(r"([\d.]+) fps", stream.group())
    matrix = "bt709" if "bt709" in stream.group() or int(size[2]) >= 720 else "bt601"
    if re.search(r"bt470bg|smpte170m", stream.group()):
        matrix = "bt601"
    return VideoInfo(width=int(size[1]), height=int(size[2]), fps=float(rate[1]) if rate else 25.0, matrix=matrix)


def read_exactly(stream: BinaryIO, count: int) -> bytearray:
    """Up to ``count`` bytes, fewer only at the end of the stream."""
    buffer = bytearray(count)
    view, filled = memoryview(buffer), 0
    while filled < count and (got := stream.readinto(view[filled:])):  # type: ignore[attr-defined]
        filled += got
    return buffer[:filled]


def video_frames(path: Path) -> Iterator[Frame]:
    """Decode every frame of a video file; memory use does not grow with its length.

    :raises DecodeError: the file holds no video, or decoding stops with an error before its end.
    """
    info = probe(path)
    count = info.width * info.height * 3
    command = [
        ffmpeg_executable(),
        "-nostdin",
        "-v",
        "error",
        "-xerror",
        "-noautorotate",
        "-i",
        str(path),
        "-map",
        "0:v:0",
    ]
    command += ["-vf", f"scale=in_color_matrix={info.matrix}:flags=accurate_rnd+full_chroma_int+bicubic"]
    command += ["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    # Messages go to a file: a pipe that nobody empties would stop ffmpeg on a badly damaged source.
    with tempfile.TemporaryFile() as messages:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=messages)
        assert process.stdout is not None
        try:
            while len(data := read_exactly(process.stdout, count)) == count:  # type: ignore[arg-type]
                yield np.frombuffer(data, np.uint8).reshape(info.height, info.width, 3)
            if code := process.wait():
                messages.seek(0)
                text = messages.read().decode(errors="replace").strip().splitlines() or [f"exit code {code}"]
                raise DecodeError(f"{path.name}: {text[-1]}")
        finally:
            process.stdout.close()
            process.kill()
            process.wait()


def image_frames(images: tuple[Path, ...]) -> Iterator[Frame]:
    """Decode images one by one; 16-bit files are scaled to 8 bits, not cut.

    :raises DecodeError: an image cannot be read, or its size differs from that of the first.
    """
    import cv2

    shape: tuple[int, ...] | None = None
    for path in images:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
        if image is None:
            raise DecodeError(f"{path}: not a readable image")
        if image.dtype == np.uint16:
            image = np.rint(image / 257.0).astype(np.uint8)
        if image.dtype != np.uint8:
            raise DecodeError(f"{path}: samples are {image.dtype}; expected 8 or 16 bits")
        if shape is not None and image.shape != shape:
            raise DecodeError(
                f"{path}: size {image.shape[1]}x{image.shape[0]}, but the first image is {shape[1]}x{shape[0]}; "
                "a folder's images are the frames of one film, photographs go to --stills"
            )
        shape = image.shape
        yield np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def frames_of(source: Source) -> Iterator[Frame]:
    """All frames of a source in order."""
    return image_frames(source.images) if source.images else video_frames(source.path)


def frame_rate(source: Source) -> float:
    """Frames a second, by which the manifest turns frame numbers into times; 25 for images."""
    return 25.0 if source.images else probe(source.path).fps
