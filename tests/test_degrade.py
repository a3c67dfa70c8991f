"""BD and BI against OpenCV and against formulas."""

import cv2
import numpy as np
import pytest

from vs_tecogan.degrade import BicubicDown, BlurDown, bicubic_taps, blur_down_picture

from .training.conftest import texture

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("scale", [2, 4])
def test_bd_is_bit_exact_to_opencv_on_the_whole_frame(scale: int) -> None:
    """Would catch a wrong kernel, phase or border, and any quantisation."""
    frame = texture(120, 160).astype(np.float32) / np.float32(255)
    whole = cv2.GaussianBlur(frame, (9, 9), 1.5)
    rule = BlurDown()
    margin, size, top, left = rule.margin(scale), 64, 20, 37
    assert margin == 4
    crop = frame[None, top - margin : top + size + margin, left - margin : left + size + margin]
    lr = rule(crop, scale, RNG)
    assert lr.dtype == np.float32
    assert np.array_equal(lr[0], whole[top : top + size : scale, left : left + size : scale])
    rounded = BlurDown(quantise=True)(crop, scale, RNG) * 255
    np.testing.assert_allclose(rounded, np.rint(rounded), atol=1e-4)
    np.testing.assert_allclose(rounded, lr * 255, atol=0.5001)


def test_bd_taps_are_the_published_ones() -> None:
    """Would catch another sigma or support."""
    impulse = np.zeros((1, 17, 17, 3), np.float32)
    impulse[0, 8, 8] = 1
    row = BlurDown()(impulse, 1, RNG)[0, 4, :, 0] / 0.26656
    expected = [0.007614, 0.036075, 0.109586, 0.213445, 0.26656, 0.213445, 0.109586, 0.036075, 0.007614]
    np.testing.assert_allclose(row, expected, atol=2e-6)


@pytest.mark.parametrize("scale", [2, 4])
def test_bi_is_the_widened_keys_kernel_on_centres(scale: int) -> None:
    """Each output against the direct sum over a = -0.5 Keys weights at half-pixel centres, as imresize defines it."""
    rule, count = BicubicDown(quantise=False), 6
    margin = rule.margin(scale)
    hr = RNG.random((1, count * scale + 2 * margin, count * scale + 2 * margin, 3), dtype=np.float32) * 0.5 + 0.25

    def keys(x: np.ndarray) -> np.ndarray:
        x = np.abs(x)
        near, far = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
        return np.where(x <= 1, near, np.where(x <= 2, far, 0))

    positions = np.arange(hr.shape[1])
    matrix = np.stack([keys((positions - margin - (i + 0.5) * scale + 0.5) / scale) for i in range(count)])
    matrix /= matrix.sum(1, keepdims=True)
    expected = np.einsum("iy,jx,tyxc->tijc", matrix, matrix, hr.astype(np.float64))
    np.testing.assert_allclose(rule(hr, scale, RNG), np.clip(expected, 0, 1), atol=1e-6)
    assert bicubic_taps(scale).sum() == pytest.approx(1)
    levels = BicubicDown()(hr, scale, RNG) * 255
    np.testing.assert_allclose(levels, np.rint(levels), atol=1e-4)


@pytest.mark.parametrize("scale", [2, 4])
def test_bd_of_test_files(scale: int) -> None:
    """Would catch the kernel of training (9 taps) taken for test files (11 taps), another phase, or a lost last row."""
    picture = texture(45, 63)
    low = blur_down_picture(picture, scale)
    assert low.shape == (-(-45 // scale), -(-63 // scale), 3)
    blurred = cv2.GaussianBlur(picture, (11, 11), 1.5)
    assert np.array_equal(low, blurred[::scale, ::scale])
    floats = cv2.GaussianBlur(picture.astype(np.float32), (9, 9), 1.5)[::scale, ::scale]
    assert np.abs(low - floats).max() < 1.5
