"""Footage made from a still."""

from pathlib import Path

import numpy as np
import pytest

from tests.training.data.test_augment import make_store, samples
from vs_tecogan.training.data import camera
from vs_tecogan.training.data.augment import Augmentation, Pixels
from vs_tecogan.training.data.camera import camera_motion, course, ripple
from vs_tecogan.training.data.samples import SampleIndex


def ramp(height: int, width: int) -> Pixels:
    """The column in red, the row in green."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack((x, y, np.full_like(x, 90)), axis=-1).astype(np.uint8)


def centres(window: Pixels) -> np.ndarray:
    """(frames, 2): column and row of a ramp that each frame's middle shows."""
    side = window.shape[1]
    inner = slice(side // 2 - 2, side // 2 + 2)
    return window[:, inner, inner, :2].mean(axis=(1, 2))


def test_the_camera_goes_its_course(monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch axes that change places, a wrong sign, and a way that does not fit into a still with room for it."""
    monkeypatch.setattr(camera, "PASSING_PROB", 0)
    monkeypatch.setattr(camera, "MOTION_BLUR_PROB", 0)
    monkeypatch.setattr(camera, "RIPPLE", 0)
    monkeypatch.setattr(camera, "TURN", 0)
    for seed in range(20):
        window = camera_motion(np.random.default_rng(seed), ramp(200, 256), 6, 48, 1.0, 7.0)
        moves = course(np.random.default_rng(seed), 1.0, 7.0)
        way = np.stack([moves.at(t) for t in range(6)])
        shown = centres(window)
        # Two roundings to whole levels.
        np.testing.assert_allclose(shown - shown[0], way - way[0], atol=1.05)
        assert np.ptp(window[:, :, :, 0].astype(int), axis=2).min() >= 46  # nowhere mirrored


@pytest.mark.parametrize("shutter", [0, 1])
def test_nothing_is_added_to_a_flat_still(shutter: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch black beyond the still's edges, a rim about what passes, and an average that is too dark."""
    monkeypatch.setattr(camera, "PASSING_PROB", 1)
    monkeypatch.setattr(camera, "MOTION_BLUR_PROB", shutter)
    flat = np.full((40, 50, 3), (10, 200, 90), np.uint8)
    for seed in range(5):
        assert (camera_motion(np.random.default_rng(seed), flat, 20, 40, 1.0, 7.0) == flat[0, 0]).all()


def test_what_passes_shows_another_part_and_moves_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch something that passes in no sample, covers all of it, or rests on the scene."""
    monkeypatch.setattr(camera, "MOTION_BLUR_PROB", 0)
    still = ramp(250, 256)
    covered = []
    for seed in range(20):
        drawn = []
        for share in (0, 1):
            monkeypatch.setattr(camera, "PASSING_PROB", share)
            drawn.append(camera_motion(np.random.default_rng(seed), still, 4, 48, 1.0, 7.0).astype(int))
        covered.append((np.abs(drawn[0] - drawn[1]).sum(axis=-1) > 3).mean(axis=(1, 2)))
    shares = np.array(covered)
    assert 0.05 < shares.mean() < 0.7
    assert np.ptp(shares, axis=1).max() > 0.02


def test_an_open_shutter_blurs_what_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch instants that are all the same, and a shutter that stays open beyond the next frame."""
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    steps = []
    for share in (0, 1):
        monkeypatch.setattr(camera, "MOTION_BLUR_PROB", share)
        windows = [camera_motion(np.random.default_rng(k), noise, 2, 48, 1.0, 7.0).astype(float) for k in range(20)]
        steps.append(np.mean([np.abs(np.diff(w, axis=2)).mean() for w in windows]))
    assert 0.3 < steps[1] / steps[0] < 0.85


def test_speeds_are_meant_in_pixels_of_the_sample() -> None:
    """Would catch a zoom that makes samples slower."""
    one, two = (course(np.random.default_rng(3), unit, 7.0).at(5) for unit in (1.0, 2.0))
    np.testing.assert_allclose(two, 2 * one, rtol=1e-5)
    fields = [ripple(np.random.default_rng(k), 32, 1.0).at(2) for k in range(200)]
    assert 0 < np.mean([f.std() for f in fields]) < camera.RIPPLE
    assert np.mean([f.std() < 1e-6 for f in fields]) == pytest.approx(0.5, abs=0.12)


def test_a_faster_camera_goes_further() -> None:
    """Would catch a speed that is ignored, or one that the still's size changes."""
    slow, fast = (course(np.random.default_rng(3), 1.0, speed).velocity for speed in (5.0, 15.0))
    np.testing.assert_allclose(fast, 3 * slow, rtol=1e-5)


def test_share_of_the_stills_that_a_camera_films(tmp_path: Path) -> None:
    """Would catch footage under the camera, a share that is not kept, and other samples that change with it."""
    picture = np.random.default_rng(0).integers(0, 100, (1, 150, 180, 3), np.uint8)
    make_store(tmp_path, {"film": np.full((6, 96, 96, 3), 200, np.uint8), "picture": picture})
    tickets = [SampleIndex(k, 0, 3) for k in range(120)]
    drawn = []
    for share in (0.0, 0.5):
        data = samples(
            tmp_path, augmentation=Augmentation(still_prob=0.6, camera_motion_prob=share, moving_first_frame_prob=0)
        )
        drawn.append([data[t] for t in tickets])
    changed = [not np.array_equal(a[1], b[1]) for a, b in zip(*drawn, strict=True)]
    filmed = [bool((a[1] == 200).all()) for a in drawn[0]]
    assert not any(c and f for c, f in zip(changed, filmed, strict=True))
    assert 0.35 < sum(changed) / filmed.count(False) < 0.65
    for before, after in zip(*drawn, strict=True):
        assert before[0].shape == after[0].shape
        assert before[1].shape == after[1].shape


def test_a_sample_is_a_function_of_its_seed() -> None:
    """Would catch a picture that depends on what was drawn before it."""
    still = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    first, again, other = (camera_motion(np.random.default_rng(k), still, 5, 60, 1.5, 7.0) for k in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
