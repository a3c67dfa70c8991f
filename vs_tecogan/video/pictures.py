"""Pictures that are the frames of a clip: numbered files and folders to read, and such files to write.

A name with a number in it, such as ``in/%04d.png``, stands for all files of that form. In the name of new files
``%04d`` is the number and ``%s`` the name of the picture that was read.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import vapoursynth as vs

from ..errors import VideoError
from .ffmpeg import ask, find_ffmpeg
from .names import NUMBER, images_in, is_numbered
from .probe import Probe, probe
from .read import first_video
from .source import Source, Track, check_readable, list_tracks, numbered_pictures
from .timeline import Timeline

USUAL_RATE = Fraction(25)
"""Frames a second of pictures, unless the user says otherwise: that of ffmpeg."""


def sequence_of(path: Path) -> tuple[tuple[Path, ...], int]:
    """The files that a numbered name or a folder stands for, and the number of the first; no files for any other path.

    :raises VideoError: no file has such a name, one is missing between others, or they are of several kinds.
    """
    try:
        files, first = _numbered(path) if NUMBER.search(path.name) and not path.exists() else ((), 0)
        if path.is_dir():
            files = images_in(path)
    except OSError as error:
        raise VideoError(f"cannot read {path}: {error.strerror}") from None
    kinds = sorted({file.suffix.lower() for file in files})
    if len(kinds) > 1:
        raise VideoError(f"{path} holds pictures of several kinds ({', '.join(kinds)}); give a folder of one kind")
    return files, first


def _numbered(path: Path) -> tuple[tuple[Path, ...], int]:
    form = "".join(_as_expression(part) for part in re.split(r"(%(?:0\d+)?d)", path.name, maxsplit=1))
    found = {int(match[1]): file for file in _files_beside(path) if (match := re.fullmatch(form, file.name))}
    if not found:
        raise VideoError(f"there is no picture of the name {path}; %04d stands for a number of 4 digits, %d for any")
    first, last = min(found), max(found)
    gap = next((number for number in range(first, last) if number not in found), None)
    if gap is not None:
        raise VideoError(f"picture {gap} of {path} is missing; there are {len(found)} from {first} to {last}")
    return tuple(found[number] for number in range(first, last + 1)), first


def _as_expression(part: str) -> str:
    if not (number := NUMBER.fullmatch(part)):
        return re.escape(part)
    return rf"(\d{{{number[1]}}}|[1-9]\d{{{number[1]},}})" if number[1] else r"(0|[1-9]\d*)"


def _files_beside(path: Path) -> list[Path]:
    try:
        return [file for file in path.parent.iterdir() if file.is_file()]
    except OSError as error:
        raise VideoError(f"cannot read {path.parent}: {error.strerror}") from None


def check_input(path: Path) -> None:
    """Raise VideoError unless ``path`` is a file that can be read, or stands for pictures that are there."""
    files, _ = sequence_of(path)
    check_readable(files[0] if files else path)


def open_pictures(
    path: Path, *, rate: Fraction | None = None, audio: Path | None = None, index: Path | None = None
) -> Source | None:
    """The pictures of a numbered name or a folder as a clip; None for any other path.

    :param rate: frames a second.
    :param audio: file that sound, subtitles, chapters and tags come from.
    :param index: see :func:`~vs_tecogan.video.source.open_source`.
    :raises VideoError: they cannot be read, or differ in size or format.
    """
    files, first = sequence_of(path)
    if not files:
        return None
    clip = numbered_pictures(*_as_numbered(files), index=index)
    _check(path, files, clip)
    rate = rate or USUAL_RATE
    asked = replace(probe(audio), duration=None) if audio else Probe(videos={})
    timeline = Timeline(time_base=1 / rate, ticks=tuple(range(len(files))), start=asked.start, frame_rate=rate)
    picture = Track(index=-1, kind="video", codec=list_tracks(files[0])[0].codec)
    tracks = [track for track in list_tracks(audio) if track.kind != "video" or track.is_cover] if audio else []
    return Source(
        path=audio or path,
        clip=clip,
        timeline=timeline,
        video=picture,
        tracks=(picture, *tracks),
        probe=replace(asked, videos={**asked.videos, -1: first_video(files[0])[1]}),
        pictures=files,
        first_number=first,
    )


def _check(path: Path, files: Sequence[Path], clip: vs.VideoNode) -> None:
    hint = "the pictures of a folder are the frames of one clip; for photographs, give each with --out-dir"
    if clip.width == 0 or clip.format is None or clip.format.id == 0:
        shapes = ((frame.width, frame.height, frame.format.name) for frame in clip.frames(close=True))
        first = next(shapes)
        for file, shape in zip(files[1:], shapes, strict=False):
            if shape != first:
                was, now = (f"{width}x{height} {form}" for width, height, form in (first, shape))
                raise VideoError(f"{file} is {now}, {files[0].name} is {was}; {hint}")
    if clip.num_frames != len(files):
        raise VideoError(f"{clip.num_frames} of the {len(files)} pictures of {path} can be read; {hint}")


def _as_numbered(files: Sequence[Path]) -> tuple[str, int]:
    """ffmpeg's form of the files' names, and the first number; links of such names where theirs are of no form."""
    name = files[0].name
    for digits in reversed(list(re.finditer(r"\d+", name))):
        width = len(digits[0])
        form = "%d" if digits[0] == "0" or digits[0][0] != "0" else f"%0{width}d"
        before, after, first = name[: digits.start()], name[digits.end() :], int(digits[0])
        wanted = (f"{before}{form % number}{after}" for number in range(first, first + len(files)))
        if all(file.name == wish for file, wish in zip(files, wanted, strict=True)):
            return f"{_escaped(files[0].parent)}/{_escaped(before)}{form}{_escaped(after)}", first
    folder = Path(tempfile.mkdtemp(prefix="vs-tecogan-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for number, file in enumerate(files):
        _link(file.absolute(), folder / f"{number}{file.suffix.lower()}")
    return f"{_escaped(folder)}/%d{files[0].suffix.lower()}", 0


def _escaped(text: object) -> str:
    return str(text.absolute() if isinstance(text, Path) else text).replace("%", "%%")


def _link(file: Path, name: Path) -> None:
    for way in (os.symlink, os.link):
        try:
            way(file, name)
            return
        except OSError:  # Windows asks for a right, or for the same disk
            continue
    shutil.copyfile(file, name)


def picture_names(out: Path, source: Source, first: int, end: int) -> list[Path]:
    """The files that frames ``first`` to ``end - 1`` become; none where ``out`` is not numbered.

    A picture that was read by its number keeps it. Any other has the number of its frame, from 0.
    """
    if not is_numbered(out):
        return []
    stems = [file.stem for file in source.pictures] or [f"{n:06}" for n in range(end)]
    return [out.with_name(_name(out.name, source.first_number + n, stems[n])) for n in range(first, end)]


def _name(form: str, number: int, stem: str) -> str:
    return NUMBER.sub(lambda match: match[0] % number, form).replace("%s", stem)


def unpack(video: Path, names: Sequence[Path]) -> None:
    """Write each coded picture of a video as a file, as it is. Each gets its name when all are whole.

    :raises VideoError: ffmpeg failed, or there is another number of pictures.
    :raises OSError: a name cannot be given.
    """
    parent = names[0].parent
    with tempfile.TemporaryDirectory(prefix=".vs-tecogan-", dir=parent) as folder:
        ending = names[0].suffix.lower()
        form = f"file:{_escaped(Path(folder))}/%d{ending}"
        command = (find_ffmpeg(), "-v", "error", "-nostdin", "-i", f"file:{video}", "-map", "0:v:0", "-c", "copy")
        done = ask(*command, "-f", "image2", "-start_number", "0", form)
        if done.returncode:
            raise VideoError(f"ffmpeg failed: {' '.join(done.stderr.split())[-300:]}")
        made = [Path(folder) / f"{number}{ending}" for number in range(len(names))]
        if len(list(Path(folder).iterdir())) != len(names):
            raise VideoError(f"{len(list(Path(folder).iterdir()))} pictures were made instead of {len(names)}")
        for file, name in zip(made, names, strict=True):
            file.replace(name)
