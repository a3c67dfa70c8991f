"""The ``vs-tecogan`` command: one short module a subcommand, each with ``add_parser(subparsers)`` and ``run(args)``."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from ..errors import UsageError
from .common import PROGRAM, Parser, guarded

COMMANDS = ("upscale", "models", "doctor", "prepare", "train", "export", "interpolate", "evaluate")
"""Modules of this package, in the order of the help text."""

_EXAMPLES = """\
examples:
  vs-tecogan upscale in.mkv out.mkv       upscale a video; audio, subtitles and chapters stay
  vs-tecogan models                       list the models that come with the package
  vs-tecogan doctor                       say what is installed, which device would be used, and what is missing

vs-tecogan COMMAND --help tells more about each. The filter for VapourSynth scripts: from vs_tecogan import tecogan
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    :param argv: arguments without the program's name; None = those of the process.
    :return:     exit code: 0 done, 1 failed or unusable, 2 wrong input, 128 + signal when interrupted.
    """
    return guarded(lambda: _run(sys.argv[1:] if argv is None else argv))


def _run(argv: Sequence[str]) -> int:
    """Read the words and run the command that they name."""
    own, extra = _split(argv)
    try:
        parser = _parser()
        args = parser.parse_args(own)
        if extra and not hasattr(args, "ffmpeg_options"):
            parser.error("arguments after -- are for upscale alone")
    except SystemExit as done:  # argparse has said what is to be said
        return int(done.code or 0)
    if hasattr(args, "ffmpeg_options"):
        args.ffmpeg_options = tuple(extra)
    return int(args.run(args))


def _split(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Arguments before and after the first ``--``."""
    arguments = list(argv)
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:cut], arguments[cut + 1 :]


def _parser() -> Parser:
    parser = Parser(
        prog=PROGRAM,
        description="Temporally coherent video super-resolution for VapourSynth and the command line.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {_version()}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)
    for name in COMMANDS:
        try:
            import_module(f".{name}", __name__).add_parser(subparsers)
        except ModuleNotFoundError as error:  # the others work, and doctor says what to install
            _add_unusable(subparsers, name, error.name or str(error))
    return parser


def _add_unusable(subparsers: "argparse._SubParsersAction[Parser]", name: str, missing: str) -> None:
    """A subcommand that says which package it lacks, whatever its arguments are."""
    parser = subparsers.add_parser(name, help=f"not usable: {missing} is not installed", add_help=False)
    parser.add_argument("rest", nargs=argparse.REMAINDER)

    def refuse(_args: argparse.Namespace) -> int:
        raise UsageError(f"{name} needs the package {missing}; `{PROGRAM} doctor` says what to do")

    parser.set_defaults(run=refuse)


def _version() -> str:
    from .. import __version__

    return __version__
