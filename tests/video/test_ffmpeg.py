"""Which ffmpeg is used: the first that works and has what the job needs."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from vs_tecogan.errors import VideoError
from vs_tecogan.training.data.codecs import compress
from vs_tecogan.video import ffmpeg as ff
from vs_tecogan.video.probe import probe
from vs_tecogan.video.read import video_frames

from ..cli.conftest import Command, inspect
from ..cli.conftest import ffmpeg as run_ffmpeg
from ..training.conftest import pan

BUNDLED = str(imageio_ffmpeg.get_ffmpeg_exe())
BROKEN = {
    "exits": "exit 1",
    "prints garbage": "head -c 3000 /dev/urandom",
    "says that all is well": "cat >/dev/null; exit 0",
    "hangs": "exec sleep 60",
    "is killed each time": "kill -9 $$",
    "is version 4.4": (
        'case "$*" in *fps_mode*) echo "Unrecognized option fps_mode." >&2; exit 1;; '
        '-version) echo "ffmpeg version 4.4.2-0ubuntu0.22.04.1 Copyright";; '
        f'*) exec {shlex.quote(BUNDLED)} "$@";; esac'
    ),
}
Put = Callable[[str], Path]


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Put shell lines first on PATH under the names of ffmpeg and ffprobe."""

    for path in ff.candidates():  # whose answers are kept: not those of a busy machine and little patience
        ff.fault_of(path)
    ff.find_ffprobe()

    def write(lines: str) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir()
        for name in ("ffmpeg", "ffprobe"):
            (folder / name).write_text(f"#!/bin/sh\n{lines}\n")
            (folder / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        monkeypatch.setattr(ff, "_PATIENCE", 3.0)
        return folder / "ffmpeg"

    return write


@pytest.mark.parametrize("how", BROKEN)
def test_broken_one_is_passed_over(how: str, put: Put, film: Path) -> None:
    """Would catch an aspect ratio, a start or a length lost without a word, and preparation that stops."""
    broken = str(put(BROKEN[how]))
    assert ff.candidates()[0] == broken
    assert ff.fault_of(broken)
    assert ff.find_ffmpeg("libx264") != broken
    assert ff.find_ffprobe() != str(Path(broken).with_name("ffprobe"))
    known = probe(film)
    assert known.videos[0].sample_aspect == Fraction(16, 15)
    assert known.chapters == 2
    assert len(list(video_frames(film))) == 15
    frames = pan(2, 32, 32).astype(np.float32) / 255
    assert compress(frames, ["-c:v", "libx264", "-crf", "20"], "h264").shape == frames.shape


def test_fault_is_named(put: Put) -> None:
    """Would catch an old version that its owner hears nothing of."""
    assert ff.fault_of(str(put(BROKEN["is version 4.4"]))) == (
        "is version 4.4.2-0ubuntu0.22.04.1, and 5.1 or newer is needed"
    )


def test_a_killed_question_is_asked_again(put: Put) -> None:
    """Would catch half an answer taken for a whole one: sound left out, or an ffmpeg refused, for one kill."""
    real = shlex.quote(BUNDLED)
    path = put(f'if mkdir "$0.once" 2>/dev/null; then {real} "$@" & sleep 0.02; kill -9 $$; fi; exec {real} "$@"')
    killed_once = Path(f"{path}.once")
    assert ff.fault_of(str(path)) == "" and killed_once.exists()
    killed_once.rmdir()
    assert ff.ask(str(path), "-version").stdout == ff.ask(BUNDLED, "-version").stdout and killed_once.exists()
    killed_once.rmdir()
    raw = ("-f", "rawvideo", "-pix_fmt", "gray", "-s", "1x1")
    copied = ff.send_through([str(path), "-v", "error", *raw, "-i", "pipe:0", *raw, "pipe:1"], b"x")
    assert copied == b"x" and killed_once.exists()


def test_killed_each_time(put: Put) -> None:
    """Would catch a question that is asked for ever where memory is short, or its half answer."""
    path = str(put("kill -9 $$"))
    assert ff.fault_of(path) == "was killed by signal 9, 3 times in a row"
    with pytest.raises(VideoError, match="killed by signal 9, 3 times in a row"):
        ff.ask(path, "-version")
    with pytest.raises(VideoError, match="killed by signal 9, 3 times in a row"):
        ff.send_through([path], b"")


@pytest.mark.parametrize("content", [b"\x7fELF no program", b""])
def test_file_that_is_no_program(content: bytes, put: Put) -> None:
    """Would catch a traceback for a download cut short, or one of another processor."""
    path = put("")
    path.write_bytes(content)
    assert ff.fault_of(str(path))
    assert ff.find_ffmpeg() != str(path)


def test_without_the_right_to_run(put: Put) -> None:
    """Would catch a file without that right taken for a program."""
    path = put("exit 0")
    path.chmod(0o644)
    assert str(path) not in ff.candidates()


def test_none_that_works(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a message that leaves out why the one at hand does not count."""
    path = put("echo out of order >&2; exit 1")
    monkeypatch.setattr(ff, "_bundled", lambda: iter(()))
    monkeypatch.setenv("PATH", str(path.parent))
    with pytest.raises(VideoError, match=r"pip install imageio-ffmpeg.*bin/ffmpeg fails in .*out of order"):
        ff.find_ffmpeg()


def test_one_without_the_means_is_passed_over(put: Put) -> None:
    """Would catch a job left to an ffmpeg that lacks the encoder, or the option of a filter, when another has it."""
    real = shlex.quote(BUNDLED)
    few = put(f'case "$*" in *-encoders*) exit 0;; *) exec {real} "$@";; esac')
    assert ff.fault_of(str(few)) == ""
    assert ff.find_ffmpeg() == str(few)
    assert ff.find_ffmpeg("libx264") == BUNDLED
    with pytest.raises(VideoError, match="unknown video codec 'libx999'"):
        ff.find_ffmpeg("libx999")


def test_a_dated_one_serves_only_what_no_other_can(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch sound 23 ms off, where ffmpeg 5.1 is on PATH, or an encoder refused that only it has."""
    real = shlex.quote(BUNDLED)
    old = str(put(f'case "$*" in *setts*) exit 0;; *) exec {real} "$@";; esac'))
    assert ff.candidates()[0] == old
    assert ff.find_ffmpeg() == BUNDLED
    assert ff.find_ffprobe() is None
    monkeypatch.setattr(ff, "has_encoder", lambda path, _: path == old)
    assert ff.find_ffmpeg("h264_nvenc") == old


def test_late_picture_beside_an_old_filter(put: Put, stream: Path, command: Command, tmp_path: Path) -> None:
    """Would catch MPEG-2 that refuses a rate of 48000, which ffmpeg 5.1 cannot avoid."""
    real = shlex.quote(BUNDLED)
    put(f'case "$*" in *setts*) exit 1;; *) exec {real} "$@";; esac')
    out = tmp_path / "out.mkv"
    done = command("upscale", stream, out, "--codec", "mpeg2video")
    assert done.code == 0, done.err
    assert inspect(out).frames == inspect(stream).frames


def test_truncated_file_beside_a_broken_one(put: Put, film: Path, command: Command, tmp_path: Path) -> None:
    """Would catch the warning lost, and with it the knowledge that half of a film is missing."""
    source, out = tmp_path / "in.mkv", tmp_path / "out.mkv"
    run_ffmpeg("-stream_loop", "3", "-i", film, "-map", "0:v", "-map", "0:a", "-c", "copy", source)
    content = source.read_bytes()
    source.write_bytes(content[: len(content) // 2])
    put(BROKEN["prints garbage"])
    done = command("upscale", source, out, "-q")
    assert done.code == 0, done.err
    assert "frames are missing" in done.err
