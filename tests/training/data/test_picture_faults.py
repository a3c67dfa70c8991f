"""Interlaced, HDR and letterboxed video on its way into a store."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vs_tecogan.errors import TrainingError
from vs_tecogan.training.data.picture_faults import COMBED, Bars, FaultFinder, combing
from vs_tecogan.training.data.prepare import prepare
from vs_tecogan.training.data.store import Store, read_manifest
from vs_tecogan.video.ffmpeg import find_ffmpeg
from vs_tecogan.video.read import first_video

from ..conftest import pan
from .test_preparation import SMALL, encode


def woven(frames: np.ndarray) -> np.ndarray:
    """Two frames as the fields of one."""
    result = frames[::2].copy()
    result[:, 1::2] = frames[1::2, 1::2]
    return result


def letterboxed(frames: np.ndarray, lines: int) -> np.ndarray:
    return np.pad(frames, ((0, 0), (lines, lines), (0, 0), (0, 0)))


def test_fields_are_told_from_frames() -> None:
    """Would catch interlaced footage that passes, and grain or a pan of whole frames that does not."""
    frames = pan(24, 96, 128, step=2)
    noise = np.random.default_rng(0).integers(-20, 21, frames.shape)
    grainy = np.clip(frames + noise, 0, 255).astype(np.uint8)
    for clip, expected in ((frames, False), (grainy, False), (woven(frames), True)):
        finder = FaultFinder()
        for frame in clip:
            finder.add(frame)
        assert finder.interlaced(0, len(clip)) == expected
    assert combing(frames[0, ..., 1].astype(np.int16), frames[0, ..., 1].astype(np.int16)) is None, "nothing moves"


def test_real_footage_is_whole(shared: Path) -> None:
    """Would catch a threshold that throws away ordinary video."""
    from vs_tecogan.video.read import video_frames

    video = shared / "data" / "train" / "street_dog_360p.mp4"
    if not video.exists():
        pytest.skip(f"{video} is absent")
    finder = FaultFinder()
    for number, frame in enumerate(video_frames(video)):
        finder.add(frame)
        if number == 40:
            break
    assert max(value for value in finder.combing if value is not None) < 0.8 * COMBED
    assert not finder.black_bars(0, 41)


def test_bars_are_those_of_the_whole_clip() -> None:
    """Would catch bars of one dark frame, or a black frame that counts as all bars."""
    frames = letterboxed(pan(4, 96, 128), 20)
    frames[1, :40] = 0
    frames[2] = 0
    finder = FaultFinder()
    for frame in frames:
        finder.add(frame)
    assert finder.bars[1:3] == [Bars(top=40, bottom=20), None]
    assert finder.black_bars(0, 4) == Bars(top=24, bottom=24)


def test_preparation_leaves_out_and_crops(tmp_path: Path) -> None:
    """Would catch such video in the store, or frames that vanish uncounted."""
    wide = letterboxed(pan(8, 96, 128, seed=1), 16)
    films = [
        encode(tmp_path / "fields.mkv", woven(pan(20, 96, 128))),
        encode(tmp_path / "wide.mkv", wide),
    ]
    report = prepare(films, tmp_path / "store", SMALL)
    assert report.dropped == {"interlaced": 10}
    assert (report.clips, report.cropped) == (1, 8)
    assert "black bars cut off 8 frames" in report.words()
    assert [record.cropped for record in read_manifest(tmp_path / "store")] == [0, 8]
    store = Store(tmp_path / "store")
    (clip,) = store.clips()
    assert (clip.height, clip.width) == (96, 128)
    assert np.abs(store.hr(clip)[3].astype(int) - wide[3, 16:-16]).max() < 12


def test_pairs_lose_their_bars_together(tmp_path: Path) -> None:
    """Would catch LR that keeps the bars which HR has lost."""
    frames = letterboxed(pan(8, 96, 128, seed=5), 16)
    for side, data in (("hr", frames), ("lr", frames[:, ::4, ::4])):
        (tmp_path / side).mkdir()
        encode(tmp_path / side / "clip.mkv", data, "-c:v", "ffv1", "-pix_fmt", "bgr0")
    prepare([tmp_path / "hr"], tmp_path / "store", replace(SMALL, holdout=0.0), lr=[tmp_path / "lr"])
    store = Store(tmp_path / "store")
    (clip,) = store.clips()
    assert store.hr(clip).shape[1:3] == (96, 128)
    assert np.array_equal(store.lr(clip), store.hr(clip)[:, ::4, ::4])


@pytest.mark.parametrize(("transfer", "word"), [("smpte2084", "PQ"), ("arib-std-b67", "HLG")])
def test_hdr_is_skipped_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, transfer: str, word: str) -> None:
    """Would catch levels of PQ or HLG taken for those of SDR, by ffprobe and by ffmpeg alone."""
    tags = ("-vf", f"setparams=colorspace=bt2020nc:color_primaries=bt2020:color_trc={transfer}")
    coder = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", *tags)
    film = encode(tmp_path / "film.mkv", pan(6, 96, 128), *coder)
    with pytest.raises(TrainingError, match=rf"film.mkv is HDR \({word}\)"):
        prepare([film], tmp_path / "store", SMALL)
    monkeypatch.setattr("vs_tecogan.video.probe.find_ffprobe", lambda: None)
    assert find_ffmpeg()
    assert first_video(film)[1].transfer == transfer
