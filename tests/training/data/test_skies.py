"""Painted skies: pure functions of seed and frame, with a known course of time."""

import numpy as np

from vs_tecogan.metrics.colour_similarity import colour_histogram, colour_similarity
from vs_tecogan.training.data.skies import DAY, skies, sun_height


def test_frames_are_pure_functions_of_their_numbers() -> None:
    """Would catch a picture that depends on which others are painted with it."""
    whole = skies(3, range(40, 60), 12, 16)
    assert np.array_equal(whole[[7, 2, 13]], skies(3, [47, 42, 53], 12, 16))
    assert np.array_equal(skies(3, [2**20 + 5], 12, 16)[0], skies(3, [2**20 + 4, 2**20 + 5], 12, 16)[1])


def test_seeds_change_the_clouds_and_not_the_place() -> None:
    """Would catch a seed that is ignored, and land that moves."""
    a, b = (skies(seed, [64], 24, 32)[0].astype(int) for seed in (1, 2))
    assert np.abs(a[:14] - b[:14]).max() > 60
    assert np.array_equal(a[19, :6], b[19, :6])


def test_clouds_drift_to_the_right() -> None:
    """Would catch clouds that stand still or go against the wind."""
    rows = skies(5, range(40, 72, 4), 24, 32)[:, 4:14].astype(float).mean(-1)
    rows -= rows.mean(0)

    def likeness(shift: int) -> float:
        moved = np.roll(rows[:-1], shift, axis=2)
        return float((moved[..., 4:-4] * rows[1:, ..., 4:-4]).mean())

    assert max(range(-4, 5), key=likeness) in (1, 2)


def test_light_comes_back_after_a_day_and_clouds_do_not() -> None:
    """Would catch a sky that repeats, and days of another length."""
    assert np.allclose(sun_height(np.arange(DAY)), sun_height(np.arange(DAY) + 7 * DAY))
    near, far = [], []
    for seed in range(6):
        pictures = skies(seed, [64, 66, 64 + DAY], 24, 32)
        first, soon, later = (colour_histogram(picture) for picture in pictures)
        near.append(colour_similarity(first, soon))
        far.append(colour_similarity(first, later))
    assert np.mean(near) > np.mean(far) + 0.05


def test_small_pictures_are_large_ones_made_small() -> None:
    """Would catch a scene that depends on its size: stage 2 is trained on pairs of sizes."""
    small = skies(4, [70], 24, 32)[0].astype(float)
    large = skies(4, [70], 96, 128)[0].astype(float).reshape(24, 4, 32, 4, 3).mean((1, 3))
    assert np.abs(small - large).mean() < 8
