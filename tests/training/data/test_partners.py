"""Low resolution made beforehand, from prepared clips to samples."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from vs_tecogan.degrade import BlurDown
from vs_tecogan.errors import TrainingError, VideoError
from vs_tecogan.training.config import load
from vs_tecogan.training.data.build import build_realistic, build_samples, check_store
from vs_tecogan.training.data.codecs import Codec
from vs_tecogan.training.data.degrade import Realistic
from vs_tecogan.training.data.partners import PartnerOptions, words_of
from vs_tecogan.training.data.prepare import prepare
from vs_tecogan.training.data.samples import SampleIndex, Samples
from vs_tecogan.training.data.selection import PrepareOptions
from vs_tecogan.training.data.store import Store
from vs_tecogan.training.recipe import find_preset

from ..conftest import options, pan, texture
from .test_preparation import encode, run

SMALL = PrepareOptions(downscale=1, min_frames=4, max_frames=12, min_size=64, holdout=0.0)
RULE = Realistic(clean_prob=0.0, stages=(Codec(prob=1, kinds=(("mpeg2", 1.0),)),))
PARTNERS = PartnerOptions(rule=RULE, versions=2, still_frames=3, still_side=72)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One scene of 98x130 pixels, which do not fill low-resolution ones."""
    return encode(tmp_path_factory.mktemp("film") / "film.mp4", pan(5, 98, 130, seed=1))


def test_versions_lie_beside_their_clip(film: Path, tmp_path: Path) -> None:
    """Would catch low resolution of another size, place or moment, versions that are alike, and a random result."""
    for name in ("a", "b"):
        prepare([film], tmp_path / name, SMALL, partners=PARTNERS)
    store, again = Store(tmp_path / "a"), Store(tmp_path / "b")
    (clip,) = store.clips()
    assert (clip.height, clip.width) == (96, 128)
    assert len(clip.more_lr) == 1
    first, second = (store.lr(clip, version) for version in (0, 1))
    assert first.shape == second.shape == (5, 24, 32, 3)
    assert not np.array_equal(first, second)
    assert np.array_equal(first, again.lr(again.clips()[0]))
    hr = np.pad(store.hr(clip), ((0, 0), (4, 4), (4, 4), (0, 0)), "reflect") / np.float32(255)
    clean = BlurDown()(hr.astype(np.float32), 4, np.random.default_rng(0)) * 255
    for low in (first, second):
        assert [int(np.argmin([np.abs(frame - c).mean() for c in clean])) for frame in low.astype(float)] == [*range(5)]
        shift, _ = cv2.phaseCorrelate(clean[2].mean(2), low[2].mean(2).astype(np.float32))
        assert max(map(abs, shift)) < 0.4


def test_a_still_is_filmed(tmp_path: Path) -> None:
    """Would catch stills without low resolution, which no training on pairs could use."""
    cv2.imwrite(str(tmp_path / "photo.png"), texture(150, 90))
    prepare([], tmp_path / "store", SMALL, stills=[tmp_path / "photo.png"], partners=PARTNERS)
    store = Store(tmp_path / "store")
    (clip,) = store.clips("train")
    assert store.hr(clip).shape == (3, 72, 72, 3)
    assert store.lr(clip, 1).shape == (3, 18, 18, 3)
    assert not np.array_equal(store.hr(clip)[0], store.hr(clip)[2])


def test_a_store_says_how_its_low_resolution_was_made(film: Path, tmp_path: Path) -> None:
    """Would catch a store that is continued with other faults or none, and a training that ignores what it holds."""
    prepare([film], tmp_path, SMALL, partners=PARTNERS)
    prepare([film], tmp_path, SMALL, partners=PARTNERS)
    with pytest.raises(TrainingError, match="other settings"):
        prepare([film], tmp_path, SMALL)
    store = Store(tmp_path)
    assert words_of(store.settings) == {"name": "Realistic, made beforehand", "stages": "Codec", "versions": 2}
    check_store(options("--degradation pairs").degradation, store)
    with pytest.raises(TrainingError, match="--degradation bd would ignore"):
        check_store(options("--degradation bd").degradation, store)


def test_an_encoder_that_fails_leaves_nothing(film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch clips without a record, which fill the disk."""

    def fails(*_: object) -> None:
        raise VideoError("no ffmpeg found with libsvtav1")

    monkeypatch.setattr("vs_tecogan.training.data.codecs.through_encoder", fails)
    with pytest.raises(TrainingError, match="libsvtav1"):
        prepare([film], tmp_path, SMALL, partners=PARTNERS)
    assert not list((tmp_path / "clips").iterdir())


def test_the_preset_serves_preparation_and_training(film: Path, tmp_path: Path) -> None:
    """Would catch a preset that one of the two commands refuses, and samples without a strength."""
    config = load(find_preset("real"))
    assert {type(stage).__name__ for stage in build_realistic(config.degradation).stages} >= {
        "Tape",
        "Interlacing",
        "Codec",
    }
    small = ("--downscale", "1", "--min-frames", "4", "--min-size", "64", "--holdout", "0")
    assert run(film, *small, "--degrade", "real", "--versions", 1, "--out", tmp_path / "store") == 0
    data = Samples(
        Store(tmp_path / "store"),
        build_samples(options("--degradation pairs --set strength=true architecture=recurrent")),
        3,
    )
    lr, hr, _, strength = data[SampleIndex(0, 0, 3)]
    assert lr.shape == (3, 16, 16, 3)
    assert hr.shape == (3, 64, 64, 3)
    assert 0 <= float(strength) <= 1


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("--degrade nowhere.toml", "nowhere.toml"),
        ("--degrade real --versions 0", "--versions >= 1"),
        ("--degrade real --lr {film}", "leave one of them out"),
    ],
)
def test_command_on_bad_input(
    film: Path, tmp_path: Path, words: str, text: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Would catch a traceback, or an option that is ignored."""
    assert run(film, "--out", tmp_path / "s", *words.format(film=film).split()) == 2
    assert text in capfd.readouterr().err
