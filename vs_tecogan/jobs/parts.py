"""Which parts of a job are there, whole and its own."""

from __future__ import annotations

from contextlib import suppress

from ..errors import JobError
from .crew import Watcher
from .manifest import JobFolder, Manifest, Record
from .plan import Segment
from .render import file_crc


def done_segments(folder: JobFolder, manifest: Manifest, watcher: Watcher) -> dict[Segment, Record]:
    """The segments that are done. What is damaged or foreign is said, and counts as not done.

    Each part is read whole, for its CRC.
    """
    done = {}
    for segment in manifest.segments:
        try:
            record = folder.read_record(manifest, segment)
            if record is not None:
                check_part(folder, record)
                done[segment] = record
        except JobError as error:
            watcher.said(f"{error}: segment {segment.index} is done again")
    return done


def check_part(folder: JobFolder, record: Record) -> None:
    """Look whether a part is what its record says.

    :raises JobError: it is missing, truncated, or another file.
    """
    path = folder.parts / record.file
    try:
        if (size := path.stat().st_size) != record.bytes:
            raise JobError(f"{path} has {size} bytes instead of {record.bytes}")
        if file_crc(path)[1] != record.file_crc:
            raise JobError(f"{path} is damaged, or another file")
    except OSError as error:
        raise JobError(f"{path} cannot be read ({error.strerror})") from None


def remove_others(folder: JobFolder, done: dict[Segment, Record]) -> None:
    """Remove what lies among the parts and is none: what was begun, and what is damaged.

    Only whoever has the folder to himself may do so.
    """
    names = {folder.record_path(segment).name for segment in done} | {record.file for record in done.values()}
    for path in folder.parts.iterdir():
        if path.name not in names:
            with suppress(OSError):
                path.unlink()
