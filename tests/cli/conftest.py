"""Small video files of every kind that the command must carry over, made with the ffmpeg at hand."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest

from vs_tecogan.weights import Model, save_model

SUBTITLES = "1\n00:00:00,100 --> 00:00:00,400\nhello\n"
CHAPTERS = """;FFMETADATA1
title=My clip
[CHAPTER]
TIMEBASE=1/1000
START=0
END=300
title=One
[CHAPTER]
TIMEBASE=1/1000
START=300
END=600
title=Two
"""
PICTURE = "testsrc2=size=64x48:rate=24000/1001:duration=0.6"
TAGS = ("-color_primaries", "smpte170m", "-colorspace", "smpte170m", "-color_trc", "bt709", "-color_range", "tv")


@dataclass(frozen=True)
class Stamped:
    """What BestSource reads of a file."""

    width: int
    height: int
    frames: int
    times: list[Fraction]
    props: dict[str, Any]
    tracks: list[str]


def ffmpeg(*arguments: str | Path) -> str:
    """Run the bundled ffmpeg, whatever is on PATH; return what it says."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-y", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0 or arguments[-2] == "-i", done.stderr
    return done.stderr


def inspect(path: Path) -> Stamped:
    """Decode `path` with BestSource, to its last frame."""
    import vapoursynth as vs

    opened: dict[str, Any] = vs.core.bs.VideoSource(str(path), cachemode=0, showprogress=False, exporttimestamps=True)
    clip = opened["clip"]
    base = Fraction(opened["timebasenum"], opened["timebaseden"])
    clip.get_frame(clip.num_frames - 1).close()
    kinds = vs.core.bs.TrackInfo(str(path))["tracktypestr"]
    return Stamped(
        width=clip.width,
        height=clip.height,
        frames=clip.num_frames,
        times=[tick * base for tick in opened["timestamps"]],
        props=dict(clip.get_frame(0).props),
        tracks=[kinds] if isinstance(kinds, str) else list(kinds),
    )


def pcm(path: Path, *options: str) -> bytes:
    """The sound of `path`, decoded to 16 bit."""
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-v",
        "error",
        "-nostdin",
        "-i",
        str(path),
        *options,
        "-f",
        "s16le",
        "-",
    ]
    return subprocess.run(command, capture_output=True, check=True).stdout


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An mkv of 15 frames, 64x48: anamorphic, tagged, with sound, subtitles, chapters, an attachment and a title."""
    folder = tmp_path_factory.mktemp("film")
    (folder / "s.srt").write_text(SUBTITLES)
    (folder / "c.txt").write_text(CHAPTERS)
    inputs = ("-f", "lavfi", "-i", PICTURE, "-f", "lavfi", "-i", "sine=duration=0.6")
    ffmpeg(
        *(*inputs, "-i", folder / "s.srt", "-i", folder / "c.txt"),
        *("-map", "0", "-map", "1", "-map", "2", "-map_metadata", "3", "-vf", "setsar=16/15", *TAGS),
        *("-c:v", "libx264", "-c:a", "aac", "-c:s", "srt", "-metadata:s:v:0", "language=swe"),
        *("-attach", folder / "s.srt", "-metadata:s:t", "mimetype=text/plain", folder / "film.mkv"),
    )
    return folder / "film.mkv"


@pytest.fixture(scope="session")
def stream(film: Path) -> Path:
    """A transport stream: its clock starts at more than a second, its picture after its sound."""
    out = film.with_name("stream.ts")
    options = ("-map", "1:v", "-map", "0:a", "-c", "copy")
    ffmpeg("-i", film, "-itsoffset", "0.25", "-i", film, *options, out)
    return out


@pytest.fixture(scope="session")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An mp4 of variable frame rate, in ticks of 1/90000 s."""
    out = tmp_path_factory.mktemp("uneven") / "uneven.mp4"
    picture = "testsrc2=size=32x24:rate=1000:duration=0.5"
    pick = "select='eq(mod(n*n,37),0)+eq(mod(n*7,40),0)'"
    exact = ("-fps_mode", "passthrough", "-enc_time_base", "1:90000")
    ffmpeg(
        *("-f", "lavfi", "-i", picture, "-vf", pick, *exact, "-video_track_timescale", "90000"),
        *("-c:v", "libx264", out),
    )
    return out


@pytest.fixture(scope="session")
def skip_file(skip_model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weight file whose output is the bicubic of its skip connection alone: flat areas keep their colour."""
    path = tmp_path_factory.mktemp("skip") / "skip-4x.safetensors"
    save_model(path, skip_model.generator, skip_model.card)
    return path


@dataclass(frozen=True)
class Ended:
    """How a run of the command ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture
def command(tiny_file: Path, capfd: pytest.CaptureFixture[str]) -> Command:
    """Run the command in this process; `upscale` takes the tiny model unless another is named."""
    from vs_tecogan.cli import main

    def run(*arguments: str | Path) -> Ended:
        words: Sequence[str] = [str(argument) for argument in arguments]
        if words[:1] == ["upscale"] and "--model" not in words:
            words = [words[0], "--model", str(tiny_file), *words[1:]]
        capfd.readouterr()
        code = main(words)
        captured = capfd.readouterr()
        return Ended(code, captured.out, captured.err)

    return run


def python(*arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
    """Start `python -m vs_tecogan`."""
    command_line = [sys.executable, "-m", "vs_tecogan", *map(str, arguments)]

    def hear_interrupts() -> None:
        # A test run in the background ignores SIGINT, and its children would inherit that.
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command_line, text=True, preexec_fn=hear_interrupts, **streams, **options)  # noqa: PLW1509
