"""The grid's amplitude against patterns of known strength."""

import numpy as np
import pytest

from vs_tecogan.metrics import evaluate_pair
from vs_tecogan.metrics.grid import grid

from .conftest import texture

RNG = np.random.default_rng(5)


def pattern(period: int, height: int, width: int) -> np.ndarray:
    """Rows of +1 and -1 that repeat with ``period``."""
    rows = np.where(np.arange(height) % period < period // 2, 1.0, -1.0)
    return np.repeat(rows[:, None], width, axis=1)


@pytest.mark.parametrize("phase", [0, 1, 3])
def test_amplitude_of_rows_that_alternate(phase: int) -> None:
    """A wrong fold: the neighbours of a pixel of 1 are 1, 1, -1 and -1, so that its detail is 1."""
    assert grid(100 + 3 * np.roll(pattern(2, 130, 200), phase, axis=0)) == pytest.approx(3, abs=1e-9)


def test_another_period_is_detail_and_no_grid() -> None:
    """Counting all fine detail: of what repeats with 3 or 5 pixels a phase keeps 1 of its 16 columns."""
    for period in (3, 5):
        wave = np.cos(2 * np.pi * np.arange(200) / period)
        assert grid(100 + 30 * np.tile(wave, (130, 1))) < 30 / 16


def test_squares_do_not_cancel() -> None:
    """One average over the picture, in which a grid and its reverse vanish."""
    luma = pattern(2, 66, 130)
    luma[:, 65:] *= -1
    assert grid(luma) > 0.95


def test_a_grid_stands_out_of_a_scene() -> None:
    """A measure that scene detail swamps."""
    scene = texture(194, 258).astype(np.float64)[..., 0]
    assert grid(scene + 4 * pattern(4, 194, 258)) > 2 * grid(scene)


@pytest.mark.parametrize("size", [(1, 1), (5, 90), (6, 6), (9, 40), (67, 65)])
def test_any_size(size: tuple[int, int]) -> None:
    """A crash or a NaN on pictures smaller than a square, or no multiple of one."""
    assert np.isfinite(grid(RNG.uniform(16, 235, size)))


def test_it_is_measured_of_both_sides() -> None:
    """A metric that the evaluation does not know, or that looks at the reference where the result is meant."""
    truth = [np.full((66, 66, 3), 90, np.uint8)] * 3
    result = [np.repeat((90 + 10 * pattern(2, 66, 66)).astype(np.uint8)[..., None], 3, axis=2)] * 3
    scores = evaluate_pair(result, truth, protocol="plain", metrics=("grid",))
    assert scores.means["grid"] == pytest.approx(8.588, abs=0.01)
    assert scores.reference_means["grid"] == 0
