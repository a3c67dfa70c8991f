"""Which shots are set aside for evaluation."""

import zlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from .store import SourceRecord, StoredClip, read_manifest, write_manifest

LARGE = 0.25
"""Part of the footage that is too much to set aside."""


def in_holdout(key: str, share: float) -> bool:
    """Whether a shot is set aside; depends on its key alone, so adding sources never moves a shot."""
    return _chance(key) < share * 2**32


def _chance(key: str) -> int:
    return zlib.crc32(key.encode())


def shot_key(digest: str, first: int) -> str:
    """What decides about a shot.

    :param digest: of its source; :param first: number of the shot's first frame.
    """
    return f"{digest}:{first}"


def hold_one_out(folder: Path) -> str:
    """Set a shot aside where the store has none: the one that a larger share would set aside first.

    Of few shots, one of which is a large part of the footage, the last clip of that one.

    :return: what was done, for the user; empty where nothing was to be done.
    :raises TrainingError: the manifest cannot be read or written.
    """
    records = read_manifest(folder)
    moving = [(record, clip) for record in records for clip in record.clips if clip.frames > 1]
    if not moving or any(clip.split == "val" for _, clip in moving):
        return ""
    shots = sorted({_key(record, clip) for record, clip in moving}, key=_chance)
    chosen = [entry for entry in moving if _key(*entry) == shots[0]]
    total = sum(clip.frames for _, clip in moving)
    large = sum(clip.frames for _, clip in chosen) > LARGE * total
    if large:
        chosen = chosen[-1:]
    if len(moving) < 2:
        return "the store has one clip only: nothing is held out for evaluation; add videos"
    files = {clip.file for _, clip in chosen}
    write_manifest(folder, [_moved(record, files) for record in records])
    record, clip = chosen[0]
    frames = sum(clip.frames for _, clip in chosen)
    where = f"{record.name} from frame {clip.start}, {frames} frames"
    if large:
        return f"few shots: the end of one is held out ({where}), which resembles what is trained on; more videos help"
    return f"the share held out no shot by itself: one is held out all the same ({where})"


def _key(record: SourceRecord, clip: StoredClip) -> str:
    # Of stores of an earlier version each source counts as one shot.
    return shot_key(record.sha256, max(clip.shot, 0))


def _moved(record: SourceRecord, files: Iterable[str]) -> SourceRecord:
    return replace(record, clips=[replace(c, split="val") if c.file in files else c for c in record.clips])
