"""``vs-tecogan upscale``: a video file to a larger one, with everything that belongs to it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import UsageError, VideoError
from ..jobs.cuttable import OptionSplit, cut_options
from ..jobs.look import look_through
from ..jobs.manifest import JobFolder
from ..jobs.render import open_input, upscaled
from ..jobs.run import is_finished, open_folder
from ..jobs.script import upscales
from ..jobs.spec import Placement
from ..video.alpha import keeps_alpha
from ..video.compression import is_clean
from ..video.ffmpeg import find_ffmpeg
from ..video.pictures import check_input
from ..video.quality import check_quality
from ..video.source import Source
from ..video.streams import container_of, is_known, plan_streams
from ..video.warnings import warnings
from ..video.write import EncoderOptions, Job, choose_codec, encode
from ..weights import DEFAULT_MODEL, REAL_MODEL
from ..weights.store import find_model
from .batch import PICTURE_SUFFIX, VIDEO_SUFFIX, upscale_all, works_of
from .common import say
from .forecast import forecast, replayed
from .options import (
    absolute,
    add_encoder,
    add_job,
    add_part,
    add_picture,
    add_script,
    check_fields,
    check_options,
    check_script,
    picture_spec,
)
from .outputs import check_out, check_pictures
from .progress import Opening, Progress
from .segments import Task, check_cluster, places_of, refuse_begun, upscale_in_segments
from .values import suffix

_USAGE = """\
vs-tecogan upscale IN OUT [options] [-- FFMPEG_OPTIONS]
       vs-tecogan upscale IN... --out-dir DIR [options] [-- FFMPEG_OPTIONS]"""

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
  vs-tecogan upscale in.mkv try.mkv --start 1:30 --end 95s   five seconds, to see what it does
  vs-tecogan upscale in.mkv out.mkv --model my.safetensors   weights of your own; also published .pth files
  vs-tecogan upscale in.mkv out.mkv -- -an                   without audio
  vs-tecogan upscale in.mkv out.mkv --device cuda:0,cuda:1   two GPUs at once
  vs-tecogan upscale season1/ --out-dir big --size 1080p     every video of a folder; run it again to go on
  vs-tecogan upscale a.png b.png                             a picture; also in/%04d.png out/%04d.png, and folders

Exit code: 0 done, 1 internal error (VS_TECOGAN_DEBUG=1 shows where), 2 wrong input or encoder failed (one line on
stderr says what), 128 + signal when interrupted (130 Ctrl-C, 143 SIGTERM).
"""


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the subcommand to ``vs-tecogan``."""
    parser = subparsers.add_parser(
        "upscale",
        usage=_USAGE,
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    words = (
        "IN: any video file that BestSource (ffmpeg) opens, a VapourSynth script (.vpy), a picture, numbered pictures "
        "(in/%%04d.png) or a folder of them. OUT: new file, whose suffix names the container; pictures likewise"
    )
    parser.add_argument("paths", metavar="IN OUT", type=Path, nargs="+", help=words)
    parser.add_argument("-y", "--overwrite", action="store_true", help="replace what exists")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress, no summary; warnings and errors only")
    _add_several(parser)
    add_part(parser)
    add_picture(parser)
    add_encoder(parser)
    add_job(parser)
    add_script(parser)
    parser.set_defaults(run=run, ffmpeg_options=(), overall=None)
    parser.gathers = "paths"


def _add_several(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("several inputs")
    folder = "folder of the new files; all names are inputs then: files, and folders whose videos are taken"
    group.add_argument("--out-dir", metavar="DIR", type=Path, help=folder)
    ending = f"what new names in DIR end in; default: {VIDEO_SUFFIX}, for pictures {PICTURE_SUFFIX}"
    group.add_argument("--suffix", metavar=".S", type=suffix, help=ending)


def run(args: argparse.Namespace) -> int:
    """Upscale one file, or several.

    :raises UsageError: a path cannot be used.
    :raises UserError: what stops a single file; those of several are told at the end.
    """
    check_options(args.ffmpeg_options)
    works = works_of(args.paths, args.out_dir, args.suffix)
    if args.out_dir is None:
        args.source, args.out = works[0].source, works[0].out
        return upscale_file(args)
    return upscale_all(args, works, upscale_file)


def upscale_file(args: argparse.Namespace) -> int:
    """Upscale ``args.source`` to ``args.out``. What can be wrong is looked at before the first frame is computed.

    :raises UsageError: a path cannot be used.
    :raises VideoError: IN cannot be read, OUT cannot be written, or the encoder failed.
    :raises JobError: what an interrupted run left is not of this one, or in use.
    :raises vapoursynth.Error: an option or weight file that the filter refuses, or a frame that fails.
    """
    check_input(args.source)
    folder = JobFolder.beside(args.out)
    if is_finished(folder, args.out):
        say(f"{args.out} is done: an earlier run was interrupted after its last step")
        return 0
    check_out(args.source, args.out, overwrite=args.overwrite, whole=args.end is None)
    check_script(args)
    check_fields(args)
    check_cluster(args)
    places = places_of(args.device, args.workers, threads=args.threads, memory=args.memory)
    codec = choose_codec(args.out, _encoder(args))
    doubt = check_quality(find_ffmpeg(codec), codec, crf=args.crf, extra=args.ffmpeg_options)
    cut = cut_options(args.out, codec, args.crf, args.ffmpeg_options)
    if isinstance(cut, str):
        refuse_begun(folder, cut, fresh=args.fresh)
        _refuse_plan(args, cut)
        task = _open(args, codec, OptionSplit())
        doubt = _in_one_piece(task, args, cut, doubt)
        return _upscale_whole(task, places[0], args, partial(_announce, task, places, args, doubt))
    with open_folder(folder):
        task = _open(args, codec, cut, folder.index)
        if task.is_of_one_piece:
            reason = "parts would lose their sound's place" if task.is_joined_recording else "parts lose transparency"
            _refuse_plan(args, reason)
            doubt = _in_one_piece(task, args, reason, doubt)
        announce = partial(_announce, task, places, args, doubt)
        if not task.is_of_one_piece and upscale_in_segments(task, places, folder, args, announce):
            return 0
        return _upscale_whole(task, places[0], args, announce)


def _in_one_piece(task: Task, args: argparse.Namespace, reason: str, doubt: str | None) -> str | None:
    """What to say of a long work that cannot be interrupted, and what else is doubted."""
    if args.quiet or not task.is_long(args.segment):
        return doubt
    return f"in one piece, of which an interruption leaves nothing: {reason}" + (f"; {doubt}" if doubt else "")


def _refuse_plan(args: argparse.Namespace, reason: str) -> None:
    """Refuse to plan, or to share out, what is done in one piece.

    :raises UsageError: that was asked for.
    """
    if args.plan or args.cluster:
        raise UsageError(f"{args.source} is done in one piece ({reason}); leave out --plan and --cluster")


def _encoder(args: argparse.Namespace) -> EncoderOptions:
    return EncoderOptions(codec=args.codec, crf=args.crf, preset=args.preset, extra=args.ffmpeg_options)


def _open(args: argparse.Namespace, codec: str, cut: OptionSplit, index: Path | None = None) -> Task:
    """Open IN, and say all that is to be done with it."""
    spec = replace(picture_spec(args, args.out), codec=codec, encoder=cut.encoder, muxer=cut.muxer)
    with Opening(args.source, quiet=args.quiet or args.overall is not None) as opening:
        source = open_input(spec, index, opening.percent)
    first, end = _part(source, args.start, args.end)
    begun = JobFolder.beside(args.out).manifest.exists()
    check_pictures(args.out, source, first, end, overwrite=args.overwrite, begun=begun)
    model, reason = args.model, ""
    if model == "":
        find_model(model)  # says what is wrong with it
    if model is None and not (spec.is_script and upscales(source.clip)):
        model, reason = default_model(args.source, source.video.codec)
    spec = replace(spec, first=first, end=end, model=absolute(model or ""))
    return Task(spec=spec, source=source, reason=reason, begun=begun)


def _announce(task: Task, places: Sequence[Placement], args: argparse.Namespace, doubt: str | None) -> None:
    """Say what a user should know before hours of work, not after."""
    source = task.source
    chapters, picture = source.probe.chapters, source.video.index
    plan = plan_streams(source.tracks, container_of(args.out), chapters=chapters, picture=picture)
    if task.reason and not args.quiet:
        say(task.reason)  # after all that may be refused, in the one line of an error
    doubts = [] if task.spec.is_script else warnings(source, task.spec.codec)
    for line in (*([doubt] if doubt else []), *doubts, *(plan.notes if is_known(args.out) else ())):
        say(line)
    if not (args.quiet or task.begun or args.plan) and (far := replayed(task.spec)):
        say(far)
    if not (args.quiet or task.begun or args.plan or args.cluster):  # a cluster's machines are others
        for line in forecast(task, places, _encoder(args), args.out):
            say(line)


def _upscale_whole(task: Task, place: Placement, args: argparse.Namespace, announce: Callable[[], None]) -> int:
    """Encode in one piece."""
    spec, source = task.spec, task.source
    clip = upscaled(source, spec, place)[spec.first : spec.end]
    job = Job(
        clip=clip,
        source=source,
        timeline=source.timeline.cut(spec.first, spec.end),
        first=spec.first,
        alpha=bool(spec.model) and keeps_alpha(source.clip, spec.codec),
        out=args.out,
        options=_encoder(args),
        whole=(spec.first, spec.end) == (0, source.clip.num_frames),
    )
    known = is_known(args.out)
    _look_through(task, args)
    announce()
    with Progress(clip.num_frames, quiet=args.quiet, within=args.overall) as progress:
        try:
            encode(job, on_frame=progress.frame, note=_ignore if known else say)
        except VideoError as error:
            if known:
                raise
            raise VideoError(f"{error}; {args.out.suffix} may be the reason, try .mkv") from None
    if not args.quiet:
        rate = progress.done / progress.seconds
        frames = "1 frame" if progress.done == 1 else f"{progress.done} frames"
        say(f"{args.out}: {frames} of {clip.width}x{clip.height}, {rate:.2f} fps")
    return 0


def _look_through(task: Task, args: argparse.Namespace) -> None:
    """Refuse frames that cannot be upscaled before the work begins."""
    if not task.spec.model:  # a script that upscales by itself: each frame would be made twice
        return
    if args.quiet or args.overall is not None or not task.is_long(args.segment):
        look_through(task.spec, task.source)
        return
    say(f"looking at {task.frames} frames")
    with Progress(task.frames) as progress:
        look_through(task.spec, task.source, progress.frame)


def default_model(source: Path, codec: str) -> tuple[str, str]:
    """The shipped model for a file of a codec, and a line that says why."""
    if is_clean(codec):
        return DEFAULT_MODEL, f"{source} is {codec}, taken as clean: --model {DEFAULT_MODEL}"
    return REAL_MODEL, (
        f"{source} is {codec}, taken as compressed: --model {REAL_MODEL}; "
        f"{DEFAULT_MODEL} is sharper where a picture shows no artefacts"
    )


def _part(source: Source, start: int | Fraction, end: int | Fraction | None) -> tuple[int, int]:
    """First frame and the frame after the last one."""
    frames = source.clip.num_frames
    first = source.frame_at(start) if isinstance(start, Fraction) else start
    last = frames if end is None else source.frame_at(end) if isinstance(end, Fraction) else min(end, frames)
    if first >= last:
        raise UsageError(f"no frame left between --start {first} and --end {last}; {source.path} has {frames} frames")
    return first, last


def _ignore(_line: str) -> None:
    """Say nothing."""
