"""Y: one formula for NumPy and torch, for each layout and scale of values."""

import numpy as np
import pytest
import torch

from vs_tecogan.luma import luma


def test_primaries() -> None:
    """Would catch swapped channels, a missing offset, or full-range weights."""
    picture = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0]]], np.float64)
    np.testing.assert_allclose(luma(picture)[0], [81.481, 144.553, 40.966, 235.0, 16.0], atol=1e-3)


@pytest.mark.parametrize("channels", [-1, -3])
def test_layouts_and_libraries_agree(channels: int) -> None:
    """Would catch an axis taken for another, a result of another size, or weights that miss the change of scale."""
    picture = np.random.default_rng(0).random((2, 5, 7, 3))
    expected = luma(picture * 255)
    assert expected.shape == (2, 5, 7)
    laid_out = np.ascontiguousarray(np.moveaxis(picture, -1, channels))
    np.testing.assert_allclose(luma(laid_out, channels=channels, peak=1), expected, rtol=1e-12)
    tensor = luma(torch.from_numpy(laid_out).float(), channels=channels, peak=1)
    assert tensor.dtype == torch.float32
    np.testing.assert_allclose(tensor.numpy(), expected, rtol=1e-5)
