"""In a new file sound lies beside the picture that it belongs to, so that a player need not seek for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from vs_tecogan.cli import main

from ..cli.conftest import ffmpeg
from .conftest import _listing

SECONDS = 30


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty seconds, two scenes, sound, and a single subtitle at the beginning."""
    folder = tmp_path_factory.mktemp("talk")
    (folder / "s.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nhello\n")
    scenes = [f"{kind}=size=32x24:rate=2:duration={SECONDS // 2}" for kind in ("testsrc2", "rgbtestsrc")]
    ffmpeg(
        *("-f", "lavfi", "-i", f"{scenes[0]}[a];{scenes[1]}[b];[a][b]concat,format=yuv420p"),
        *("-f", "lavfi", "-i", f"sine=duration={SECONDS}", "-i", folder / "s.srt", "-map", "0", "-map", "1"),
        *("-map", "2", "-c:v", "libx264", "-c:a", "aac", "-c:s", "srt", folder / "talk.mkv"),
    )
    return folder / "talk.mkv"


@pytest.mark.parametrize("segment", ["1000", "5"], ids=["one piece", "joined"])
def test_sound_lies_beside_its_picture(talk: Path, tiny_2x: Path, segment: str, tmp_path: Path) -> None:
    """Would catch all sound at the front of a file, where ffmpeg reads the source on to its next subtitle."""
    out = tmp_path / "out.mkv"
    words = ("--model", str(tiny_2x), "--restart", "12", "--warmup", "4", "-q", "--segment", segment)
    assert main(["upscale", str(talk), str(out), *words, "--preset", "ultrafast"]) == 0
    begun = tmp_path / "begun.mkv"
    begun.write_bytes(out.read_bytes()[: out.stat().st_size // 2])
    ends = {stream: _last(begun, stream) for stream in ("v", "a")}
    assert abs(ends["v"] - ends["a"]) < 11, "what ffmpeg's muxer waits for: 10 s"
    assert _last(out, "a") > SECONDS - 1 and len(_listing(out, "-map", "0:s", "-f", "srt")) > 2


def _last(path: Path, stream: str) -> float:
    """Seconds at which the last packet of a stream is shown."""
    lines = _listing(path, "-copyts", "-map", f"0:{stream}:0", "-c", "copy", "-f", "framecrc", check=False)
    base = next(line.split()[2] for line in lines if line.startswith("#tb"))
    up, down = map(int, base.split("/"))
    return max(int(line.split(",")[2]) for line in lines if line[:1].isdigit()) * up / down
