"""Animations in the formats of pictures: every frame, its time and its colours come out."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from vs_tecogan.errors import VideoError
from vs_tecogan.video import ffmpeg as ff
from vs_tecogan.video.quality import check_quality
from vs_tecogan.video.write import EncoderOptions, choose_codec

from ..cli.conftest import ffmpeg, inspect
from .conftest import encoded, packets


@pytest.fixture(scope="module")
def animation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four frames of a GIF, in hundredths of a second; each a colour of its own."""
    out = tmp_path_factory.mktemp("gif") / "in.gif"
    colours = "nullsrc=size=32x24:rate=10:duration=0.4,geq=r=60*N:g=200-40*N:b=90"
    ffmpeg("-f", "lavfi", "-i", colours, out)
    return out


def pixels(path: Path) -> npt.NDArray[np.int_]:
    """The middle of every frame, RGB."""
    command = [ff.find_ffmpeg(), "-v", "error", "-i", str(path), "-fps_mode", "passthrough", "-pix_fmt", "rgb24"]
    raw = subprocess.run([*command, "-f", "rawvideo", "-"], capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, 24, 32, 3)[:, 12, 16].astype(int)


@pytest.mark.parametrize("suffix", ["gif", "apng"])
def test_frames_times_and_colours(suffix: str, animation: Path, tmp_path: Path) -> None:
    """Would catch a GIF that can be made nothing of, frames lost, times changed, and wrong palettes."""
    out = tmp_path / f"out.{suffix}"
    encoded(animation, out)
    wanted, got = pixels(animation), pixels(out)
    assert wanted.shape == got.shape == (4, 3)
    assert np.abs(wanted - got).max() <= 6
    before, after = packets(animation, "v"), packets(out, "v")
    assert [time - after[0] for time in after] == pytest.approx([float(time) for time in before], abs=0.006)


def test_webp(animation: Path, tmp_path: Path) -> None:
    """Would catch an animation written as a single picture. ffmpeg itself reads no animated WebP."""
    try:
        ff.find_ffmpeg("libwebp_anim")
    except VideoError:
        pytest.skip("no ffmpeg with libwebp_anim")
    out = tmp_path / "out.webp"
    encoded(animation, out)
    assert out.read_bytes().count(b"ANMF") == 4


@pytest.mark.parametrize("suffix", ["gif", "apng"])
def test_sound_is_said_to_go(suffix: str, film: Path, tmp_path: Path) -> None:
    """Would catch sound sent to a format without any, on which ffmpeg gives up."""
    notes = encoded(film, tmp_path / f"out.{suffix}")
    assert any("audio" in note and "left out" in note for note in notes)
    assert len(packets(tmp_path / f"out.{suffix}", "v")) == inspect(film).frames


def test_no_doubt_of_a_bit_rate() -> None:
    """Would catch a warning about a bit rate for formats that know none."""
    for name in ("a.gif", "a.apng", "a.webp"):
        assert check_quality("ffmpeg", choose_codec(Path(name), EncoderOptions()), crf=None, extra=()) is None
