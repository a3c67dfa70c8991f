"""Measuring a clip: the same numbers as frame by frame, streaming, and clear refusals."""

import itertools
import math
import weakref
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from vs_tecogan.errors import MetricsError
from vs_tecogan.metrics import Instruments, evaluate_pair, evaluation, flicker, psnr_y, ssim_y, tdiff, tof
from vs_tecogan.metrics.flicker import root_mean_square, second_difference
from vs_tecogan.metrics.flow import farneback
from vs_tecogan.metrics.picture import grey
from vs_tecogan.metrics.tdiff import step_error
from vs_tecogan.metrics.tof import flow_distance

from .conftest import Frames, moving, noisy


def test_plain_curves_are_the_single_functions(result: Frames, truth: Frames) -> None:
    """A value that lands on the wrong frame, or that a neighbour's state leaks into."""
    scores = evaluate_pair(iter(result), iter(truth), protocol="plain", jobs=3)
    assert scores.curves["psnr"].values == pytest.approx([psnr_y(r, t) for r, t in zip(result, truth, strict=True)])
    assert scores.curves["ssim"].values == pytest.approx([ssim_y(r, t) for r, t in zip(result, truth, strict=True)])
    pairs = list(itertools.pairwise(range(8)))
    assert scores.curves["tof"].frames == tuple(range(1, 8))
    assert scores.curves["tof"].values == pytest.approx(
        [tof(truth[a], truth[b], result[a], result[b]) for a, b in pairs]
    )
    assert scores.curves["tdiff"].values == pytest.approx([tdiff(result[a], result[b]) for a, b in pairs])
    assert scores.reference_curves["tdiff"].values == pytest.approx([tdiff(truth[a], truth[b]) for a, b in pairs])
    assert scores.curves["flicker"].frames == tuple(range(1, 7))
    assert scores.curves["flicker"].values == pytest.approx([flicker(*result[n : n + 3]) for n in range(6)])
    assert (scores.total, scores.crop.height, scores.crop.width) == (8, 96, 112)


def test_official_protocol(result: Frames, truth: Frames) -> None:
    """Flow on cropped frames, a crop forgotten by one metric, or steps that reach out of the window of frames."""
    scores = evaluate_pair(result, truth, protocol="official")
    window = scores.crop.window
    assert window == (slice(16, 80), slice(8, 104))
    cut = [(r[window], t[window]) for r, t in zip(result, truth, strict=True)]
    assert scores.curves["psnr"].frames == (2, 3, 4, 5)
    assert scores.curves["psnr"].values == pytest.approx([psnr_y(*cut[n]) for n in range(2, 6)])
    assert scores.curves["ssim"].values == pytest.approx([ssim_y(*cut[n]) for n in range(2, 6)])
    assert scores.curves["tof"].frames == (3, 4, 5)
    flows = [
        [farneback(grey(clip[n - 1]), grey(clip[n]))[window] for clip in (result, truth)]
        for n in scores.curves["tof"].frames
    ]
    assert scores.curves["tof"].values == pytest.approx([flow_distance(*pair) for pair in flows])
    back = farneback(grey(result[3]), grey(result[2]))
    expected = 100 * step_error(result[2], result[3], back)[window].mean()
    assert scores.curves["tdiff"].values[0] == pytest.approx(expected, rel=1e-5)
    ahead = farneback(grey(result[3]), grey(result[4]))
    ripple = second_difference(grey(result[2]), grey(result[3]), grey(result[4]), back, ahead)[window]
    assert scores.curves["flicker"].frames == (3, 4)
    assert scores.curves["flicker"].values[0] == pytest.approx(100 * root_mean_square(ripple), rel=1e-5)


class Levels:
    """A distance of features that are the picture itself; counts how often they are taken."""

    def __init__(self) -> None:
        self.taken = 0

    def features(self, picture: np.ndarray) -> list[torch.Tensor]:
        self.taken += 1
        return [torch.from_numpy(picture).float()]

    def between(self, a: list[torch.Tensor], b: list[torch.Tensor]) -> float:
        return float((a[0] - b[0]).abs().mean())

    def __call__(self, a: np.ndarray, b: np.ndarray) -> float:
        return self.between(self.features(a), self.features(b))


def test_identical_clips(truth: Frames) -> None:
    """An infinite PSNR that becomes NaN in the mean, or distances that are not exactly zero."""
    lpips = Instruments(lpips=Levels())
    scores = evaluate_pair(truth, truth, protocol="plain", metrics=("psnr", "tof", "lpips", "tlp"), instruments=lpips)
    assert scores.means == {"psnr": math.inf, "tof": 0, "lpips": 0, "tlp": 0}


@pytest.mark.parametrize("most", [0, 1 << 20])
def test_tlp_written_out(result: Frames, truth: Frames, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """Distances between the clips where those along each clip are meant; a missing factor of 100; features kept of
    another picture, or never kept.
    """
    monkeypatch.setattr(evaluation, "MOST_FEATURES", most)
    distance = Levels()
    scores = evaluate_pair(
        result, truth, protocol="plain", metrics=("lpips", "tlp"), instruments=Instruments(lpips=distance), jobs=2
    )
    taken = distance.taken
    expected = [
        100 * abs(distance(truth[n - 1], truth[n]) - distance(result[n - 1], result[n])) for n in range(1, len(truth))
    ]
    assert scores.curves["tlp"].values == pytest.approx(expected)
    assert taken == (2 * len(truth) if most else 2 * (3 * len(truth) - 2))
    assert scores.curves["lpips"].values == pytest.approx([distance(*pair) for pair in zip(result, truth, strict=True)])


def test_threads_do_not_change_the_numbers(result: Frames, truth: Frames) -> None:
    """A race between threads that share a frame's flow."""
    alone, many = (evaluate_pair(result, truth, protocol="plain", jobs=jobs) for jobs in (1, 4))
    assert alone.curves == many.curves
    assert alone.totals == many.totals


def test_without_a_reference(result: Frames) -> None:
    """Metrics that invent a reference."""
    scores = evaluate_pair(result, None, protocol="plain")
    assert set(scores.means) == {"tdiff", "flicker", "grid", "colour_similarity", "content_distance", "acd"}
    assert not scores.reference_curves


def test_memory_does_not_grow() -> None:
    """Frames kept for longer than their neighbours need them."""
    alive, most = 0, 0

    def gone() -> None:
        nonlocal alive
        alive -= 1

    def frames(seed: int) -> Iterator[np.ndarray]:
        nonlocal alive, most
        base = moving(1, 56, 56, seed=seed)[0]
        for n in range(60):
            frame = np.roll(base, n, axis=1)
            weakref.finalize(frame, gone)
            alive += 1
            most = max(most, alive)
            yield frame

    evaluate_pair(frames(0), frames(1), protocol="official", metrics=("psnr", "tof", "tdiff", "flicker"), jobs=2)
    assert most < 24


def test_lengths_must_agree(result: Frames, truth: Frames) -> None:
    """A silent stop at the shorter clip; the text names both lengths."""
    with pytest.raises(MetricsError, match="result has 6 frames, the reference 8"):
        evaluate_pair(result[:6], truth, protocol="plain", metrics=("psnr",))
    with pytest.raises(MetricsError, match="result has 8 frames, the reference 7"):
        evaluate_pair(result, truth[:7], protocol="official", metrics=("psnr",))


def test_sizes_must_agree_but_for_the_official_overhang(truth: Frames) -> None:
    """A result cut by any amount, or one of ceil(size / 4) * 4 pixels refused where the official script cuts it."""
    larger = noisy([np.pad(frame, ((0, 2), (0, 3), (0, 0)), mode="edge") for frame in truth])
    cut = [frame[:96, :112] for frame in larger]
    keep = ("psnr", "tof")
    assert (
        evaluate_pair(larger, truth, protocol="official", metrics=keep).curves
        == evaluate_pair(cut, truth, protocol="official", metrics=keep).curves
    )
    with pytest.raises(MetricsError, match="frame 0: the result is 115x98, the reference 112x96"):
        evaluate_pair(larger, truth, protocol="plain", metrics=keep)
    with pytest.raises(MetricsError, match="the result is 112x96, the reference 115x98"):
        evaluate_pair(truth, larger, protocol="official", metrics=keep)
    with pytest.raises(MetricsError, match="112x100"):
        evaluate_pair([np.pad(f, ((0, 4), (0, 0), (0, 0))) for f in truth], truth, protocol="official", metrics=keep)


def test_unknown_metric(truth: Frames) -> None:
    """A misspelt name that measures nothing."""
    with pytest.raises(MetricsError, match=r"psnrr.*known: psnr"):
        evaluate_pair(truth, truth, protocol="plain", metrics=("psnrr",))
