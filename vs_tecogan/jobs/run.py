"""A job from its beginning, or from wherever it stopped, to the finished file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import JobError
from ..files import PartialFile
from ..video.partial import container_suffix
from ..video.pictures import unpack
from ..video.source import Source
from .crew import Crew, Watcher
from .encode import PictureTags, job_of, join, write_list
from .facts import source_facts
from .lock import JobLock
from .look import FrameCheck
from .manifest import JobFolder, Manifest, Record, differences
from .parts import check_part, remove_others
from .plan import Segment, plan_segments
from .scan import scan_cuts
from .sealed import read_sealed, write_sealed
from .spec import Spec


def plan_job(
    spec: Spec, source: Source, least: int, *, kept: Path | None = None, on_frame: Callable[[], None] = lambda: None
) -> tuple[Segment, ...]:
    """The segments of a job, each of ``least`` frames or more. Finds the scene cuts where the filter would.

    :raises VideoError: a frame cannot be upscaled.
    """
    cuts = []
    if spec.model:
        content = str([source_facts(spec), spec.picture()]) if kept else ""
        cuts = scan_cuts(
            source.clip,
            spec.first,
            spec.end,
            kept=kept,
            source=content,
            check=FrameCheck(spec, source),
            scenes=spec.scene_change,
            on_frame=on_frame,
        )
    return plan_segments(spec.first, spec.end, cuts=cuts, restart=spec.restart, least=least)


@contextmanager
def open_folder(folder: JobFolder) -> Iterator[None]:
    """Have a job's folder to oneself. It goes where nothing was begun in it.

    :raises JobError: another process has it.
    """
    with JobLock(folder.lock):
        try:
            yield
        finally:
            if not folder.manifest.exists() and not folder.scenes.exists():
                folder.remove()


def find_job(folder: JobFolder) -> Manifest | None:
    """The job that was begun in a folder; None where there is none.

    :raises JobError: there is one that cannot be read.
    """
    try:
        return folder.read()
    except FileNotFoundError:
        return None
    except JobError as error:
        raise JobError(f"{error}; give --fresh to start anew") from None


def begin_or_go_on(
    folder: JobFolder, spec: Spec, crew: Crew, plan: Callable[[], tuple[Segment, ...]], begun: Manifest | None
) -> Manifest | None:
    """The manifest of a job, written if it is new; None where the plan has a single segment, which needs no job.

    :param plan: makes the plan of a new job; called once all else is known to be right.
    :param begun: the job to go on with; None begins one.
    :raises JobError: what was begun depends on something that is not the same any more.
    :raises OSError: a new manifest cannot be written.
    """
    facts = crew.facts()
    if begun is not None:
        if found := differences(begun.facts, facts):
            raise JobError(
                f"{folder.path} was begun with something else ({'; '.join(found)}); put it back, or give --fresh"
            )
        return begun
    segments = plan()
    if len(segments) < 2:
        return None
    manifest = Manifest.new(facts, segments, spec=spec.to_json(), tags=crew.tags().to_json())
    folder.clear()
    folder.write(manifest)
    return manifest


def render_job(
    folder: JobFolder, manifest: Manifest, crew: Crew, watcher: Watcher, done: dict[Segment, Record]
) -> None:
    """Render what is missing.

    :param done: of :func:`~vs_tecogan.jobs.parts.done_segments`.
    :raises UserError: what is wrong, in one line; what was done is kept.
    """
    remove_others(folder, done)
    crew.render(manifest, [segment for segment in manifest.segments if segment not in done], watcher)


def join_job(
    folder: JobFolder, manifest: Manifest, spec: Spec, source: Source, *, checked: dict[Segment, Record]
) -> list[str]:
    """Join all parts into the file that was asked for, and remove the folder.

    :param checked: parts whose content has been looked at by this process.
    :return: one line for each stream that could not be kept as it was.
    :raises JobError: a part or the source is not what it was.
    :raises VideoError: ffmpeg failed; all parts are kept.
    """
    names = []
    for segment in manifest.segments:
        record = folder.read_record(manifest, segment)
        if record is None:
            raise JobError(f"segment {segment.index} is missing in {folder.parts}; run the same command again")
        if segment not in checked:
            check_part(folder, record)
        names.append((segment, record.file))
    if found := differences({"source": manifest.facts["source"]}, {"source": source_facts(spec)}):
        raise JobError(
            f"{spec.source} was changed while the job ran ({'; '.join(found)}); put it back, or give --fresh"
        )
    out = Path(spec.out)
    joined, parts = folder.path / f"joined{container_suffix(out)}", folder.parts / "list.ffconcat"
    try:
        job = job_of(spec, source, source.clip[spec.first : spec.end])
        write_list(parts, job, names, spec)
        notes = join(job, parts, PictureTags.from_json(manifest.tags), spec, joined)
        if job.names:
            unpack(joined, job.names)
            folder.remove()
        else:
            finish(folder, joined, out)
    except OSError as error:
        raise JobError(f"cannot write {out}: {error.strerror}; all parts are kept in {folder.path}") from None
    return notes


def finish(folder: JobFolder, joined: Path, out: Path) -> None:
    """Give the joined file its name, and remove the job. Killed anywhere here, it is finished by :func:`is_finished`.

    :raises OSError: the system refuses.
    """
    write_sealed(folder.finished, {"bytes": joined.stat().st_size})
    PartialFile(out, part=joined).commit()
    folder.remove()


def is_finished(folder: JobFolder, out: Path) -> bool:
    """Whether a job has been killed after its file had got its name; its folder is removed then."""
    try:
        size = read_sealed(folder.finished)["bytes"]
        if list(folder.path.glob("joined.*")) or out.stat().st_size != size:
            return False
    except (OSError, JobError, KeyError):
        return False
    folder.remove()
    return True
