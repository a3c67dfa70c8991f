"""``vs-tecogan export``: a training run to a model file for the filter, or a model to an ONNX graph."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..onnx import export_onnx
from ..training.run.export import export
from ..weights import load_model
from .common import say

if TYPE_CHECKING:
    from argparse import _SubParsersAction

WORDS = ("description", "data", "licence")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "source",
        metavar="RUN",
        help="folder of a training run, or a checkpoint file; a model's name or file for --onnx",
    )
    parser.add_argument("output", metavar="MODEL", type=Path, nargs="?", help="file to write, ending in .safetensors")
    parser.add_argument("--onnx", metavar="FILE", type=Path, help="write a model's step as an ONNX graph instead")
    parser.add_argument("--size", metavar="WIDTHxHEIGHT", help="of the frames that the graph takes, such as 480x270")
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
    if args.onnx is not None:
        return _onnx(args)
    if args.output is None:
        raise UsageError("no MODEL; give the file to write, ending in .safetensors, or --onnx FILE")
    if args.size is not None:
        raise UsageError("--size is for --onnx alone; leave it")
    if args.output.suffix != ".safetensors":
        raise UsageError(f"{args.output.name}: expected a file name that ends in .safetensors")
    words = {word: getattr(args, word) for word in WORDS if getattr(args, word)}
    card = export(Path(args.source), args.output, last=args.last, half=args.half, words=words)
    say(f"{args.output}: {card.description}; {card.training}")
    return 0


def _onnx(args: argparse.Namespace) -> int:
    if args.output is not None or args.last or args.half or any(getattr(args, word) for word in WORDS):
        raise UsageError("--onnx takes a model and --size alone; leave the other arguments")
    width, height = _size(args.size)
    model = load_model(args.source)
    export_onnx(model, args.onnx, height=height, width=width)
    say(f"{args.onnx}: {model.card.name}, frames of {width}x{height}; (frames, state) -> (picture, next_state)")
    return 0


def _size(text: str | None) -> tuple[int, int]:
    """Width and height of what is written as 480x270.

    :raises UsageError: it is none, or not of that form.
    """
    parts = (text or "").lower().split("x")
    if len(parts) == 2 and all(part.isascii() and part.isdigit() and int(part) > 0 for part in parts):
        return int(parts[0]), int(parts[1])
    raise UsageError(f"--size {text or 'is missing'}; give the frames' width and height, such as --size 480x270")
