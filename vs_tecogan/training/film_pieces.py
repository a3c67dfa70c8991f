"""Short pieces of a long film, evenly spread: enough to learn what a film looks like, without decoding all of it."""

import logging
from pathlib import Path

from ..errors import TrainingError
from ..video.ffmpeg import ask, find_ffmpeg
from ..video.probe import probe
from ..video.read import first_video

log = logging.getLogger(__name__)

LARGEST_STORE = 2 << 30
"""Bytes of pieces, as a store keeps them; of large pictures there are fewer."""


def sample_pieces(film: Path, folder: Path, *, pieces: int, frames: int) -> list[Path]:
    """Cut a film into lossless pieces, one after each equal part of it. Pieces that are there are kept.

    :param pieces: how many at most; :param frames: of each.
    :return: the files; the film itself where all of it is no longer than the pieces.
    :raises TrainingError: no piece can be cut, or the folder cannot be written.
    :raises VideoError: the film cannot be read.
    """
    number, stream = first_video(film)
    duration, rate = probe(film).duration, float(stream.frame_rate or 25)
    pieces = min(pieces, max(2, LARGEST_STORE // (3 * stream.width * stream.height * frames)))
    if not duration or float(duration) * rate <= pieces * frames:
        return [film]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"cannot make {folder}: {error.strerror}; give another --out") from error
    found, said = [], ""
    for k in range(pieces):
        path = folder / f"piece-{k:04d}.mkv"
        start = (k + 0.5) * float(duration) / pieces
        if not path.exists():
            said = _cut(film, path, number, start, frames) or said
        if path.exists():
            found.append(path)
    if not found:
        raise TrainingError(f"{film.name}: no piece of it can be cut: {said}")
    log.info("%s: %d pieces of %d frames", film.name, len(found), frames)
    return found


def _cut(film: Path, path: Path, stream: int, start: float, frames: int) -> str:
    """Write a piece under its name once it is whole; what ffmpeg said where it is not."""
    part = path.with_suffix(".part.mkv")
    # Its own pixel format and tags: a piece is to be read as the film would be.
    done = ask(
        find_ffmpeg("ffv1"), "-nostdin", "-v", "error", "-y", "-ss", f"{start:.3f}", "-i", str(film),
        "-map", f"0:{stream}", "-frames:v", str(frames), "-an", "-c:v", "ffv1", str(part),
    )  # fmt: skip
    if done.returncode or not part.exists():
        part.unlink(missing_ok=True)
        return (done.stderr.strip().splitlines() or ["no message"])[-1]
    part.replace(path)
    return ""
