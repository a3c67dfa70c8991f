"""Options that ``upscale`` and ``preview`` share, the words of their values, and the job that they describe."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from ..errors import UsageError
from ..filter import MEMORY, RESTART, WARMUP
from ..jobs.spec import Spec
from ..video.fields import FIELD_ORDERS
from ..video.pictures import sequence_of
from ..video.source import check_readable
from .segments import SEGMENT_SECONDS
from .values import (
    count,
    frame_or_time,
    frame_rate,
    frame_size,
    new_size,
    positive,
    quality,
    rectangle,
    seconds,
    share,
    variable,
)


def add_script(parser: argparse.ArgumentParser) -> None:
    """Add the options of a script."""
    group = parser.add_argument_group("scripts and pictures", "output 0 of a .vpy is upscaled unless it is so already")
    audio = "file of the sound, subtitles, chapters and tags; default: none"
    group.add_argument("--audio-from", metavar="FILE", type=Path, help=audio)
    given = "variable of a script, as by vspipe; may be repeated"
    group.add_argument("--arg", metavar="KEY=VALUE", type=variable, action="append", default=[], help=given)


def add_part(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose frames."""
    group = parser.add_argument_group(
        "part of IN", "a frame by its number from 0, or a time: 83.5s, 1:23.5 or 0:01:23.5; sound is cut to it"
    )
    group.add_argument("--start", metavar="WHERE", type=frame_or_time, default=0, help="first frame; default: 0")
    group.add_argument("--end", metavar="WHERE", type=frame_or_time, help="frame to stop before; default: the end")


def add_picture(parser: argparse.ArgumentParser) -> None:
    """Add the options that shape the picture, and those that say what computes it."""
    _add_main(parser)
    _add_input(parser)
    _add_network(parser)
    _add_speed(parser)


def _add_main(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("picture")
    model = (
        "name (see vs-tecogan models) or weight file; default: by IN's codec, recurrent-texture-4x for lossless and "
        "editing formats, recurrent-real-4x for all others"
    )
    group.add_argument("--model", metavar="M", help=model)
    strength = "0 keeps grain and faults of the source, 1 cleans; for models that take one; default: 1"
    group.add_argument("--strength", metavar="S", type=share, help=strength)
    faithful = "bring each output back to its source: made smaller again, it is closer to it"
    group.add_argument("--faithful", action="store_true", help=faithful)
    size = (
        "size of the new picture, resampled from the model's: 1080p (what fits into 1920x1080), WxH (what fits into "
        "it) or 2.5x; shapes stay; default: the model's own"
    )
    group.add_argument("--size", metavar="SIZE", type=new_size, help=size)
    square = "widen or narrow the picture until its pixels are square, as for the web; default: they stay as in IN"
    group.add_argument("--square-pixels", action="store_true", help=square)


def _add_input(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("input")
    crop = "upscale this part alone, such as 1920:800:0:140; ffmpeg's filter cropdetect finds it"
    group.add_argument("--crop", metavar="W:H:X:Y", type=rectangle, help=crop)
    track = "number of the video stream, as ffmpeg -i counts; default: the first video"
    group.add_argument("--track", metavar="N", type=count, help=track)
    rate = "frames per second of pictures: 24, 23.976, 30000/1001; default: 25"
    group.add_argument("--fps", metavar="R", type=frame_rate, help=rate)
    matrix = "YUV matrix instead of what IN says: 709, 170m, 470bg, 2020ncl... or its code; default: IN's, else by size"
    group.add_argument("--matrix", metavar="M", help=matrix)
    order = "how frames are stored, instead of what IN says; progressive: whole pictures, as film on DVD often is"
    group.add_argument("--field-order", choices=FIELD_ORDERS, help=order)
    deinterlace = "make one picture of each interlaced frame; needs bwdif: pip install vapoursynth-bwdif"
    group.add_argument("--deinterlace", action="store_true", help=deinterlace)


def _add_network(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("scenes and restarts")
    group.add_argument("--no-scene-change", action="store_true", help="do not look for cuts: IN is a single shot")
    restart = f"start anew at least every N frames; 0: at cuts alone; default: {RESTART}"
    group.add_argument("--restart", metavar="N", type=count, help=restart)
    warmup = f"frames run before each start and thrown away; default: {WARMUP}"
    group.add_argument("--warmup", metavar="N", type=count, help=warmup)
    duplicates = "an exactly repeated frame: show the last output again, or run the network; default: hold"
    group.add_argument("--duplicates", choices=("hold", "advance"), default="hold", help=duplicates)


def _add_speed(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("speed and memory")
    device = "cpu, cuda:N, xpu:N or mps, several with commas between them; default: the first GPU that works, else cpu"
    group.add_argument("--device", metavar="D", help=device)
    group.add_argument(
        "--precision",
        choices=("auto", "fp32", "fp16", "bf16"),
        help="of the convolutions; default: fastest in hardware",
    )
    threads = "processor threads of the network, in each worker; the encoder's: -- -threads N; default: all"
    group.add_argument("--threads", metavar="N", type=positive, help=threads)
    memory = f"MiB for kept frames; never changes the picture; default: {MEMORY}"
    group.add_argument("--memory", metavar="MIB", type=positive, help=memory)
    group.add_argument(
        "--tile",
        metavar="WxH",
        type=frame_size,
        help="compute larger frames in blended tiles of this size, above 64x64; default: where memory asks for it",
    )


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
    group.add_argument("--crf", metavar="Q", type=quality, help=crf)
    group.add_argument("--preset", metavar="P", help="the encoder's speed preset, such as slow; default: the encoder's")


def add_job(parser: argparse.ArgumentParser) -> None:
    """Add the options of a resumable job."""
    group = parser.add_argument_group("job")
    segment = f"fewest seconds of a segment, which an interruption may cost; default: {SEGMENT_SECONDS:g}"
    group.add_argument("--segment", metavar="SECONDS", type=seconds, default=SEGMENT_SECONDS, help=segment)
    workers = "processes that render at the same time; default: one for each device"
    group.add_argument("--workers", metavar="N", type=positive, help=workers)
    cluster = "share the segments among the machines of a Ray cluster: auto for the one on this machine, or host:port"
    group.add_argument("--cluster", metavar="ADDRESS", help=cluster)
    cpus = "processors of each worker on a cluster without GPUs; default: all of a machine's"
    group.add_argument("--cpus-per-worker", metavar="N", type=positive, help=cpus)
    group.add_argument("--fresh", action="store_true", help="forget what an interrupted run left, and start anew")
    group.add_argument("--plan", action="store_true", help="write OUT.job and stop; see vs-tecogan job run")


def picture_spec(args: argparse.Namespace, out: Path) -> Spec:
    """What the options say of a picture and its encoding; frames, model and codec are open."""
    return Spec(
        source=str(args.source.absolute()),
        out=str(out.absolute()),
        audio=str(args.audio_from.absolute()) if args.audio_from else "",
        arguments=dict(args.arg),
        first=0,
        end=0,
        track=args.track,
        fps=str(args.fps or ""),
        crop=args.crop,
        model="",
        precision=args.precision or "auto",
        strength=args.strength,
        faithful=args.faithful,
        scene_change=not args.no_scene_change,
        restart=RESTART if args.restart is None else args.restart,
        warmup=WARMUP if args.warmup is None else args.warmup,
        tile=args.tile,
        duplicates=args.duplicates,
        matrix=args.matrix or "",
        size=args.size or "",
        square_pixels=args.square_pixels,
        field_order=args.field_order or "",
        deinterlace=args.deinterlace,
        codec="",
        crf=args.crf,
        preset=args.preset or "",
    )


def absolute(model: str) -> str:
    """A model's name, or the absolute path of a weight file."""
    path = Path(model).expanduser()
    return str(path.absolute()) if model and path.is_file() else model


def check_script(args: argparse.Namespace) -> None:
    """Refuse options of scripts and pictures for another file, and a file for sound that cannot be read."""
    script, pictures = args.source.suffix.lower() == ".vpy", bool(sequence_of(args.source)[0])
    if args.arg and not script:
        raise UsageError(f"--arg is for VapourSynth scripts (.vpy); {args.source} is none")
    if args.audio_from and not (script or pictures):
        raise UsageError(f"--audio-from is for VapourSynth scripts (.vpy) and for pictures; {args.source} is neither")
    if args.fps and not pictures:
        raise UsageError(f"--fps is for pictures, numbered ones or a folder; {args.source} is neither")
    if args.track is not None and (script or pictures):
        raise UsageError(f"--track {args.track} is for video files; {args.source} is none")
    if args.audio_from:
        check_readable(args.audio_from)


def check_fields(args: argparse.Namespace) -> None:
    """Refuse options of fields that do not fit together."""
    if args.field_order in ("tff", "bff") and not args.deinterlace:
        raise UsageError(f"--field-order {args.field_order} says that frames are interlaced; give --deinterlace too")
    if args.field_order == "progressive" and args.deinterlace:
        raise UsageError("--field-order progressive leaves nothing to --deinterlace; give one of them")


def check_options(options: Sequence[str]) -> None:
    """Refuse a word that ffmpeg would take for the name of a second output."""
    if options and not options[0].startswith("-"):
        raise UsageError(f"{options[0]!r} after --; give options of ffmpeg there, such as -- -tune film")
