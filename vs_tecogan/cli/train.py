"""``vs-tecogan train``: FRVSR, TecoGAN and the variants between, by options, by presets or by a recipe."""

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..training.config import Config, add_options, from_arguments, load, merge
from ..training.recipe import find_preset, find_recipe, plan, run_recipe
from ..training.run import checkpoint
from ..training.run.loop import train
from .common import say

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments: where to begin, where to write, and the settings."""
    parser.add_argument(
        "--config", nargs="+", default=[], metavar="FILE", help="presets or TOML files; later ones override earlier"
    )
    parser.add_argument("--recipe", metavar="NAME", help="all stages of a shipped model, or of a recipe file")
    parser.add_argument("--out", type=Path, metavar="RUN", help="folder of the run")
    parser.add_argument(
        "--resume", type=Path, metavar="RUN", help="go on with the newest checkpoint of a run, or a file"
    )
    parser.add_argument("--dry-run", action="store_true", help="print the plan of a recipe with an estimate of time")
    add_options(parser)


def add_parser(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand to ``vs-tecogan``."""
    parser = subparsers.add_parser(
        "train",
        usage="vs-tecogan train --store DATA --out RUN [--config FILE ... | --recipe NAME] [options], "
        "or --resume RUN [options]",
        allow_abbrev=False,
    )
    add_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train, and report on stderr.

    :raises UserError: settings, data or disk do not allow it.
    """
    logging.getLogger("vs_tecogan").setLevel(logging.INFO)
    changes = from_arguments(args)
    if args.dry_run and args.recipe is None:
        raise UsageError("--dry-run prints the plan of a recipe; give --recipe NAME")
    if args.recipe is not None:
        if args.config or args.resume is not None:
            raise UsageError("--recipe has its own settings and goes on by itself; leave out --config and --resume")
        recipe = find_recipe(args.recipe)
        if args.dry_run:
            for line in plan(recipe, changes, args.out):
                say(line)
            return 0
        if args.out is None:
            raise UsageError("--recipe needs --out RUN, a folder for its stages and the model")
        run_recipe(recipe, changes, args.out)
    elif args.resume is not None:
        resume(args.resume, args.out, changes, args.config)
    elif args.out is None:
        raise UsageError("nothing to do: give --out RUN for a new run, or --resume RUN")
    else:
        config = Config()
        for name in args.config:
            config = load(find_preset(name), config)
        train(merge(config, changes, "command line"), args.out)
    return 0


def resume(named: Path, out: Path | None, changes: dict[str, dict[str, object]], config: list[str]) -> None:
    """Go on with a run, in its own folder or in another.

    :raises UserError: there is none, or it cannot go on in that folder or with those changes.
    """
    if config:
        raise UsageError("--resume takes the settings of its checkpoint; give changes as single options")
    path = checkpoint.find(named)
    state = checkpoint.load(path)
    own = checkpoint.run_of(named)
    folder = out or own
    if folder is None:
        raise UsageError(f"{path} lies in no run's folder; say with --out where to go on")
    if own is None or folder.resolve() != own.resolve():
        checkpoint.refuse_another_run(folder)
    train(checkpoint.stored_config(state, changes, path), folder, state)
