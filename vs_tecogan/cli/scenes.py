"""``vs-tecogan scenes``: where scenes and chains start, for other tools."""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..files import write_file
from ..filter import RESTART
from ..jobs.scan import scan_cuts
from ..recurrence.chains import chain_starts
from ..video.source import open_source
from .progress import Opening, Progress

_DESCRIPTION = """\
Find the scene cuts of IN, by the rule that the filter uses, and write them for other tools.

  qp      a line "FRAME I -1" per scene: x264 --qpfile, x265 --qpfile, vsview
  av1an   scenes.json of av1an (av1an --scenes FILE)
  json    {"frames": N, "cuts": [...], "starts": [...]}: cuts, and where chains start (cuts and every --restart frames)
"""

_EXAMPLES = """\
examples:
  vs-tecogan scenes in.mkv                          a line of JSON on standard output
  vs-tecogan scenes in.mkv --format qp -o in.qp
  vs-tecogan scenes in.mkv --format av1an -o scenes.json --starts
"""


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the subcommand to ``vs-tecogan``."""
    parser = subparsers.add_parser(
        "scenes",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("source", metavar="IN", type=Path, help="any video file that BestSource (ffmpeg) opens")
    parser.add_argument("-o", "--out", metavar="FILE", type=Path, help="file to write; default: standard output")
    parser.add_argument("--format", choices=tuple(_FORMATS), default="json", help="default: json")
    parser.add_argument("--starts", action="store_true", help="qp and av1an: all starts of chains, not cuts alone")
    restart = f"the filter's --restart, for starts of chains; default: {RESTART}"
    parser.add_argument("--restart", metavar="N", type=_count, default=RESTART, help=restart)
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Scan, and write.

    :raises VideoError: IN cannot be read.
    :raises UsageError: FILE cannot be written.
    """
    if args.out is not None and not args.out.parent.is_dir():
        raise UsageError(f"{args.out.parent} is no directory; make it first")
    with Opening(args.source, quiet=args.quiet) as opening:
        clip = open_source(args.source, on_index=opening.percent).clip
    frames = clip.num_frames
    with Progress(frames, quiet=args.quiet) as progress:
        cuts = scan_cuts(clip, 0, frames, on_frame=progress.frame)
    starts = chain_starts(0, frames, cuts=cuts, restart=args.restart)
    text = _FORMATS[args.format](frames, cuts, starts, args.starts)
    if args.out is None:
        sys.stdout.write(text)
        return 0
    try:
        write_file(args.out, text)
    except OSError as error:
        raise UsageError(f"cannot write {args.out}: {error.strerror}") from None
    return 0


def _json(frames: int, cuts: Sequence[int], starts: Sequence[int], _all: bool) -> str:
    return json.dumps({"frames": frames, "cuts": cuts, "starts": starts}) + "\n"


def _qp(_frames: int, cuts: Sequence[int], starts: Sequence[int], every_start: bool) -> str:
    return "".join(f"{n} I -1\n" for n in (starts if every_start else [0, *cuts]))


def _av1an(frames: int, cuts: Sequence[int], starts: Sequence[int], every_start: bool) -> str:
    edges = [*(starts if every_start else [0, *cuts]), frames]
    scenes = [
        {"start_frame": first, "end_frame": end, "zone_overrides": None} for first, end in itertools.pairwise(edges)
    ]
    return json.dumps({"scenes": scenes, "frames": frames, "split_scenes": scenes}) + "\n"


_FORMATS = {"qp": _qp, "av1an": _av1an, "json": _json}


def _count(text: str) -> int:
    value = int(text) if text.isdecimal() else -1
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0")
    return value
