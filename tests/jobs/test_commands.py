"""``vs-tecogan job`` and ``preview``, and scripts as a source."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from vs_tecogan.cli import main
from vs_tecogan.jobs.lock import JobLock
from vs_tecogan.jobs.manifest import JobFolder
from vs_tecogan.jobs.preview import side_by_side, write_png

from ..cli.conftest import ffmpeg
from .conftest import content

FAST = ("--crf", "0", "--preset", "ultrafast", "-q")
SCRIPT = """\
import vapoursynth as vs
clip = vs.core.bs.VideoSource(film, cachemode=0, showprogress=False)
assert __name__ == "__vapoursynth__" and int(frames) == 36
clip[: int(frames)].std.FlipVertical().set_output()
"""


def test_segments_are_rendered_elsewhere_and_joined(
    film: Path, tiny_2x: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Would catch segments done twice, a range off by one, and a join that renders what is there."""
    words = ("--model", str(tiny_2x), "--restart", "12", "--warmup", "2", "--end", "60", *FAST)
    out, whole = tmp_path / "out.mkv", tmp_path / "whole.mkv"
    assert main(["upscale", str(film), str(whole), *words]) == 0
    command = ["upscale", str(film), str(out), *words, "--segment", "0.5"]
    assert main([*command, "--plan"]) == 0
    folder = JobFolder.beside(out)
    manifest = folder.read()
    last = len(manifest.segments) - 1
    assert last >= 3
    assert main(["job", "run", str(folder.path), "-q", "--segments", "0,2-3"]) == 0
    capfd.readouterr()
    assert main(["job", "show", str(folder.path)]) == 0
    assert f"3 of {last + 1} segments done" in capfd.readouterr().out
    with JobLock(folder.record_path(manifest.segments[1]).with_suffix(".lock")):
        assert main(["job", "run", str(folder.path), "-q", "--segments", "1"]) == 0
    assert "segment 1 is left to another" in capfd.readouterr().err
    assert folder.read_record(manifest, manifest.segments[1]) is None
    assert main(["job", "run", str(folder.path), "-q"]) == 0
    kept = folder.read_record(manifest, manifest.segments[1])
    assert kept is not None
    assert main(command) == 0
    assert asdict(content(out)) == asdict(content(whole))


@pytest.mark.parametrize(
    ("words", "said"),
    [(["run", "nowhere.job"], "no folder of a job"), (["run", "a.job", "--segments", "3-1"], "no list of segments")],
)
def test_wrong_jobs_are_one_line(words: list[str], said: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Would catch a traceback, or a folder that is made by asking for it."""
    assert main(["job", *words]) == 2
    err = capfd.readouterr().err
    assert err.count("\n") == 1 and said in err
    assert not Path("nowhere.job").exists()


@pytest.mark.parametrize("upscaling", [False, True])
def test_a_script_is_a_source(upscaling: bool, film: Path, tiny_2x: Path, tmp_path: Path) -> None:
    """Would catch a script whose variables, filters, sound or own upscaling are lost, and seams in it."""
    script = tmp_path / "a.vpy"
    text = SCRIPT
    if upscaling:
        own = f"tecogan(clip[: int(frames)], {str(tiny_2x)!r}, restart=10, warmup=2).set_output()\n"
        text = "from vs_tecogan import tecogan\n" + SCRIPT + own
    script.write_text(text)
    words = ["--arg", f"film={film}", "--arg", "frames=36", "--audio-from", str(film), *FAST]
    words += [] if upscaling else ["--model", str(tiny_2x), "--restart", "10", "--warmup", "2"]
    made = []
    for name, seconds in (("cut", "0.4"), ("whole", "100")):
        out = tmp_path / f"{name}.mkv"
        assert main(["upscale", str(script), str(out), *words, "--segment", seconds]) == 0
        made.append(content(out))
    assert asdict(made[0]) == asdict(made[1])
    assert len(made[0].pixels) == 36
    assert any("Audio" in line for line in made[0].words) and any("64x48" in line for line in made[0].words)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import vapoursynth as vs\n", "sets no output 0"),
        ("1 / 0\n", "ZeroDivisionError"),
        ("import vapoursynth as vs\nvs.core.std.BlankClip(fpsnum=0).set_output()\n", "variable frame rate"),
        ("raise SystemExit(4)\n", "ended by itself"),
    ],
)
def test_a_wrong_script_is_one_line(text: str, said: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Would catch a traceback of the user's script, or one of ours."""
    script = tmp_path / "a.vpy"
    script.write_text(text)
    assert main(["upscale", str(script), str(tmp_path / "out.mkv")]) == 2
    err = capfd.readouterr().err
    assert err.count("\n") == 1 and said in err and "a.vpy" in err
    assert [path.name for path in tmp_path.iterdir()] == ["a.vpy"]


def test_a_script_without_sound(tiny_2x: Path, tmp_path: Path) -> None:
    """Would catch a script that needs a file beside it to become one."""
    script, out = tmp_path / "a.vpy", tmp_path / "out.mp4"
    blank = "vs.core.std.BlankClip(format=vs.YUV420P8, width=32, height=24, length=6, color=[90, 120, 140])"
    script.write_text(f"import vapoursynth as vs\n{blank}.set_output()\n")
    assert main(["upscale", str(script), str(out), "--model", str(tiny_2x), "--matrix", "709", *FAST]) == 0
    assert len(content(out).pixels) == 6


def test_preview_shows_frames_of_the_whole(
    film: Path, tiny_2x: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Would catch an excerpt that begins a chain of its own, so that it shows what the whole would not."""
    words = ("--restart", "30", "--warmup", "2", *FAST)
    whole, folder = tmp_path / "whole.mkv", tmp_path / "shown"
    assert main(["upscale", str(film), str(whole), "--model", str(tiny_2x), "--end", "30", *words]) == 0
    models = f"{tiny_2x},recurrent-small-2x"
    shown = ["preview", str(film), "-o", str(folder), "--frames", "20-25", "--models", models, *words]
    assert main(shown) == 0
    assert content(folder / "tiny-2x.mkv").pixels == content(whole).pixels[20:26]
    said = capfd.readouterr().out
    assert said.count("\n") == 2 and "of disk while it runs" in said
    picture = tmp_path / "picture.mkv"
    ffmpeg("-i", folder / "side-by-side.png", "-c:v", "ffv1", picture)
    assert any(f"{3 * 64 + 2 * 8}x48" in line for line in content(picture).words)
    assert main(["preview", str(film), "-o", str(folder), "--at", "9:00"]) == 2
    assert "after the end" in capfd.readouterr().err


def test_png_is_read_as_written(tmp_path: Path) -> None:
    """Would catch a row, a channel or a checksum that is wrong: ffmpeg reads the very same bytes."""
    rng = np.random.default_rng(0)
    pair = [rng.integers(0, 256, (5, 7, 3), dtype=np.uint8) for _ in range(2)]
    write_png(tmp_path / "a.png", side_by_side(pair))
    ffmpeg("-i", tmp_path / "a.png", "-f", "rawvideo", "-pix_fmt", "rgb24", tmp_path / "a.raw")
    row = np.frombuffer((tmp_path / "a.raw").read_bytes(), np.uint8).reshape(5, 22, 3)
    assert np.array_equal(row[:, :7], pair[0]) and np.array_equal(row[:, 15:], pair[1])
    assert (row[:, 7:15] == 255).all()
