"""Sizes, parts by time, cropping and tracks: options of daily use on small files, seen by decoding what was written."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import vapoursynth as vs

from vs_tecogan.cli import main
from vs_tecogan.cli.values import frame_or_time
from vs_tecogan.jobs import render

from ..jobs.conftest import content
from .conftest import ffmpeg, inspect, pcm

EXACT = ("--crf", "0", "--preset", "ultrafast", "-q", "--model", "none")


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """A filter that takes no time and doubles each pixel; what it was given."""
    given: list[dict[str, Any]] = []

    def enlarge(clip: vs.VideoNode, **options: Any) -> vs.VideoNode:
        given.append(options)
        return clip.resize.Point(2 * clip.width, 2 * clip.height).std.SetFrameProps(TecoganModel="none")

    monkeypatch.setattr(render, "tecogan", enlarge)
    return given


def picture(path: Path, n: int = 0) -> np.ndarray[Any, Any]:
    """Luma of frame n."""
    clip = vs.core.bs.VideoSource(str(path), cachemode=0, showprogress=False)
    with clip.get_frame(n) as frame:
        return np.asarray(frame[0]).copy()


def test_size(film: Path, heard: list[dict[str, Any]], tmp_path: Path) -> None:
    """Would catch another size than asked for, a lost aspect ratio, and a picture that is not that of the filter."""
    out = tmp_path / "out.mkv"
    assert main(["upscale", str(film), str(out), "--size", "96p", *EXACT]) == 0
    after = inspect(out)
    assert (after.width, after.height) == (128, 96)  # 4:3 in 170x96
    assert (after.props["_SARNum"], after.props["_SARDen"]) == (16, 15)
    assert np.array_equal(picture(out), picture(film).repeat(2, 0).repeat(2, 1)), "twice the size needs no resampling"
    assert main(["upscale", str(film), str(out), "-y", "--size", "1.5x", "--square-pixels", *EXACT]) == 0
    after = inspect(out)
    assert (after.width, after.height) == (102, 72)  # 64 * 1.5 * 16 / 15 = 102.4
    assert (after.props.get("_SARNum", 1), after.props.get("_SARDen", 1)) == (1, 1)
    assert abs(float(picture(out).mean()) - float(picture(film).mean())) < 1


@pytest.mark.parametrize(
    ("start", "end", "frames"),
    [
        ("0.25s", "0.5s", range(6, 12)),
        ("0:00.250", "0:00:00.5", range(6, 12)),
        ("6", "0.5s", range(6, 12)),
        ("0.167s", "9", range(4, 9)),  # frame 4 is shown at 0.16683 s: players say 0.167
        ("0s", "1:00", range(15)),
    ],
)
def test_parts_by_time(
    start: str, end: str, frames: range, film: Path, heard: list[dict[str, Any]], tmp_path: Path
) -> None:
    """Would catch a frame too many or too few, another part of the sound, and "12" taken for seconds."""
    out = tmp_path / "out.mkv"
    assert main(["upscale", str(film), str(out), "--start", start, "--end", end, *EXACT]) == 0
    assert inspect(out).frames == len(frames)
    for n in (0, len(frames) - 1):
        assert np.array_equal(picture(out, n), picture(film, frames[n]).repeat(2, 0).repeat(2, 1))
    seconds = len(frames) * 1001 / 24000
    assert len(pcm(out)) / 2 / 44100 == pytest.approx(min(seconds, 0.6), abs=2.5 * 1024 / 44100)


def test_time_is_that_of_players(stream: Path, heard: list[dict[str, Any]], tmp_path: Path) -> None:
    """Would catch times counted from the picture, where a file's sound begins earlier, or from the clock's zero."""
    out, times = tmp_path / "out.mkv", inspect(stream).times
    assert times[0] > 1, "the input is not what this test needs"
    assert main(["upscale", str(stream), str(out), "--start", "0.6s", *EXACT]) == 0
    opened: dict[str, Any] = vs.core.bs.TrackInfo(str(stream))
    assert list(opened["tracktypestr"]) == ["video", "audio"]
    late = [n for n, time in enumerate(times) if time - (times[0] - Fraction(25, 100)) >= Fraction(6, 10)]
    assert abs(inspect(out).frames - len(late)) <= 1  # sound of AAC begins 21 ms early
    assert inspect(out).frames < len(times) - 5


@pytest.mark.parametrize("text", ["12.5", "1:", ":30", "s", "1:2:3:4", "-3s", "1e3s", "1:30m", ""])
def test_no_place(text: str) -> None:
    """Would catch half a time taken for a whole one."""
    with pytest.raises(Exception, match="is no"):
        frame_or_time(text)


@pytest.fixture(scope="module")
def two_videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An mkv of two videos and a sound: the second is narrower, of 5 frames, and has a black frame around it."""
    path = tmp_path_factory.mktemp("two") / "two.mkv"
    inner = "testsrc2=size=32x24:rate=10:duration=0.5,pad=48:40:8:8"
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=0.3", "-f", "lavfi", "-i", inner),
        *("-f", "lavfi", "-i", "sine=duration=0.3", "-map", "0", "-map", "2", "-map", "1", "-pix_fmt", "yuv420p"),
        *("-c:v", "libx264", "-qp", "0", "-c:a", "flac", "-metadata:s:v:1", "language=swe", path),
    )
    return path


def test_track_and_crop(
    two_videos: Path, heard: list[dict[str, Any]], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Would catch the first video taken, the other one's tags, a border left, and a part moved by chroma's grid."""
    out = tmp_path / "out.mkv"
    words = ["--track", "2", "--crop", "32:24:8:8", *EXACT]
    assert main(["upscale", str(two_videos), str(out), *words]) == 0
    said = capfd.readouterr().err
    assert "stream 0 (video, h264) is another video: left out" in said and "stream 2" not in said
    after = inspect(out)
    assert (after.width, after.height, after.frames, after.tracks) == (64, 48, 5, ["video", "audio"])
    assert "(swe)" in ffmpeg("-i", out)
    whole = tmp_path / "whole.mkv"
    assert main(["upscale", str(two_videos), str(whole), "--track", "2", *EXACT]) == 0
    assert np.array_equal(picture(out, 4), picture(whole, 4)[16:64, 16:80])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--track", "1"], "stream 1 of"),
        (["--track", "7"], "its videos: 0 (h264), 2 (h264)"),
        (["--crop", "64:50:0:0"], "is more than the picture"),
        (["--crop", "32:24:1:0"], "multiples of 2 columns and 2 rows"),
        (["--crop", "0:24:1:0"], "no rectangle"),
        (["--size", "1080"], "no size"),
        (["--start", "0.5s", "--end", "0.2s"], "no frame left"),
        (["--start", "0.5"], "no frame and no time"),
        (["--duplicates", "drop"], "invalid choice"),
        (["--memory", "0"], "from 1"),
    ],
)
def test_wrong_values(
    words: list[str], said: str, two_videos: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Would catch a value that is ignored, or refused without being named."""
    assert main(["upscale", str(two_videos), str(tmp_path / "o.mkv"), *EXACT, *words]) == 2
    err = capfd.readouterr().err
    assert said in err and err.count("\n") == 1, err
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def threads_stay(core: vs.Core) -> Iterator[None]:
    """Torch and VapourSynth have as many threads after the test as before."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_threads_memory_and_duplicates(
    film: Path, heard: list[dict[str, Any]], threads_stay: None, tmp_path: Path
) -> None:
    """Would catch options of the filter that the command takes and does not pass on."""
    words = ["--threads", "3", "--memory", "77", "--duplicates", "advance", "--end", "2", *EXACT]
    assert main(["upscale", str(film), str(tmp_path / "o.mkv"), *words]) == 0
    assert (heard[0]["memory"], heard[0]["duplicates"]) == (77, "advance")
    assert (torch.get_num_threads(), vs.core.num_threads) == (3, 3)


def test_segments_know_what_shapes_the_picture(
    film: Path, heard: list[dict[str, Any]], tiny_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Would catch a job that goes on with another size or part, and segments of another shape than the whole."""
    out, whole = tmp_path / "out.mkv", tmp_path / "whole.mkv"
    part = ["--crop", "48:40:8:4", "--start", "0.1s"]
    shaped = ["--size", "100p", "--square-pixels", *part, *EXACT, "--model", str(tiny_file)]
    segments = ["--segment", "0.15", "--restart", "4", "--warmup", "0", "--no-scene-change"]
    assert main(["upscale", str(film), str(whole), *shaped]) == 0
    assert main(["upscale", str(film), str(out), *shaped, *segments, "--plan"]) == 0
    for other, named in (
        (["--size", "96p"], "picture size: 100p then, 96p now"),
        (["--crop", "48:40:0:0"], "source crop: 8 4 48 40 then, 0 0 48 40 now"),
        (["--start", "0.2s"], "clip start: 3 then, 5 now"),
        (["--duplicates", "advance"], "picture duplicates: hold then, advance now"),
    ):
        assert main(["upscale", str(film), str(out), *shaped, *segments, *other]) == 2
        assert named in capfd.readouterr().err
    assert main(["upscale", str(film), str(out), *shaped, *segments]) == 0
    assert content(out) == content(whole)
    assert (inspect(out).width, inspect(out).height) == (128, 100)


def test_parts_of_a_variable_rate(uneven: Path, heard: list[dict[str, Any]], tmp_path: Path) -> None:
    """Would catch times taken for numbers of even frames, and stamps that are moved against each other."""
    out, times = tmp_path / "out.mp4", inspect(uneven).times
    assert main(["upscale", str(uneven), str(out), "--start", "0.1s", "--end", "0.3s", *EXACT]) == 0
    kept = [time for time in times if Fraction(1, 10) <= time - times[0] < Fraction(3, 10)]
    assert [time - inspect(out).times[0] for time in inspect(out).times] == [time - kept[0] for time in kept]
    assert len(kept) > 5


def test_a_script_with_all_of_it(film: Path, heard: list[dict[str, Any]], tmp_path: Path) -> None:
    """Would catch options that scripts do not hear of: its picture is cropped, shaped and cut as a file's is."""
    script, out = tmp_path / "a.vpy", tmp_path / "out.mkv"
    script.write_text(
        "import vapoursynth as vs\n"
        "clip = vs.core.std.BlankClip(format=vs.YUV420P8, width=64, height=48, length=20, fpsnum=10)\n"
        "clip.std.SetFrameProps(_Matrix=1, _SARNum=4, _SARDen=3).set_output()\n"
    )
    words = ["--crop", "60:40:2:4", "--size", "90p", "--square-pixels", "--start", "0.5s", "--end", "1s"]
    assert main(["upscale", str(script), str(out), "--audio-from", str(film), *words, *EXACT]) == 0
    after = inspect(out)
    assert (after.width, after.height, after.frames) == (160, 80, 5)  # 2:1 in 160x90
    assert (after.props.get("_SARNum", 1), after.props.get("_SARDen", 1)) == (1, 1)
    assert len(pcm(out)) / 2 / 44100 == pytest.approx(0.1, abs=2.5 * 1024 / 44100)  # of 0.6 s, from 0.5 s on


def test_preview_with_all_of_it(
    film: Path, heard: list[dict[str, Any]], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Would catch a preview of another size or part than the film will have."""
    words = ["--frames", "2-5", "--models", "none", "--size", "80p", "--crop", "48:40:8:4", "-q"]
    assert main(["preview", str(film), "-o", str(tmp_path / "try"), *words]) == 0
    assert "none.mkv" in capfd.readouterr().out
    after = inspect(tmp_path / "try" / "none.mkv")
    assert (after.width, after.height, after.frames) == (96, 80, 4)
    assert picture(tmp_path / "try" / "side-by-side.png").shape == (80, 96 + 8 + 96)
