"""Pictures in and out, one or many: every pixel and every name, seen by reading what was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import vapoursynth as vs

from vs_tecogan.cli import main
from vs_tecogan.jobs import render
from vs_tecogan.jobs.manifest import JobFolder
from vs_tecogan.video.pictures import sequence_of

from .conftest import ffmpeg, inspect, pcm

FAST = ("-q", "--model", "none")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A filter that takes no time and doubles each pixel."""

    def enlarge(clip: vs.VideoNode, **_: Any) -> vs.VideoNode:
        return clip.resize.Point(2 * clip.width, 2 * clip.height).std.SetFrameProps(TecoganModel="none")

    monkeypatch.setattr(render, "tecogan", enlarge)


def pixels(path: Path, n: int = 0, form: int | None = None) -> npt.NDArray[Any]:
    """The planes of a frame of a file, as BestSource decodes it."""
    clip = vs.core.bs.VideoSource(str(path), cachemode=0, showprogress=False)
    if form is not None:
        clip = clip.resize.Bicubic(format=form, matrix_in=5 if clip.format.color_family == vs.YUV else None)
    with clip.get_frame(n) as frame:
        return np.stack([np.asarray(frame[plane]) for plane in range(frame.format.num_planes)])


def doubled(picture: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Each pixel twice in both directions."""
    return picture.repeat(2, -1).repeat(2, -2)


def make(path: Path, *options: str, source: str = "testsrc2=size=32x24:rate=10:duration=0.1") -> Path:
    """A picture, or several where the name is numbered."""
    path.parent.mkdir(exist_ok=True)
    ffmpeg("-f", "lavfi", "-i", source, *options, path)
    return path


@pytest.mark.parametrize(
    ("name", "options"),
    [("a.png", ()), ("a.png", ("-pix_fmt", "rgb48be")), ("a.png", ("-pix_fmt", "gray")), ("a.bmp", ())],
)
@pytest.mark.parametrize("out", ["b.png", "b.tif", "b.bmp"])
def test_one_picture(name: str, options: tuple[str, ...], out: str, tmp_path: Path) -> None:
    """Would catch a picture that becomes a video or another, loses its depth, or comes back as YUV."""
    source, new = make(tmp_path / name, *options), tmp_path / out
    assert main(["upscale", str(source), str(new), *FAST]) == 0
    before, after = doubled(pixels(source)), pixels(new)
    if before.dtype == np.uint16 and out == "b.bmp":
        assert after.dtype == np.uint8
        assert np.abs(after.astype(int) - before // 257).max() <= 1
    elif len(before) == 1 and out == "b.bmp":  # BMP of gray is read as RGB with a palette
        assert np.array_equal(after[:1], before)
    else:
        assert np.array_equal(after, before)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted({name, out})


def test_transparency(tiny_file: Path, tmp_path: Path) -> None:
    """Would catch a picture whose background becomes black, one by one and numbered."""
    fading = "testsrc2=size=32x24:rate=10:duration=0.3,format=rgba,geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='X*8'"
    make(tmp_path / "%d.png", source=fading)
    words = ["-q", "--model", str(tiny_file)]
    assert main(["upscale", str(tmp_path / "1.png"), str(tmp_path / "one.png"), *words]) == 0
    assert main(["upscale", str(tmp_path / "%d.png"), str(tmp_path / "new%d.png"), *words]) == 0
    for name in ("one.png", "new3.png"):
        with vs.core.bs.VideoSource(str(tmp_path / name), cachemode=0).get_frame(0) as frame:
            alpha = np.asarray(frame.props["_Alpha"][0])  # type: ignore[index]
        assert alpha.shape == (48, 64)
        assert np.abs(alpha[5, 8:56].astype(int) - 4 * np.arange(8, 56)).max() <= 8


@pytest.mark.parametrize("suffix", ["jpg", "jpeg"])
def test_jpeg(suffix: str, tmp_path: Path) -> None:
    """Would catch JPEG of limited range, of another matrix, or of a low quality."""
    flat = "color=c=0xC05A28:size=32x24:rate=10:duration=0.1"
    source = make(tmp_path / f"a.{suffix}", "-q:v", "1", "-pix_fmt", "yuvj444p", source=flat)
    for out in (tmp_path / f"b.{suffix}", tmp_path / "b.png"):
        assert main(["upscale", str(source), str(out), *FAST]) == 0
        assert np.abs(pixels(out, form=vs.RGB24)[:, 10, 10].astype(int) - (0xC0, 0x5A, 0x28)).max() <= 2
    with vs.core.bs.VideoSource(str(tmp_path / f"b.{suffix}"), cachemode=0).get_frame(0) as frame:
        assert (frame.props["_Range"], frame.format.name) == (vs.RANGE_FULL, "YUV444P8")


def test_numbered_pictures_in_segments(tiny_file: Path, tmp_path: Path) -> None:
    """Would catch numbers that begin anew, frames of another order, parts left behind, and a job that cannot go on."""
    make(tmp_path / "in" / "f%03d.png", "-start_number", "7", source="testsrc2=size=32x24:rate=10:duration=1.2")
    out = tmp_path / "out"
    out.mkdir()
    words = ["upscale", str(tmp_path / "in" / "f%03d.png"), str(out / "g%d.png"), "-q", "--model", str(tiny_file)]
    words += ["--segment", "0.16", "--restart", "4", "--warmup", "0", "--no-scene-change"]
    assert main([*words, "--plan"]) == 0
    folder = JobFolder.beside(out / "g%d.png")
    assert len(folder.read().segments) == 3
    assert main(["job", "run", str(folder.path), "-q", "--segments", "1"]) == 0
    assert main(words) == 0
    assert sorted(path.name for path in out.iterdir()) == sorted(f"g{n}.png" for n in range(7, 19))
    for n in (7, 10, 11, 18):
        assert np.array_equal(pixels(out / f"g{n}.png"), doubled(pixels(tmp_path / "in" / f"f{n:03}.png")))


@pytest.mark.parametrize("names", [["1.png", "2.png", "10.png"], ["x.png", "y 2.png", "z%d.png"], ["a8.png", "a9.png"]])
def test_a_folder_of_pictures(names: list[str], tmp_path: Path) -> None:
    """Would catch names lost or in another order, and names of no form or with a percent sign."""
    source, out = tmp_path / "100% in", tmp_path / "out"
    source.mkdir()
    for k, name in enumerate(names):
        plain = make(tmp_path / "plain.png", source=f"color=c=0x{40 * k + 20:02X}5A28:size=32x24:rate=10:duration=0.1")
        plain.rename(source / name)
    (source / "notes.txt").write_text("x")
    assert main(["upscale", str(source), str(out), *FAST]) == 0
    assert sorted(path.name for path in out.iterdir()) == sorted(names)
    shown = [int(pixels(make_plain(out / name, tmp_path))[0, 0, 0]) for name in names]
    assert shown == pytest.approx([40 * k + 20 for k in range(len(names))], abs=3)
    assert main(["upscale", str(source), str(out), *FAST]) == 2, "they exist"
    assert main(["upscale", str(source), str(out), *FAST, "-y"]) == 0


def make_plain(path: Path, folder: Path) -> Path:
    """A copy under a name without signs that ffmpeg reads a meaning into."""
    copy = folder / "copy.png"
    copy.write_bytes(path.read_bytes())
    return copy


def test_pictures_to_a_video_with_sound(tmp_path: Path) -> None:
    """Would catch a rate that is rounded, sound that is lost, and pictures cut where the sound ends."""
    make(tmp_path / "in" / "%d.png", source="testsrc2=size=32x24:rate=10:duration=1")
    sound, out = tmp_path / "s.wav", tmp_path / "out.mkv"
    ffmpeg("-f", "lavfi", "-i", "sine=duration=0.3:sample_rate=48000", sound)
    words = ["--fps", "23.976", "--audio-from", str(sound), "--codec", "ffv1", *FAST]
    assert main(["upscale", str(tmp_path / "in"), str(out), *words]) == 0
    after = inspect(out)
    assert (after.width, after.frames, after.tracks) == (64, 10, ["video", "audio"])
    assert float(after.times[9]) == pytest.approx(9 * 1001 / 24000, abs=0.001)
    assert pcm(out) == pcm(sound)
    assert np.array_equal(pixels(out, 9), doubled(pixels(tmp_path / "in" / "10.png")))


def test_a_video_to_pictures(film: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Would catch numbers that are not those of the frames, another matrix, and sound lost without a line."""
    assert main(["upscale", str(film), str(tmp_path / "f%04d.png"), *FAST, "--start", "4", "--end", "7"]) == 0
    assert "(audio, aac) does not fit this container: left out" in capfd.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f0004.png", "f0005.png", "f0006.png"]
    clip = vs.core.bs.VideoSource(str(film), cachemode=0, showprogress=False)
    with clip.resize.Point(128, 96).resize.Bicubic(format=vs.RGB24).get_frame(5) as frame:
        wanted = np.stack([np.asarray(frame[plane]) for plane in range(3)])
    assert np.abs(pixels(tmp_path / "f0005.png").astype(int) - wanted).max() <= 1
    assert main(["upscale", str(film), str(tmp_path / "one.png"), *FAST, "--start", "4", "--end", "5"]) == 0
    assert np.array_equal(pixels(tmp_path / "one.png"), pixels(tmp_path / "f0004.png"))


def test_what_is_done_stays(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Would catch pictures thrown away, or one file of all under an unknown name, when a later frame fails."""

    def fail(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        if n == 6:
            raise vs.Error("frame 6 is bad")
        return f

    monkeypatch.setattr(render, "tecogan", lambda clip, **_: clip.std.ModifyFrame(clip, fail))
    assert main(["upscale", str(film), str(tmp_path / "f%02d.png"), *FAST, "--start", "3"]) == 2
    assert f"the 3 frames before are kept, up to {tmp_path}/f05.png; --start 6 makes the rest" in capfd.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f03.png", "f04.png", "f05.png"]


def test_several_pictures_and_folders(tmp_path: Path) -> None:
    """Would catch photographs taken for a clip, and a folder that becomes a single file."""
    make(tmp_path / "p" / "a.png")
    make(tmp_path / "p" / "b.jpg", source="testsrc2=size=16x32:rate=10:duration=0.1")
    make(tmp_path / "clip" / "%02d.png", source="testsrc2=size=32x24:rate=10:duration=0.3")
    names = [str(tmp_path / "p" / "a.png"), str(tmp_path / "p" / "b.jpg"), str(tmp_path / "clip")]
    out = tmp_path / "out"
    assert main(["upscale", *names, "--out-dir", str(out), *FAST]) == 0
    made = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.png"))
    assert made == ["a.png", "b.png", "clip/01.png", "clip/02.png", "clip/03.png"]
    assert pixels(out / "b.png").shape == (3, 64, 32)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["in/%d.png", "o%d.png"], "picture 3 of in/%d.png is missing; there are 3 from 1 to 4"),
        (["in/%03d.png", "o%d.png"], "no picture of the name in/%03d.png"),
        (["sizes", "out"], "sizes/2.png is 16x16 RGB24, 1.png is 32x24 RGB24"),
        (["kinds", "out"], "several kinds (.jpg, .png)"),
        (["empty", "o.mkv"], "empty is a directory"),
        (["kinds/1.png", "kinds/1.png"], "is the input itself"),
        (["good", "good"], "good/1.png is a picture of the input itself"),
        (["good", "o.png"], "give %04d.png, or a container such as o.mkv"),
        (["good/1.png", "o.mkv", "--fps", "24"], "--fps is for pictures"),
        (["good", "o.mkv", "--fps", "0"], "no frame rate"),
        (["good", "o%d.mkv"], "is numbered, as pictures are"),
        (["good", "o%d.png", "--track", "0"], "--track 0 is for video files"),
    ],
)
def test_wrong_pictures(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Would catch a hole that becomes a jump, photographs taken for frames, and pictures written over their input."""
    monkeypatch.chdir(tmp_path)
    for folder in ("in", "sizes", "kinds", "good", "empty"):
        Path(folder).mkdir()
    good, other, jpeg = (
        make(Path("g.png")),
        make(Path("o1.png"), source="color=red:size=16x16:d=0.04"),
        make(Path("j.jpg")),
    )
    for name in ("in/1.png", "in/2.png", "in/4.png", "sizes/1.png", "kinds/1.png", "good/1.png", "good/2.png"):
        Path(name).write_bytes(good.read_bytes())
    Path("sizes/2.png").write_bytes(other.read_bytes())
    Path("kinds/2.jpg").write_bytes(jpeg.read_bytes())
    assert main(["upscale", *words, *FAST]) == 2
    err = capfd.readouterr().err
    assert said in err and err.count("\n") == 1, err
    assert not list(Path().glob("o*d.png")) and Path("good/1.png").read_bytes() == good.read_bytes()


def test_numbers_are_read_exactly(tmp_path: Path) -> None:
    """Would catch other files taken for those of a form: other widths, other names, folders."""
    for name in ("a08.png", "a09.png", "a10.png", "a012.png", "b11.png", "a11.jpg", "a7.png"):
        (tmp_path / name).write_text("x")
    (tmp_path / "a11.png").mkdir()
    files, first = sequence_of(tmp_path / "a%02d.png")
    assert ([file.name for file in files], first) == (["a08.png", "a09.png", "a10.png"], 8)
    assert [file.name for file in sequence_of(tmp_path / "b%d.png")[0]] == ["b11.png"]
