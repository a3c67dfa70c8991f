"""The shown part of a stored picture: cut out, in the right shape."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from vs_tecogan.errors import VideoError
from vs_tecogan.video import source as module
from vs_tecogan.video.cropping import Cropping, read_cropping
from vs_tecogan.video.probe import Probe, VideoStream
from vs_tecogan.video.source import bestsource, open_source
from vs_tecogan.video.warnings import warnings
from vs_tecogan.video.write import sample_aspect

from ..cli.conftest import ffmpeg

DISPLAY_WIDTH, DISPLAY_HEIGHT = b"\x54\xb0\x81", b"\x54\xba\x81"
PIXEL_CROP = {"rows": (b"\x54\xbb\x81", b"\x54\xaa\x81"), "columns": (b"\x54\xcc\x81", b"\x54\xdd\x81")}
REPORT = (
    "  Stream #0:0: Video: h264 (High), yuv420p, 64x48, 25 fps\n    Side data:\n      Frame Cropping: 2/4/6/8\n"
    "  Stream #0:1: Video: h264 (High), yuv420p, 64x48, 25 fps\n"
)


def cropped(plain: Path, out: Path, which: str, first: int, last: int) -> None:
    """Write into a Matroska file what is not to be shown, in the place of the size at which it is to be shown."""
    data = plain.read_bytes()
    for old, new, count in zip((DISPLAY_WIDTH, DISPLAY_HEIGHT), PIXEL_CROP[which], (first, last), strict=True):
        at = data.index(old, data.index(b"\x16\x54\xae\x6b", 200))
        data = data[:at] + new + bytes([count]) + data[at + 4 :]
    out.write_bytes(data)


@pytest.mark.parametrize(("which", "first", "last"), [("rows", 8, 4), ("columns", 8, 4), ("rows", 7, 3)])
def test_pixel_crop_of_matroska(which: str, first: int, last: int, tmp_path: Path) -> None:
    """Would catch a stretched picture: what the container hides was kept, in the shape of what it shows."""
    plain, wide, source = (tmp_path / f"{name}.mkv" for name in ("plain", "wide", "in"))
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=0.2", "-c:v", "libx264", plain)
    ffmpeg("-i", plain, "-c", "copy", "-aspect", "2:1", wide)
    cropped(wide, source, which, first, last)
    opened, whole = open_source(source), bestsource(wide)
    top, bottom = (first // 2 * 2, last // 2 * 2) if which == "rows" else (0, 0)
    left, right = (first, last) if which == "columns" else (0, 0)
    assert (opened.clip.width, opened.clip.height) == (64 - left - right, 48 - top - bottom)
    with opened.clip.get_frame(1) as shown, whole.get_frame(1) as stored:
        assert np.array_equal(np.asarray(shown[0]), np.asarray(stored[0])[top : 48 - bottom, left : 64 - right])
        assert sample_aspect(opened, shown.props) == Fraction(1)
    assert list(warnings(opened)) == []


def test_report() -> None:
    """Would catch sides mixed up, and another stream's cropping."""
    assert read_cropping(REPORT, 0) == Cropping(left=2, right=4, top=6, bottom=8)
    assert read_cropping(REPORT, 1) is None
    assert read_cropping("", 0) is None


def test_xyz_is_refused(tmp_path: Path, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch digital cinema read as RGB, in wrong colours."""
    stream = VideoStream(
        width=64, height=48, sample_aspect=Fraction(1), frame_rate=Fraction(24), matrix=None, pixels="xyz12le"
    )
    monkeypatch.setattr(module, "probe", lambda _: Probe(videos={0: stream}))
    with pytest.raises(VideoError, match=r"CIE XYZ.*convert"):
        open_source(film)
