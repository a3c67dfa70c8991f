"""Colour similarity and average content distance."""

import math

import numpy as np
import pytest

from vs_tecogan.metrics import average_content_distance, colour_histogram, colour_similarity, mean_colour
from vs_tecogan.metrics.content_distance import MOST_FRAMES, content_distance

from .conftest import Frames


def test_similarity_of_equal_and_disjoint_colours(truth: Frames) -> None:
    """A histogram that is not normalised, or does not tell colours apart."""
    red, blue = np.zeros((5, 7, 3), np.uint8), np.zeros((5, 7, 3), np.uint8)
    red[..., 0] = blue[..., 2] = 255
    assert colour_similarity(colour_histogram(truth[0]), colour_histogram(truth[0])) == pytest.approx(1, abs=1e-12)
    assert colour_similarity(colour_histogram(red), colour_histogram(blue)) == 0


def test_similarity_written_out() -> None:
    """A minimum over axes separately: three of four pixels keep their colour."""
    first = np.array([[[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0]]], np.uint8)
    second = first.copy()
    second[0, 3] = [0, 0, 255]
    assert colour_similarity(colour_histogram(first), colour_histogram(second)) == pytest.approx(0.75)


def test_histogram_against_numpy(truth: Frames) -> None:
    """Other bins than 20 equal ones on each axis, or axes folded into one another."""
    expected, _ = np.histogramdd(truth[0].reshape(-1, 3), bins=20, range=[(0, 256)] * 3)
    np.testing.assert_allclose(colour_histogram(truth[0]), expected.ravel() / expected.sum(), atol=1e-15)


def test_content_distance_written_out() -> None:
    """Pairs counted twice or with themselves: mean colours 0, 3/255 and (4 in another channel)/255 apart 3, 4 and 5."""
    frames = [np.full((4, 4, 3), 10, np.uint8) for _ in range(3)]
    frames[1][..., 0] += 3
    frames[2][..., 1] += 4
    colours = [mean_colour(frame) for frame in frames]
    assert average_content_distance(colours) == pytest.approx(100 * (3 + 4 + 5) / 3 / 255)
    assert content_distance(colours[0], colours[2]) == pytest.approx(100 * 4 / 255)
    assert average_content_distance(colours[:1]) == 0


def test_content_distance_of_a_long_clip_is_thinned() -> None:
    """Quadratic work on a long clip, or a thinning that changes the answer: the colour runs evenly from 0 to 1."""
    colours = [np.full(3, n / 20000) for n in range(20000)]
    assert len(colours) > MOST_FRAMES
    assert average_content_distance(colours) == pytest.approx(100 * math.sqrt(3) / 3, rel=1e-3)
