"""An excerpt of a PAL DVD, end to end: film in fields, anamorphic, AC-3, subtitles that are pictures."""

from __future__ import annotations

import itertools
import re
import struct
from fractions import Fraction
from pathlib import Path

import pytest

from ..video.conftest import packets
from .conftest import Command, ffmpeg, inspect, pcm

SHOWN, GONE = 0.2, 0.6
"""Seconds at which the subtitle comes and goes."""


def pgs(width: int, height: int) -> bytes:
    """A subtitle of 16x4 pixels in the format of Blu-ray, which ffmpeg makes one of DVD of."""

    def segment(seconds: float, kind: int, data: bytes) -> bytes:
        return b"PG" + struct.pack(">IIBH", round(seconds * 90000), 0, kind, len(data)) + data

    def composition(number: int, objects: bytes) -> bytes:
        return struct.pack(">HHBHBBBB", width, height, 0x10, number, 0x80, 0, 0, len(objects) // 8) + objects

    window = struct.pack(">BBHHHH", 1, 0, 8, height - 16, 16, 4)
    palette = bytes((0, 0, 1, 200, 128, 128, 255))
    lines = bytes((0, 0x80 | 16, 1, 0, 0)) * 4
    picture = struct.pack(">HBB", 0, 0, 0xC0) + (len(lines) + 4).to_bytes(3, "big") + struct.pack(">HH", 16, 4) + lines
    shown = [(0x16, composition(0, struct.pack(">HBBHH", 0, 0, 0, 8, height - 16))), (0x17, window), (0x14, palette)]
    shown += [(0x15, picture), (0x80, b"")]
    gone = [(0x16, composition(1, b"")), (0x17, window), (0x80, b"")]
    return b"".join(segment(t, *part) for t, parts in ((SHOWN, shown), (GONE, gone)) for part in parts)


@pytest.fixture(scope="module")
def dvd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second of 25 frames, 96x80 at 16:9, stored as fields of one moment each."""
    folder = tmp_path_factory.mktemp("dvd")
    (folder / "s.sup").write_bytes(pgs(96, 80))
    out = folder / "VTS_01_1.VOB"
    picture = "testsrc2=size=96x80:rate=25:duration=1,scroll=h=0.03,setfield=tff"
    fields = ("-flags", "+ilme+ildct", "-aspect", "16:9", "-b:v", "2M", "-g", "15", "-bf", "2")
    tags = ("-colorspace", "bt470bg", "-color_primaries", "bt470bg", "-color_trc", "gamma28")
    ffmpeg(
        *(
            "-f",
            "lavfi",
            "-i",
            picture,
            "-f",
            "lavfi",
            "-i",
            "sine=duration=1:sample_rate=48000",
            "-i",
            folder / "s.sup",
        ),
        *("-map", "0", "-map", "1", "-map", "2", "-c:v", "mpeg2video", *fields, *tags),
        *("-c:a", "ac3", "-b:a", "192k", "-ac", "2", "-c:s", "dvdsub", "-f", "dvd", out),
    )
    return out


def test_the_refusal_says_what_it_is(dvd: Path, command: Command, tmp_path: Path) -> None:
    """Would catch film on a DVD that is told to be deinterlaced."""
    done = command("upscale", dvd, tmp_path / "out.mkv")
    assert (done.code, done.err.count("\n")) == (2, 1), done.err
    assert "looks whole" in done.err and "--field-order progressive" in done.err


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_end_to_end(suffix: str, dvd: Path, command: Command, tmp_path: Path) -> None:
    """Would catch frames, time, aspect, colours, sound or subtitles of a DVD lost on the way, at either end."""
    out = tmp_path / f"out.{suffix}"
    done = command("upscale", dvd, out, "--field-order", "progressive")
    assert done.code == 0, done.err
    before, after = inspect(dvd), inspect(out)
    assert (after.width, after.height, after.frames) == (384, 320, before.frames)
    assert {b - a for a, b in itertools.pairwise(after.times)} == {Fraction(1, 25)}
    assert after.props.get("_FieldBased", 0) == 0
    for prop in ("_Matrix", "_Primaries", "_Transfer", "_Range", "_ChromaLocation"):
        assert after.props[prop] == before.props[prop], prop
    said = ffmpeg("-i", out)
    assert "DAR 16:9" in said and "progressive" in said
    assert re.search(r"Audio: ac3.*48000 Hz", said)
    assert pcm(out) == pcm(dvd)
    late = packets(dvd, "v:0")[0] - packets(dvd, "a:0")[0]
    assert packets(out, "v:0")[0] - packets(out, "a:0")[0] == pytest.approx(float(late), abs=0.002)
    if suffix == "mkv":
        assert "Subtitle: dvd_subtitle" in said
        shown = packets(dvd, "s:0")[0] - packets(dvd, "v:0")[0]
        assert packets(out, "s:0")[0] - packets(out, "v:0")[0] == pytest.approx(float(shown), abs=0.002)
    else:
        assert "subtitle, dvd_subtitle) does not fit this container: left out" in done.err
