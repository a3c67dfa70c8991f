"""Frames without VapourSynth: the same colours as the filter sees, from any name, and nothing loaded for it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vs_tecogan.errors import VideoError
from vs_tecogan.metrics.sources import open_clip
from vs_tecogan.video.probe import probe
from vs_tecogan.video.read import read_image, video_frames

from ..cli.conftest import ffmpeg


@pytest.mark.parametrize(("size", "tag"), [("1280x536", ()), ("720x576", ()), ("64x48", ("-colorspace", "bt709"))])
def test_colours_are_those_of_the_filter(size: str, tag: tuple[str, ...], tmp_path: Path) -> None:
    """Would catch a matrix guessed by another rule: wide 1280x536 was BT.601 here and BT.709 to the filter."""
    video = tmp_path / "v.mkv"
    picture = ("-f", "lavfi", "-i", f"color=c=0xC04020:size={size}:rate=5:duration=0.4")
    ffmpeg(*picture, "-vf", "format=yuv444p", "-c:v", "ffv1", *tag, video)
    assert (probe(video).videos[0].matrix is None) is not bool(tag), "the input is not what this test needs"
    here, there = next(video_frames(video)), next(open_clip(video).frames())
    assert here.shape == there.shape
    assert np.abs(here.astype(int) - there.astype(int)).max() <= 1


def test_covers_are_no_video(tmp_path: Path) -> None:
    """Would catch a song with a picture taken for a film of one frame."""
    song = tmp_path / "song.m4a"
    sound = ("-f", "lavfi", "-i", "sine=duration=0.2", "-f", "lavfi", "-i", "color=red:size=16x16:duration=0.04")
    ffmpeg(*sound, "-c:a", "aac", "-c:v", "mjpeg", "-disposition:v:0", "attached_pic", "-f", "mp4", song)
    with pytest.raises(VideoError, match=r"song\.m4a: ffmpeg finds no video \(only audio\)"):
        next(video_frames(song))


def test_names_with_a_colon(film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a name such as "12:30 show" taken for a protocol and an address."""
    monkeypatch.chdir(tmp_path)
    Path("12:30 show.mkv").write_bytes(film.read_bytes())
    assert len(list(video_frames(Path("12:30 show.mkv")))) == 15


def test_training_data_without_vapoursynth() -> None:
    """Would catch a VapourSynth needed where only the trainer runs, by way of a module that both use."""
    words = (
        "import sys; sys.modules['vapoursynth'] = None; "
        "import vs_tecogan.training.data.prepare, vs_tecogan.training.objectives.validation, vs_tecogan.video.roundtrip"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_images_of_any_name(tmp_path: Path) -> None:
    """Would catch a reader that Windows gives names in one code page alone, or an OpenCV error."""
    cv2 = pytest.importorskip("cv2")
    picture = np.arange(2 * 3 * 3, dtype=np.uint16).reshape(2, 3, 3) * 2570
    path = tmp_path / "雪 née.png"
    path.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    np.testing.assert_array_equal(read_image(path), (picture // 257)[..., ::-1])
    for data in (b"", b"no picture"):
        path.write_bytes(data)
        with pytest.raises(VideoError, match="is not a readable image"):
            read_image(path)
    with pytest.raises(VideoError, match="is not a readable image"):
        read_image(tmp_path / "absent.png")
