"""Which files count, and in which order."""

from pathlib import Path

import pytest

from vs_tecogan.errors import VideoError
from vs_tecogan.metrics.sources import open_clip
from vs_tecogan.training.data.prepare import prepare
from vs_tecogan.training.data.selection import PrepareOptions
from vs_tecogan.training.data.store import Store
from vs_tecogan.video.names import find_footage, find_stills, images_in, videos_in

from ..training.conftest import pan


def make_images(folder: Path, count: int) -> list[Path]:
    """PNG files of a moving picture, numbered."""
    import cv2

    folder.mkdir(parents=True)
    paths = [folder / f"f{k}.png" for k in range(count)]
    for path, frame in zip(paths, pan(count, 96, 128), strict=True):
        cv2.imwrite(str(path), frame[..., ::-1])
    return paths


def test_hidden_files_are_no_frames(tmp_path: Path) -> None:
    """Would catch a folder dropped, or a picture counted, for what macOS leaves beside each file on foreign disks."""
    paths = make_images(tmp_path / "clip", 12)
    for path in paths:
        path.with_name(f"._{path.name}").write_bytes(b"\0\5\x16\7 no image")
    (tmp_path / "._clip.mp4").write_bytes(b"no video")
    make_images(tmp_path / ".Trashes", 2)
    assert images_in(tmp_path / "clip") == tuple(paths), "natural order: f10 after f9"
    assert [footage.path for footage in find_footage([tmp_path])] == [tmp_path / "clip"]
    assert [footage.path for footage in find_stills([tmp_path])] == paths
    assert open_clip(tmp_path / "clip").length == 12
    options = PrepareOptions(downscale=1, min_frames=4, max_frames=12, min_size=64, holdout=0.0)
    assert prepare([tmp_path], tmp_path / "store", options).skipped == {}
    assert [clip.frames for clip in Store(tmp_path / "store").clips()] == [12]


def test_videos_of_a_folder(tmp_path: Path) -> None:
    """Would catch names in another order, or a folder without videos that passes for an empty measurement."""
    with pytest.raises(VideoError, match="holds no video"):
        videos_in(tmp_path)
    for name in ("b10.mp4", "b9.MKV", "note.txt", "._b9.MKV"):
        (tmp_path / name).touch()
    assert [path.name for path in videos_in(tmp_path)] == ["b9.MKV", "b10.mp4"]
    assert videos_in(tmp_path / "note.txt") == [tmp_path / "note.txt"]
