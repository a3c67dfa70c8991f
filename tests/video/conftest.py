"""Video files and the command, as its own tests have them, and the way of a file through this package alone."""

from __future__ import annotations

import re
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

from vs_tecogan.video import ffmpeg as ff
from vs_tecogan.video.source import open_source
from vs_tecogan.video.write import EncoderOptions, Job, encode

from ..cli.conftest import command, film, stream, uneven

__all__ = ["command", "film", "stream", "uneven"]


def encoded(path: Path, out: Path, *, first: int = 0, end: int | None = None, **options: Any) -> list[str]:
    """Encode a file as `upscale` does, its picture as it is; return what is said of its streams."""
    source = open_source(path)
    frames = source.clip.num_frames
    end = frames if end is None else end
    notes: list[str] = []
    job = Job(
        clip=source.clip[first:end],
        source=source,
        timeline=source.timeline.cut(first, end),
        out=out,
        options=EncoderOptions(**options),
        whole=(first, end) == (0, frames),
    )
    encode(job, on_frame=lambda: None, note=notes.append)
    return notes


def packets(path: Path, stream: str) -> list[Fraction]:
    """When the packets of a stream are shown, in seconds on the clock of the file, in order of time."""
    command = [ff.find_ffmpeg(), "-v", "error", "-copyts", "-i", str(path), "-map", f"0:{stream}", "-c", "copy"]
    said = subprocess.run([*command, "-f", "framecrc", "-"], capture_output=True, text=True, check=True).stdout
    base = re.search(r"^#tb 0: (\d+/\d+)", said, re.MULTILINE)
    assert base, said
    ticks = re.findall(r"^0,\s*-?\d+,\s*(-?\d+),", said, re.MULTILINE)
    return sorted(int(tick) * Fraction(base[1]) for tick in ticks if abs(int(tick)) < 2**62)
