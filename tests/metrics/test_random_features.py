"""FD-random3d: it tells sets of clips apart, in pictures and in motion."""

import numpy as np
import pytest

from vs_tecogan.errors import MetricsError
from vs_tecogan.metrics.random_features import random_features, random_frechet_distance
from vs_tecogan.training.data.skies import skies


def clips(seeds: range, step: float = 1.0) -> list[np.ndarray]:
    return [skies(seed, 20 * seed + step * np.arange(8), 12, 16) for seed in seeds]


def test_the_same_kind_of_clips_is_nearer_than_another() -> None:
    """Would catch features that do not see colour, blur or speed."""
    truth, other = clips(range(24)), clips(range(24, 48))
    same = random_frechet_distance(truth, other)
    red = [clip[..., [2, 1, 0]] for clip in other]
    grain = np.random.default_rng(1).integers(-40, 40, (8, 12, 16, 1))
    noisy = [(clip + grain).clip(0, 255).astype(np.uint8) for clip in other]
    fast, still = clips(range(24, 48), 4.0), clips(range(24, 48), 0.0)
    for changed in (red, noisy, fast, still):
        assert random_frechet_distance(truth, changed) > 1.5 * same


def test_features_are_those_of_every_version() -> None:
    """Would catch a change of the network, which would make figures of other days incomparable."""
    features = random_features([skies(1, np.arange(8), 12, 16)])
    assert features.shape == (1, 336)
    assert features[0, [0, 5, 100, 200, 335]] == pytest.approx([0.22694, -0.00381, 0.10190, 0.22512, 0.03811], abs=2e-4)
    with pytest.raises(MetricsError, match="two clips"):
        random_frechet_distance(clips(range(1)), clips(range(2)))


def test_clips_without_motion_or_places_are_refused() -> None:
    """Would catch a distance that is not a number: the last layer sees a quarter of the moments and of each side."""
    noise = np.random.default_rng(1).integers(0, 256, (2, 8, 8, 8, 3), np.uint8)
    assert np.isfinite(random_frechet_distance(noise[:, :5, :1, :5], noise[:, :5, :1, :5]))
    with pytest.raises(MetricsError, match="a clip of 4 frames, 8x8; FD-random3d needs 5 frames or more"):
        random_frechet_distance(noise[:, :4], noise[:, :4])
    with pytest.raises(MetricsError, match="a clip of 8 frames, 4x4"):
        random_features(noise[:, :, :4, :4])
