"""``vs-tecogan upscale``: a video file to a larger one, with everything that belongs to it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import UsageError, VideoError
from ..filter import RESTART, WARMUP
from ..jobs.cuttable import OptionSplit, cut_options
from ..jobs.manifest import JobFolder
from ..jobs.render import open_input, upscaled
from ..jobs.run import is_finished, open_folder
from ..jobs.script import upscales
from ..jobs.spec import Placement, Spec
from ..video.compression import is_clean
from ..video.ffmpeg import find_ffmpeg
from ..video.partial import in_the_way, partial_path
from ..video.quality import check_quality
from ..video.source import check_readable
from ..video.streams import container_of, is_known, plan_streams
from ..video.warnings import warnings
from ..video.write import EncoderOptions, Job, choose_codec, encode
from ..weights import DEFAULT_MODEL, REAL_MODEL
from ..weights.store import find_model
from .common import say
from .progress import Progress
from .segments import SEGMENT_SECONDS, Task, places_of, refuse_begun, upscale_in_segments

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

The work is done in segments, kept in OUT.job until OUT is whole. After any interruption, a power cut too, run the
same command again: it goes on. The picture is the same, bit for bit, as that of an unbroken run. A clip too short to
be cut, or an encoder that has to see all of it, is done in one piece, called NAME.part.SUFFIX until it is whole.

Options after -- go to ffmpeg, after all others, so that they win.
"""

_EXAMPLES = """\
examples:
  vs-tecogan upscale in.mkv out.mkv                          a model by IN's codec, x264 at CRF 16
  vs-tecogan upscale in.mkv out.mp4 --crf 18 --preset slow   smaller and slower
  vs-tecogan upscale in.mkv out.mkv --codec libx265 -- -pix_fmt yuv420p10le -tune grain
  vs-tecogan upscale in.mkv try.mkv --start 1000 --end 1100  a hundred frames, to see what it does
  vs-tecogan upscale in.mkv out.mkv --model my.safetensors   weights of your own; also published .pth files
  vs-tecogan upscale in.mkv out.mkv -- -an                   without audio
  vs-tecogan upscale in.mkv out.mkv --device cuda:0,cuda:1   two GPUs at once

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
    source = "any video file that BestSource (ffmpeg) opens, or a VapourSynth script (.vpy)"
    parser.add_argument("source", metavar="IN", type=Path, help=source)
    parser.add_argument("out", metavar="OUT", type=Path, help="new file; its suffix names the container")
    parser.add_argument("-y", "--overwrite", action="store_true", help="replace OUT if it exists")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress, no summary; warnings and errors only")
    add_script(parser)
    add_picture(parser)
    parser.add_argument("--start", metavar="FRAME", type=_count, default=0, help="first frame to write; default: 0")
    parser.add_argument("--end", metavar="FRAME", type=_count, help="frame to stop before; default: all")
    add_encoder(parser)
    _add_job(parser)
    parser.set_defaults(run=run, ffmpeg_options=())


def add_script(parser: argparse.ArgumentParser) -> None:
    """Add the options of a script."""
    group = parser.add_argument_group("script", "for a .vpy, whose output 0 is upscaled unless it is so already")
    audio = "file of the sound, subtitles, chapters and tags; default: none"
    group.add_argument("--audio-from", metavar="FILE", type=Path, help=audio)
    given = "variable of the script, as by vspipe; may be repeated"
    group.add_argument("--arg", metavar="KEY=VALUE", type=_variable, action="append", default=[], help=given)


def add_picture(parser: argparse.ArgumentParser) -> None:
    """Add the options that shape the picture."""
    group = parser.add_argument_group("picture")
    model = (
        "name (see vs-tecogan models) or weight file; default: by IN's codec, tecogan-4x for lossless and editing "
        "formats, tecogan-real-4x for all others"
    )
    group.add_argument("--model", metavar="M", help=model)
    device = "cpu, cuda or cuda:N, several with commas between them; default: CUDA where there is one, else CPU"
    group.add_argument("--device", metavar="D", help=device)
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


def _add_job(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("job")
    segment = f"fewest seconds of a segment, which an interruption may cost; default: {SEGMENT_SECONDS:g}"
    group.add_argument("--segment", metavar="SECONDS", type=_seconds, default=SEGMENT_SECONDS, help=segment)
    workers = "processes that render at the same time; default: one for each device"
    group.add_argument("--workers", metavar="N", type=_positive, help=workers)
    group.add_argument("--fresh", action="store_true", help="forget what an interrupted run left, and start anew")
    group.add_argument("--plan", action="store_true", help="write OUT.job and stop; see vs-tecogan job run")


def add_encoder(parser: argparse.ArgumentParser) -> None:
    """Add the options of the encoder."""
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
    :raises JobError: what an interrupted run left is not of this one, or in use.
    :raises vapoursynth.Error: an option or weight file that the filter refuses, or a frame that fails.
    """
    check_readable(args.source)
    folder = JobFolder.beside(args.out)
    if is_finished(folder, args.out):
        say(f"{args.out} is done: an earlier run was interrupted after its last step")
        return 0
    _check_out(args.source, args.out, overwrite=args.overwrite)
    _check_options(args.ffmpeg_options)
    check_script(args)
    places = places_of(args.device, args.workers)
    codec = choose_codec(args.out, _encoder(args))
    doubt = check_quality(find_ffmpeg(codec), codec, crf=args.crf, extra=args.ffmpeg_options)
    cut = cut_options(args.out, codec, args.crf, args.ffmpeg_options)
    if isinstance(cut, str):
        refuse_begun(folder, cut, fresh=args.fresh)
        task = _open(args, codec, OptionSplit())
        if task.is_long(args.segment) and not args.quiet:
            doubt = f"in one piece, of which an interruption leaves nothing: {cut}" + (f"; {doubt}" if doubt else "")
        return _upscale_whole(task, places[0], args, partial(_announce, task, args, doubt))
    with open_folder(folder):
        task = _open(args, codec, cut, folder.index)
        announce = partial(_announce, task, args, doubt)
        if not task.is_joined_recording and upscale_in_segments(task, places, folder, args, announce):
            return 0
        return _upscale_whole(task, places[0], args, announce)


def _encoder(args: argparse.Namespace) -> EncoderOptions:
    return EncoderOptions(codec=args.codec, crf=args.crf, preset=args.preset, extra=args.ffmpeg_options)


def _open(args: argparse.Namespace, codec: str, cut: OptionSplit, index: Path | None = None) -> Task:
    """Open IN, and say all that is to be done with it."""
    spec = replace(picture_spec(args, args.out), codec=codec, encoder=cut.encoder, muxer=cut.muxer)
    source = open_input(spec, index)
    first, end = _part(args.source, source.clip.num_frames, args.start, args.end)
    model, reason = args.model, ""
    if model == "":
        find_model(model)  # says what is wrong with it
    if model is None and not (spec.is_script and upscales(source.clip)):
        model, reason = default_model(args.source, source.video.codec)
    return Task(spec=replace(spec, first=first, end=end, model=absolute(model or "")), source=source, reason=reason)


def picture_spec(args: argparse.Namespace, out: Path) -> Spec:
    """What the options say of a picture and its encoding; frames, model and codec are open."""
    return Spec(
        source=str(args.source.absolute()),
        out=str(out.absolute()),
        audio=str(args.audio_from.absolute()) if args.audio_from else "",
        arguments=dict(args.arg),
        first=0,
        end=0,
        model="",
        precision=args.precision or "auto",
        scene_change=not args.no_scene_change,
        restart=RESTART if args.restart is None else args.restart,
        warmup=WARMUP if args.warmup is None else args.warmup,
        tile=args.tile,
        matrix=args.matrix or "",
        codec="",
        crf=args.crf,
        preset=args.preset or "",
    )


def absolute(model: str) -> str:
    """A model's name, or the absolute path of a weight file."""
    path = Path(model).expanduser()
    return str(path.absolute()) if model and path.is_file() else model


def _announce(task: Task, args: argparse.Namespace, doubt: str | None) -> None:
    """Say what a user should know before hours of work, not after."""
    plan = plan_streams(task.source.tracks, container_of(args.out), chapters=task.source.probe.chapters)
    if task.reason and not args.quiet:
        say(task.reason)  # after all that may be refused, in the one line of an error
    doubts = [] if task.spec.is_script else warnings(task.source, task.spec.codec)
    for line in (*([doubt] if doubt else []), *doubts, *(plan.notes if is_known(args.out) else ())):
        say(line)


def _upscale_whole(task: Task, place: Placement, args: argparse.Namespace, announce: Callable[[], None]) -> int:
    """Encode in one piece."""
    spec, source = task.spec, task.source
    clip = upscaled(source.clip, spec, place)[spec.first : spec.end]
    job = Job(
        clip=clip,
        source=source,
        timeline=source.timeline.cut(spec.first, spec.end),
        out=args.out,
        options=_encoder(args),
        whole=(spec.first, spec.end) == (0, source.clip.num_frames),
    )
    known = is_known(args.out)
    announce()
    with Progress(clip.num_frames, quiet=args.quiet) as progress:
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


def default_model(source: Path, codec: str) -> tuple[str, str]:
    """The shipped model for a file of a codec, and a line that says why."""
    if is_clean(codec):
        return DEFAULT_MODEL, f"{source} is {codec}, taken as clean: --model {DEFAULT_MODEL}"
    return REAL_MODEL, (
        f"{source} is {codec}, taken as compressed: --model {REAL_MODEL}; "
        f"{DEFAULT_MODEL} is sharper where a picture shows no artefacts"
    )


def _check_out(source: Path, out: Path, *, overwrite: bool) -> None:
    try:
        _look_at_out(source, out, overwrite=overwrite)
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror}; give another name") from None


def _look_at_out(source: Path, out: Path, *, overwrite: bool) -> None:
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


def check_script(args: argparse.Namespace) -> None:
    """Refuse options of scripts for another file, and a file for sound that cannot be read."""
    if args.source.suffix.lower() != ".vpy" and (args.audio_from or args.arg):
        raise UsageError(f"--audio-from and --arg are for VapourSynth scripts (.vpy); {args.source} is none")
    if args.audio_from:
        check_readable(args.audio_from)


def _check_options(options: Sequence[str]) -> None:
    """Refuse a word that ffmpeg would take for the name of a second output."""
    if options and not options[0].startswith("-"):
        raise UsageError(f"{options[0]!r} after --; give options of ffmpeg there, such as -- -tune film")


def _part(path: Path, frames: int, start: int, end: int | None) -> tuple[int, int]:
    """First frame and the frame after the last one."""
    last = frames if end is None else min(end, frames)
    if start >= last:
        raise UsageError(f"no frame left between --start {start} and --end {last}; {path} has {frames} frames")
    return start, last


def _ignore(_line: str) -> None:
    """Say nothing."""


def _count(text: str) -> int:
    value = int(text) if text.isdecimal() else -1
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0")
    return value


def _variable(text: str) -> tuple[str, str]:
    key, given, value = text.partition("=")
    if not given or not key.isidentifier():
        raise argparse.ArgumentTypeError(f"{text!r} is no variable of a script; give NAME=VALUE")
    return key, value


def _positive(text: str) -> int:
    value = _count(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1")
    return value


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no time in seconds above 0")
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
