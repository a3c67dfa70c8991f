"""Which files are videos and images, and in which order the images of a folder follow each other."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import VideoError

_VIDEOS = "mp4 mkv webm avi mov m4v mpg mpeg ts m2ts mts m2t m2v mpv mxf 3gp flv f4v wmv asf y4m ogv vob divx dv"
VIDEO_SUFFIXES = frozenset(f".{ending}" for ending in _VIDEOS.split())
IMAGE_SUFFIXES = frozenset(f".{ending}" for ending in ["png", "jpg", "jpeg", "bmp", "tif", "tiff", "webp"])

WRITTEN_SUFFIXES = IMAGE_SUFFIXES - {".webp"}
"""Of pictures that are written one by one; a new .webp is an animation."""
NUMBER = re.compile(r"%(?:0(\d+))?d")
"""Stands for the number in the names of many files."""


@dataclass(frozen=True, kw_only=True)
class Footage:
    """Frames by where they are stored: a video file, a folder of images that follow each other, or one picture."""

    path: Path
    images: tuple[Path, ...] = ()
    """Files of the frames in order; empty for a video file."""
    still: bool = False
    """A picture by itself: ``images`` holds just that one."""

    @property
    def name(self) -> str:
        """What pairs it with others: a folder's name is whole, as a dot in it begins no ending."""
        return self.path.name if self.images else self.path.stem

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


def is_numbered(path: Path) -> bool:
    """Whether a name stands for many: ``%d``, ``%04d``, or ``%s`` for new files."""
    return bool(NUMBER.search(path.name)) or "%s" in path.name


def is_picture(path: Path) -> bool:
    """Whether a name is that of a new picture, or of several."""
    return path.suffix.lower() in WRITTEN_SUFFIXES


def natural_key(path: Path | str) -> list[tuple[int, str]]:
    """Sort key under which ``frame10`` follows ``frame9``."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", str(path).lower())]


def is_video(path: Path) -> bool:
    """Whether the name is one of a video file that is to be seen."""
    return path.suffix.lower() in VIDEO_SUFFIXES and not is_hidden(path)


def is_image(path: Path) -> bool:
    """Whether the name is one of an image file that is to be seen."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not is_hidden(path)


def is_hidden(path: Path) -> bool:
    """Whether the name begins with a dot, as that of what macOS leaves beside a file on foreign disks: ``._a.png``."""
    return path.name.startswith(".")


def entries(folder: Path) -> list[Path]:
    """What a folder shows, in natural order.

    :raises VideoError: it cannot be read.
    """
    try:
        return sorted((path for path in folder.iterdir() if not is_hidden(path)), key=natural_key)
    except OSError as error:
        raise VideoError(f"cannot read the folder {folder}: {error.strerror}") from None


def images_in(folder: Path) -> tuple[Path, ...]:
    """The image files of a folder, in natural order."""
    return tuple(path for path in entries(folder) if is_image(path) and path.is_file())


def videos_in(path: Path) -> list[Path]:
    """The video files of a folder, in natural order; a file stands for itself.

    :raises VideoError: there is none.
    """
    if path.is_file():
        return [path]
    if found := [file for file in entries(path) if is_video(file)]:
        return found
    raise VideoError(f"{path} holds no video; known endings: {' '.join(sorted(VIDEO_SUFFIXES))}")


def find_footage(paths: Sequence[Path]) -> list[Footage]:
    """Video files, and folders holding images, below ``paths``, in natural order and without repeats.

    A file that is named itself is taken for a video, whatever its ending.

    :raises VideoError: a path does not exist, or nothing usable lies below any of them.
    """
    found: dict[Path, Footage] = {}
    for path in paths:
        if not path.exists():
            raise VideoError(f"{path} does not exist; give video files, or folders of videos or images")
        for folder in _folders(path):
            if images := images_in(folder):
                found.setdefault(folder.resolve(), Footage(path=folder, images=images))
            for file in entries(folder):
                if is_video(file) and file.is_file():
                    found.setdefault(file.resolve(), Footage(path=file))
        if path.is_file():
            found.setdefault(path.resolve(), Footage(path=path))
    if not found:
        raise VideoError(f"no video and no image below {', '.join(map(str, paths))}; known endings: .mp4 .mkv .png ...")
    return list(found.values())


def passed_over(paths: Sequence[Path]) -> Counter[str]:
    """How many files below folders no ending tells to be a video or an image, by ending in small letters."""
    found: Counter[str] = Counter()
    for folder in (folder for path in paths for folder in _folders(path)):
        found.update(
            path.suffix.lower() or "no ending"
            for path in entries(folder)
            if path.is_file() and not is_video(path) and not is_image(path)
        )
    return found


def find_stills(paths: Sequence[Path]) -> list[Footage]:
    """Images below ``paths``, each by itself, in natural order and without repeats.

    :raises VideoError: a path does not exist, or holds no image.
    """
    found: dict[Path, Footage] = {}
    for path in paths:
        images = [image for folder in _folders(path) for image in images_in(folder)]
        if path.is_file() and path.suffix.lower() in IMAGE_SUFFIXES:
            images = [path]
        if not images:
            raise VideoError(f"--stills {path}: no image there; give images (.png .jpg ...) or folders of them")
        for image in images:
            found.setdefault(image.resolve(), Footage(path=image, images=(image,), still=True))
    return list(found.values())


def _folders(path: Path) -> list[Path]:
    """A folder and those below it that are to be seen, in natural order; none for a file."""
    if not path.is_dir():
        return []
    below = (found for found in path.rglob("*") if found.is_dir() and not _is_within_hidden(found.relative_to(path)))
    return [path, *sorted(below, key=natural_key)]


def _is_within_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
