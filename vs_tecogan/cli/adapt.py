"""``vs-tecogan adapt``: a model that has learned a film."""

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..training.adapt import AdaptOptions, adapt
from .common import say

if TYPE_CHECKING:
    from argparse import _SubParsersAction

USUAL = AdaptOptions()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add("film", type=Path, metavar="FILM", help="a video file")
    add("--out", type=Path, required=True, metavar="DIR", help="folder for the model, its card and all else")
    add("--minutes", type=float, default=USUAL.minutes, metavar="M", help=f"of training; default: {USUAL.minutes:g}")
    add("--model", default=USUAL.model, metavar="M", help=f"name or weight file to begin with; default: {USUAL.model}")
    add("--pieces", type=int, default=USUAL.pieces, help=f"places of FILM to learn from; default: {USUAL.pieces}")
    frames = f"frames of each; default: {USUAL.piece_frames}"
    add("--piece-frames", type=int, default=USUAL.piece_frames, metavar="N", help=frames)
    degrade = "preset or TOML file with the faults to learn to undo, such as real; default: smaller frames alone"
    add("--degrade", default="", metavar="FILE", help=degrade)
    add("--config", nargs="+", default=[], metavar="FILE", help="settings over those of the preset adapt")


def add_parser(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand to ``vs-tecogan``."""
    about = "Fine-tune a model on a film's own frames made smaller. It is written if held-out scenes get better."
    parser = subparsers.add_parser("adapt", description=about, allow_abbrev=False)
    add_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Adapt, and report on stderr.

    :raises UserError: the film, the model or the folder cannot be used.
    """
    logging.getLogger("vs_tecogan").setLevel(logging.INFO)
    if not 0 < args.minutes < float("inf") or args.pieces < 2 or args.piece_frames < 8:
        raise UsageError("expected --minutes above 0, --pieces >= 2 and --piece-frames >= 8")
    options = AdaptOptions(
        model=args.model, minutes=args.minutes, pieces=args.pieces, piece_frames=args.piece_frames,
        degrade=args.degrade, settings=tuple(args.config),
    )  # fmt: skip
    result = adapt(args.film, args.out, options)
    say(result.words())
    return 0 if result.kept else 1
