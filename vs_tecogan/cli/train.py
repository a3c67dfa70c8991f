"""``vs-tecogan train``: FRVSR, TecoGAN and the variants between."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments: where to begin, where to write, and every field of the settings."""
    from ..training.config import add_options

    parser.add_argument(
        "--config", type=Path, nargs="+", default=[], help="TOML files; later ones override earlier ones"
    )
    parser.add_argument("--out", type=Path, help="folder of a new run")
    parser.add_argument(
        "--resume", type=Path, metavar="RUN", help="go on with the newest checkpoint of a run, or a file"
    )
    add_options(parser)


def add_parser(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand to ``vs-tecogan``."""
    parser = subparsers.add_parser(
        "train",
        usage="vs-tecogan train --out RUN --store DATA [--config FILE ...] [options], or --resume RUN [options]",
        allow_abbrev=False,
    )
    add_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train, and report on stderr.

    :raises UsageError: settings, data or disk do not allow it.
    """
    from ..errors import TrainingError
    from ..training.logs import show_on_stderr

    show_on_stderr()
    try:
        _train(args)
    except TrainingError as error:
        raise UsageError(str(error)) from error
    return 0


def _train(args: argparse.Namespace) -> None:
    from ..errors import TrainingError
    from ..training import checkpoint
    from ..training.config import Config, from_arguments, load, merge
    from ..training.loop import train

    changes = from_arguments(args)
    if args.resume is not None:
        if args.config:
            raise TrainingError("--resume takes the settings of its checkpoint; give changes as single options")
        path = checkpoint.find(args.resume)
        state = checkpoint.load(path)
        own = checkpoint.run_of(args.resume)
        folder = args.out or own
        if folder is None:
            raise TrainingError(f"{path} lies in no run's folder; say with --out where to go on")
        if own is None or folder.resolve() != own.resolve():
            checkpoint.refuse_another_run(folder)
        train(checkpoint.stored_config(state, changes, path), folder, state)
        return
    if args.out is None:
        raise TrainingError("nothing to do: give --out RUN for a new run, or --resume RUN")
    config = Config()
    for file in args.config:
        config = load(file, config)
    train(merge(config, changes, "command line"), args.out)
