"""``vs-tecogan vspipe-args``: what y4m does not carry from vspipe to ffmpeg, as options of ffmpeg."""

from __future__ import annotations

import argparse
from fractions import Fraction
from pathlib import Path
from typing import Any

import vapoursynth as vs

from ..errors import UsageError
from ..jobs.script import run_script
from ..video.formats import colour_tags, hdr10_options
from ..video.source import check_readable
from ..video.write import sample_aspect_of
from .common import say
from .values import variable

_LARGEST = 255

_DESCRIPTION = """\
Print ffmpeg's options for reading output 0 of a script through vspipe: matrix, primaries, transfer, range, place of
chroma and shape of pixels, as its first frame says. The y4m of vspipe carries none of them.
"""

_EXAMPLES = """\
examples:
  vspipe -c y4m script.vpy - | ffmpeg $(vs-tecogan vspipe-args script.vpy) -c:v libx264 -crf 16 out.mkv
  vspipe -c y4m script.vpy - | ffmpeg $(vs-tecogan vspipe-args script.vpy --codec libx265) -c:v libx265 out.mkv

The options end in "-i -" and what belongs behind it. The second line keeps mastering display and light levels too.
"""


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the subcommand to ``vs-tecogan``."""
    parser = subparsers.add_parser(
        "vspipe-args",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("script", metavar="SCRIPT", type=Path, help="a VapourSynth script (.vpy)")
    given = "variable of the script, as by vspipe; may be repeated"
    parser.add_argument("-a", "--arg", metavar="KEY=VALUE", type=variable, action="append", default=[], help=given)
    codec = "encoder that is to be told of HDR10's display and light: libx265, libx264 or libsvtav1"
    parser.add_argument("--codec", metavar="C", default="", help=codec)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the script, look at its first frame, and print one line.

    :raises VideoError: the script fails.
    :raises UsageError: its output 0 does not fit into y4m.
    """
    check_readable(args.script)
    clip = run_script(args.script, dict(args.arg))
    _check_y4m(args.script, clip)
    with clip.get_frame(0) as frame:
        props = dict(frame.props)
    words = [*colour_tags(props), "-i", "-"]
    words += _shape(clip, sample_aspect_of(props))
    words += hdr10_options(props, args.codec)
    print(" ".join(words))  # noqa: T201
    if not args.codec and any(name.startswith(("MasteringDisplay", "ContentLightLevel")) for name in props):
        say("the frames have HDR10's display and light: give --codec libx265, libx264 or libsvtav1 to keep them")
    return 0


def _shape(clip: vs.VideoNode, sample: Fraction) -> list[str]:
    """Options for the shape of the picture; ffmpeg rounds what it is given as an aspect to numbers up to 255."""
    picture = sample * clip.width / clip.height
    if not sample:
        return []
    if max(picture.numerator, picture.denominator) <= _LARGEST:
        return ["-aspect", f"{picture.numerator}:{picture.denominator}"]
    return ["-vf", f"setsar={sample.numerator}/{sample.denominator}:max={max(sample.numerator, sample.denominator)}"]


def _check_y4m(path: Path, clip: vs.VideoNode) -> None:
    """Refuse what y4m cannot hold.

    :raises UsageError: naming a way around.
    """
    form = clip.format
    instead = f"`vs-tecogan upscale {path} OUT` takes it"
    if clip.width == 0 or form is None or form.color_family == vs.UNDEFINED:
        raise UsageError(f"output 0 of {path} varies in format or size; make both constant")
    if not clip.fps:
        raise UsageError(f"output 0 of {path} has a variable frame rate, which y4m does not carry; {_rate()}")
    if form.color_family == vs.RGB or form.sample_type == vs.FLOAT:
        raise UsageError(f"output 0 of {path} is {form.name}, which y4m does not hold; {instead}")


def _rate() -> str:
    return "give vspipe --timecodes and mux them, or make it constant by std.AssumeFPS"
