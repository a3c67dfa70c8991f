"""``vs-tecogan job``: segments of a job that was planned, here or on another machine; and how far a job is."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..errors import JobError, UsageError
from ..jobs.encode import PictureTags
from ..jobs.lock import InUseError, JobLock
from ..jobs.manifest import JobFolder, Manifest
from ..jobs.parts import check_part
from ..jobs.plan import Segment
from ..jobs.render import Renderer
from ..jobs.spec import Placement, Spec
from .common import say
from .progress import Progress

_DESCRIPTION = """\
run   render segments of a job that `vs-tecogan upscale IN OUT --plan` has written, such as those of one task of a
      Slurm array. Several may run at the same time, on one machine or many that see the same folder.
show  say how far a job is

When all segments are done, the `upscale` command that planned the job joins them.
"""

_EXAMPLES = """\
examples:
  vs-tecogan upscale in.mkv out.mkv --plan                plan the job: out.mkv.job
  vs-tecogan job run out.mkv.job --segments 10-19         render ten segments
  vs-tecogan job show out.mkv.job
  vs-tecogan upscale in.mkv out.mkv                       render what is missing, and join
"""


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the subcommand to ``vs-tecogan``."""
    parser = subparsers.add_parser(
        "job",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True, parser_class=type(parser))
    run = actions.add_parser("run", help="render segments of a job", allow_abbrev=False)
    run.add_argument("folder", metavar="OUT.job", type=Path, help="folder of the job")
    segments = "such as 10-19, 7 or 0-3,8; default: all"
    run.add_argument("--segments", metavar="LIST", type=_ranges, help=segments)
    run.add_argument(
        "--device", metavar="D", help="cpu, cuda:N, xpu:N or mps; default: the first GPU that works, else cpu"
    )
    run.add_argument("-q", "--quiet", action="store_true", help="no progress; warnings and errors only")
    run.set_defaults(run=run_segments)
    show = actions.add_parser("show", help="say how far a job is", allow_abbrev=False)
    show.add_argument("folder", metavar="OUT.job", type=Path, help="folder of the job")
    show.set_defaults(run=show_job)


def run_segments(args: argparse.Namespace) -> int:
    """Render segments. Those that are done, or being done by another, are left out.

    :raises JobError: there is no such job or segment, or this machine would give another picture.
    """
    folder, manifest = _open(args.folder)
    segments = list(_chosen(manifest, args.segments))
    with JobLock(folder.lock, shared=True):
        missing = [segment for segment in segments if not _is_done(folder, manifest, segment)]
        if not missing:
            return 0
        renderer = Renderer(Spec.from_json(manifest.spec), Placement(device=args.device), index=folder.index)
        renderer.check(manifest)
        tags = PictureTags.from_json(manifest.tags)
        with Progress(sum(segment.frames for segment in missing), quiet=args.quiet) as progress:
            for segment in missing:
                try:
                    with JobLock(folder.record_path(segment).with_suffix(".lock")):
                        if not _is_done(folder, manifest, segment):
                            renderer.render(segment, tags, folder, manifest.id, progress.frame)
                except InUseError:
                    say(f"segment {segment.index} is left to another, which is at work on it")
    return 0


def show_job(args: argparse.Namespace) -> int:
    """Say how far a job is.

    :raises JobError: there is no such job.
    """
    folder, manifest = _open(args.folder)
    done = [segment for segment in manifest.segments if _is_done(folder, manifest, segment)]
    missing = _listed([segment.index for segment in manifest.segments if segment not in done])
    frames = sum(segment.frames for segment in done)
    print(f"{len(done)} of {len(manifest.segments)} segments done, {frames} of {manifest.frames} frames")  # noqa: T201
    if missing:
        print(f"missing: {missing}")  # noqa: T201
    return 0


def _open(path: Path) -> tuple[JobFolder, Manifest]:
    folder = JobFolder(path)
    try:
        return folder, folder.read()
    except FileNotFoundError:
        raise JobError(f"{path} is no folder of a job; give OUT.job, as `vs-tecogan upscale --plan` made it") from None


def _is_done(folder: JobFolder, manifest: Manifest, segment: Segment) -> bool:
    """Whether a segment's part is there and whole; what is damaged is done again."""
    try:
        record = folder.read_record(manifest, segment)
        if record is not None:
            check_part(folder, record)
        return record is not None
    except JobError as error:
        say(error)
        return False


def _chosen(manifest: Manifest, ranges: Sequence[range] | None) -> Iterator[Segment]:
    count = len(manifest.segments)
    for indices in ranges or [range(count)]:
        if indices.stop > count:
            raise UsageError(f"there is no segment {indices.stop - 1}; the job has {count}, the first is 0")
        yield from (manifest.segments[index] for index in indices)


def _ranges(text: str) -> list[range]:
    """Such as "0-3,8"."""
    found = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if not first.isdecimal() or (dash and not (last.isdecimal() and int(last) >= int(first))):
            raise argparse.ArgumentTypeError(f"{text!r} is no list of segments; give one such as 10-19 or 0-3,8")
        found.append(range(int(first), int(last or first) + 1))
    return found


def _listed(indices: Sequence[int]) -> str:
    """Such as "0-3,8"."""
    runs: list[list[int]] = []
    for index in indices:
        if runs and index == runs[-1][1] + 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
