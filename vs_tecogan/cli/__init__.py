"""The ``vs-tecogan`` command: one short module per subcommand, each with ``add_parser(subparsers)`` and ``run(args)``.

Only the module of the subcommand that was asked for is imported, so that help is quick and a missing package stops
nothing but the commands that need it.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from ..version import __version__
from .common import PROGRAM, Parser, guarded

COMMANDS = {
    "upscale": "upscale a video file; audio, subtitles and chapters stay",
    "preview": "try models on a short excerpt, and estimate the whole",
    "job": "render segments of a planned job, on any machine; say how far it is",
    "scenes": "write where scenes start, for other tools",
    "vspipe-args": "print what y4m does not carry from vspipe to ffmpeg",
    "models": "list the models that come with the package",
    "doctor": "say what is installed, which device would be used, and what is missing",
    "prepare": "turn videos into a store of training clips",
    "train": "train a model on prepared clips",
    "adapt": "fine-tune a model on a film, and keep it if held-out scenes get better",
    "export": "write a trained model as a file for the filter",
    "interpolate": "average the weights of two models into a third",
    "generate": "write a video that a network makes",
    "fluid": "enlarge simulated smoke: fields and volumes",
    "evaluate": "measure fidelity and steadiness of videos",
}
"""Name and help of each subcommand, whose module has its name, in the order of the help text."""

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
        parser = _parser(next((word for word in own if not word.startswith("-")), ""))
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


def _parser(command: str) -> Parser:
    """The parser, in which only `command` knows its own arguments."""
    parser = Parser(
        prog=PROGRAM,
        description="Temporally coherent video super-resolution for VapourSynth and the command line.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)
    for name, text in COMMANDS.items():
        if name != command:
            subparsers.add_parser(name, help=text)
            continue
        import_module(f".{name.replace('-', '_')}", __name__).add_parser(subparsers)
    return parser
