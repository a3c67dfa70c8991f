"""``vs-tecogan export``: a training run to a model file for the filter."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..training.run.export import export
from .common import say

if TYPE_CHECKING:
    from argparse import _SubParsersAction

WORDS = ("description", "data", "licence")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("training_run", metavar="RUN", type=Path, help="folder of a training run, or a checkpoint file")
    parser.add_argument("output", metavar="MODEL", type=Path, help="file to write, ending in .safetensors")
    parser.add_argument("--last", action="store_true", help="the newest checkpoint instead of the best")
    parser.add_argument("--half", action="store_true", help="store float16, half the size")
    for word in WORDS:
        parser.add_argument(f"--{word}", default="", help=f"{word} on the model card")


def add_parser(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand to ``vs-tecogan``."""
    parser = subparsers.add_parser("export", allow_abbrev=False)
    add_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Export, and report on stderr.

    :raises UserError: the run or the file cannot be used.
    """
    if args.output.suffix != ".safetensors":
        raise UsageError(f"{args.output.name}: expected a file name that ends in .safetensors")
    words = {word: getattr(args, word) for word in WORDS if getattr(args, word)}
    card = export(args.training_run, args.output, last=args.last, half=args.half, words=words)
    say(f"{args.output}: {card.description}; {card.training}")
    return 0
