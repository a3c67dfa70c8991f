"""Own low-resolution partners: bad ones are skipped by name, misplaced ones are found, and none is ignored."""

import logging
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from vs_tecogan.errors import TrainingError
from vs_tecogan.training.data.build import check_store
from vs_tecogan.training.data.pairs import check_pair
from vs_tecogan.training.data.prepare import prepare
from vs_tecogan.training.data.store import Store, read_settings

from ..conftest import make_store, options, pan
from .test_preparation import SMALL, encode, run

LOSSLESS = ("-c:v", "ffv1", "-pix_fmt", "bgr0")


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    return pan(16, 128, 160, step=3, seed=5)


def on_corners(frames: np.ndarray) -> np.ndarray:
    return np.stack([cv2.GaussianBlur(frame, (0, 0), 1.5)[::4, ::4] for frame in frames])


def on_centres(frames: np.ndarray) -> np.ndarray:
    size = (frames.shape[2] // 4, frames.shape[1] // 4)
    return np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames])


def test_bad_partners_are_skipped_by_name(tmp_path: Path, frames: np.ndarray) -> None:
    """Would catch one bad file that ends the work on all others, and a text that names no source."""
    low = on_corners(frames)
    for side in ("hr", "lr"):
        (tmp_path / side).mkdir()
    for name, partner in (("good", low), ("few", low[:-1]), ("odd", low[:, :-1]), ("alone", None), ("torn", None)):
        encode(tmp_path / "hr" / f"{name}.mkv", np.roll(frames, len(name), axis=3), *LOSSLESS)
        if partner is not None:
            encode(tmp_path / "lr" / f"{name}.mkv", np.roll(partner, len(name), axis=3), *LOSSLESS)
    (tmp_path / "lr" / "torn.mkv").write_bytes(b"no video")
    report = prepare([tmp_path / "hr"], tmp_path / "store", SMALL, lr=[tmp_path / "lr"])
    reasons = {Path(path).stem: reason for path, reason in report.skipped.items()}
    assert reasons.keys() == {"few", "odd", "alone", "torn"}
    assert "LR has 15 frames, 16 expected" in reasons["few"]
    assert "expected a factor of 2 or 4" in reasons["odd"]
    assert "no LR partner named alone" in reasons["alone"]
    assert str(tmp_path / "lr" / "torn.mkv") in reasons["torn"]
    assert "sources skipped: 4 of 5" in report.words()
    assert len(Store(tmp_path / "store").clips()) * 2 == len(list((tmp_path / "store" / "clips").iterdir()))


def test_pairs_are_never_downscaled(tmp_path: Path, frames: np.ndarray, capfd: pytest.CaptureFixture[str]) -> None:
    """Would catch the published downscale that makes pairs of factor 2 out of those of 4."""
    for side, data in (("hr", frames), ("lr", on_corners(frames))):
        (tmp_path / side).mkdir()
        encode(tmp_path / side / "clip.mkv", data, *LOSSLESS)
    words = [tmp_path / "hr", "--lr", tmp_path / "lr", "--min-size", 64, "--out", tmp_path / "store"]
    assert run(*words, "--downscale", 2) == 2
    assert "--downscale 2 with --lr would change the factor" in capfd.readouterr().err
    assert not (tmp_path / "store").exists()
    assert run(*words) == 0
    assert read_settings(tmp_path / "store")["downscale"] == 1
    assert "as --degradation pairs expects" in capfd.readouterr().err
    store = Store(tmp_path / "store")
    assert store.hr(store.clips()[0]).shape[1] == 4 * store.lr(store.clips()[0]).shape[1]


def test_partners_are_not_ignored(tmp_path: Path) -> None:
    """Would catch a run that makes its own LR from a store of pairs without a word."""
    store = Store(make_store(tmp_path, {"c": pan(8, 128, 128)}, lr=4))
    with pytest.raises(TrainingError, match=r"its own LR frames.*--degradation pairs or pairs-centred"):
        check_store(options("").degradation, store)
    check_store(options("--degradation pairs").degradation, store)


@pytest.mark.parametrize(
    ("kind", "wrong", "grid"),
    [
        ("corners", "", "pairs"),
        ("centres", "", "pairs-centred"),
        ("late", "LR is 2 frames late", None),
        ("mirrored", "LR is mirrored left to right", None),
        ("shifted", "LR is shifted by", None),
        ("other", "LR is of another picture", None),
    ],
)
def test_where_partners_lie(frames: np.ndarray, kind: str, wrong: str, grid: str | None) -> None:
    """Would catch pairs that train a blur: late, mirrored, moved, of another film; or a grid taken for the other."""
    hr = frames[3:13]
    lr = {
        "corners": lambda: on_corners(hr),
        "centres": lambda: on_centres(hr),
        "late": lambda: on_centres(frames[1:11]),
        "mirrored": lambda: on_centres(hr)[:, :, ::-1],
        "shifted": lambda: np.roll(on_centres(hr), 1, axis=2),
        "other": lambda: on_centres(pan(10, 128, 160, seed=77)),
    }[kind]()
    check = check_pair([(hr, np.ascontiguousarray(lr))])
    assert check.wrong.startswith(wrong)
    assert bool(check.wrong) == bool(wrong)
    assert check.grid == grid


def test_the_wrong_grid_is_named(tmp_path: Path, frames: np.ndarray, caplog: pytest.LogCaptureFixture) -> None:
    """Would catch pairs trained 1.5 pixels beside where they lie."""
    store = Store(make_store(tmp_path, {"c": frames}, lr=4))
    with caplog.at_level(logging.WARNING):
        check_store(options("--degradation pairs").degradation, store)
        assert not caplog.records
        check_store(options("--degradation pairs-centred").degradation, store)
    assert "lie as --degradation pairs expects" in caplog.text


def test_a_full_disk_is_one_line(
    tmp_path: Path, frames: np.ndarray, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Would catch an "internal error" at store.json or at the manifest."""
    film = encode(tmp_path / "film.mkv", frames, *LOSSLESS)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    words = [film, "--downscale", 1, "--min-size", 64, "--out", tmp_path / "store"]
    for target in ("store.write_file", "store.os.fsync", "holdout.write_manifest"):
        with monkeypatch.context() as patch:
            if target != "holdout.write_manifest":
                patch.setattr(f"vs_tecogan.training.data.{target}", full)
            else:
                patch.setattr("vs_tecogan.training.data.store.write_file", full)
            assert run(*words) == 2, target
        lines = capfd.readouterr().err.strip().splitlines()
        assert "No space left on device" in lines[-1]
        assert not any("internal" in line for line in lines)
    assert run(*words) == 0


def test_at_least_one_shot_is_held_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Would catch a share that by chance holds out nothing, a shot that moves later, or training without clips."""
    caplog.set_level(logging.INFO, "vs_tecogan")
    films = [encode(tmp_path / f"{k}.mkv", pan(24, 96, 128, step=1, seed=k), *LOSSLESS) for k in range(6)]
    few = replace(SMALL, holdout=1e-9)
    prepare(films[:5], tmp_path / "store", few)
    store = Store(tmp_path / "store")
    (held,) = {clip.file[:20] for clip in store.clips("val")}
    assert len(store.clips("val")) == 2, "the other half of the shot stays in training"
    assert len(store.clips("train")) == 8
    assert "one is held out all the same" in caplog.text
    prepare(films, tmp_path / "store", few)
    assert {clip.file[:20] for clip in Store(tmp_path / "store").clips("val")} == {held}
    for count in (1, 2):
        prepare(films[:count], tmp_path / f"few{count}", few)
        small = Store(tmp_path / f"few{count}")
        assert (len(small.clips("val")), len(small.clips("train"))) == (1, 2 * count - 1)
    assert "more videos help" in caplog.text
    prepare(films[:1], tmp_path / "none", SMALL)
    assert not Store(tmp_path / "none").clips("val")


def test_a_list_is_looked_at_without_yt_dlp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Would catch a dry run that wants a program which it does not need, or --TEST without its log."""
    monkeypatch.setattr("vs_tecogan.training.data.download.downloader", lambda: None)
    (tmp_path / "urls").write_text("https://example.org/a\n", encoding="utf-8")
    words = ["--urls", tmp_path / "urls", "--out", tmp_path / "store"]
    assert run(*words, "--dry-run") == 0
    assert "would fetch https://example.org/a" in capfd.readouterr().err
    assert not (tmp_path / "store").exists()
    assert run(*words, "--TEST") == 0
    assert "would fetch https://example.org/a" in (tmp_path / "store" / "prepare.log").read_text(encoding="utf-8")
    assert run(*words) == 2
    assert "pip install yt-dlp" in capfd.readouterr().err


def test_what_is_passed_over_is_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Would catch camera files of a known kind left out, and others left out without a word."""
    caplog.set_level(logging.INFO, "vs_tecogan")
    folder = tmp_path / "films"
    folder.mkdir()
    film = encode(tmp_path / "film.mkv", pan(8, 96, 128), *LOSSLESS)
    (folder / "00001.MTS").write_bytes(film.read_bytes())
    for name in ("a.srt", "b.srt", "list.txt"):
        (folder / name).write_text("x", encoding="utf-8")
    assert prepare([folder], tmp_path / "store", SMALL).clips == 1
    assert "2 .srt, 1 .txt" in caplog.text
