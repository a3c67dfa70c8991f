"""Clips that are cut into segments, and how what came of them is compared."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from vs_tecogan.video.ffmpeg import find_ffmpeg
from vs_tecogan.weights import Model, save_model

from ..cli.conftest import ffmpeg

LONGER = int(os.environ.get("VS_TECOGAN_CHAOS_LENGTH", "1"))
"""Times 5.6 seconds: how long the film is."""
SCENES = (
    f"testsrc2=size=32x24:rate=100:duration={1.3 * LONGER},setsar=1",
    f"mandelbrot=size=32x24:rate=100,trim=end_frame={140 * LONGER},setsar=1",
    f"rgbtestsrc=size=32x24:rate=100,trim=end_frame={110 * LONGER},setsar=1",
    f"cellauto=size=32x24:rate=100:rule=110,trim=end_frame={180 * LONGER},setsar=1",
)
"""Four scenes that differ; their third is a still."""
UNEVEN = r"select='eq(mod(n*n\,7)\,0)+eq(mod(n*3\,11)\,0)'"
"""Picks about a fifth of the frames, at uneven distances."""
TAGS = "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709"


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """About 120 frames of 32x24 with cuts, variable frame rate, sound that starts later, subtitles and chapters."""
    folder = tmp_path_factory.mktemp("jobs")
    (folder / "s.srt").write_text("1\n00:00:01,100 --> 00:00:02,400\nhello\n")
    chapters = ";FFMETADATA1\ntitle=My clip\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=3000\ntitle=One\n"
    (folder / "c.txt").write_text(chapters)
    inputs = [word for scene in SCENES for word in ("-f", "lavfi", "-i", scene)]
    joined = "".join(f"[{k}]format=yuv420p[v{k}];" for k in range(4)) + "[v0][v1][v2][v3]concat=n=4"
    ffmpeg(
        *(*inputs, "-itsoffset", "0.3", "-f", "lavfi", "-i", f"sine=duration={5.2 * LONGER}", "-i", folder / "s.srt"),
        *("-i", folder / "c.txt", "-filter_complex", f"{joined},{UNEVEN},{TAGS}[v]", "-map", "[v]", "-map", "4"),
        *("-map", "5", "-map_metadata", "6", "-map_chapters", "6", "-fps_mode", "passthrough"),
        *("-enc_time_base:v", "1:90000", "-video_track_timescale", "90000", "-c:v", "libx264", "-crf", "10"),
        *("-preset", "ultrafast", "-c:a", "aac", "-c:s", "mov_text", folder / "film.mp4"),
    )
    return folder / "film.mp4"


@pytest.fixture(scope="session")
def tiny_2x(make_model: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A x2 network with its smallest trunk, as a file."""
    path: Path = tmp_path_factory.mktemp("model") / "tiny-2x.safetensors"
    tiny: Model = make_model(scale=2)
    save_model(path, tiny.generator, tiny.card)
    return path


@dataclass(frozen=True)
class Content:
    """What a file shows and plays."""

    pixels: list[str]
    """A hash of each decoded frame."""
    times: list[str]
    """Time base, and when each frame is shown, in its ticks."""
    others: str
    """Packets of all other streams, with their times."""
    words: list[str]
    """What ffmpeg says of streams, chapters and tags."""


def content(path: Path) -> Content:
    """Decode a file, and list its packets."""
    pixels = _listing(path, "-map", "0:v:0", "-fps_mode", "passthrough", "-f", "framehash", "-hash", "md5")
    packets = _listing(path, "-copyts", "-map", "0:v:0", "-c", "copy", "-f", "framecrc")
    base = [line for line in packets if line.startswith("#tb")]
    times = sorted(int(line.split(",")[2]) for line in packets if line[:1].isdigit())
    others = _listing(path, "-copyts", "-map", "0", "-map", "-0:v:0", "-c", "copy", "-f", "framecrc", check=False)
    said = [line.strip() for line in ffmpeg("-i", path).splitlines()]
    return Content(
        pixels=[line.split(",")[-1].strip() for line in pixels if line[:1].isdigit()],
        times=[*base, *map(str, times)],
        others="\n".join(others),
        words=[
            re.sub(r", \d+ kb/s", "", line) for line in said if line.startswith(("Stream", "Chapter", "title", "VS_"))
        ],
    )


def _listing(path: Path, *options: str, check: bool = True) -> list[str]:
    command = [find_ffmpeg(), "-v", "error", "-nostdin", "-i", f"file:{path}", *options, "-"]
    return subprocess.run(command, capture_output=True, text=True, check=check).stdout.splitlines()


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    """Start the command on one thread in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "vs_tecogan", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        start_new_session=True,
    )
