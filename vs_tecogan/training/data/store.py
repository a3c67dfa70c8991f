"""The store of prepared clips: what preparation writes and training reads.

::

    DIR/store.json         format number and the settings of the preparation
    DIR/manifest.jsonl     one line a source: name, SHA-256, time, cuts, what was dropped and why, its clips
    DIR/clips/*.npy        one NumPy file a clip: uint8, (frames, height, width, 3), RGB, one scene without a cut;
                           "hr", and where LR is given or made beforehand "lr", or "lr0", "lr1" and so on

Frames are stored uncompressed on purpose: a training sample is a small crop of ten frames at a random place, and a
memory map fetches just the pages under it (a decoder would have to decode a group of whole frames), without a copy in
every worker and without a library between the file and the array. Downscaling by two, as published, shrinks the footage
four times; prepared 360p video then takes 0.17 MB a frame.
"""

import json
import os
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path, PureWindowsPath
from typing import Any, BinaryIO, Literal

import numpy as np
import numpy.typing as npt

from ...errors import TrainingError
from ...files import PartialFile, write_file
from ...video.read import Frame

FORMAT = 1
Split = Literal["train", "val"]


@dataclass(frozen=True, kw_only=True)
class StoredClip:
    """Consecutive frames of one scene."""

    file: str
    """HR frames, relative to the store's folder."""
    frames: int
    height: int
    width: int
    start: int
    """Number of the first frame in its source."""
    seconds: float
    """Time of the first frame in its source."""
    split: Split
    shot: int = -1
    """Number of the first frame of its shot in its source; -1 in stores of earlier versions."""
    lr_file: str = ""
    """LR frames for the same moments, given or made beforehand; empty where LR is to be derived."""
    more_lr: tuple[str, ...] = ()
    """Other versions of those, made beforehand with other faults."""


@dataclass(frozen=True, kw_only=True)
class SourceRecord:
    """What became of one source; a line of the manifest."""

    source: str
    sha256: str
    prepared_at: str
    """UTC, ISO 8601."""
    frames: int
    fps: float
    cuts: list[int]
    """Frames that begin a new scene."""
    dropped: dict[str, int]
    """Frames left out, by reason."""
    clips: list[StoredClip]
    cropped: int = 0
    """Frames whose black bars were cut off."""

    @property
    def name(self) -> str:
        """The source's file name, also of a store that was prepared on another system."""
        return PureWindowsPath(self.source).name


class Store:
    """A folder of prepared clips, opened for reading.

    :raises TrainingError: not a store, of another format, or empty.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = read_settings(folder)
        self.records = read_manifest(folder)
        if not any(record.clips for record in self.records):
            raise TrainingError(f"{folder}: the store holds no clip; prepare videos into it first")

    def clips(self, split: Split | None = None) -> list[StoredClip]:
        """Clips of one split, or all of them, in the order of the manifest."""
        return [c for record in self.records for c in record.clips if split in (None, c.split)]

    def hr(self, clip: StoredClip) -> npt.NDArray[np.uint8]:
        """Memory map (frames, height, width, 3)."""
        return _map(self.folder / clip.file, (clip.frames, clip.height, clip.width, 3))

    def lr(self, clip: StoredClip, version: int = 0) -> npt.NDArray[np.uint8]:
        """Memory map of the LR frames that the store holds.

        :param version: 0, or one of ``more_lr`` from 1 on.
        """
        return _map(self.folder / (clip.lr_file, *clip.more_lr)[version], None)


@lru_cache(maxsize=256)
def _map(path: Path, shape: tuple[int, ...] | None) -> npt.NDArray[np.uint8]:
    try:
        array = np.load(path, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path}: damaged clip ({error}); delete the store and prepare it again") from error
    if array.dtype != np.uint8 or array.ndim != 4 or (shape is not None and array.shape != shape):
        raise TrainingError(f"{path}: holds {array.dtype} {array.shape}, the manifest says uint8 {shape}")
    result: npt.NDArray[np.uint8] = array
    return result


def read_settings(folder: Path) -> dict[str, Any]:
    """Contents of ``store.json``.

    :raises TrainingError: there is none, or it is of another format.
    """
    try:
        settings: dict[str, Any] = json.loads((folder / "store.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TrainingError(f"{folder} is no prepared store (no store.json); run vs-tecogan prepare first") from None
    except (OSError, json.JSONDecodeError) as error:
        raise TrainingError(f"{folder / 'store.json'}: unreadable ({error})") from error
    if settings.get("format") != FORMAT:
        raise TrainingError(
            f"{folder}: store format {settings.get('format')}, this version reads {FORMAT}; prepare again"
        )
    return settings


def read_manifest(folder: Path) -> list[SourceRecord]:
    """Records of all finished sources; a last line cut off by a crash is ignored, its source is prepared again."""
    path = folder / "manifest.jsonl"
    if not path.exists():
        return []
    records = []
    lines = path.read_text(encoding="utf-8").split("\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
            clips = [_clip(entry) for entry in fields.pop("clips")]
            records.append(SourceRecord(**fields, clips=clips))
        except (json.JSONDecodeError, TypeError, KeyError) as error:
            if number == len(lines):
                break
            raise TrainingError(f"{path}, line {number}: not a record of this version ({error})") from error
    return records


def _clip(entry: dict[str, Any]) -> StoredClip:
    return StoredClip(**entry | {"more_lr": tuple(entry.get("more_lr", ()))})


def append_record(folder: Path, record: SourceRecord) -> None:
    """Add one line to the manifest and force it to disk; a torn line left by a crash is cut off first.

    :raises TrainingError: the disk is full; the records before are whole.
    """
    path = folder / "manifest.jsonl"
    try:
        with path.open("a+b") as stream:
            stream.seek(0)
            data = stream.read()
            stream.truncate(data.rfind(b"\n") + 1)
            stream.seek(0, os.SEEK_END)
            stream.write(_line(record).encode())
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise TrainingError(f"cannot write {path}: {error.strerror}; finished sources are kept") from error


def write_manifest(folder: Path, records: list[SourceRecord]) -> None:
    """Replace the manifest.

    :raises TrainingError: the disk is full; the one that was there stays.
    """
    path = folder / "manifest.jsonl"
    try:
        write_file(path, "".join(map(_line, records)))
    except OSError as error:
        raise TrainingError(f"cannot write {path}: {error.strerror}; the one that was there stays") from error


def _line(record: SourceRecord) -> str:
    return json.dumps(asdict(record)) + "\n"


def write_settings(folder: Path, settings: dict[str, Any]) -> None:
    """Create a store, or check that an existing one was prepared with the same settings.

    :raises TrainingError: the folder holds a store made with other settings, or cannot be made.
    """
    if (folder / "store.json").exists():
        present = read_settings(folder)
        settings = json.loads(json.dumps(settings))  # as the file gives them back
        if changed := [f"{k} {present.get(k)} there, {v} now" for k, v in settings.items() if present.get(k) != v]:
            raise TrainingError(f"{folder} was prepared with other settings ({'; '.join(changed)}); use another --out")
        return
    try:
        (folder / "clips").mkdir(parents=True, exist_ok=True)
        write_file(folder / "store.json", json.dumps({"format": FORMAT, **settings}, indent=1) + "\n")
    except OSError as error:
        raise TrainingError(f"cannot make the store {folder}: {error.strerror}; give another --out") from error


class ClipWriter:
    """Writes one clip frame by frame; the file gets its name only when it is whole."""

    def __init__(self, path: Path, frames: int) -> None:
        self._file, self._frames = PartialFile(path), frames
        self._stream: BinaryIO | None = None
        self._written = 0

    def add(self, frame: Frame) -> None:
        """Append a frame; all have the size of the first."""
        if self._stream is None:
            self._stream = self._file.part.open("wb")
            header = {"descr": "|u1", "fortran_order": False, "shape": (self._frames, *frame.shape)}
            np.lib.format.write_array_header_1_0(self._stream, header)
        self._stream.write(np.ascontiguousarray(frame).data)
        self._written += 1
        if self._written == self._frames:
            self._stream.close()
            self._file.commit()

    def discard(self) -> None:
        """Remove whatever was written."""
        if self._stream is not None:
            self._stream.close()
        self._file.discard()
        self._file.path.unlink(missing_ok=True)
