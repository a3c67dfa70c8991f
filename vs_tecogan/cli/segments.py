"""What ``vs-tecogan upscale`` does with a clip that is long enough to be cut: a job that may be stopped anywhere."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from math import ceil

import vapoursynth as vs

from ..errors import JobError, UsageError, UserError
from ..jobs.cluster import ClusterCrew
from ..jobs.crew import Crew, LocalCrew
from ..jobs.manifest import JobFolder, Manifest, Record
from ..jobs.parts import done_segments
from ..jobs.plan import Segment
from ..jobs.pool import ProcessCrew
from ..jobs.run import begin_or_go_on, find_job, join_job, plan_job, render_job
from ..jobs.spec import Placement, Spec
from ..tracebacks import innermost
from ..video.alpha import is_joined_with_alpha, keeps_alpha
from ..video.source import Source
from .common import say
from .progress import Progress

SEGMENT_SECONDS = 30.0
"""Fewest seconds of a segment: what an interruption may cost, against a key frame more for each."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is to be upscaled, and how."""

    spec: Spec
    source: Source
    reason: str
    """Why the model was chosen; empty where it was given."""
    begun: bool = False
    """Whether an interrupted run has left a job to go on with."""

    @property
    def frames(self) -> int:
        """Frames that are to be made."""
        return self.spec.end - self.spec.first

    @property
    def is_joined_recording(self) -> bool:
        """Whether it is a part of a source whose clock jumps: its sound cannot be cut to it when parts are joined."""
        return self.source.jump_limit is not None and self.frames < self.source.clip.num_frames

    @property
    def is_of_one_piece(self) -> bool:
        """Whether parts of it cannot be joined: its clock jumps, or the parts would lose their transparency."""
        spec = self.spec
        return self.is_joined_recording or (
            bool(spec.model) and keeps_alpha(self.source.clip, spec.codec) and not is_joined_with_alpha(spec.codec)
        )

    def least(self, seconds: float) -> int:
        """Fewest frames of a segment of so many seconds."""
        return max(1, ceil(seconds * self.source.timeline.frame_rate))

    def is_long(self, seconds: float) -> bool:
        """Whether it has room for two segments."""
        return self.frames >= 2 * self.least(seconds)


class ShownProgress:
    """Shows how the work goes on, by a progress bar and lines on stderr."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def frame(self) -> None:
        """See :class:`~vs_tecogan.jobs.crew.Watcher`."""
        self._progress.frame()

    def lost(self, frames: int) -> None:
        """See :class:`~vs_tecogan.jobs.crew.Watcher`."""
        self._progress.lost(frames)

    def said(self, line: str) -> None:
        """See :class:`~vs_tecogan.jobs.crew.Watcher`."""
        say(line)


def places_of(
    device: str | None, workers: int | None, *, threads: int | None = None, memory: int | None = None
) -> list[Placement]:
    """Where to compute: a place for each worker, the devices in turn, the processors shared out.

    :param device: names with commas between them; None = the filter's choice.
    :param workers: None = one for each device.
    :param threads: of each worker; None = its share of the processors.
    :param memory: MiB for the kept frames of each worker; None = the filter's choice.
    :raises UsageError: fewer workers than devices.
    """
    devices: list[str | None] = [None] if device is None else [*device.split(",")]
    count = workers or len(devices)
    if count < len(devices):
        raise UsageError(f"--workers {count} is less than the {len(devices)} devices of --device {device}")
    if count > 1:
        threads = threads or max(1, processors() // count)
    return [Placement(device=devices[k % len(devices)], threads=threads, memory=memory) for k in range(count)]


def check_cluster(args: argparse.Namespace) -> None:
    """Refuse options that say twice, or in vain, who computes.

    :raises UsageError: such options.
    """
    if args.cluster and (args.workers or args.device or args.threads or args.memory):
        others = "--workers, --device, --threads and --memory"
        raise UsageError(f"--cluster takes its workers from the cluster; leave out {others}")
    if args.cpus_per_worker and not args.cluster:
        raise UsageError("--cpus-per-worker is for --cluster; give --threads or --workers")


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def refuse_begun(folder: JobFolder, reason: str, *, fresh: bool) -> None:
    """Refuse to forget a job that was begun, now that its options cannot be cut any more.

    :raises JobError: there is one, and it is not to be forgotten.
    """
    if not folder.manifest.exists():
        return
    if not fresh:
        raise JobError(f"{folder.path} was begun with other options, and now {reason}; put them back, or give --fresh")
    folder.remove()


def upscale_in_segments(
    task: Task, places: Sequence[Placement], folder: JobFolder, args: argparse.Namespace, announce: Callable[[], None]
) -> bool:
    """Begin a job, or go on with it, to the finished file. The folder is locked by the caller.

    :param announce: called when nothing can be refused any more.
    :return: False where there is nothing to cut; nothing has been rendered then.
    :raises UserError: what is wrong, in one line; all segments that are done are kept.
    """
    try:
        return _upscale(task, places, folder, args, announce)
    except OSError as error:
        raise JobError(f"cannot use {folder.path}: {error.strerror or error}; what is done there is kept") from None


def _upscale(
    task: Task, places: Sequence[Placement], folder: JobFolder, args: argparse.Namespace, announce: Callable[[], None]
) -> bool:
    if args.fresh:
        folder.clear()
    begun = find_job(folder)
    if begun is None and not task.is_long(args.segment):
        return _is_short(args)
    with ExitStack() as stack:
        crew: Crew
        if args.cluster:
            crew = stack.enter_context(ClusterCrew(task.spec, args.cluster, folder, cpus=args.cpus_per_worker))
        elif len(places) == 1:
            crew = stack.enter_context(LocalCrew(task.spec, places[0], folder, task.source))
        else:
            crew = stack.enter_context(ProcessCrew(task.spec, places, folder))
        manifest = begin_or_go_on(folder, task.spec, crew, lambda: _plan(task, folder, args), begun)
        if manifest is None:
            folder.scenes.unlink(missing_ok=True)
            return _is_short(args)
        announce()
        if args.plan:
            say(f"{folder.path}: {len(manifest.segments)} segments planned; run them here or elsewhere")
            return True
        _finish(task, manifest, crew, folder, args)
    return True


def _is_short(args: argparse.Namespace) -> bool:
    """Nothing is cut: False, unless that was all that was asked for."""
    if args.plan:
        raise UsageError(f"{args.source} has no room for two segments of {args.segment:g} s; give a smaller --segment")
    return False


def _plan(task: Task, folder: JobFolder, args: argparse.Namespace) -> tuple[Segment, ...]:
    """Look at all frames, find the scenes, and cut there."""
    if not args.quiet:
        say(f"looking at {task.frames} frames{', for scenes too' if task.spec.scene_change else ''}")
    with Progress(task.frames, quiet=args.quiet or args.overall is not None) as progress:
        return plan_job(task.spec, task.source, task.least(args.segment), kept=folder.scenes, on_frame=progress.frame)


def _finish(task: Task, manifest: Manifest, crew: Crew, folder: JobFolder, args: argparse.Namespace) -> None:
    """Render what is missing, and join."""
    with Progress(manifest.frames, quiet=True) as silent:
        done = done_segments(folder, manifest, ShownProgress(silent))
    if not args.quiet:
        say(_found(manifest, done, crew.size, folder))
    begun = sum(segment.frames for segment in done)
    with Progress(manifest.frames, quiet=args.quiet, begun=begun, within=args.overall) as progress:
        try:
            render_job(folder, manifest, crew, ShownProgress(progress), done)
        except KeyboardInterrupt:
            say(_kept(folder))
            raise
        except (UserError, vs.Error) as error:
            raise JobError(f"{innermost(error)[1]}; {_kept(folder)}") from error
        except Exception:
            say(_kept(folder))
            raise
        rate = (progress.done - begun) / progress.seconds
    join_job(folder, manifest, task.spec, task.source, checked=done)
    if not args.quiet:
        say(f"{args.out}: {manifest.frames} frames in {len(manifest.segments)} segments, {rate:.2f} fps")


def _kept(folder: JobFolder) -> str:
    return f"what is done is kept in {folder.path}: run the same command again to go on"


def _found(manifest: Manifest, done: dict[Segment, Record], workers: int, folder: JobFolder) -> str:
    """How far the job is, and how long the rest will take, by the time that its segments took."""
    total = len(manifest.segments)
    if not done:
        return f"{total} segments in {folder.path}: if interrupted, run the same command again to go on"
    spent = sum(record.seconds for record in done.values())
    frames = sum(record.frames for record in done.values())
    minutes = ceil(spent / frames * (manifest.frames - frames) / workers / 60)
    return f"{len(done)} of {total} segments done, {minutes} min left"
