"""Each mistake a user can make: exit code 2, one line that names it, nothing left behind."""

from __future__ import annotations

import errno
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vs_tecogan.errors import VideoError
from vs_tecogan.video import ffmpeg as ff
from vs_tecogan.video.partial import partial_file

from .conftest import Command, Ended, ffmpeg, inspect, python


def assert_refused(done: Ended, *words: str) -> None:
    """Code 2 and one line on stderr with `words` in it."""
    assert done.code == 2, done.err
    assert done.out == ""
    assert done.err.count("\n") == 1, done.err
    assert "Traceback" not in done.err
    for word in words:
        assert word in done.err, (word, done.err)


def test_missing_input(command: Command, tmp_path: Path) -> None:
    """Would catch a traceback, or an index error of BestSource's, for a name mistyped."""
    assert_refused(command("upscale", tmp_path / "no.mkv", tmp_path / "o.mkv"), "no.mkv", "No such file")


def test_input_is_a_directory(command: Command, tmp_path: Path) -> None:
    """Would catch a directory handed to the demuxer."""
    assert_refused(command("upscale", tmp_path, tmp_path / "o.mkv"), "is a directory")


def test_unreadable_input(film: Path, tmp_path: Path) -> None:
    """Would catch a wrong reason given for a file that may not be read."""
    source = tmp_path / "in.mkv"
    source.write_bytes(film.read_bytes())
    source.chmod(0)
    run = [sys.executable, "-m", "vs_tecogan", "upscale", source, tmp_path / "o.mkv"]
    if os.access(source, os.R_OK):  # root reads everything, unless it gives that right up
        run = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", *run]
        if subprocess.run(["sh", "-c", '"$0" "$1" "$2" true', *run[:3]], capture_output=True, check=False).returncode:
            pytest.skip("this user reads everything and setpriv cannot make it do without")
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert_refused(Ended(done.returncode, done.stdout, done.stderr), "Permission denied")


@pytest.mark.parametrize("content", [b"", b"\0" * 5000, b"just some words\n" * 99])
def test_input_is_no_video(content: bytes, command: Command, tmp_path: Path) -> None:
    """Would catch a crash or an unhelpful message for files of another kind."""
    source = tmp_path / "in.mkv"
    source.write_bytes(content)
    assert_refused(command("upscale", source, tmp_path / "o.mkv"), "in.mkv", "give a video file")


def test_input_without_video(command: Command, tmp_path: Path) -> None:
    """Would catch sound, with or without a cover picture, taken for video."""
    source = tmp_path / "song.m4a"
    sound = ("-f", "lavfi", "-i", "sine=duration=0.2", "-f", "lavfi", "-i", "color=red:size=16x16:duration=0.04")
    ffmpeg(*sound, "-c:a", "aac", "-c:v", "mjpeg", "-disposition:v:0", "attached_pic", "-f", "mp4", source)
    assert_refused(command("upscale", source, tmp_path / "o.mkv"), "no video stream")


def test_interlaced_input(command: Command, tmp_path: Path) -> None:
    """Would catch combed pictures upscaled as if they were whole."""
    source = tmp_path / "in.mpg"
    picture = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=0.4", "-vf", "setfield=tff")
    ffmpeg(*picture, "-c:v", "mpeg2video", "-flags", "+ilme+ildct", source)
    assert_refused(command("upscale", source, tmp_path / "o.mkv"), "interlaced", "deinterlace")


def test_output_is_a_directory(film: Path, command: Command, tmp_path: Path) -> None:
    """Would catch a directory replaced, or the error left to ffmpeg."""
    (tmp_path / "dir.mkv").mkdir()
    assert_refused(command("upscale", film, tmp_path / "dir.mkv", "-y"), "is a directory")


def test_output_in_a_missing_directory(film: Path, command: Command, tmp_path: Path) -> None:
    """Would catch hours of work before the first write fails."""
    assert_refused(command("upscale", film, tmp_path / "no" / "o.mkv"), "is no directory")


@pytest.mark.parametrize("link", ["same", "symlink", "hardlink"])
def test_output_is_the_input(link: str, film: Path, command: Command, tmp_path: Path) -> None:
    """Would catch the user's file destroyed, by whatever name it is reached."""
    source, out = tmp_path / "in.mkv", tmp_path / "out.mkv"
    source.write_bytes(film.read_bytes())
    if link == "same":
        out = tmp_path / "." / "in.mkv"
    elif link == "symlink":
        out.symlink_to(source)
    else:
        out.hardlink_to(source)
    assert_refused(command("upscale", source, out, "-y"), "is the input itself")
    assert source.read_bytes() == film.read_bytes()


def test_existing_output_stays(film: Path, command: Command, tmp_path: Path) -> None:
    """Would catch a file overwritten without -y, and one not overwritten with it."""
    out = tmp_path / "o.mkv"
    out.write_text("mine")
    assert_refused(command("upscale", film, out), "exists", "-y")
    assert out.read_text() == "mine"
    assert command("upscale", film, out, "-y", "-q", "--end", "2").code == 0
    assert out.stat().st_size > 100


def test_output_that_cannot_be_made(film: Path, command: Command, tmp_path: Path) -> None:
    """Would catch an error that does not name the output: here its name is too long once it is called .part."""
    out = tmp_path / f"{'n' * 249}.mkv"
    assert_refused(command("upscale", film, out, "-q", "--end", "2"), f"cannot write {out}", "name too long")
    assert list(tmp_path.iterdir()) == []


def test_partial_file_of_another_stays(film: Path, command: Command, tmp_path: Path) -> None:
    """Would catch a partial file written over, and then removed: that of another run, or the input itself."""
    other = tmp_path / "o.part.mkv"
    other.write_text("mine")
    assert_refused(command("upscale", film, tmp_path / "o.mkv", "-y"), "o.part.mkv exists")
    assert other.read_text() == "mine"
    other.write_bytes(film.read_bytes())
    assert_refused(command("upscale", other, tmp_path / "o.mkv", "-y"), "o.part.mkv is the input", "another name")
    assert other.read_bytes() == film.read_bytes()
    with pytest.raises(VideoError, match=r"o\.part\.mkv exists"), partial_file(tmp_path / "o.mkv"):
        pytest.fail("was made between the check and the run, and taken")
    assert [path.name for path in tmp_path.iterdir()] == ["o.part.mkv"]


def test_names_that_no_system_takes(film: Path, command: Command, tmp_path: Path) -> None:
    """Would catch a bug reported where a name is too long, or is not text."""
    assert_refused(command("upscale", film, tmp_path / f"{'n' * 300}.mkv"), "name too long")
    source = tmp_path / os.fsdecode(b"b\xff.mkv")
    source.write_bytes(film.read_bytes())
    assert_refused(command("upscale", source, tmp_path / "o.mkv"), "UTF-8", "rename")


def test_quality_that_an_encoder_lacks(film: Path, command: Command, tmp_path: Path) -> None:
    """Would catch --crf passed to an encoder that ignores it, and a default bit rate taken without a word."""
    out = tmp_path / "o.mkv"
    assert_refused(command("upscale", film, out, "--codec", "mpeg4", "--crf", "3"), "mpeg4 has no --crf", "-q:v")
    few = ("-y", "-q", "--end", "2", "--codec")
    for words in (("mpeg4",), ("mpeg4", "--", "-an", "-b:a", "64k")):
        assert "default bit rate" in command("upscale", film, out, *few, *words).err
    for words in (("mpeg4", "--", "-q:v", "2"), ("ffv1",), ("libx264", "--crf", "20")):
        done = command("upscale", film, out, *few, *words)
        assert (done.code, "bit rate" in done.err) == (0, False), done.err


def test_nobody_reads_stderr(film: Path, tiny_file: Path, tmp_path: Path) -> None:
    """Would catch a file left short, or not made at all, with exit code 0 because a message could not be told."""
    out = tmp_path / "o.mp4"  # does not hold all streams, which is said before the work
    reader, writer = os.pipe()
    os.close(reader)
    command_line = [sys.executable, "-m", "vs_tecogan", "upscale", film, out, "--model", tiny_file]
    assert subprocess.run(command_line, stderr=writer, check=False).returncode == 0
    os.close(writer)
    assert inspect(out).frames == inspect(film).frames


def test_lost_pipe_that_is_not_the_encoders(
    film: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Would catch it taken for an ffmpeg that has all it wants: OUT was then cut short, with exit code 0."""

    def lost(_progress: object) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr("vs_tecogan.cli.progress.Progress.frame", lost)
    assert_refused(command("upscale", film, tmp_path / "o.mkv"), "Broken pipe")
    assert list(tmp_path.iterdir()) == []


def test_closed_streams(film: Path, tiny_file: Path, tmp_path: Path) -> None:
    """Would catch a program that needs a stream the caller has closed, as services do, or writes messages into OUT."""
    out = tmp_path / "o.mkv"
    command_line = [sys.executable, "-m", "vs_tecogan", "upscale", film, out, "--model", tiny_file]
    done = subprocess.run(command_line, preexec_fn=lambda: os.closerange(0, 3), check=False)
    assert done.returncode == 0
    assert inspect(out).frames == inspect(film).frames


def test_nobody_reads_stdout() -> None:
    """Would catch a traceback, or a wrong exit code, in `vs-tecogan models | head -1`."""
    reader, writer = os.pipe()
    os.close(reader)
    command_line = [sys.executable, "-m", "vs_tecogan", "models"]
    done = subprocess.run(command_line, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_output_without_a_container(film: Path, command: Command, tmp_path: Path) -> None:
    """Would catch names that tell ffmpeg no format, with one line instead of its several."""
    assert_refused(command("upscale", film, tmp_path / "out"), "no suffix")
    assert_refused(command("upscale", film, tmp_path / "out.nonsense"), "format")
    for name in ("out.png", "f%03d.sgi", "out.m3u8"):
        assert_refused(command("upscale", film, tmp_path / name), "many files", ".mkv")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--model", "no-such-model"], "no-such-model"),
        (["--model", "no/such/file.pth"], "does not exist"),
        (["--model", ""], "is no name"),
        (["--device", "gpu"], "gpu"),
        (["--device", "cuda:99"], "cuda:99"),
        (["--precision", "fp8"], "fp8"),
        (["--restart", "-1"], "-1"),
        (["--restart", "x"], "x"),
        (["--restart", "3", "--warmup", "9"], "9"),
        (["--matrix", "purple"], "purple"),
        (["--matrix", "2"], "'2'"),
        (["--crf", "good"], "good"),
        (["--crf", "nan"], "nan"),
        (["--codec", "libnonsense"], "libnonsense"),
        (["--preset", "warp9"], "warp9"),
        (["--codec", "libx265", "--crf", "99"], "Valid quality"),
        (["--start", "9", "--end", "9"], "no frame left"),
        (["--start", "100000"], "no frame left"),
        (["--nonsense"], "--nonsense"),
        (["--", "-nonsense", "1"], "nonsense"),
        (["--", "-c:v", "libnonsense"], "libnonsense"),
        (["--", "other.mkv"], "'other.mkv' after --"),
    ],
)
def test_wrong_options(words: list[str], said: str, film: Path, command: Command, tmp_path: Path) -> None:
    """Would catch an option value that is ignored, or refused without being named."""
    assert_refused(command("upscale", film, tmp_path / "o.mkv", "-q", *words), said)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"not weights at all" * 50, b"PK\x03\x04" + b"\0" * 500])
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_bad_checkpoint(content: bytes, suffix: str, film: Path, command: Command, tmp_path: Path) -> None:
    """Would catch torch's own tracebacks for files that are no weights."""
    weights = tmp_path / f"weights{suffix}"
    weights.write_bytes(content)
    assert_refused(command("upscale", film, tmp_path / "o.mkv", "--model", weights), "weights")


def test_cuda_where_there_is_none(film: Path, tmp_path: Path) -> None:
    """Would catch a silent fall back to the CPU."""
    run = [sys.executable, "-m", "vs_tecogan", "upscale", film, tmp_path / "o.mkv", "--device", "cuda"]
    env = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}  # where there is one
    done = subprocess.run(run, env=env, capture_output=True, text=True, check=False)
    assert_refused(Ended(done.returncode, done.stdout, done.stderr), "no CUDA device")


def fake_ffmpeg(folder: Path, then: str) -> dict[str, str]:
    """An environment whose ffmpeg answers questions truly but, asked to encode, runs the shell lines `then`."""
    script = folder / "bin" / "ffmpeg"
    script.parent.mkdir()
    real = shlex.quote(ff.find_ffmpeg("libx264"))
    script.write_text(f'#!/bin/sh\ncase "$*" in *"-f nut"*) {then};; *) exec {real} "$@";; esac\n')
    script.chmod(0o755)
    return {**os.environ, "PATH": f"{script.parent}:{os.environ['PATH']}"}


@pytest.mark.parametrize(
    ("then", "said"),
    [
        ('echo "av_interleaved_write_frame(): No space left on device" >&2; exit 1', "disk full"),
        ("head -c 20000 >/dev/null; kill -9 $$", "signal 9"),
        ("cat >/dev/null", "wrote no"),
    ],
)
def test_encoder_dies(
    then: str, said: str, film: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Would catch a hang, a traceback of BrokenPipeError, or success claimed, when ffmpeg ends too early."""
    monkeypatch.setenv("PATH", fake_ffmpeg(tmp_path, then)["PATH"])
    assert_refused(command("upscale", film, tmp_path / "o.mkv", "-q"), said)
    assert [path.name for path in tmp_path.iterdir()] == ["bin"]


def test_disk_full(film: Path, tiny_file: Path, tmp_path: Path) -> None:
    """Would catch a file cut short that passes for whole: the system refuses to write beyond 8 KiB."""
    out = tmp_path / "o.mkv"
    line = f"ulimit -f 8; exec {shlex.quote(sys.executable)} -m vs_tecogan upscale {film} {out} --model {tiny_file} -q"
    done = subprocess.run(["bash", "-c", f"{line} --crf 1"], capture_output=True, text=True, check=False)
    assert_refused(Ended(done.returncode, done.stdout, done.stderr), "ffmpeg")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_interrupted(name: str, code: int, film: Path, tiny_file: Path, tmp_path: Path) -> None:
    """Would catch a broken OUT, a stray partial file, an ffmpeg left running or a traceback after Ctrl-C."""
    # An encoder that opens its file and then reads slowly, so that the signal comes in the middle.
    env, out = (
        fake_ffmpeg(tmp_path, f'echo $$ >{tmp_path}/pid; echo x >"{tmp_path}/o.part.mkv"; sleep 60'),
        tmp_path / "o.mkv",
    )
    process = python("upscale", film, out, "--model", tiny_file, env=env)
    pid_file, deadline = tmp_path / "pid", time.monotonic() + 60
    while not (pid_file.exists() and pid_file.read_text().strip()) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(getattr(signal, name))
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (code, ""), stderr
    assert stderr.strip().splitlines()[-1] == "vs-tecogan: interrupted"
    assert "Traceback" not in stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin", "pid"]
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)


def test_failing_frame(film: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a file that ends early without a word when a filter fails in the middle, or a printed traceback."""
    import vapoursynth as vs

    def fails_at_seven(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        if n == 7:
            raise vs.Error("frame 7 is bad")
        return f

    monkeypatch.setattr("vs_tecogan.jobs.render.tecogan", lambda clip, **_: clip.std.ModifyFrame(clip, fails_at_seven))
    assert_refused(command("upscale", film, tmp_path / "o.mkv", "-q"), "frame 7 is bad")
    assert [path.name for path in tmp_path.iterdir()] == ["o.0-6.mkv"]  # what is done is kept


def test_bug_is_one_line(film: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a traceback shown to users for a bug, or a bug that passes for a user's mistake."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr("vs_tecogan.jobs.render.tecogan", broken)
    done = command("upscale", film, tmp_path / "o.mkv", "-q")
    assert done.code == 1
    assert done.err == "vs-tecogan: internal error: RuntimeError: two lines (VS_TECOGAN_DEBUG=1 shows where)\n"


@pytest.mark.parametrize("words", [("-in.mkv", "o.mkv"), ("-in.mkv", "a.mkv", "o.mkv")])
def test_name_like_an_option(
    words: tuple[str, ...], command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Would catch a file whose name begins with a dash called a missing argument, with no way shown to name it."""
    monkeypatch.chdir(tmp_path)
    Path("-in.mkv").write_text("x")
    assert_refused(command("upscale", *words), "write ./-in.mkv for the file of that name")
    assert_refused(command("upscale", "./-in.mkv", "./-out.mkv"), "-in.mkv is not a video file")
