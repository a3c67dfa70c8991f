"""``vs-tecogan upscale``: a video file to a larger one, with everything that belongs to it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .common import say

if TYPE_CHECKING:
    import vapoursynth as vs

    from ..video.source import Source

# fmt: off
_MANY_FILES = frozenset((
    ".bmp", ".dpx", ".exr", ".hdr", ".im1", ".im24", ".im8", ".j2c", ".j2k", ".jls", ".jp2", ".jpeg", ".jpg", ".jxl",
    ".jxs", ".ljpg", ".pam", ".pbm", ".pcx", ".pfm", ".pgm", ".pgmyuv", ".phm", ".pix", ".png", ".ppm", ".qoi", ".ras",
    ".rs", ".sgi", ".sun", ".sunras", ".tga", ".tif", ".tiff", ".vbn", ".wbmp", ".xbm", ".xface", ".xwd", ".y",
    ".m3u8", ".mpd",
))
# fmt: on
"""Suffixes for which ffmpeg writes a file for each frame, or for each piece of a stream."""

_DESCRIPTION = """\
Upscale the video of IN into OUT. Audio, subtitles, chapters, attachments and tags are copied where OUT's container
holds them and converted where it does not; frame rate (variable too), sample aspect ratio and colour tags stay.

OUT gets its name when it is whole; until then it is called NAME.part.SUFFIX. Any error, Ctrl-C included, removes
it. Options after -- go to ffmpeg, after all others, so that they win.
"""

_EXAMPLES = """\
examples:
  vs-tecogan upscale in.mkv out.mkv                          a model by IN's codec, x264 at CRF 16
  vs-tecogan upscale in.mkv out.mp4 --crf 18 --preset slow   smaller and slower
  vs-tecogan upscale in.mkv out.mkv --codec libx265 -- -pix_fmt yuv420p10le -tune grain
  vs-tecogan upscale in.mkv try.mkv --start 1000 --end 1100  a hundred frames, to see what it does
  vs-tecogan upscale in.mkv out.mkv --model my.safetensors   weights of your own; also published .pth files
  vs-tecogan upscale in.mkv out.mkv -- -an                   without audio

Exit code: 0 done, 1 internal error (VS_TECOGAN_DEBUG=1 shows where), 2 wrong input or encoder failed (one line on
stderr says what), 128 + signal when interrupted (130 Ctrl-C, 143 SIGTERM).
"""


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the subcommand to ``vs-tecogan``."""
    parser = subparsers.add_parser(
        "upscale",
        usage="vs-tecogan upscale IN OUT [options] [-- FFMPEG_OPTIONS]",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("source", metavar="IN", type=Path, help="any video file that BestSource (ffmpeg) opens")
    parser.add_argument("out", metavar="OUT", type=Path, help="new file; its suffix names the container")
    parser.add_argument("-y", "--overwrite", action="store_true", help="replace OUT if it exists")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress, no summary; warnings and errors only")
    _add_picture(parser)
    _add_encoder(parser)
    parser.set_defaults(run=run, ffmpeg_options=())


def _add_picture(parser: argparse.ArgumentParser) -> None:
    from ..filter import RESTART, WARMUP

    group = parser.add_argument_group("picture")
    model = (
        "name (see vs-tecogan models) or weight file; default: by IN's codec, tecogan-4x for lossless and editing "
        "formats, tecogan-real-4x for all others"
    )
    group.add_argument("--model", metavar="M", help=model)
    group.add_argument("--device", metavar="D", help="cpu, cuda or cuda:N; default: CUDA where there is one, else CPU")
    group.add_argument(
        "--precision",
        choices=("auto", "fp32", "fp16", "bf16"),
        help="of the convolutions; default: fastest in hardware",
    )
    group.add_argument("--no-scene-change", action="store_true", help="do not look for cuts: IN is a single shot")
    restart = f"start anew at least every N frames; 0: at cuts alone; default: {RESTART}"
    group.add_argument("--restart", metavar="N", type=_count, help=restart)
    warmup = f"frames run before each start and thrown away; default: {WARMUP}"
    group.add_argument("--warmup", metavar="N", type=_count, help=warmup)
    group.add_argument(
        "--tile",
        metavar="WxH",
        type=_size,
        help="compute larger frames in blended tiles of this size, above 64x64; default: where memory asks for it",
    )
    matrix = "YUV matrix where IN names none: 709, 170m, 470bg, 2020ncl... or its code; default: by size"
    group.add_argument("--matrix", metavar="M", help=matrix)
    group.add_argument("--start", metavar="FRAME", type=_count, default=0, help="first frame to write; default: 0")
    group.add_argument("--end", metavar="FRAME", type=_count, help="frame to stop before; default: all")


def _add_encoder(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "encoder", "the first ffmpeg on PATH that works and has the codec, else that of the imageio-ffmpeg wheel"
    )
    group.add_argument(
        "--codec",
        metavar="C",
        help="ffmpeg's name of the encoder; default: libx264 (libvpx-vp9 in .webm; gif, apng, webp in their own)",
    )
    crf = "quality, lower is better; default: 16 for libx264, 18 for libx265, 24 for AV1 and VP9"
    group.add_argument("--crf", metavar="Q", type=_quality, help=crf)
    group.add_argument("--preset", metavar="P", help="the encoder's speed preset, such as slow; default: the encoder's")


def run(args: argparse.Namespace) -> int:
    """Upscale. Everything that can be wrong is looked at before the first frame is computed.

    :raises UsageError: a path cannot be used.
    :raises VideoError: IN cannot be read, OUT cannot be written, or the encoder failed.
    :raises vapoursynth.Error: an option or weight file that the filter refuses, or a frame that fails.
    """
    from ..errors import VideoError
    from ..video.ffmpeg import find_ffmpeg
    from ..video.quality import check_quality
    from ..video.source import check_readable, open_source
    from ..video.streams import container_of, is_known, plan_streams
    from ..video.warnings import warnings
    from ..video.write import EncoderOptions, Job, choose_codec, encode
    from .progress import Progress

    check_readable(args.source)
    _check_out(args.source, args.out, overwrite=args.overwrite)
    _check_options(args.ffmpeg_options)
    options = EncoderOptions(codec=args.codec, crf=args.crf, preset=args.preset, extra=args.ffmpeg_options)
    codec = choose_codec(args.out, options)
    doubt = check_quality(find_ffmpeg(codec), codec, crf=args.crf, extra=args.ffmpeg_options)
    source = open_source(args.source)
    first, end = _part(source, args.start, args.end)
    reason = ""
    if args.model is None:
        args.model, reason = default_model(source)
    clip = upscaled(source.clip, args)[first:end]
    job = Job(
        clip=clip,
        source=source,
        timeline=source.timeline.cut(first, end),
        out=args.out,
        options=options,
        whole=(first, end) == (0, source.clip.num_frames),
    )
    known = is_known(args.out)
    plan = plan_streams(source.tracks, container_of(args.out), chapters=source.probe.chapters)
    if reason and not args.quiet:
        say(reason)  # after all that may be refused, in the one line of an error
    for line in (*([doubt] if doubt else []), *warnings(source, codec), *(plan.notes if known else ())):
        say(line)  # before hours of work, not after
    with Progress(end - first, quiet=args.quiet) as progress:
        try:
            encode(job, on_frame=progress.frame, note=_ignore if known else say)
        except VideoError as error:
            if known:
                raise
            raise VideoError(f"{error}; {args.out.suffix} may be the reason, try .mkv") from None
    if not args.quiet:
        rate = progress.done / progress.seconds
        say(f"{args.out}: {progress.done} frames of {clip.width}x{clip.height}, {rate:.2f} fps")
    return 0


def default_model(source: Source) -> tuple[str, str]:
    """The shipped model for a file, and a line that says why."""
    from ..video.compression import is_clean
    from ..weights import DEFAULT_MODEL, REAL_MODEL

    codec = source.video.codec
    if is_clean(codec):
        return DEFAULT_MODEL, f"{source.path} is {codec}, taken as clean: --model {DEFAULT_MODEL}"
    return REAL_MODEL, (
        f"{source.path} is {codec}, taken as compressed: --model {REAL_MODEL}; "
        f"{DEFAULT_MODEL} is sharper where a picture shows no artefacts"
    )


def upscaled(clip: vs.VideoNode, args: argparse.Namespace) -> vs.VideoNode:
    """The filter with the options that were given; the others keep the filter's own defaults."""
    from .. import tecogan

    names = ("model", "device", "precision", "restart", "warmup", "tile", "matrix")
    given: dict[str, Any] = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    return tecogan(clip, scene_change=not args.no_scene_change, **given)


def _check_out(source: Path, out: Path, *, overwrite: bool) -> None:
    try:
        _look_at_out(source, out, overwrite=overwrite)
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror}; give another name") from None


def _look_at_out(source: Path, out: Path, *, overwrite: bool) -> None:
    from ..video.partial import in_the_way, partial_path

    if out.is_dir():
        raise UsageError(f"{out} is a directory; give the name of a file in it")
    if not out.suffix:
        raise UsageError(f"{out} has no suffix to name a container; give one, such as {out}.mkv")
    if out.suffix.lower() in _MANY_FILES:
        single = out.with_suffix(".mkv").name
        raise UsageError(f"{out} would be many files; give the name of a video container, such as {single}")
    if not out.parent.is_dir():
        raise UsageError(f"{out.parent} is no directory; make it first")
    if out.exists() and out.samefile(source):
        raise UsageError(f"{out} is the input itself; give another name")
    if out.exists() and not overwrite:
        raise UsageError(f"{out} exists; give another name, or -y to replace it")
    part = partial_path(out)
    if part.exists() and part.samefile(source):
        raise UsageError(f"{part} is the input, and what {out.name} is called until it is whole; give another name")
    if part.exists():
        raise UsageError(in_the_way(part))
    if not os.access(out.parent, os.W_OK):
        raise UsageError(f"{out.parent} cannot be written to; choose another place")


def _check_options(options: Sequence[str]) -> None:
    """Refuse a word that ffmpeg would take for the name of a second output."""
    if options and not options[0].startswith("-"):
        raise UsageError(f"{options[0]!r} after --; give options of ffmpeg there, such as -- -tune film")


def _part(source: Source, start: int, end: int | None) -> tuple[int, int]:
    """First frame and the frame after the last one."""
    frames = source.clip.num_frames
    last = frames if end is None else min(end, frames)
    if start >= last:
        raise UsageError(f"no frame left between --start {start} and --end {last}; {source.path} has {frames} frames")
    return start, last


def _ignore(_line: str) -> None:
    """Say nothing."""


def _count(text: str) -> int:
    value = int(text) if text.isdecimal() else -1
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0")
    return value


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is no size; give WIDTHxHEIGHT in input pixels, such as 480x270")
    return int(width), int(height)


def _quality(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 255:
        raise argparse.ArgumentTypeError(f"{text!r} is no quality; give a number from 0, lower is better")
    return value
