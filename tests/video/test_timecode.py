"""The time code of a part."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from vs_tecogan.video.timecode import advance

from ..cli.conftest import ffmpeg
from .conftest import encoded

NTSC = Fraction(30000, 1001)


@pytest.mark.parametrize(
    ("before", "frames", "rate", "after"),
    [
        ("01:00:00:00", 5, Fraction(25), "01:00:00:05"),
        ("01:00:59:24", 1, Fraction(25), "01:01:00:00"),
        ("23:59:59:24", 1, Fraction(25), "00:00:00:00"),
        ("00:00:59:29", 1, NTSC, "00:01:00:00"),
        ("00:00:59;29", 1, NTSC, "00:01:00;02"),
        ("00:09:59;29", 1, NTSC, "00:10:00;00"),
        ("00:00:00;00", 17982, NTSC, "00:10:00;00"),
        ("00:00:00;00", 1800, NTSC, "00:01:00;02"),
        ("01:00:00;00", 107892, NTSC, "02:00:00;00"),
        ("00:00:59;59", 1, 2 * NTSC, "00:01:00;04"),
        ("an hour", 1, NTSC, None),
    ],
)
def test_advance(before: str, frames: int, rate: Fraction, after: str | None) -> None:
    """Would catch the numbers that drop-frame counting leaves out counted, and a day of 25 hours."""
    assert advance(before, frames, rate) == after


@pytest.mark.parametrize("suffix", ["mov", "mkv"])
def test_part_of_a_file(suffix: str, tmp_path: Path) -> None:
    """Would catch a part that claims the time code of the whole file's first frame."""
    source, whole, part = tmp_path / "in.mov", tmp_path / f"whole.{suffix}", tmp_path / f"part.{suffix}"
    picture = ("-f", "lavfi", "-i", "testsrc2=size=32x24:rate=25:duration=0.4", "-c:v", "libx264")
    ffmpeg(*picture, "-timecode", "10:00:00:20", source)
    encoded(source, whole)
    encoded(source, part, first=6, end=9)
    assert "10:00:00:20" in ffmpeg("-i", whole)
    said = ffmpeg("-i", part)
    assert "10:00:01:01" in said and "10:00:00:20" not in said, said
