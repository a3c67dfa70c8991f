"""``vs-tecogan evaluate``: measure videos or image folders, with or without a reference."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from ..errors import UsageError
from ..metrics.catalogue import BY_KEY, select
from ..metrics.evaluation import Observer
from ..metrics.methods import with_methods
from ..metrics.picture import Picture
from ..metrics.protocol import Crop, kept_frames
from ..metrics.report import PictureCollector, ProfileLine, report_page
from ..metrics.sources import ClipPair, pair_up, read_pairs
from ..metrics.suite import Options, Outcome, measure
from ..metrics.tables import as_json, text_table, write_csv
from .common import say
from .progress import Progress

_EXAMPLES = """\
examples:
  vs-tecogan evaluate out.mkv --reference truth.mkv --html report.html
  vs-tecogan evaluate results/ --reference truth/           folders of clips, paired by name
  vs-tecogan evaluate --pairs pairs.csv --protocol plain    lines RESULT,REFERENCE
  vs-tecogan evaluate a.mkv b.mkv --reference truth.mkv     methods side by side
  vs-tecogan evaluate out.mkv                               what needs no reference

The official protocol is that of TecoGAN's metrics.py: two frames skipped at both ends, a crop to multiples of 32.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand to the command line."""
    parser = subparsers.add_parser(
        "evaluate",
        description="Measure videos or image folders against a reference, or alone. The table goes to stdout.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_arguments(parser)
    parser.set_defaults(run=run)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options."""
    add = parser.add_argument
    add("results", nargs="*", type=Path, metavar="RESULT", help="video, folder of images, or folder of such clips")
    add(
        "--reference",
        nargs="+",
        type=Path,
        default=[],
        metavar="TRUTH",
        help="the truth: one for all, or one for each RESULT",
    )
    add("--source", nargs="+", type=Path, default=[], metavar="LR", help="what was enlarged: one for all, or for each")
    add("--source-grid", choices=("corner", "centred"), default="corner", help="where its pixels lie; default: corner")
    add("--pairs", type=Path, metavar="CSV", help="a list of lines RESULT,REFERENCE instead of RESULT and --reference")
    add("--protocol", choices=("official", "plain"), default="official", help="default: official; plain skips nothing")
    add("--metrics", metavar="A,B,...", help=f"only these; default: all that can be had of {', '.join(BY_KEY)}")
    add("--json", type=Path, metavar="FILE", help="write everything there as JSON")
    add("--csv", type=Path, metavar="FILE", help="write the values of every frame there as CSV")
    add("--html", type=Path, metavar="FILE", help="write a report with curves and pictures there, one offline file")
    add("--drift", type=int, default=0, metavar="N", help="S(x, t) over N random windows, mean and deviation")
    add("--drift-frames", type=int, default=128, metavar="T", help="frames of each window; default: 128")
    add("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="threads; default: one for each core")
    add("-q", "--quiet", action="store_true", help="no progress bar")
    weights = parser.add_argument_group("files of weights and parameters").add_argument
    lpips = "torchvision's AlexNet, or its features.* alone, for LPIPS and tLP; default: cached or downloaded"
    weights("--lpips-weights", type=Path, metavar="FILE", help=lpips)
    niqe = "BasicSR's niqe_pris_params.npz or LIVE's modelparameters.mat; default: an installed BasicSR's"
    weights("--niqe-params", type=Path, metavar="FILE", help=niqe)
    squeeze = "Keras squeezenet1.1_notop.h5, for an uncalibrated feature distance (not LPIPS)"
    weights("--squeezenet", type=Path, metavar="FILE", help=squeeze)
    weights("--i3d", type=Path, metavar="FILE", help="TorchScript I3D such as i3d_torchscript.pt, for FVD")
    report = parser.add_argument_group("pictures of the report").add_argument
    line = "line of the temporal profile; default: the middle row"
    report("--profile", default="row", metavar="row[:Y]|column[:X]", help=line)
    report("--crop", metavar="X,Y,W,H", help="place to enlarge; default: where result and reference differ most")
    report("--scale", type=int, default=4, metavar="S", help="factor of the bicubic baseline; default: 4")


def run(args: argparse.Namespace) -> int:
    """Measure, print the table, write the files.

    :raises UserError: inputs that do not match, or files that cannot be used.
    """
    outcome, report = _measure(args)
    print(text_table(outcome))  # noqa: T201 - the table is what the command is for
    _write(args, outcome, report)
    return 0


def _measure(args: argparse.Namespace) -> tuple[Outcome, Mapping[str, PictureCollector]]:
    if find_spec("cv2") is None:
        raise UsageError("measuring needs OpenCV: pip install 'vs-tecogan[metrics]'")
    _check_files([args.json, args.csv, args.html])
    if args.drift < 0 or args.drift_frames < 1:
        raise UsageError(f"--drift {args.drift} --drift-frames {args.drift_frames}; expected 0 and 1 or more")
    if args.jobs < 1 or args.scale < 1:
        raise UsageError(f"--jobs {args.jobs} --scale {args.scale}; both are 1 or more")
    if bool(args.results) == bool(args.pairs) or (args.pairs and args.reference):
        raise UsageError("give RESULT with or without --reference, or --pairs alone")
    if args.pairs and args.source:
        raise UsageError("--source goes with RESULT; leave it with --pairs")
    keys = select(args.metrics.split(",")) if args.metrics else tuple(BY_KEY)
    line, crop = ProfileLine.parse(args.profile), _crop(args.crop)
    given = read_pairs(args.pairs) if args.pairs else (args.results, args.reference, args.source)
    pairs = with_methods(pair_up(*given))
    options = Options(
        protocol=args.protocol,
        metrics=keys,
        jobs=args.jobs,
        lpips_weights=args.lpips_weights,
        squeezenet=args.squeezenet,
        niqe_parameters=args.niqe_params,
        i3d=args.i3d,
        source_phase=args.source_grid,
        drift=args.drift,
        drift_frames=args.drift_frames,
        baseline_scale=args.scale if args.html is not None else 0,
    )
    collectors: dict[str, PictureCollector] = {}
    frames = {pair.label: kept_frames(pair.result.length, args.protocol) for pair in pairs}
    with Progress(sum(len(some) for some in frames.values()), quiet=args.quiet) as progress:

        def watch(pair: ClipPair) -> Sequence[Observer]:
            if args.html is None:
                return [_Ticker(progress)]
            some = frames[pair.label]
            _check_crop(crop, pair)
            others = (one.label for one in pairs if one.name == pair.name)
            first = next((collectors[label] for label in others if label in collectors), None)
            collectors[pair.label] = PictureCollector(some[len(some) // 2], args.scale, line, crop, first)
            return [_Ticker(progress), collectors[pair.label]]

        return measure(pairs, options, watch), collectors


class _Ticker:
    """Moves the progress bar."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def frame(self, index: int, result: Picture, truth: Picture | None, values: Mapping[str, float]) -> None:
        """One frame is done."""
        self._progress.frame()


def _crop(text: str | None) -> Crop | None:
    if text is None:
        return None
    try:
        left, top, width, height = (int(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--crop {text}; give four whole numbers X,Y,W,H") from None
    if min(left, top) < 0 or min(width, height) < 1:
        raise UsageError(f"--crop {text}; X and Y are 0 or more, W and H 1 or more")
    return Crop(top=top, left=left, height=height, width=width)


def _check_crop(crop: Crop | None, pair: ClipPair) -> None:
    clip = pair.reference or pair.result
    if crop and (crop.left + crop.width > clip.width or crop.top + crop.height > clip.height):
        raise UsageError(f"--crop reaches outside of {clip.path}, which is {clip.width}x{clip.height}")


def _check_files(files: Sequence[Path | None]) -> None:
    """Refuse outputs that cannot be written before hours of work, not after."""
    for file in files:
        if file is None:
            continue
        if not file.resolve().parent.is_dir():
            raise UsageError(f"cannot write {file}: no folder {file.resolve().parent}")
        if file.is_dir():
            raise UsageError(f"cannot write {file}: it is a folder")


def _write(args: argparse.Namespace, outcome: Outcome, collectors: Mapping[str, PictureCollector]) -> None:
    if args.json:
        _save(args.json, as_json(outcome))
    if args.csv:
        table = io.StringIO(newline="")
        write_csv(outcome, table)
        _save(args.csv, table.getvalue())
    if args.html:
        exhibits = {name: collector.exhibit() for name, collector in collectors.items()}
        title = f"Evaluation of {', '.join(path.name for path in args.results) or args.pairs.stem}"
        _save(args.html, report_page(outcome, exhibits, title))
        if sys.stderr.isatty():
            say(f"wrote {args.html}")


def _save(path: Path, text: str) -> None:
    """Write a file; none is left that the disk has no room for."""
    try:
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        if error.filename is None and path.is_file():  # it could be opened, not filled
            path.unlink(missing_ok=True)
        raise UsageError(f"cannot write {path}: {error.strerror}") from None
