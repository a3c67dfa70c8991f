"""What is said of time, size and disk before the work, on a network that takes a known time."""

from __future__ import annotations

import re
import time
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest
import vapoursynth as vs

from vs_tecogan.cli import forecast, main
from vs_tecogan.filter import RESTART, WARMUP
from vs_tecogan.jobs import render
from vs_tecogan.jobs.spec import Spec
from vs_tecogan.ops import native

from .conftest import ffmpeg, inspect

STEP = 0.05
"""Seconds."""


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """A filter whose steps take :data:`STEP`, and all lengths taken for long; the options that it was given."""
    given: list[dict[str, Any]] = []

    def wait(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        time.sleep(STEP)
        return f

    def enlarge(clip: vs.VideoNode, **options: Any) -> vs.VideoNode:
        given.append(options)
        large = clip.resize.Point(2 * clip.width, 2 * clip.height).std.SetFrameProps(TecoganModel="none")
        return large.std.ModifyFrame(large, wait)

    monkeypatch.setattr(render, "tecogan", enlarge)
    monkeypatch.setattr(forecast, "_WORTH", 0)
    monkeypatch.setattr(forecast, "_LONG", 0.0)
    return given


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 frames, the first of them black: an exact repetition takes no time, and must not be what is timed."""
    path = tmp_path_factory.mktemp("clip") / "in.mkv"
    dark = "testsrc2=size=64x48:rate=30:duration=2,drawbox=color=black:t=fill:enable='lt(n,20)'"
    ffmpeg("-f", "lavfi", "-i", dark, "-f", "lavfi", "-i", "sine=duration=2", "-c:v", "libx264", "-c:a", "flac", path)
    return path


def said(command: list[str], capfd: pytest.CaptureFixture[str]) -> str:
    """What a run writes."""
    capfd.readouterr()
    assert main(command) == 0
    return capfd.readouterr().err


def test_time_and_size_are_said_before(
    clip: Path, slow: list[dict[str, Any]], tmp_path: Path, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Would catch a time of other frames or options, a size that is none of this encode, and a line that comes late."""
    heard: list[float] = []
    monkeypatch.setattr(forecast, "duration", lambda seconds: heard.append(seconds) or "a while")
    words = ["--model", "none", "--restart", "20", "--warmup", "4"]
    text = said(["upscale", str(clip), str(tmp_path / "o.mkv"), *words], capfd)
    line = re.search(r"about a while for 60 frames; roughly (\d+\.\d) MB\n", text)
    assert line, text
    assert text.index("about a while") < text.index("60 frames of 128x96")
    assert heard[0] == pytest.approx(STEP * 60 * (1 + 4 / 20), rel=0.5)
    assert float(line[1]) == pytest.approx((tmp_path / "o.mkv").stat().st_size / 1e6, rel=1, abs=0.1)
    assert (slow[-1]["warmup"], slow[-1]["restart"], slow[-1]["duplicates"]) == (0, 0, "advance")
    assert inspect(tmp_path / "o.mkv").frames == 60


def test_what_is_not_said(
    clip: Path, slow: list[dict[str, Any]], tmp_path: Path, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Would catch seconds lost on what is soon done, and lines that nobody wants."""
    words = ["upscale", str(clip), str(tmp_path / "o.mkv"), "-y", "--model", "none", "--end", "3"]
    assert "about" not in said([*words, "-q"], capfd)
    monkeypatch.setattr(forecast, "_WORTH", 64 * 48 * 3 + 1)
    assert "about" not in said(words, capfd)
    assert len(slow) == 2, "nothing was timed"


def test_days_and_a_full_disk(
    clip: Path, slow: list[dict[str, Any]], tmp_path: Path, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Would catch a run of days that begins without a word, and a disk that is full in the middle."""
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(forecast, "_DAYS", 0.01)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(free=1000.0))
    words = ["--model", "none", "--end", "3", "--device", "cpu"]
    text = said(["upscale", str(clip), str(tmp_path / "o.mkv"), *words], capfd)
    assert "that is days on this processor" in text and "0.0 MB free" in text


def test_what_cannot_be_foretold_stops_nothing(
    clip: Path, slow: list[dict[str, Any]], tmp_path: Path, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Would catch work that ends because a second network beside its own does not fit into the memory."""

    def full(*_: Any, **__: Any) -> None:
        raise vs.Error("out of memory")

    monkeypatch.setattr("vs_tecogan.jobs.estimate.upscaled", full)
    words = ["--model", "none", "--end", "3"]
    assert "about" not in said(["upscale", str(clip), str(tmp_path / "o.mkv"), *words], capfd)
    assert inspect(tmp_path / "o.mkv").frames == 3


def test_missing_native_code_is_said_at_the_start(
    clip: Path, tiny_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Would catch a run several times slower than it could be, with not a word on why."""
    monkeypatch.setattr(native, "_load", lambda: "no module named _native")
    text = said(["upscale", str(clip), str(tmp_path / "o.mkv"), "--model", str(tiny_file), "--end", "2"], capfd)
    assert text.count("running without native code, about") == 1
    assert text.index("running without native code") < text.index("2 frames of")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ((50, 58, 40), None),
        ((59, 60, 40), None),
        (
            (38, 60, 40),
            "up to 38 frames before frame 38 are computed too, as in a render of the whole; --start 0 or 40",
        ),
        ((50, 60, 0), f"up to 50 frames before frame 50 are computed too, .*; --restart {RESTART} bounds them"),
        ((38, 600, 40), None),
    ],
)
def test_frames_before_the_start_are_told(words: tuple[int, int, int], line: str | None) -> None:
    """Would catch an excerpt of a second that takes minutes, without a word on why."""
    first, end, restart = words
    spec = Spec(
        source="a", out="b", model="m", first=first, end=end, restart=restart, warmup=WARMUP, codec="libx264"
    )  # fmt: skip
    text = forecast.replayed(spec)
    assert text is None if line is None else re.match(line, text or "")


def test_durations() -> None:
    """Would catch hours called minutes."""
    assert [forecast.duration(s) for s in (1, 61, 7199, 7200, 100 * 3600)] == [
        "1 min", "2 min", "2.0 h", "2.0 h", "4.2 days",
    ]  # fmt: skip
