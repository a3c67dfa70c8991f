"""Colour similarity and average content distance."""

import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest

from vs_tecogan.errors import MetricsError
from vs_tecogan.metrics import average_content_distance, colour_histogram, colour_similarity, mean_colour
from vs_tecogan.metrics.content_distance import MOST_FRAMES, content_distance
from vs_tecogan.metrics.drift import DriftObserver, choose_windows
from vs_tecogan.metrics.report import report_page
from vs_tecogan.metrics.sources import pair_up
from vs_tecogan.metrics.suite import Options, measure
from vs_tecogan.metrics.tables import as_json, text_table

from .conftest import Frames, Write


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


def test_windows_are_random_and_the_same_for_all() -> None:
    """Would catch windows that leave a clip, one clip preferred, or another choice for another method."""
    clips = {"a": range(2, 12), "b": range(2, 32), "short": range(2, 5)}
    windows = choose_windows(clips, 200, 8)
    assert windows == choose_windows(clips, 200, 8)
    assert set(windows) == {"a", "b"}
    assert all(2 <= first <= 4 for first in windows["a"])
    assert set(windows["b"]) == set(range(2, 25))
    assert len(windows["a"]) + len(windows["b"]) == 200
    assert len(windows["b"]) > 4 * len(windows["a"])
    assert choose_windows({"short": range(3)}, 5, 8) == {}


def test_mean_and_deviation_over_windows() -> None:
    """Would catch a window that begins with another's first picture, or a window picked twice that counts once."""
    frames = [np.full((4, 4, 3), value, np.uint8) for value in (0, 0, 0, 255)]
    observer = DriftObserver({"a": (0, 0, 1)}, 3)
    observer.next_pair("a")
    for number, frame in enumerate(frames):
        observer.frame(number, frame, frames[0], {})
    drift = observer.drift()
    assert drift is not None
    assert (drift.windows, drift.frames) == (3, 3)
    assert drift.result.mean == pytest.approx((1, 1, 2 / 3))
    assert drift.result.deviation == pytest.approx((0, 0, math.sqrt(2) / 3))
    assert drift.reference is not None
    assert drift.reference.mean == pytest.approx((1, 1, 1))
    assert DriftObserver({}, 3).drift() is None


def test_drift_in_table_report_and_json(write: Write, truth: Frames, result: Frames) -> None:
    """Would catch a curve that nobody is shown, or too short clips without a word."""
    pairs = pair_up([write("r", result)], [write("t", truth)])
    options = Options(protocol="plain", metrics=("psnr",), drift=4, drift_frames=5)
    outcome = measure(pairs, options)
    assert "S(x, t) over 4 windows of 5 frames" in text_table(outcome)
    document = json.loads(as_json(outcome))
    assert len(document["drift"][""]["result"]["mean"]) == 5
    page = report_page(outcome, {}, "x")
    chart = json.loads(re.findall(r'application/json">(.*?)</script>', page)[0])
    assert [line["name"] for line in chart] == ["result", "reference"]
    assert len(chart[0]["band"]) == 5
    with pytest.raises(MetricsError, match=r"no clip has 9 frames that count, the longest has 8; give --drift-frames"):
        measure(pairs, replace(options, drift_frames=9))
