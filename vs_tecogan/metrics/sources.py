"""Clips to measure: video files, image folders, and how results and references are paired."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ColourError, MetricsError
from ..tracebacks import innermost
from ..video.names import IMAGE_SUFFIXES, entries, images_in, is_video
from ..video.read import image_frames, read_image
from .picture import Picture
from .protocol import OVERHANG, ProtocolName

if TYPE_CHECKING:
    import vapoursynth as vs

IGNORED = "IB"
"""Image files whose names begin so are left out, as the official script does."""


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A clip that can be read from its beginning, more than once."""

    path: Path
    images: tuple[Path, ...]
    """Files of an image folder, in order; empty for a video."""
    width: int
    height: int
    length: int
    fps: Fraction | None
    """Frames a second; None for images and where the file does not say."""

    @property
    def name(self) -> str:
        """What to call it in tables."""
        return self.path.name if self.images else self.path.stem

    def frames(self) -> Iterator[Picture]:
        """Decode frame by frame, (H, W, 3) uint8 RGB.

        :raises VideoError: an image cannot be read or has another size than the first.
        :raises MetricsError: a frame of a video cannot be decoded.
        """
        return image_frames(self.images) if self.images else _video_frames(self.path)


@dataclass(frozen=True, kw_only=True)
class ClipPair:
    """A result and, unless it is measured alone, its reference."""

    name: str
    result: Clip
    reference: Clip | None
    method: str = ""
    """What made the result, where several did it from the same truth."""
    source: Clip | None = None
    """What was enlarged, where it is at hand."""

    @property
    def label(self) -> str:
        """Name and method; no two pairs of a run share it."""
        return f"{self.name}, {self.method}" if self.method else self.name


def open_clip(path: Path) -> Clip:
    """Look at a video file or a folder of images.

    :raises MetricsError: there is neither.
    :raises VideoError: it cannot be read.
    """
    _check_there(path)
    return _open_folder(path) if path.is_dir() else _open_video(path)


def _check_there(path: Path) -> None:
    try:
        path.stat()
    except FileNotFoundError:
        raise MetricsError(f"{path} does not exist; give a video file or a folder of images") from None
    except (OSError, ValueError) as error:  # ValueError: a zero byte, in a line of a list that is no list
        said = error.strerror if isinstance(error, OSError) else error
        raise MetricsError(f"cannot open {str(path)[:200]}: {said}; give a video file or a folder of images") from None


def _images_in(folder: Path) -> tuple[Path, ...]:
    return tuple(path for path in images_in(folder) if not path.name.startswith(IGNORED))


def _open_folder(path: Path) -> Clip:
    images = _images_in(path)
    if not images:
        raise MetricsError(f"{path} holds no images; known endings: {' '.join(sorted(IMAGE_SUFFIXES))}")
    height, width = read_image(images[0]).shape[:2]
    return Clip(path=path, images=images, width=width, height=height, length=len(images), fps=None)


def _video_node(path: Path) -> vs.VideoNode:
    """The video as RGB24, converted by what each frame says of itself."""
    from ..video.source import bestsource  # loads VapourSynth, which folders of images do not need
    from .clip import rgb24

    try:
        return rgb24(bestsource(path), name=str(path))
    except ColourError as error:
        raise MetricsError(f"cannot read {path} as a video: {error}") from None


def _open_video(path: Path) -> Clip:
    node = _video_node(path)
    return Clip(
        path=path,
        images=(),
        width=node.width,
        height=node.height,
        length=node.num_frames,
        fps=Fraction(node.fps.numerator, node.fps.denominator) if node.fps else None,
    )


def _video_frames(path: Path) -> Iterator[Picture]:
    import vapoursynth as vs

    from .clip import picture_of

    try:
        for frame in _video_node(path).frames(prefetch=2, backlog=4, close=True):
            yield picture_of(frame)
    except vs.Error as error:
        raise MetricsError(f"cannot decode {path}: {_cause(error)}") from None


def _cause(error: Exception) -> str:
    """What went wrong, in one line."""
    return " ".join(innermost(error)[1].split())


def check_pair(pair: ClipPair, protocol: ProtocolName) -> None:
    """Compare what is known of both sides before any frame is read.

    :raises MetricsError: sizes, lengths or frame rates differ; the text names both sides.
    """
    a, b = pair.result, pair.reference
    if b is None:
        return
    allowed = OVERHANG if protocol == "official" else 0
    if not (0 <= a.width - b.width <= allowed and 0 <= a.height - b.height <= allowed):
        hint = ""
        if 0 <= a.width - b.width <= OVERHANG and 0 <= a.height - b.height <= OVERHANG:
            hint = "; the official protocol cuts this overhang off"
        raise MetricsError(f"{a.path} is {a.width}x{a.height}, {b.path} is {b.width}x{b.height}{hint or _SAME}")
    if a.length != b.length:
        raise MetricsError(f"{a.path} has {a.length} frames, {b.path} has {b.length}{_SAME}")
    if a.fps and b.fps and abs(a.fps / b.fps - 1) > Fraction(1, 1000):
        raise MetricsError(f"{a.path} runs at {float(a.fps):g} fps, {b.path} at {float(b.fps):g} fps{_SAME}")


_SAME = "; result and reference must match"


def pair_up(results: Sequence[Path], references: Sequence[Path], sources: Sequence[Path] = ()) -> list[ClipPair]:
    """Pair clips given on the command line; a folder of clips stands for the clips in it, paired by name.

    :param references: as many as results, one for all of them, or none to measure the results alone.
    :param sources: what was enlarged; likewise.
    :raises MetricsError: counts differ, or a clip of a folder has no partner.
    """
    references = _one_each(results, references, "--reference")
    sources = _one_each(results, sources, "--source")
    pairs: list[ClipPair] = []
    for index, result in enumerate(results):
        reference = references[index] if references else None
        source = sources[index] if sources else None
        mine = _clips_below(result)
        if mine is None:
            pairs.append(_pair(result, reference, source))
            continue
        sides = [{} if side is None else (_clips_below(side) or {}) for side in (reference, source)]
        for name, path in mine.items():
            for side, clips in zip((reference, source), sides, strict=True):
                if side is not None and name not in clips:
                    raise MetricsError(f"{path} has no partner named {name} in {side}")
            pairs.append(_pair(path, *(clips.get(name) for clips in sides)))
    return pairs


def _one_each(results: Sequence[Path], others: Sequence[Path], option: str) -> Sequence[Path]:
    if len(others) == 1:
        others = [*others] * len(results)
    if others and len(results) != len(others):
        raise MetricsError(
            f"RESULT came {len(results)} times, {option} {len(others)} times; give one for all, or one to each"
        )
    return others


def _pair(result: Path, reference: Path | None, source: Path | None = None) -> ClipPair:
    mine = open_clip(result)
    theirs = None if reference is None else open_clip(reference)
    origin = None if source is None else open_clip(source)
    return ClipPair(name=(theirs or mine).name, result=mine, reference=theirs, source=origin)


def _clips_below(path: Path) -> dict[str, Path] | None:
    """Clips of a folder of clips by name; None where ``path`` is itself a clip."""
    _check_there(path)
    if not path.is_dir() or _images_in(path):
        return None
    clips = [p for p in entries(path) if is_video(p) or (p.is_dir() and _images_in(p))]
    if not clips:
        raise MetricsError(f"{path} holds neither images, nor videos, nor folders of images")
    named: dict[str, Path] = {}
    for clip in clips:
        name = clip.name if clip.is_dir() else clip.stem
        if named.setdefault(name, clip) is not clip:
            raise MetricsError(f"{named[name]} and {clip} are both named {name}; clips are paired by name, rename one")
    return named


def read_pairs(path: Path) -> tuple[list[Path], list[Path]]:
    """A list of pairs: CSV lines ``result,reference`` (tabs do too; ``#`` begins a comment), relative to the list.

    :raises MetricsError: the file cannot be read, or a line does not hold one or two paths.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")  # spreadsheets begin it with a mark
    except (OSError, UnicodeDecodeError) as error:
        raise MetricsError(f"cannot read the list of pairs {path}: {error}") from None
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter="\t" if "\t" in text else ",")]
    if not rows:
        raise MetricsError(f"{path} lists no pairs; write lines RESULT,REFERENCE")
    width = len(rows[0])
    for row in rows:
        if len(row) != width or width > 2 or not all(row):
            raise MetricsError(f"{path}: line '{','.join(row)}'; write lines RESULT,REFERENCE, or RESULT alone on all")
    return [path.parent / row[0] for row in rows], [path.parent / row[1] for row in rows if width == 2]
