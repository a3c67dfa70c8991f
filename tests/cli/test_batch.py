"""Several inputs and folders: each file is made, what fails is named at the end, and a second run goes on."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import vapoursynth as vs

from vs_tecogan.cli import main
from vs_tecogan.cli.progress import Overall, Progress
from vs_tecogan.jobs import render

from .conftest import ffmpeg, inspect

WORDS = ("--crf", "0", "--preset", "ultrafast", "--model", "none")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A filter that takes no time, and fails at the third frame of 48 rows."""

    def fail(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        if n == 2:
            raise vs.Error("frame 2 is bad")
        return f

    def enlarge(clip: vs.VideoNode, **_: object) -> vs.VideoNode:
        large = clip.resize.Point(2 * clip.width, 2 * clip.height).std.SetFrameProps(TecoganModel="none")
        return large.std.ModifyFrame(large, fail) if clip.height == 48 else large

    monkeypatch.setattr(render, "tecogan", enlarge)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two clips, one that fails in the middle, one that is none, a hidden file and something else."""
    place = tmp_path / "in"
    place.mkdir()
    for name, size in (("e1.mkv", "32x24"), ("e2.mkv", "64x48"), ("e10.mp4", "32x24")):
        ffmpeg("-f", "lavfi", "-i", f"testsrc2=size={size}:rate=10:duration=0.5", "-c:v", "libx264", place / name)
    (place / "e3.mkv").write_text("no video")
    (place / "._e1.mkv").write_text("x")
    (place / "notes.txt").write_text("x")
    return place


def test_a_folder(folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Would catch a batch that ends at the first bad file, hides what failed, or does finished files again."""
    out = tmp_path / "new" / "big"
    assert main(["upscale", str(folder), *WORDS, "--out-dir", str(out)]) == 2
    assert sorted(path.name for path in out.iterdir()) == ["e1.mkv", "e10.mkv", "e2.0-1.mkv"]
    assert [inspect(out / name).frames for name in ("e1.mkv", "e10.mkv")] == [5, 5]
    last = capfd.readouterr().err.splitlines()[-3:]
    assert last[0] == "vs-tecogan: 2 of 4 failed:"
    assert last[1].startswith(f"vs-tecogan: failed: {folder}/e2.mkv: ") and "frame 2 is bad" in last[1]
    assert last[2].startswith(f"vs-tecogan: failed: {folder}/e3.mkv is not") and "give a video file" in last[2]
    written = (out / "e1.mkv").stat().st_mtime_ns
    (folder / "e2.mkv").unlink()
    (folder / "e3.mkv").unlink()
    assert main(["upscale", str(folder), *WORDS, "--out-dir", str(out)]) == 0
    assert (out / "e1.mkv").stat().st_mtime_ns == written
    assert capfd.readouterr().err.count("left as it is") == 2


def test_names_among_options(folder: Path, tmp_path: Path) -> None:
    """Would catch names that are lost between options, and a suffix that is not that of the new files."""
    out = tmp_path / "out"
    words = ["-q", str(folder / "e10.mp4"), "--suffix", "mp4", "--end", "3"]
    assert main(["upscale", str(folder / "e1.mkv"), *WORDS, "--out-dir", str(out), *words]) == 0
    assert {path.name: inspect(path).frames for path in out.iterdir()} == {"e1.mp4": 3, "e10.mp4": 3}
    assert main(["upscale", str(folder / "e1.mkv"), "-q", str(out / "o.mkv"), *WORDS]) == 0


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["in/e1.mkv"], "1 name without --out-dir"),
        (["in/e1.mkv", "in/e2.mkv", "o.mkv"], "3 names without --out-dir"),
        (["in", "gone.mkv", "--out-dir", "out"], "gone.mkv"),
        (["in/e1.mkv", "other/e1.mkv", "--out-dir", "out"], "would both become"),
        (["empty", "--out-dir", "out"], "empty is a directory"),
        (["in/e1.mkv", "--out-dir", "in/notes.txt"], "cannot make the folder"),
        (["in/e1.mkv", "--out-dir", "out", "--suffix", "a/b"], "no suffix"),
        (["in/e1.mkv", "--nonsense", "3", "--out-dir", "out"], "--nonsense"),
    ],
)
def test_wrong_names(
    names: list[str], said: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Would catch work that begins although a name is wrong, or one file written over another."""
    monkeypatch.chdir(folder.parent)
    Path("other").mkdir()
    Path("empty").mkdir()
    Path("other/e1.mkv").write_bytes(Path("in/e1.mkv").read_bytes())
    assert main(["upscale", *names, *WORDS]) == 2
    err = capfd.readouterr().err
    assert err.count("\n") == 1 and said in err, err
    assert not Path("out").exists() or not list(Path("out").iterdir())


def test_a_fault_of_the_program_is_told(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Would catch exit code 2, which blames the user, or a night lost at the first file."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(render, "tecogan", broken)
    names = [str(folder / "e1.mkv"), str(folder / "e3.mkv")]
    assert main(["upscale", *names, *WORDS, "-q", "--out-dir", str(tmp_path / "out")]) == 1
    err = capfd.readouterr().err
    assert "failed: " in err and "internal error: RuntimeError: a bug" in err and "e3.mkv is not a video" in err


def test_one_bar_over_all() -> None:
    """Would catch a bar of each file, a total that stays a guess, and a rate that counts frames found done."""
    stream = io.StringIO()
    stream.isatty = lambda: True  # type: ignore[method-assign]
    overall = Overall([10, 0, 50, 7], stream=stream)
    for number, (total, begun) in enumerate(((12, 0), (20, 15))):
        overall.begin(number)
        with Progress(total, within=overall, begun=begun, stream=stream) as progress:
            for _ in range(total - begun):
                progress.frame()
            assert progress.done == total
    assert (overall.done, overall.total) == (32, 12 + 20 + 50 + 7)
    overall.begin(2)
    overall.expect(40, 0)
    overall.advance(5)
    overall.leave()
    assert (overall.done, overall.total) == (37, 12 + 20 + 5 + 7)
    assert "/69" in stream.getvalue() or "/89" in stream.getvalue() or "/67" in stream.getvalue()
