"""``vs-tecogan preview``: a short excerpt, as the whole file would show it, and what the whole file would take."""

from __future__ import annotations

import argparse
from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..jobs.estimate import disk_needed
from ..jobs.look import look_through
from ..jobs.preview import Picture, enlarged, render_excerpt, side_by_side, write_png
from ..jobs.render import open_input
from ..video.pictures import check_input
from ..video.source import Source
from ..video.write import EncoderOptions, choose_codec
from .common import say
from .forecast import bytes_of, duration
from .options import absolute, add_encoder, add_picture, add_script, check_fields, check_script, picture_spec
from .progress import Opening, Progress
from .segments import places_of
from .upscale import default_model
from .values import moment

_SECONDS = 2.0

_DESCRIPTION = """\
Upscale a short excerpt of IN by one model or several. Its frames are those of the whole job, pixel for pixel. In a
folder it leaves a video for each model and side-by-side.png: IN enlarged by bicubic interpolation, then each model's
picture of the same frame, from left to right. It says what the whole of IN would take: time, size, and room on disk.
"""

_EXAMPLES = """\
examples:
  vs-tecogan preview in.mkv                                      two seconds from the middle, the usual model
  vs-tecogan preview in.mkv --at 12:30 --models recurrent-4x,recurrent-real-4x
  vs-tecogan preview in.mkv --frames 1000-1047 -o try
"""


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the subcommand to ``vs-tecogan``."""
    parser = subparsers.add_parser(
        "preview",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    source = "any video file that BestSource (ffmpeg) opens, or a VapourSynth script (.vpy)"
    parser.add_argument("source", metavar="IN", type=Path, help=source)
    parser.add_argument("-o", "--out", metavar="FOLDER", type=Path, help="default: IN.preview, in this folder")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--at", metavar="TIME", type=moment, help="seconds, M:S or H:M:S; default: the middle")
    place.add_argument("--frames", metavar="A-B", type=_frames, help="first and last frame")
    length = f"length of the excerpt; default: {_SECONDS:g}"
    parser.add_argument("--seconds", metavar="S", type=moment, default=_SECONDS, help=length)
    parser.add_argument("--models", metavar="M,M", help="names or files, with commas between them; as --model")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")
    add_script(parser)
    add_picture(parser)
    add_encoder(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Render the excerpt by each model.

    :raises UsageError: a place or time that IN does not have, or a folder that cannot be made.
    :raises VideoError: IN cannot be read, or the encoder failed.
    :raises vapoursynth.Error: an option or weight file that the filter refuses.
    """
    check_input(args.source)
    check_script(args)
    check_fields(args)
    folder = args.out or Path(f"{args.source.name}.preview")
    options = EncoderOptions(codec=args.codec, crf=args.crf, preset=args.preset)
    base = replace(picture_spec(args, folder), codec=choose_codec(Path("a.mkv"), options))
    with Opening(args.source, quiet=args.quiet) as opening:
        source = open_input(base, on_index=opening.percent)
    first, end = _excerpt(args, source)
    base = replace(base, first=first, end=end)
    look_through(base, source)
    names = args.models.split(",") if args.models else [args.model or default_model(args.source, source.video.codec)[0]]
    _make(folder)
    pictures: list[Picture] = []
    for name in names:
        out = folder / f"{Path(name).stem}.mkv"
        out.unlink(missing_ok=True)
        with Progress(end - first, quiet=args.quiet) as progress:
            place = places_of(args.device, 1, threads=args.threads, memory=args.memory)[0]
            excerpt = render_excerpt(replace(base, model=absolute(name)), place, source, options, out, progress.frame)
        if pictures and excerpt.picture.shape != pictures[0].shape:
            say(f"{name} enlarges otherwise than {names[0]}: left out of side-by-side.png")
        else:
            pictures.append(excerpt.picture)
        frames = source.clip.num_frames
        size = excerpt.bytes_per_frame * frames
        print(  # noqa: T201
            f"{Path(name).stem}: {out}; all {frames} frames: {duration(excerpt.seconds_per_frame * frames)}, "
            f"{bytes_of(size)}, {bytes_of(disk_needed(size))} of disk while it runs"
        )
    height, width, _ = pictures[0].shape
    row = side_by_side([enlarged(source, base, (width, height)), *pictures])
    write_png(folder / "side-by-side.png", row)
    return 0


def _make(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make {folder}: {error.strerror}; give another -o") from None


def _excerpt(args: argparse.Namespace, source: Source) -> tuple[int, int]:
    """First frame, and the frame after the last."""
    frames, timeline = source.clip.num_frames, source.timeline
    if args.frames:
        first, last = args.frames
        if last >= frames:
            raise UsageError(f"--frames {first}-{last}: {args.source} has {frames} frames, the first is 0")
        return first, last + 1
    length = min(frames, max(1, ceil(args.seconds * timeline.frame_rate)))
    if args.at is None:
        first = (frames - length) // 2
    else:
        first = source.frame_at(args.at)
        if first >= frames and source.frame_at(args.at - 1) >= frames:
            raise UsageError(f"--at {float(args.at):g} s lies after the end of {args.source}")
        first = min(first, frames - 1)
    return first, min(first + length, frames)


def _frames(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    if not (first.isdecimal() and last.isdecimal() and int(last) >= int(first)):
        raise argparse.ArgumentTypeError(f"{text!r} is no range of frames; give one such as 1000-1047")
    return int(first), int(last)
