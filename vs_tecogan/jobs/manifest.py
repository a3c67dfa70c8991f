"""What a job is, and which of its segments are done: the files of ``OUT.job/``.

``job.json`` is written once, before the first frame::

    {"schema": 1,                       the version of this format
     "checksum": "9f0c...",             SHA-256 of all else, as JSON with sorted keys and without spaces
     "id": "3b1d5a0e77c2f914",          of this job, repeated in the record of each segment
     "spec": {"source": "/film/in.mkv", "out": "/film/out.mkv", "model": "recurrent-4x", "restart": 160, ...},
                                        what a worker has to know: :class:`~vs_tecogan.jobs.spec.Spec`
     "facts": {"source": {...}, "clip": {...}, "picture": {...}, "model": {...}, "versions": {...}, "device": {...},
               "encoding": {...}},      all that pixels and parts depend on; a job goes on only where these are the same
     "tags": {...},                     what the encoder is told of the picture, by its first frame
     "segments": [[0, 720], [720, 1503], ...]}   first frame, and the frame after the last

``segments/00012.json`` is written when segment 12 is done, after its part has been checked and forced to the disk. Each
is a file of its own, so that many machines may write them at the same time::

    {"schema": 1, "checksum": "...", "job": "3b1d5a0e77c2f914", "segment": 12, "first": 8640, "end": 9360,
     "frames": 720,                     counted in the part
     "file": "00012.5f2a9c01.mov",      the part, in the same folder
     "bytes": 18273645, "file_crc": "1c291ca3",
     "input_crc": "ab54d286",           of the decoded frames, before the filter
     "output_crc": "00d1f7c5",          of the frames that the encoder was given
     "seconds": 41.7}                   taken by all of it

CRCs are CRC-32 as in zlib, in hexadecimal. That of frames is the CRC of the CRCs of the single frames, 4 bytes each,
most significant byte first; that of a frame goes over its planes in order, rows without padding.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from ..errors import JobError
from .plan import Segment
from .sealed import Json, read_sealed, write_sealed

type Facts = Mapping[str, Mapping[str, Json]]


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a job is. Never changes once it is written."""

    id: str
    spec: Mapping[str, Json]
    facts: Facts
    tags: Mapping[str, Json]
    segments: tuple[Segment, ...]

    @classmethod
    def new(
        cls, facts: Facts, segments: tuple[Segment, ...], *, spec: Mapping[str, Json], tags: Mapping[str, Json]
    ) -> Self:
        """A job that has not begun."""
        return cls(id=secrets.token_hex(8), spec=spec, facts=facts, tags=tags, segments=segments)

    @property
    def frames(self) -> int:
        """Frames of all segments."""
        return self.segments[-1].end - self.segments[0].first

    def to_json(self) -> dict[str, Json]:
        """The body of ``job.json``."""
        facts: dict[str, Json] = {section: dict(entries) for section, entries in self.facts.items()}
        return {
            "id": self.id,
            "spec": dict(self.spec),
            "facts": facts,
            "tags": dict(self.tags),
            "segments": [[s.first, s.end] for s in self.segments],
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Json]) -> Self:
        """Read the body of ``job.json``.

        :raises JobError: it is not one.
        """
        match body:
            case {
                "id": str(name), "spec": dict(spec), "facts": dict(facts), "tags": dict(tags), "segments": list(pairs)
            } if pairs:  # fmt: skip
                sections = {key: entries for key, entries in facts.items() if isinstance(entries, dict)}
                segments = tuple(_segments(pairs))
                if len(sections) == len(facts):
                    return cls(id=name, spec=spec, facts=sections, tags=tags, segments=segments)
        raise JobError("is no job")


def _segments(pairs: list[Json]) -> Iterator[Segment]:
    at: int | None = None
    for index, pair in enumerate(pairs):
        match pair:
            case [int(first), int(end)] if end > first >= 0 and at in (None, first):
                yield Segment(index=index, first=first, end=end)
                at = end
            case _:
                raise JobError(f"has no usable segment {index}")


@dataclass(frozen=True, kw_only=True)
class Record:
    """A segment that is done."""

    job: str
    segment: int
    first: int
    end: int
    frames: int
    file: str
    bytes: int
    file_crc: str
    input_crc: str
    output_crc: str
    seconds: float

    @classmethod
    def from_json(cls, body: Mapping[str, Json]) -> Self:
        """Read the body of a segment's file.

        :raises JobError: it is not one.
        """
        match body:
            case {
                "job": str(), "segment": int(), "first": int(), "end": int(), "frames": int(), "file": str(),
                "bytes": int(), "file_crc": str(), "input_crc": str(), "output_crc": str(), "seconds": int() | float(),
            } if len(body) == len(cls.__dataclass_fields__):  # fmt: skip
                return cls(**body)  # type: ignore[arg-type]
        raise JobError("is no record of a segment")


class JobFolder:
    """The folder of a job, and the names in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest = path / "job.json"
        self.scenes = path / "scenes.json"
        self.index = path / "index"
        """Base name of BestSource's index."""
        self.lock = path / "lock"
        self.parts = path / "segments"
        self.finished = path / "finished.json"
        """Length of the joined file; written before that gets its name."""

    @classmethod
    def beside(cls, out: Path) -> Self:
        """The folder of the job that makes ``out``."""
        return cls(out.parent / f"{out.name}.job")

    def clear(self) -> None:
        """Remove what is in it but for the lock, the index of the source and its scenes.

        :raises OSError: a file cannot be removed.
        """
        self.manifest.unlink(missing_ok=True)  # first: without it all else is nothing
        self.finished.unlink(missing_ok=True)
        if self.parts.is_dir():
            shutil.rmtree(self.parts)

    def remove(self) -> None:
        """Remove it, the manifest first; what the system keeps from being removed, it keeps."""
        for path in (self.manifest, self.finished):
            path.unlink(missing_ok=True)
        shutil.rmtree(self.path, ignore_errors=True)

    def read(self) -> Manifest:
        """The job.

        :raises FileNotFoundError: there is none.
        :raises JobError: it is damaged, or of another release.
        """
        body = read_sealed(self.manifest)
        try:
            return Manifest.from_json(body)
        except JobError as error:
            raise JobError(f"{self.manifest} {error}") from None

    def write(self, manifest: Manifest) -> None:
        """Begin the job: from now on it can go on.

        :raises OSError: it cannot be written.
        """
        self.parts.mkdir(parents=True, exist_ok=True)
        write_sealed(self.manifest, manifest.to_json())

    def record_path(self, segment: Segment) -> Path:
        """The file that says that a segment is done."""
        return self.parts / f"{segment.index:05}.json"

    def write_record(self, segment: Segment, record: Record) -> None:
        """Count a segment as done: its part must be whole, and on the disk.

        :raises OSError: it cannot be written.
        """
        write_sealed(self.record_path(segment), asdict(record))

    def read_record(self, manifest: Manifest, segment: Segment) -> Record | None:
        """The record of a segment; None where it is not done. The part itself is not looked at.

        :raises JobError: the record is damaged, or that of another job or plan.
        """
        path = self.record_path(segment)
        try:
            record = Record.from_json(read_sealed(path))
        except FileNotFoundError:
            return None
        wanted = (manifest.id, segment.index, segment.first, segment.end, segment.frames)
        if (record.job, record.segment, record.first, record.end, record.frames) != wanted:
            raise JobError(f"{path} is of another job")
        if Path(record.file).name != record.file:
            raise JobError(f"{path} names a file elsewhere: {record.file}")
        return record


def differences(then: Facts, now: Facts) -> list[str]:
    """What is not the same in two jobs, a few words each, in the order of the facts."""
    found = []
    for section in dict.fromkeys((*then, *now)):
        before, after = then.get(section, {}), now.get(section, {})
        for key in dict.fromkeys((*before, *after)):
            if before.get(key) != after.get(key):
                found.append(f"{section} {key}: {_shown(before.get(key))} then, {_shown(after.get(key))} now")
    return found


def _shown(value: Json) -> str:
    text = "nothing" if value is None or value == "" else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
