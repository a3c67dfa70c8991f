"""``vs-tecogan interpolate``: a model between two others."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from .common import say

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def add_parser(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand to ``vs-tecogan``."""
    parser = subparsers.add_parser(
        "interpolate",
        description="Average the weights of two models of one architecture, best of a model and what was trained on "
        "from it: a share of the regression model gives a perceptual one fidelity back, at some cost in texture. "
        "Flow is refined as often as by the model of the larger share, at equal shares by SECOND.",
        allow_abbrev=False,
    )
    parser.add_argument("first", metavar="FIRST", help="name of a shipped model, or a weight file")
    parser.add_argument("second", metavar="SECOND", help="the other")
    parser.add_argument("share", metavar="SHARE", type=float, help="SECOND's part of the average, 0 to 1")
    parser.add_argument("output", metavar="MODEL", type=Path, help="file to write, ending in .safetensors")
    parser.add_argument("--half", action="store_true", help="store float16, half the size")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Average, write, and report on stderr.

    :raises UsageError: a model or the file cannot be used.
    """
    from ..errors import WeightsError
    from ..weights import interpolate, load_model, save_model

    if args.output.suffix != ".safetensors":
        raise UsageError(f"{args.output.name}: expected a file name that ends in .safetensors")
    try:
        first, second = (load_model(model) for model in (args.first, args.second))
        model = interpolate(first, second, args.share, name=args.output.stem)
    except (WeightsError, FileNotFoundError) as error:
        raise UsageError(str(error)) from error
    try:
        save_model(args.output, model.generator, model.card, half=args.half)
    except OSError as error:
        raise UsageError(f"cannot write {args.output}: {error.strerror or error}") from error
    say(f"{args.output}: {model.card.description}")
    return 0
