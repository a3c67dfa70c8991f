"""``vs-tecogan prepare``: videos to a store of training clips."""

import argparse
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..training.config import check_options, load
from ..training.data.build import build_realistic
from ..training.data.download import download, downloaded_to, read_urls
from ..training.data.partners import PartnerOptions
from ..training.data.prepare import prepare
from ..training.data.selection import PrepareOptions
from ..training.recipe import find_preset

if TYPE_CHECKING:
    from argparse import _SubParsersAction

log = logging.getLogger(__name__)

PUBLISHED_DOWNSCALE = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("videos", nargs="*", type=Path, help="video files, or folders of videos or images")
    parser.add_argument("--out", type=Path, required=True, help="folder of the store; continued if it exists")
    parser.add_argument(
        "--stills", type=Path, nargs="+", default=[], help="pictures or folders, a clip of one frame each"
    )
    parser.add_argument("--lr", type=Path, nargs="+", default=[], help="own LR partners of the videos, by same names")
    parser.add_argument(
        "--degrade", metavar="FILE", help="make LR of real encodes beforehand, by a preset such as real or a TOML file"
    )
    parser.add_argument("--versions", type=int, default=3, help="of LR for each clip, with --degrade (default 3)")
    parser.add_argument("--seed", type=int, default=1, help="of all faults, with --degrade (default 1)")
    parser.add_argument("--still-frames", type=int, default=16, help="length of filmed stills (--degrade; default 16)")
    parser.add_argument("--still-side", type=int, default=512, help="largest side of those (default 512)")
    parser.add_argument("--urls", type=Path, metavar="FILE", help="addresses, one a line, fetched with yt-dlp first")
    parser.add_argument("--remove", action="store_true", help="delete each download once the store holds its clips")
    parser.add_argument(
        "--downscale",
        type=int,
        help="area downscale of the frames; 2 as published (default), 1 none (always with --lr)",
    )
    parser.add_argument("--min-frames", type=int, default=10, help="drop shorter scenes (default 10)")
    parser.add_argument("--max-frames", type=int, default=60, help="divide longer scenes (default 60)")
    parser.add_argument("--min-size", type=int, default=136, help="drop smaller frames, after downscale (default 136)")
    parser.add_argument("--still", type=float, default=0.3, help="drop clips with less mean luma change (default 0.3)")
    parser.add_argument("--black", type=float, default=20.0, help="drop clips with less mean luma (default 20)")
    parser.add_argument(
        "--holdout", type=float, default=0.05, help="share of shots kept for evaluation, at least one (default 0.05)"
    )
    parser.add_argument("--dry-run", action="store_true", help="analyse and report, write nothing")
    parser.add_argument(
        "--TEST", action="store_true", help="--dry-run as the official script has it: with OUT/prepare.log"
    )


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
    downscale = chosen_downscale(args)
    if min(downscale, args.max_frames, args.min_frames) < 1 or args.max_frames < args.min_frames:
        raise UsageError("expected --downscale >= 1 and 1 <= --min-frames <= --max-frames")
    if not 0 <= args.holdout < 1:
        raise UsageError(f"--holdout {args.holdout:g}; expected a share from 0 to less than 1, such as 0.05")
    if not args.videos and not args.stills and args.urls is None:
        raise UsageError("no video given; name files or folders, or --urls FILE, or --stills")
    options = PrepareOptions(
        downscale=downscale, min_frames=args.min_frames, max_frames=args.max_frames, min_size=args.min_size,
        still=args.still, black=args.black, holdout=args.holdout,
    )  # fmt: skip
    partners = chosen_partners(args)
    dry_run = args.dry_run or args.TEST
    urls = [] if args.urls is None else read_urls(args.urls)
    with _logged(args.out / "prepare.log", wanted=args.TEST or not args.dry_run):
        return _prepare(args, options, partners, urls, dry_run=dry_run)


def chosen_downscale(args: argparse.Namespace) -> int:
    """The downscale that was asked for; with LR partners there is none.

    :raises UsageError: one was asked for beside LR partners.
    """
    if not args.lr:
        return PUBLISHED_DOWNSCALE if args.downscale is None else int(args.downscale)
    if args.downscale not in (None, 1):
        raise UsageError(f"--downscale {args.downscale} with --lr would change the factor of the pairs; leave it out")
    return 1


def chosen_partners(args: argparse.Namespace) -> PartnerOptions | None:
    """How LR is made beforehand, where that was asked for.

    :raises UserError: a preset that does not exist or cannot be used, or numbers out of range.
    """
    if args.degrade is None:
        return None
    if args.versions < 1 or args.seed < 0 or args.still_frames < 2 or args.still_side < 64:
        raise UsageError("expected --versions >= 1, --seed >= 0, --still-frames >= 2 and --still-side >= 64")
    config = load(find_preset(args.degrade))
    check_options(config)
    return PartnerOptions(
        rule=build_realistic(config.degradation), scale=config.model.scale, versions=args.versions, seed=args.seed,
        still_frames=args.still_frames, still_side=args.still_side, camera_speed=config.data.camera_speed,
    )  # fmt: skip


def _prepare(
    args: argparse.Namespace, options: PrepareOptions, partners: PartnerOptions | None, urls: list[str], *,
    dry_run: bool,
) -> int:  # fmt: skip
    videos: list[Path] = list(args.videos)
    downloads = downloaded_to(args.out)
    if urls:
        failed = download(urls, downloads, dry_run=dry_run)
        for url in failed:
            log.warning("not fetched: %s", url)
        if downloads.exists() and any(downloads.iterdir()):
            videos.append(downloads)
        elif not videos and not args.stills:
            log.info("%s", "nothing is fetched in a dry run" if dry_run else "no download is left to prepare")
            return 0
    remove = downloads if args.remove else None
    report = prepare(
        videos, args.out, options, stills=args.stills, lr=args.lr, partners=partners, dry_run=dry_run,
        remove_below=remove,
    )  # fmt: skip
    log.info("%s%s", "would write " if dry_run else "", report.words())
    return 0


@contextmanager
def _logged(path: Path, *, wanted: bool) -> Iterator[None]:
    """Keep what is said in a file too, with the time; a disk that is full ends that and nothing else."""
    if not wanted:
        yield
        return
    package, handler = logging.getLogger("vs_tecogan"), _FileLog(path)
    package.addHandler(handler)
    try:
        yield
    finally:
        package.removeHandler(handler)
        handler.close()


class _FileLog(logging.Handler):
    """Appends records to a file that it makes with the first one; gives up where it cannot."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path, self._lost = path, False
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Append one line."""
        if self._lost:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as stream:
                stream.write(self.format(record) + "\n")
        except OSError as error:
            self._lost = True
            log.warning("cannot write %s (%s); the work goes on without it", self._path, error.strerror)
