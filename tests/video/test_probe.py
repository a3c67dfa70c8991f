"""What ffprobe and ffmpeg say of files, and that both ways of asking give the same."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from vs_tecogan.video import probe as module
from vs_tecogan.video.ffmpeg import find_ffprobe
from vs_tecogan.video.probe import Probe, VideoStream, parse_json, parse_report, probe

from ..cli.conftest import ffmpeg

REPORT = (
    "Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'a.mp4':\n"
    "  Duration: 01:02:03.50, start: -0.007000, bitrate: 110 kb/s\n"
    "  Stream #0:0[0x1](und): Audio: aac (LC) (mp4a / 0x6134706D), 44100 Hz, mono, fltp, 69 kb/s (default)\n"
    "  Stream #0:1[0x2](und): Video: h264 (High) (avc1 / 0x31637661), yuv420p(tv, bt709, progressive), "
    "1440x1080 [SAR 4:3 DAR 16:9], 27 kb/s, 25 fps, 25 tbr, 16k tbn (default)\n"
)
PICTURE = VideoStream(
    width=1440, height=1080, sample_aspect=Fraction(4, 3), frame_rate=Fraction(25), matrix=1, pixels="yuv420p"
)
EXPECTED = Probe(
    start=Fraction(-7, 1000),
    duration=3723 + Fraction(1, 2),
    format="mov,mp4,m4a,3gp,3g2,mj2",
    videos={1: PICTURE},
    others=("audio",),
    chapters=0,
)


def test_report() -> None:
    """Would catch codec tags such as 0x3163 read as sizes, and lengths over an hour misread."""
    assert parse_report(REPORT) == EXPECTED
    container = parse_report(REPORT.replace("DAR 16:9]", "DAR 16:9], SAR 1:1 DAR 4:3"))
    assert container.videos[1] == replace(PICTURE, sample_aspect=Fraction(1))
    unknown = parse_report(REPORT.replace(" [SAR 4:3 DAR 16:9]", " [SAR 0:1 DAR 0:1]"))
    assert unknown.videos[1] == replace(PICTURE, sample_aspect=Fraction(0))
    assert parse_report("in: Invalid data") == Probe(videos={}, complaint="in: Invalid data")


@pytest.mark.parametrize(
    ("words", "matrix"),
    [
        ("(tv, unknown/bt709/bt709)", None),
        ("(pc, bt470bg/unknown/unknown)", 5),
        ("(tv, bt2020nc/bt2020/smpte2084, progressive)", 9),
        ("(progressive)", None),
        ("", None),
    ],
)
def test_matrix_of_a_report(words: str, matrix: int | None) -> None:
    """Would catch primaries taken for the matrix, which shifts all colours."""
    assert parse_report(REPORT.replace("(tv, bt709, progressive)", words)).videos[1].matrix == matrix


@pytest.mark.parametrize(
    ("told", "rate"), [("23.98", Fraction(24000, 1001)), ("29.97", Fraction(30000, 1001)), ("25", 25), ("12.50", 12.5)]
)
def test_rate_of_a_report(told: str, rate: Fraction | float) -> None:
    """Would catch rates of television taken for the hundredths that a report rounds them to."""
    assert parse_report(REPORT.replace("25 fps", f"{told} fps")).videos[1].frame_rate == rate


def test_json() -> None:
    """Would catch a length that ffprobe guessed taken for one that the file announces, or a cover for a film."""
    stream = {
        "index": 1,
        "codec_type": "video",
        "width": 1440,
        "height": 1080,
        "sample_aspect_ratio": "4:3",
        "avg_frame_rate": "25/1",
        "color_space": "bt709",
        "pix_fmt": "yuv420p",
    }
    answer = {
        "streams": [{"index": 0, "codec_type": "audio"}, stream],
        "format": {
            "format_name": "mov,mp4,m4a,3gp,3g2,mj2",
            "start_time": "-0.007000",
            "duration": "3723.500000",
        },
        "chapters": [],
    }
    assert parse_json(json.dumps(answer), "") == EXPECTED
    assert parse_json(json.dumps(answer), "Estimating duration from bitrate, this may be inaccurate").duration is None
    stream |= {"disposition": {"attached_pic": 1}, "sample_aspect_ratio": "0:1", "avg_frame_rate": "0/0"}
    (cover,) = parse_json(json.dumps(answer), "").videos.values()
    assert (cover.is_cover, cover.sample_aspect, cover.frame_rate) == (True, 0, None)
    assert parse_json("", "in: Invalid data\n") == Probe(videos={}, complaint="in: Invalid data")


def test_both_ways_agree(film: Path, stream: Path, uneven: Path, tmp_path: Path) -> None:
    """Would catch an answer that depends on whether an ffprobe is installed."""
    if find_ffprobe() is None:
        pytest.skip("no ffprobe on PATH")
    cover, bare = tmp_path / "cover.m4a", tmp_path / "bare.m2v"
    sound = ("-f", "lavfi", "-i", "sine=duration=0.2", "-f", "lavfi", "-i", "color=red:size=16x16:duration=0.04")
    ffmpeg(*sound, "-c:a", "aac", "-c:v", "mjpeg", "-disposition:v:0", "attached_pic", "-f", "mp4", cover)
    ffmpeg("-i", film, "-an", "-c:v", "mpeg2video", bare)
    for path in (film, stream, uneven, cover, bare):
        with_ffprobe = probe(path)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "find_ffprobe", lambda: None)
            without = probe(path)
        # A report rounds lengths to hundredths of a second and rates to hundredths of a frame.
        for field in ("start", "format", "others", "chapters"):
            assert getattr(with_ffprobe, field) == getattr(without, field), (path, field)
        assert (with_ffprobe.duration is None) == (without.duration is None)
        if without.duration is not None:
            assert with_ffprobe.duration == pytest.approx(without.duration, abs=0.011)
        assert with_ffprobe.videos.keys() == without.videos.keys()
        for number, one in with_ffprobe.videos.items():
            other = without.videos[number]
            assert replace(one, frame_rate=None) == replace(other, frame_rate=None)
            assert float(one.frame_rate or 0) == pytest.approx(float(other.frame_rate or 0), rel=1e-3)


def test_without_ffprobe(film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a need for ffprobe, which the wheel of ffmpeg does not carry."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("ffprobe") is None
    known = probe(film)
    assert (known.chapters, known.others) == (2, ("audio", "subtitle", "attachment"))
    assert known.videos[0].sample_aspect == Fraction(16, 15)
