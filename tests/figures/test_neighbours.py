"""The training pictures nearest to generated frames."""

from __future__ import annotations

import argparse
import io

import numpy as np
import pytest

pytest.importorskip("cv2")

from figures import neighbours

from vs_tecogan.training.data.skies import skies

Image = pytest.importorskip("PIL.Image")


def test_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a search that does not find a training picture itself, and halves that change places."""
    for name, value in {"VIDEOS": 2, "SHOWN": (1,), "NEAREST": 2}.items():
        monkeypatch.setattr(neighbours, name, value)
    trained = neighbours.training_pictures(2043)
    assert [(i.iteration, i.position) for i in trained.indices] == [(n, k) for n in (0, 2043) for k in range(8)]
    known = trained.codes()
    order, distances = neighbours.nearest(trained.picture(11), known)
    assert order[0, 0] == 11 and distances[0, 0] == 0 < distances[0, 1]
    darker = neighbours.nearest((trained.picture(11) // 2).astype(np.uint8), known)[1]
    assert distances[0, 0] < darker[0, 0]
    found = neighbours.measure(argparse.Namespace(every=2043))
    rows = found.tables["distance"].rows
    assert 0 < float(str(rows["model"]["least"])) <= float(str(rows["model"]["mean"]))
    picture = np.asarray(Image.open(io.BytesIO(found.plots["mocogan-neighbours.png"])))
    assert picture.shape == (128, 2 * (6 * 64 + neighbours.GAP), 3)
    nearest = picture[::2, 128:256:2]
    assert any(np.array_equal(nearest, trained.picture(index)[0]) for index in range(16))


def test_training_pictures_are_painted_again() -> None:
    """Would catch other random numbers than those of a run: a sample is painted from its seed, iteration and place."""
    rng = np.random.default_rng([1, 2043, 3, 0])
    seed, first = int(rng.integers(1 << 20)) + (1 << 20), int(rng.integers(1 << 14))
    assert np.array_equal(neighbours.training_pictures(2043).picture(11), skies(seed, [first], 64, 64))
