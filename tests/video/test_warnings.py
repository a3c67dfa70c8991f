"""Files that open but give less than they seem to hold, made with the ffmpeg at hand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vs_tecogan.video.probe import packets_end
from vs_tecogan.video.source import open_source
from vs_tecogan.video.warnings import warnings
from vs_tecogan.video.whole import has_all_bytes

from ..cli.conftest import ffmpeg, inspect

PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=2")
SOUND = ("-f", "lavfi", "-i", "sine=duration=2")


def said_of(path: Path) -> list[str]:
    """The warnings about a file."""
    return list(warnings(open_source(path)))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An mkv of 50 frames with sound of the same length."""
    path = tmp_path_factory.mktemp("whole") / "whole.mkv"
    ffmpeg(*PICTURE, *SOUND, "-c:v", "libx264", "-g", "10", "-c:a", "aac", path)
    return path


def rewrapped(whole: Path, suffix: str) -> Path:
    """The same packets in another container; mp4 with its index first, as on the web."""
    out = whole.with_name(f"as_{suffix}.{suffix}")
    ffmpeg("-i", whole, "-c", "copy", *(("-movflags", "+faststart") if suffix == "mp4" else ()), out)
    return out


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "flv"])
def test_truncated_file(suffix: str, whole: Path, tmp_path: Path) -> None:
    """Would catch a file cut off at 60 % that is taken for whole, or a number of frames that is made up."""
    cut = tmp_path / f"cut.{suffix}"
    content = rewrapped(whole, suffix).read_bytes()
    cut.write_bytes(content[: len(content) * 6 // 10])
    (line,) = said_of(cut)
    missing = re.search(r"about (\d+) frames are missing", line)
    assert missing, line
    assert int(missing[1]) == pytest.approx(50 - inspect(cut).frames, abs=3)


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "flv", "ts"])
def test_whole_file(suffix: str, whole: Path) -> None:
    """Would catch an alarm for files that are whole: every container rounds its length in a way of its own."""
    assert said_of(rewrapped(whole, suffix)) == []


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "mpg"])
def test_longer_sound(suffix: str, tmp_path: Path) -> None:
    """Would catch sound, or subtitles, that outlast the picture taken for missing frames."""
    source = tmp_path / f"in.{suffix}"
    codecs = ("-c:v", "mpeg2video", "-c:a", "mp2") if suffix == "mpg" else ("-c:v", "libx264", "-c:a", "aac")
    ffmpeg(*PICTURE, *SOUND, "-frames:v", "20", *codecs, source)
    assert said_of(source) == []


def test_late_subtitle(tmp_path: Path) -> None:
    """Would catch a length that a subtitle after the last picture makes taken for missing frames."""
    source = tmp_path / "in.mkv"
    (tmp_path / "s.srt").write_text("1\n00:00:01,000 --> 00:00:05,000\nthe end\n")
    ffmpeg(*PICTURE, "-i", tmp_path / "s.srt", "-c:v", "libx264", "-c:s", "srt", source)
    probe = open_source(source).probe
    assert probe.duration is not None
    assert probe.duration > 4, "the input is not what this test needs"
    assert packets_end(source) == 5
    assert said_of(source) == []


def test_bare_stream_has_no_length(whole: Path) -> None:
    """Would catch a length that ffmpeg guesses from the bit rate taken for one that the file announces."""
    bare = whole.with_name("bare.m2v")
    ffmpeg("-i", whole, "-an", "-c:v", "mpeg2video", bare)
    source = open_source(bare)
    assert source.probe.duration is None
    assert list(warnings(source)) == []


@pytest.mark.parametrize(
    ("size", "turned", "pixels", "told"),
    [
        ("65x49", False, "yuv420p", "is 65x49, but 64x48 are read"),
        ("65x48", True, "yuv420p", "is 48x65, but 48x64 are read"),
        ("64x48", True, "yuv420p", None),
        ("65x49", False, "yuv444p", None),
    ],
)
def test_odd_size(size: str, turned: bool, pixels: str, told: str | None, tmp_path: Path) -> None:
    """Would catch a last column or row left out without a word, and an alarm for a picture that is only turned."""
    source = tmp_path / "in.mp4"
    picture = ("-f", "lavfi", "-i", "testsrc2=size=128x96:rate=25:duration=0.12")
    encoder = ("-c:v", "libvpx-vp9", "-pix_fmt", pixels)
    ffmpeg(*picture, "-vf", f"format={pixels},scale={size.replace('x', ':')}", *encoder, tmp_path / "flat.mp4")
    ffmpeg(*(("-display_rotation", "90") if turned else ()), "-i", tmp_path / "flat.mp4", "-c", "copy", source)
    lines = said_of(source)
    assert [told in line for line in lines if told] == [True] * (told is not None)
    assert len(lines) == (told is not None)


@pytest.mark.parametrize(("suffix", "codecs"), [("avi", ("mpeg4", "mp2")), ("wmv", ("wmv2", "wmav2"))])
def test_late_sound_is_no_missing_picture(suffix: str, codecs: tuple[str, str], tmp_path: Path) -> None:
    """Would catch an alarm for a whole file whose header counts the delay of its sound twice."""
    source, cut = tmp_path / f"in.{suffix}", tmp_path / f"cut.{suffix}"
    ffmpeg(
        *PICTURE, "-itsoffset", "1.5", *SOUND, "-map", "0", "-map", "1", *("-c:v", codecs[0], "-c:a", codecs[1]), source
    )
    assert said_of(source) == []
    content = source.read_bytes()
    cut.write_bytes(content[: len(content) // 2])
    assert has_all_bytes(source)
    assert not has_all_bytes(cut)


def test_rgb_is_said(tmp_path: Path) -> None:
    """Would catch a file in a profile that few players show, without a word."""
    source = tmp_path / "in.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=0.2,format=gbrp", "-c:v", "ffv1", source)
    opened = open_source(source)
    (line,) = warnings(opened)
    assert "RGB" in line and "-pix_fmt yuv420p" in line
    assert list(warnings(opened, "ffv1")) == []


def test_soft_telecine_is_said(tmp_path: Path) -> None:
    """Would catch frames shown for 33 and 50 ms by turns without a word."""
    source = tmp_path / "in.mkv"
    turns = "settb=1/60000,setpts=(N*2+floor(N/2))*1001"
    ffmpeg(*PICTURE, "-vf", turns, "-fps_mode", "passthrough", "-enc_time_base", "1:60000", "-c:v", "libx264", source)
    (line,) = said_of(source)
    assert "soft telecine" in line
