"""Frames that cannot be upscaled: found before the work, or what was done before them stays."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import vapoursynth as vs

from vs_tecogan.cli import main
from vs_tecogan.errors import VideoError
from vs_tecogan.jobs.look import look_through
from vs_tecogan.jobs.manifest import JobFolder
from vs_tecogan.jobs.spec import Spec
from vs_tecogan.video.probe import Probe
from vs_tecogan.video.source import Source, Track
from vs_tecogan.video.timeline import Timeline

from ..cli.conftest import Command, command, ffmpeg, inspect

__all__ = ["command"]

PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=32x32:rate=25:duration=0.8")
ONE_PIECE = ("--", "-b:v", "300k")


def joined(folder: Path, *parts: tuple[str, ...]) -> Path:
    """One transport stream of several, each of 20 frames."""
    out = folder / "in.ts"
    for n, options in enumerate(parts):
        ffmpeg(*PICTURE, "-c:v", "mpeg2video", *options, "-output_ts_offset", str(0.8 * n), folder / f"{n}.ts")
    out.write_bytes(b"".join((folder / f"{n}.ts").read_bytes() for n in range(len(parts))))
    for n in range(len(parts)):
        (folder / f"{n}.ts").unlink()
    return out


@pytest.mark.parametrize("options", [("--segment", "0.2", "--restart", "4", "--warmup", "1"), ONE_PIECE])
def test_late_fields_are_found_first(options: tuple[str, ...], command: Command, tmp_path: Path) -> None:
    """Would catch hours of work that end at a frame which could have been seen before, in segments and in one piece."""
    source = joined(tmp_path, (), ("-vf", "setfield=tff", "-flags", "+ilme+ildct"))
    done = command("upscale", source, tmp_path / "out.mkv", "-q", *options)
    assert (done.code, done.err.count("\n")) == (2, 1), done.err
    told = re.search(r"interlaced at frame (\d+) ", done.err)
    assert told and 18 <= int(told[1]) <= 21, done.err
    assert "--field-order progressive" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["in.ts"]
    if "--" not in options:  # a part that has no such frame is no matter of it
        part = ("--start", "14", "--end", told[1])
        assert command("upscale", source, tmp_path / "out.mkv", "-q", *part, *options).code == 0


def test_a_wrong_matrix_is_overruled(command: Command, tmp_path: Path) -> None:
    """Would catch --matrix that fills in and does not correct, and a new file that repeats the wrong tag."""
    source, out = tmp_path / "in.mkv", tmp_path / "out.mkv"
    tag = ("-bsf:v", "h264_metadata=matrix_coefficients=0", "-pix_fmt", "yuv420p")
    ffmpeg(*PICTURE, "-c:v", "libx264", *tag, source)
    done = command("upscale", source, out)
    assert (done.code, done.err.count("\n")) == (2, 1), done.err
    assert "frame 0 says _Matrix=0" in done.err and "--matrix" in done.err
    done = command("upscale", source, out, "--matrix", "709", "--end", "2", "--warmup", "0")
    assert done.code == 0, done.err
    assert inspect(out).props["_Matrix"] == 1
    said = command("upscale", source, tmp_path / "o.mkv", "--matrix", "2020cl")
    assert (said.code, said.err.count("\n")) == (2, 1) and "--matrix, one of" in said.err


def test_a_right_matrix_is_overruled_too(command: Command, tmp_path: Path) -> None:
    """Would catch an option that is heard only where the file says nothing."""
    source, out = tmp_path / "in.mkv", tmp_path / "out.mkv"
    ffmpeg(*PICTURE, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-colorspace", "bt709", source)
    assert command("upscale", source, out, "--matrix", "170m", "--end", "2", "--warmup", "0").code == 0
    assert inspect(out).props["_Matrix"] == 6


def test_a_changing_size_is_brought_to_one(command: Command, tmp_path: Path) -> None:
    """Would catch a broadcast refused, or cut short, where a program of another size follows."""
    source, out = joined(tmp_path, (), ("-s", "48x32")), tmp_path / "out.mkv"
    done = command("upscale", source, out, "-q", "--start", "18", "--end", "22", "--warmup", "0")
    assert done.code == 0, done.err
    assert "changes its size or format: all frames become 32x32 YUV420P8" in done.err
    after = inspect(out)
    assert (after.width, after.height) == (128, 128) and after.frames == 4


def failing_at(n: int, error: Exception) -> Any:
    """A replacement for the filter: frame n fails."""

    def upscaled(source: Any, *_: object, **__: object) -> vs.VideoNode:
        def fail(n: int, f: vs.VideoFrame, fatal: int = n) -> vs.VideoFrame:
            if n == fatal:
                raise error
            return f

        clip: vs.VideoNode = getattr(source, "clip", source)
        return clip.std.ModifyFrame(clip, fail)

    return upscaled


def test_a_frame_that_fails_late_costs_nothing_in_one_piece(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Would catch hours of work removed because of one frame, and a first try that the second writes over."""
    source, out = tmp_path / "in.mkv", tmp_path / "out.mkv"
    ffmpeg(*PICTURE, "-c:v", "libx264", source)
    monkeypatch.setattr("vs_tecogan.cli.upscale.upscaled", failing_at(12, vs.Error("tecogan: frame 12: out of luck")))
    for name in ("out.3-11.mkv", "out.3-11.2.mkv"):
        done = command("upscale", source, out, "-q", "--start", "3", *ONE_PIECE)
        assert done.code == 2, done.err
        line = done.err.splitlines()[-1]
        assert "out of luck" in line and f"{name}; --start 12 makes the rest" in line
        assert inspect(tmp_path / name).frames == 9
    assert not out.exists()


def test_a_frame_that_fails_late_leaves_the_segments(
    tiny_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Would catch a job that is lost with its last frame, or does not say how it goes on."""
    source, out = tmp_path / "in.mkv", tmp_path / "out.mkv"
    ffmpeg(*PICTURE, "-c:v", "libx264", source)
    words = ["upscale", str(source), str(out), "-q", "--model", str(tiny_file), "--segment", "0.2", "--restart", "4"]
    words += ["--warmup", "1"]
    with monkeypatch.context() as patch:
        patch.setattr("vs_tecogan.jobs.render.upscaled", failing_at(12, vs.Error("tecogan: frame 12: out of luck")))
        assert main(words) == 2
    said = capfd.readouterr().err.splitlines()
    assert "out of luck" in said[-1] and "run the same command again to go on" in said[-1]
    folder = JobFolder.beside(out)
    manifest = folder.read()
    done = [segment for segment in manifest.segments if folder.read_record(manifest, segment)]
    assert done and all(segment.end <= 12 for segment in done)
    assert main(words) == 0
    assert inspect(out).frames == 20


def test_an_unreadable_frame_names_a_way_around(core: vs.Core) -> None:
    """Would catch the message of a decoder alone, with nothing that a user can do."""
    clip = failing_at(5, vs.Error("no such packet"))(core.std.BlankClip(length=9))
    timeline = Timeline(time_base=Fraction(1, 25), ticks=tuple(range(9)), start=Fraction(0), frame_rate=Fraction(25))
    track = Track(index=0, kind="video", codec="h264")
    source = Source(
        path=Path("in.mkv"), clip=clip, timeline=timeline, video=track, tracks=(track,), probe=Probe(videos={})
    )
    spec = Spec(source="in.mkv", out="o.mkv", first=0, end=9, model="m", restart=4, warmup=1, codec="libx264", crf=None)
    with pytest.raises(VideoError, match=r"frame 5 cannot be read \(no such packet\); give --end 5"):
        look_through(spec, source)
    with pytest.raises(VideoError, match="give --start 6"):
        look_through(replace(spec, first=5), source)
    look_through(replace(spec, end=5), source)
