"""``vs-tecogan prepare``: videos to a store of training clips."""

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..training.data.download import download, read_urls
from ..training.data.prepare import PrepareOptions, prepare

if TYPE_CHECKING:
    from argparse import _SubParsersAction

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("videos", nargs="*", type=Path, help="video files, or folders of videos or images")
    parser.add_argument("--out", type=Path, required=True, help="folder of the store; continued if it exists")
    parser.add_argument(
        "--stills", type=Path, nargs="+", default=[], help="pictures or folders, a clip of one frame each"
    )
    parser.add_argument("--lr", type=Path, nargs="+", default=[], help="own LR partners of the videos, by same names")
    parser.add_argument("--urls", type=Path, metavar="FILE", help="addresses, one a line, fetched with yt-dlp first")
    parser.add_argument(
        "--downscale", type=int, default=2, help="area downscale of the frames; 2 as published (default), 1 none"
    )
    parser.add_argument("--min-frames", type=int, default=10, help="drop shorter scenes (default 10)")
    parser.add_argument("--max-frames", type=int, default=60, help="divide longer scenes (default 60)")
    parser.add_argument("--min-size", type=int, default=136, help="drop smaller frames, after downscale (default 136)")
    parser.add_argument("--still", type=float, default=0.3, help="drop clips with less mean luma change (default 0.3)")
    parser.add_argument("--black", type=float, default=20.0, help="drop clips with less mean luma (default 20)")
    parser.add_argument(
        "--holdout", type=float, default=0.05, help="share of shots kept for evaluation, cut to cut (default 0.05)"
    )
    parser.add_argument("--dry-run", "--TEST", action="store_true", help="analyse and report, write nothing")


def add_parser(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand to ``vs-tecogan``."""
    parser = subparsers.add_parser("prepare", allow_abbrev=False)
    add_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prepare, and report on stderr.

    :raises UserError: the input cannot be used.
    """
    logging.getLogger("vs_tecogan").setLevel(logging.INFO)
    videos: list[Path] = list(args.videos)
    if min(args.downscale, args.max_frames, args.min_frames) < 1 or args.max_frames < args.min_frames:
        raise UsageError("expected --downscale >= 1 and 1 <= --min-frames <= --max-frames")
    if not 0 <= args.holdout < 1:
        raise UsageError(f"--holdout {args.holdout:g}; expected a share from 0 to less than 1, such as 0.05")
    if args.urls is not None:
        folder = args.out / "downloads"
        failed = download(read_urls(args.urls), folder, dry_run=args.dry_run)
        for url in failed:
            log.warning("not fetched: %s", url)
        if folder.exists():
            videos.append(folder)
        elif args.dry_run and not videos:
            return 0
    if not videos and not args.stills:
        raise UsageError("no video given; name files or folders, or --urls FILE, or --stills")
    options = PrepareOptions(
        downscale=args.downscale, min_frames=args.min_frames, max_frames=args.max_frames, min_size=args.min_size,
        still=args.still, black=args.black, holdout=args.holdout,
    )  # fmt: skip
    report = prepare(videos, args.out, options, stills=args.stills, lr=args.lr, dry_run=args.dry_run)
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(report.dropped.items())) or "none"
    prefix = "would write " if args.dry_run else ""
    log.info(
        "%s%d clips of %d frames; frames dropped: %s; sources skipped: %d of %d",
        prefix, report.clips, report.frames, reasons, len(report.skipped), report.sources,
    )  # fmt: skip
    return 0
