"""Several inputs, one after the other: what fails is left out and named at the end."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError, VideoError
from ..jobs.manifest import JobFolder
from ..jobs.run import is_finished
from ..video.names import NUMBER, entries, is_image, is_picture, is_video
from ..video.pictures import check_input, sequence_of
from ..video.probe import probe
from ..video.read import first_video
from .common import explained, say
from .progress import Overall

VIDEO_SUFFIX, PICTURE_SUFFIX = ".mkv", ".png"
"""Of new files in a folder, unless the user names another."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """One input, and what it is to become."""

    source: Path
    out: Path


def works_of(paths: Sequence[Path], out_dir: Path | None, suffix: str | None) -> list[Work]:
    """What is to be done: IN and OUT, or several inputs where a folder for the new files is named.

    :param paths: files, and folders whose videos are taken.
    :raises UsageError: they are no IN and OUT, or two would get the same name, or the folder cannot be made.
    :raises VideoError: a folder holds no video, or a file cannot be read.
    """
    if out_dir is None:
        if len(paths) != 2:
            raise UsageError(
                f"{len(paths)} {'names' if paths[1:] else 'name'} without --out-dir; give IN and OUT, or inputs and a "
                "folder for the new files, such as --out-dir out"
            )
        return [_work(*paths)]
    works: dict[Path, Work] = {}
    for source in _sources(paths):
        out = _named(source, out_dir, suffix)
        other = works.setdefault(out, Work(source=source, out=out)).source
        if other != source:
            raise UsageError(f"{other} and {source} would both become {out}; give each a folder of its own")
    try:
        for out in works:
            out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make the folder {out_dir}: {error.strerror}; give another --out-dir") from None
    return list(works.values())


def _work(source: Path, out: Path) -> Work:
    """IN and OUT; a folder of pictures becomes another, which is made."""
    if sequence_of(source)[0] and (not out.suffix or out.is_dir()):
        out.mkdir(exist_ok=True)
        out = out / f"%s{PICTURE_SUFFIX}"
    return Work(source=source, out=out)


def _named(source: Path, folder: Path, suffix: str | None) -> Path:
    """What an input becomes in the folder of the new files."""
    files, _ = sequence_of(source)
    ending = suffix or (PICTURE_SUFFIX if files or is_image(source) else VIDEO_SUFFIX)
    name = source.name if source.is_dir() else NUMBER.sub("", source.stem).rstrip("_-. ") or "pictures"
    out = folder / f"{name}{ending}"
    return folder / name / f"%s{ending}" if files and is_picture(out) else out


def _sources(paths: Sequence[Path]) -> Iterator[Path]:
    """Files; a folder stands for its videos or, where it has none, for the clip that its pictures are."""
    for path in paths:
        videos = [file for file in entries(path) if is_video(file)] if path.is_dir() else []
        for source in videos or [path]:
            check_input(source)  # a name mistyped is said at once, not after a night
            yield source


def upscale_all(args: argparse.Namespace, works: Sequence[Work], one: Callable[[argparse.Namespace], int]) -> int:
    """Upscale one after the other, with one bar over all.

    A file that is there already counts as done, so that the same command again goes on after an interruption.

    :param one: upscales ``args.source`` to ``args.out``.
    :return: exit code: 0 all done, 2 some cannot be used, 1 the program failed at one.
    """
    failed: list[str] = []
    code = 0
    with Overall([_frames(work.source) for work in works], quiet=args.quiet) as overall:
        for number, work in enumerate(works):
            overall.begin(number)
            if not args.overwrite and work.out.exists():
                is_finished(JobFolder.beside(work.out), work.out)  # a run killed at its end left its folder
                say(f"{work.out} exists: left as it is; -y replaces it")
                overall.leave()
                continue
            try:
                one(argparse.Namespace(**{**vars(args), "source": work.source, "out": work.out, "overall": overall}))
            except Exception as error:  # the others are done all the same
                reason, line = explained(error)
                failed.append(line if str(work.source) in line else f"{work.source}: {line}")
                say(failed[-1])
                code = 1 if 1 in (reason, code) else reason
                overall.leave()
    if failed:
        say(f"{len(failed)} of {len(works)} failed:")
        for line in failed:
            say(f"failed: {line}")
    return code


def _frames(source: Path) -> int:
    """About how many frames a file has, by what it announces; 0 where it does not."""
    try:
        if files := sequence_of(source)[0]:
            return len(files)
        _, stream = first_video(source)
        return round((probe(source).duration or 0) * (stream.frame_rate or 0))
    except VideoError:
        return 0
