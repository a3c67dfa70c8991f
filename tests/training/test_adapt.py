"""A model adapted to a film: pieces of it, a short run, and held-out scenes that decide."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from vs_tecogan.errors import TrainingError
from vs_tecogan.networks import RecurrentSpec, RecurrentSR
from vs_tecogan.training.adapt import AdaptOptions, adapt, affordable, settings_of
from vs_tecogan.training.config import Config
from vs_tecogan.training.data.store import Store
from vs_tecogan.training.film_pieces import sample_pieces
from vs_tecogan.video.names import find_footage
from vs_tecogan.video.read import read_frames
from vs_tecogan.weights import ModelCard, load_model, save_model

from .conftest import make_store, options, pan
from .data.test_preparation import encode

SPEC = RecurrentSpec(channels=8, blocks=1, strength=True)
SMALL = {"pieces": 60, "piece_frames": 15, "min_size": 64}


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty frames of four scenes."""
    scenes = [pan(15, 96, 96, seed=k) for k in range(4)]
    return encode(tmp_path_factory.mktemp("film") / "film.mkv", np.concatenate(scenes))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model that is far from good."""
    torch.manual_seed(0)
    network = RecurrentSR(SPEC)
    network.conv_out.weight.data *= 4
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_model(path, network, ModelCard(name="tiny", spec=SPEC, licence="CC0", data="noise"))
    return path


def settings(words: str) -> Config:
    return options(f"--crop 8 --eval-every 2 --set eval_clips=2 eval_frames=6 watch_minutes=0 {words}")


def test_what_gets_better_is_written_with_its_card(film: Path, model: Path, tmp_path: Path) -> None:
    """Would catch a run that trains on nothing, a model of another shape, and a card without scores."""
    chosen = AdaptOptions(model=str(model), **SMALL)
    result = adapt(film, tmp_path, chosen, settings("lr=0.01 iterations=4"))
    assert result.kept
    assert result.after > result.before
    assert result.model == tmp_path / "tiny-film.safetensors"
    opened = load_model(result.model)
    assert opened.network.spec == SPEC
    assert "film.mkv" in opened.card.data
    page = result.model.with_suffix(".md").read_text()
    assert f"{result.after:.3f} dB" in page
    assert "tiny" in result.words()
    with pytest.raises(TrainingError, match="there already"):
        adapt(film, tmp_path, chosen)


def test_what_does_not_is_left(film: Path, model: Path, tmp_path: Path) -> None:
    """Would catch a model that is kept because time was spent on it."""
    result = adapt(film, tmp_path, AdaptOptions(model=str(model), **SMALL), settings("lr=0.3 iterations=1"))
    assert not result.kept
    assert "not better" in result.words()
    assert not list(tmp_path.glob("*.safetensors"))


def test_pieces_are_spread_over_the_film(film: Path, tmp_path: Path) -> None:
    """Would catch pieces of the beginning alone, and pixels or colours other than the film's."""
    found = sample_pieces(film, tmp_path, pieces=3, frames=4)
    (whole,) = find_footage([film])
    frames = list(read_frames(whole))
    places = []
    for path in found:
        (piece,) = find_footage([path])
        cut = list(read_frames(piece))
        assert len(cut) == 4
        places.append(next(k for k, frame in enumerate(frames) if np.array_equal(frame, cut[0])))
    assert [p // 20 for p in places] == [0, 1, 2]
    assert sample_pieces(film, tmp_path, pieces=60, frames=24) == [film]


def test_large_pictures_are_evaluated_on_fewer_clips(tmp_path: Path) -> None:
    """Would catch evaluations that take the minutes of training, and one scene that decides alone."""
    config = settings("eval_clips=6")
    store = Store(make_store(tmp_path, {"v": pan(6, 64, 64)}, split="val"))
    assert affordable(config, store).loop.eval_clips == 6
    large = [replace(store.clips()[0], height=2160, width=3840)]
    store.clips = lambda split=None: large  # type: ignore[method-assign,assignment]  # noqa: ARG005
    assert affordable(config, store).loop.eval_clips == 2


def test_the_preset_takes_the_shape_of_the_model(model: Path, tmp_path: Path) -> None:
    """Would catch settings that train another network than the one that was named."""
    config = settings_of(load_model(model), tmp_path, AdaptOptions(model=str(model), minutes=5.0))
    assert (config.model.architecture, config.model.channels, config.model.blocks) == ("recurrent", 8, 1)
    assert config.model.strength
    assert config.degradation.degradation == "bd"
    assert config.loop.minutes == 5
    made = settings_of(load_model(model), tmp_path, replace(AdaptOptions(model=str(model)), degrade="real"))
    assert made.degradation.degradation == "pairs"
