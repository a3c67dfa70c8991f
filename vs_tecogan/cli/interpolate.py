"""``vs-tecogan interpolate``: a model between two others."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..weights import interpolate, load_model, save_model
from .common import say

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def add_parser(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand to ``vs-tecogan``."""
    parser = subparsers.add_parser(
        "interpolate",
        description="Average the weights of two models of one architecture. Works best with a model and one that was "
        "trained on from it: a share of the regression model gives a perceptual one fidelity back and costs some "
        "texture. The result refines its flow as the model with the larger share does; at equal shares, as SECOND.",
        allow_abbrev=False,
    )
    parser.add_argument("first", metavar="FIRST", help="name of a shipped model, or a weight file")
    parser.add_argument("second", metavar="SECOND", help="the other")
    parser.add_argument("share", metavar="SHARE", type=float, help="SECOND's part of the average, 0 to 1")
    parser.add_argument("output", metavar="MODEL", type=Path, help="file to write, ending in .safetensors")
    parser.add_argument("-y", "--overwrite", action="store_true", help="replace MODEL if it exists")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--half", action="store_true", help="store float16, as the shipped models do; the default")
    size.add_argument("--full", action="store_true", help="store float32, twice the size")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Average, write, and report on stderr.

    :raises UsageError: the file to write has another suffix, or exists.
    :raises WeightsError: a model cannot be opened or averaged, or the file cannot be written.
    """
    if args.output.suffix != ".safetensors":
        raise UsageError(f"{args.output.name}: expected a file name that ends in .safetensors")
    if args.output.exists() and not args.overwrite:
        raise UsageError(f"{args.output} exists; give another name, or -y to replace it")
    model = interpolate(load_model(args.first), load_model(args.second), args.share, name=args.output.stem)
    save_model(args.output, model.network, model.card, half=not args.full)
    say(f"{args.output}: {model.card.description}")
    return 0
