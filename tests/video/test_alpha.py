"""Transparency: enlarged beside the picture where the encoder stores it, else said before the work."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import vapoursynth as vs

from vs_tecogan.errors import VideoError
from vs_tecogan.video import ffmpeg as ff
from vs_tecogan.video.alpha import beside
from vs_tecogan.video.probe import parse_json, parse_report, probe

from ..cli.conftest import Command, ffmpeg, skip_file

__all__ = ["skip_file"]

RAMP = "testsrc2=size=32x24:rate=5:duration=0.4,format=yuva444p,geq=lum='lum(X,Y)':cb='cb(X,Y)':cr='cr(X,Y)':a='8*X'"
"""Alpha rises from left to right."""


def made(folder: Path, *options: str) -> Path:
    out = folder / f"in.{options[-1]}"
    ffmpeg("-f", "lavfi", "-i", RAMP, *options[:-1], out)
    return out


def alpha_of(path: Path, *reader: str) -> npt.NDArray[np.int_]:
    """The alpha of all frames as 8 bits, by ffmpeg."""
    command = [ff.find_ffmpeg(), "-v", "error", *reader, "-i", str(path), "-vf", "format=rgba,alphaextract,format=gray"]
    raw = subprocess.run(
        [*command, "-fps_mode", "passthrough", "-f", "rawvideo", "-"], capture_output=True, check=True
    ).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, 96, 128).astype(int)


@pytest.mark.parametrize(
    ("source", "codec", "suffix", "reader"),
    [
        (("-pix_fmt", "yuva444p10le", "-c:v", "prores_ks", "mov"), "prores_ks", "mov", ()),
        (("-pix_fmt", "bgra", "-c:v", "png", "mov"), "qtrle", "mov", ()),
        (("-pix_fmt", "bgra", "-c:v", "png", "mov"), "ffv1", "mkv", ()),
        (("-pix_fmt", "yuva420p", "-c:v", "ffv1", "mkv"), "ffv1", "mkv", ()),
        (("-pix_fmt", "yuva420p", "-c:v", "ffv1", "mkv"), "", "webm", ("-c:v", "libvpx-vp9")),
        (("-pix_fmt", "bgra", "-c:v", "png", "mov"), "", "apng", ()),
    ],
)
def test_alpha_is_enlarged(
    source: tuple[str, ...], codec: str, suffix: str, reader: tuple[str, ...], command: Command, tmp_path: Path
) -> None:
    """Would catch alpha lost, of another size, moved against the picture, in a wrong range, or taken for a plane."""
    words = ("--codec", codec) if codec else ()
    out = tmp_path / f"out.{suffix}"
    done = command("upscale", made(tmp_path, *source), out, *words, "--warmup", "0")
    assert done.code == 0, done.err
    assert "alpha channel" not in done.err
    found = alpha_of(out, *reader)
    assert len(found) == 2
    # Pixel i of the source lies on pixel 4 i: the ramp rises by 2 per pixel from there.
    wanted = np.clip(2.0 * np.arange(128), 0, 248)
    assert np.abs(found[:, :, 8:112] - wanted[8:112]).max() <= 5


def test_parts_join_with_alpha(command: Command, tmp_path: Path) -> None:
    """Would catch alpha that is lost where segments are joined, or sizes that change it."""
    source, out = made(tmp_path, "-pix_fmt", "yuva420p", "-c:v", "ffv1", "mkv"), tmp_path / "out.mkv"
    words = ("--codec", "ffv1", "--segment", "0.2", "--restart", "1", "--warmup", "0")
    done = command("upscale", source, out, *words)
    assert done.code == 0 and "2 segments" in done.err, done.err
    assert np.abs(alpha_of(out)[1, 40, 8:112] - 2.0 * np.arange(8, 112)).max() <= 3


def test_cropped_and_resized(command: Command, tmp_path: Path) -> None:
    """Would catch the alpha of the whole picture squeezed into a part of it."""
    source, out = made(tmp_path, "-pix_fmt", "yuva444p", "-c:v", "ffv1", "mkv"), tmp_path / "out.mkv"
    done = command("upscale", source, out, "--codec", "ffv1", "--crop", "16:12:8:4", "--size", "8x", "--warmup", "0")
    assert done.code == 0, done.err
    assert np.abs(alpha_of(out)[0, 40, 16:100] - (64 - 0.5 + np.arange(16, 100))).max() <= 3


def test_lost_alpha_is_said(command: Command, tmp_path: Path) -> None:
    """Would catch transparency lost without a word, and a wrong word where nothing is transparent."""
    source = made(tmp_path, "-pix_fmt", "yuva420p", "-c:v", "ffv1", "mkv")
    done = command("upscale", source, tmp_path / "out.mp4", "--end", "1", "--warmup", "0")
    assert done.code == 0 and "alpha channel" in done.err and "--codec ffv1" in done.err
    opaque = tmp_path / "opaque.mov"
    ffmpeg("-f", "lavfi", "-i", "color=red:size=32x24:rate=5:duration=0.2,format=rgba", "-c:v", "png", opaque)
    done = command("upscale", opaque, tmp_path / "o.mp4", "--warmup", "0")
    assert done.code == 0 and "nothing shows through" in done.err
    animation = tmp_path / "in.gif"
    ffmpeg("-f", "lavfi", "-i", "color=red:size=32x24:rate=5:duration=0.2", animation)
    done = command("upscale", animation, tmp_path / "g.mp4", "--warmup", "0")
    assert done.code == 0 and "alpha channel" not in done.err


def test_alpha_of_vp9_is_said(command: Command, tmp_path: Path) -> None:
    """Would catch the transparency of web video lost without a word: its decoder gives none."""
    try:
        ff.find_ffmpeg("libvpx-vp9")
    except VideoError:
        pytest.skip("no ffmpeg with libvpx-vp9")
    source = made(tmp_path, "-pix_fmt", "yuva420p", "-c:v", "libvpx-vp9", "webm")
    done = command("upscale", source, tmp_path / "out.mkv", "--end", "1", "--warmup", "0")
    assert done.code == 0 and "cannot be read" in done.err, done.err
    assert probe(source).videos[0].alpha_beside


def test_both_ways_of_asking_tell_alpha() -> None:
    """Would catch a tag of one stream taken for that of another."""
    report = (
        "  Stream #0:0: Video: vp9, yuv420p, 64x48, 25 fps\n    Metadata:\n      encoder : x\n"
        "  Stream #0:1: Video: vp9, yuv420p, 64x48, 25 fps\n    Metadata:\n      alpha_mode      : 1\n"
    )
    assert [video.alpha_beside for video in parse_report(report).videos.values()] == [False, True]
    stream = {"index": 0, "codec_type": "video", "width": 64, "height": 48, "tags": {"ALPHA_MODE": "1"}}
    assert '"ALPHA_MODE"' in str(stream).replace("'", '"')
    assert parse_json(json.dumps({"streams": [stream]}), "").videos[0].alpha_beside


def test_centred_grids(core: vs.Core) -> None:
    """Would catch a shift where the network aligns centres."""
    ramp = core.std.BlankClip(format=vs.GRAYS, width=16, height=4, length=1)

    def paint(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        frame = f.copy()
        np.asarray(frame[0])[...] = np.arange(16)
        return frame

    source = core.std.BlankClip(format=vs.RGBS, width=16, height=4, length=1)
    source = source.std.ClipToProp(ramp.std.ModifyFrame(ramp, paint), prop="_Alpha")
    large = core.std.BlankClip(format=vs.RGBS, width=64, height=16, length=1)
    for corner, first in ((True, 5.0), (False, 5.0 - 0.375)):
        node = beside(large, source, corner=corner, width=64, height=16).std.PropToClip(prop="_Alpha")
        assert np.asarray(node.get_frame(0)[0])[8, 20] == pytest.approx(first, abs=1e-3)
