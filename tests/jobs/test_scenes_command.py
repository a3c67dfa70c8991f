"""``vs-tecogan scenes``: what other tools read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vs_tecogan.cli import main

from ..cli.conftest import ffmpeg


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """30 frames: three scenes that begin at 0, 12 and 20."""
    out = tmp_path_factory.mktemp("scenes") / "in.mkv"
    parts = (
        "testsrc2=size=64x48:rate=10:duration=1.2",
        "mandelbrot=size=64x48:rate=10",
        "rgbtestsrc=size=64x48:rate=10",
    )
    inputs = [word for part in parts for word in ("-f", "lavfi", "-i", part)]
    joined = "[1]trim=end_frame=8[b];[2]trim=end_frame=10[c];[0]setsar=1[a];[b]setsar=1[b1];[c]setsar=1[c1];"
    ffmpeg(*inputs, "-filter_complex", f"{joined}[a][b1][c1]concat=n=3,format=yuv420p", "-c:v", "ffv1", out)
    return out


def test_json_has_cuts_and_starts(film: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Would catch a cut that is lost, or starts without the multiples of --restart."""
    assert main(["scenes", str(film), "-q", "--restart", "16"]) == 0
    said = json.loads(capfd.readouterr().out)
    assert said == {"frames": 30, "cuts": [12, 20], "starts": [0, 12, 16, 20]}


def test_qp_file(film: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Would catch lines that x264 does not read, and words on standard output."""
    assert main(["scenes", str(film), "-q", "--format", "qp", "-o", str(tmp_path / "a.qp")]) == 0
    assert (tmp_path / "a.qp").read_text() == "0 I -1\n12 I -1\n20 I -1\n"
    assert capfd.readouterr() == ("", "")


def test_av1an_covers_the_clip(film: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Would catch scenes with holes between them."""
    assert main(["scenes", str(film), "-q", "--format", "av1an", "--starts", "--restart", "16"]) == 0
    said = json.loads(capfd.readouterr().out)
    assert [(s["start_frame"], s["end_frame"]) for s in said["scenes"]] == [(0, 12), (12, 16), (16, 20), (20, 30)]


@pytest.mark.parametrize("words", [("-o", "/nowhere/at/all.qp"), ("--restart", "-3"), ("--format", "csv")])
def test_wrong_words_are_one_line(words: tuple[str, ...], film: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Would catch a traceback, or a scan of hours before a refusal."""
    assert main(["scenes", str(film), *words]) == 2
    assert capfd.readouterr().err.count("\n") == 1
