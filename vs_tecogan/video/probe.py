"""What ffmpeg says of a file: its clock, the length it announces, the size of its pictures, and where it truly ends."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from .ffmpeg import ask


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What is known of a file before its packets are read."""

    start: Fraction
    """Time in seconds of the earliest timestamp of its streams, which ffmpeg makes zero when it reads; 0 if unknown."""
    duration: Fraction | None
    """Length in seconds that the container announces; None where it announces none, or ffmpeg had to guess."""
    sizes: Mapping[int, tuple[int, int]]
    """(width, height) in pixels of each video stream as it is stored, by the number of the stream."""
    sample_aspects: Mapping[int, Fraction]
    """Width over height of a sample, by the number of the stream, where it is told. The container's counts before the
    codec's."""
    chapters: int = 0
    """How many the container holds."""


def probe(ffmpeg: str, path: Path) -> Probe:
    """Ask ffmpeg about a file. One that ffmpeg cannot read gives a probe that knows nothing.

    :raises VideoError: ffmpeg cannot be run.
    """
    return parse_probe(ask(ffmpeg, "-hide_banner", "-nostdin", "-i", f"file:{path}").stderr)


def parse_probe(text: str) -> Probe:
    """Read what ``ffmpeg -i FILE`` prints."""
    start = re.search(r"^  Duration: .*?, start: (-?\d+\.\d+)", text, re.MULTILINE)
    length = re.search(r"^  Duration: (\d+):(\d\d):(\d\d\.\d+)", text, re.MULTILINE)
    guessed = "Estimating duration from bitrate" in text
    streams = list(re.finditer(r"^ +Stream #0:(\d+).*?: Video: .*?, (\d+)x(\d+)(?=[ ,]|$)(.*)", text, re.MULTILINE))
    # The codec's stands in brackets after the size; the container's follows, if it is another.
    aspects = {int(match[1]): re.findall(r"\bSAR ([1-9]\d*):([1-9]\d*)", match[4]) for match in streams}
    return Probe(
        start=Fraction(start[1]) if start else Fraction(0),
        duration=(int(length[1]) * 60 + int(length[2])) * 60 + Fraction(length[3]) if length and not guessed else None,
        sizes={int(match[1]): (int(match[2]), int(match[3])) for match in streams},
        sample_aspects={index: Fraction(int(last[-1][0]), int(last[-1][1])) for index, last in aspects.items() if last},
        chapters=len(re.findall(r"^ +Chapter #0:\d+: start ", text, re.MULTILINE)),
    )


def packets_end(ffmpeg: str, path: Path) -> Fraction:
    """Seconds from the file's start to the end of its last packet of picture, sound or subtitle. Reads the whole file.

    :return: 0 where there are no packets.
    :raises VideoError: ffmpeg cannot be run.
    """
    streams = [word for kind in "vas" for word in ("-map", f"0:{kind}?")]
    listing = ask(
        ffmpeg, "-v", "error", "-nostdin", "-i", f"file:{path}", *streams, "-c", "copy", "-f", "framecrc", "-"
    ).stdout
    bases = {number: Fraction(base) for number, base in re.findall(r"^#tb (\d+): (\d+/\d+)", listing, re.MULTILINE)}
    # A line for each packet: stream, decoding time, presentation time, duration, size, checksum.
    packets = re.finditer(r"^(\d+), *\S+, *(-?\d+), *(\d+),", listing, re.MULTILINE)
    ends: dict[str, int] = {}
    for stream, time, duration in (match.groups() for match in packets):
        ends[stream] = max(ends.get(stream, 0), int(time) + int(duration))
    return max((end * bases[stream] for stream, end in ends.items()), default=Fraction(0))
