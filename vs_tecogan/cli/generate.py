"""``vs-tecogan generate``: a video file that a network makes, by seed and frame number."""

from __future__ import annotations

import argparse
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import vapoursynth as vs

from ..errors import UsageError
from ..filter import tecogan
from ..networks import LongVideo, LongVideoSR, VideoGenerator
from ..sources.long_video_gan import MODEL, long_video_gan
from ..sources.mocogan_hd import mocogan_hd
from ..video.probe import Probe
from ..video.source import Source, Track
from ..video.timeline import Timeline
from ..video.write import EncoderOptions, Job, encode
from ..weights import Model, WeightsError, load_model
from .common import say
from .options import absolute, add_encoder
from .progress import Progress
from .values import count, positive

_EXAMPLES = """\
examples:
  vs-tecogan generate sky.mkv --seed 7 --frames 750             half a minute of a sky that does not exist
  vs-tecogan generate plate.mkv --loop 256 --frames 256         one turn of a loop without a seam
  vs-tecogan generate large.mkv --upscale recurrent-texture-4x  enlarged four times
"""


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the subcommand to ``vs-tecogan``."""
    parser = subparsers.add_parser(
        "generate",
        description="Write a video that a network makes. The same seed gives the same frames again, from any start.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("out", metavar="OUT", type=Path, help="file to write, such as out.mkv; or pictures, %%05d.png")
    parser.add_argument("--model", default=MODEL, help=f"a model that makes video, by name or file (default {MODEL})")
    parser.add_argument("--seed", metavar="N", type=count, default=1, help="another video for each (default 1)")
    parser.add_argument("--frames", metavar="N", type=positive, default=250, help="frames to write (default 250)")
    parser.add_argument("--start", metavar="N", type=count, default=0, help="first frame (default 0)")
    parser.add_argument("--loop", metavar="N", type=positive, help="frames after which everything repeats")
    parser.add_argument("--fps", metavar="N", type=positive, default=25, help="frames per second (default 25)")
    parser.add_argument(
        "--upscale",
        metavar="M",
        help="enlarge by this model, such as recurrent-texture-4x; or a second stage of LongVideoGAN",
    )
    parser.add_argument("--device", metavar="D", help="cpu, cuda or cuda:N; default: CUDA where there is one")
    parser.add_argument("-y", "--overwrite", action="store_true", help="replace OUT if it exists")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")
    add_encoder(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Generate and encode.

    :raises UserError: the model, an option or the file cannot be used.
    :raises vapoursynth.Error: an argument that a clip function refuses.
    """
    if args.out.exists() and not args.overwrite:
        raise UsageError(f"{args.out} exists; give another name, or -y to replace it")
    model = load_model(absolute(args.model))
    clip = enlarged_clip(model, args) if args.upscale else generated_clip(model, args, args.frames)
    source = source_of(clip, args.out)
    options = EncoderOptions(codec=args.codec, crf=args.crf, preset=args.preset)
    job = Job(clip=clip, source=source, timeline=source.timeline, out=args.out, options=options)
    with Progress(clip.num_frames, quiet=args.quiet) as progress:
        encode(job, on_frame=progress.frame, note=say)
    say(f"{args.out}: {clip.num_frames} frames of {clip.width}x{clip.height}, seed {args.seed}, by {model.card.name}")
    return 0


def enlarged_clip(model: Model, args: argparse.Namespace) -> vs.VideoNode:
    """The clip, enlarged.

    A loop is entered with one turn behind it and a frame after its end, so that no seam shows. A second stage of
    LongVideoGAN needs none of that.
    """
    large = load_model(absolute(args.upscale))
    if isinstance(large.network, LongVideoSR):
        return generated_clip(model, args, args.frames, large)
    turn, after = (args.loop, 1) if args.loop else (0, 0)
    clip = generated_clip(model, args, turn + args.frames + after)
    enlarge = partial(tecogan, model=large, device=args.device, scene_change=False)
    clip = enlarge(clip, restart=0) if args.loop else enlarge(clip)
    return clip[turn : turn + args.frames]


def generated_clip(
    model: Model, args: argparse.Namespace, length: int, upscaler: Model | None = None
) -> vs.VideoNode:  # fmt: skip
    """The clip of a model that makes video.

    :raises WeightsError: it makes none.
    :raises UsageError: an option that the model has no use for.
    """
    if isinstance(model.network, LongVideo):
        return long_video_gan(
            model, seed=args.seed, length=length, loop=args.loop, start=args.start, fps=args.fps,
            device=args.device, upscaler=upscaler,
        )  # fmt: skip
    if isinstance(model.network, VideoGenerator):
        if upscaler is not None:
            raise UsageError(f"upscaler {upscaler.card.name!r} is for LongVideoGAN's videos; give --upscale another")
        if args.loop or args.start:
            raise UsageError(f"model {model.card.name!r} begins at frame 0 and has no loops; leave --loop and --start")
        return mocogan_hd(
            model, content_seed=args.seed, motion_seed=args.seed, length=length, fps=args.fps, device=args.device
        )
    raise WeightsError(f"model {model.card.name!r} makes no video; give one that does, such as {MODEL}")


def source_of(clip: vs.VideoNode, path: Path) -> Source:
    """A clip without a file behind it, as the encoder takes it."""
    rate, picture = Fraction(clip.fps), Track(index=-1, kind="video", codec="rawvideo")
    start = Fraction(0)
    timeline = Timeline(time_base=1 / rate, ticks=tuple(range(clip.num_frames)), start=start, frame_rate=rate)
    return Source(path=path, clip=clip, timeline=timeline, video=picture, tracks=(picture,), probe=Probe(videos={}))
