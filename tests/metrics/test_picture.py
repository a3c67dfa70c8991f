"""Y-PSNR and SSIM against written-out cases and scikit-image."""

import math

import numpy as np
import pytest

from vs_tecogan.metrics import psnr_y, ssim_y
from vs_tecogan.metrics.picture import luma

from .conftest import Frames, texture


def test_luma_of_primaries() -> None:
    """Swapped channels, a missing offset, or full-range weights."""
    picture = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0]]], np.uint8)
    np.testing.assert_allclose(luma(picture)[0], [81.481, 144.553, 40.966, 235.0, 16.0], atol=1e-3)


def test_psnr_written_out() -> None:
    """A wrong peak: a grey step of 10 is .858824 * 10 in Y, so 20 log10(255 / 8.58824)."""
    dark, light = np.full((8, 8, 3), 100, np.uint8), np.full((8, 8, 3), 110, np.uint8)
    assert psnr_y(light, dark) == pytest.approx(20 * math.log10(255 / 8.5882353), abs=1e-6)


def test_psnr_against_scikit_image(result: Frames, truth: Frames) -> None:
    """Any deviation from the common definition on the same Y."""
    metrics = pytest.importorskip("skimage.metrics")
    expected = metrics.peak_signal_noise_ratio(luma(truth[0]), luma(result[0]), data_range=255)
    assert psnr_y(result[0], truth[0]) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("size", [(7, 7), (31, 40), (96, 112)])
def test_ssim_against_scikit_image(size: tuple[int, int]) -> None:
    """Another window, population variance, counted borders, or the truth's data range."""
    metrics = pytest.importorskip("skimage.metrics")
    truth = texture(*size)
    result = np.clip(truth * 0.8 + texture(*size, seed=3) * 0.1, 0, 255).astype(np.uint8)
    x, y = luma(result), luma(truth)
    expected = metrics.structural_similarity(y, x, data_range=x.max() - x.min())
    assert ssim_y(result, truth) == pytest.approx(expected, abs=1e-9)


def test_equal_pictures(truth: Frames) -> None:
    """A division by zero, or a large number where infinity is meant; constant pictures too."""
    flat = np.full((9, 9, 3), 77, np.uint8)
    for picture in (truth[0], flat):
        assert psnr_y(picture, picture) == math.inf
        assert ssim_y(picture, picture) == pytest.approx(1.0, abs=1e-12)


def test_sizes_must_agree(truth: Frames) -> None:
    """Broadcasting of two sizes into a number without meaning."""
    with pytest.raises(ValueError, match="result is 112x95, truth is 112x96"):
        psnr_y(truth[0][:95], truth[0])
    with pytest.raises(ValueError, match="112x5"):
        ssim_y(truth[0][:5], truth[0][:5])
