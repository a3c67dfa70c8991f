"""The reference operators against independent, written-out forms."""

import math

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vs_tecogan.ops import (
    backward_warp,
    space_to_depth,
    upsample_bicubic,
    upsample_bilinear,
    upsample_bilinear_centred,
)
from vs_tecogan.ops.resample import cubic_taps

SIZES = st.integers(1, 9)


def sample_clamped(image: np.ndarray, y: float, x: float) -> float:
    """Bilinear sample of a 2-D array at any position, clamped to the border."""
    height, width = image.shape
    y, x = min(max(y, 0.0), height - 1.0), min(max(x, 0.0), width - 1.0)
    y0, x0 = math.floor(y), math.floor(x)
    y1, x1 = min(y0 + 1, height - 1), min(x0 + 1, width - 1)
    fy, fx = y - y0, x - x0
    top = image[y0, x0] * (1 - fx) + image[y0, x1] * fx
    return float(top * (1 - fy) + (image[y1, x0] * (1 - fx) + image[y1, x1] * fx) * fy)


@given(height=SIZES, width=SIZES, seed=st.integers(0, 999))
@settings(max_examples=60, deadline=None)
def test_warp(height: int, width: int, seed: int) -> None:
    """Swapped axes, a wrong sign or another border rule would differ from plain loops."""
    rng = np.random.default_rng(seed)
    image = rng.random((height, width), dtype=np.float32)
    flow = rng.normal(0, 4, (2, height, width)).astype(np.float32)
    expected = [
        [sample_clamped(image, y + flow[1, y, x], x + flow[0, y, x]) for x in range(width)] for y in range(height)
    ]
    result = backward_warp(torch.from_numpy(image)[None, None], torch.from_numpy(flow)[None])
    np.testing.assert_allclose(result[0, 0].numpy(), expected, atol=1e-4)


@given(height=SIZES, width=SIZES, scale=st.sampled_from([2, 3, 4]), channels=st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_space_to_depth_order(height: int, width: int, scale: int, channels: int) -> None:
    """Channel (dy * s + dx) * C + c holds offset (dy, dx); PyTorch's own order would fail."""
    image = torch.rand(2, channels, height * scale, width * scale)
    folded = space_to_depth(image, scale)
    for dy in range(scale):
        for dx in range(scale):
            first = (dy * scale + dx) * channels
            torch.testing.assert_close(folded[:, first : first + channels], image[:, :, dy::scale, dx::scale])


def test_cubic_taps_as_published() -> None:
    """The phase weights of a = -0.75 are those written out in both published sources."""
    assert cubic_taps(0.25) == (-0.10546875, 0.87890625, 0.26171875, -0.03515625)
    assert cubic_taps(0.5) == (-0.09375, 0.59375, 0.59375, -0.09375)
    assert cubic_taps(0.0) == (0, 1, 0, 0)


@given(height=SIZES, width=SIZES, scale=st.sampled_from([2, 4]), seed=st.integers(0, 999))
@settings(max_examples=30, deadline=None)
def test_legacy_grid(height: int, width: int, scale: int, seed: int) -> None:
    """Bicubic and bilinear read at i / scale with clamped edges, against plain loops."""
    image = np.random.default_rng(seed).random((height, width), dtype=np.float32)
    tensor = torch.from_numpy(image)[None, None]
    cubic, linear = upsample_bicubic(tensor, scale)[0, 0].numpy(), upsample_bilinear(tensor, scale)[0, 0].numpy()
    for i in range(height * scale):
        for j in range(width * scale):
            assert abs(linear[i, j] - sample_clamped(image, i / scale, j / scale)) < 1e-5
            wy, wx = cubic_taps(i % scale / scale), cubic_taps(j % scale / scale)
            rows = [min(max(i // scale + k, 0), height - 1) for k in (-1, 0, 1, 2)]
            columns = [min(max(j // scale + k, 0), width - 1) for k in (-1, 0, 1, 2)]
            expected = sum(wy[a] * wx[b] * image[rows[a], columns[b]] for a in range(4) for b in range(4))
            assert abs(cubic[i, j] - expected) < 1e-5


def test_phase_of_each_grid() -> None:
    """On a ramp, the legacy grid puts LR pixel k on HR pixel s * k; the centred grid is half a pixel off."""
    ramp = torch.arange(8, dtype=torch.float32).repeat(8, 1)[None, None]
    torch.testing.assert_close(upsample_bilinear(ramp, 4)[0, 0, 8, 8:24], torch.arange(8, 24) / 4)
    torch.testing.assert_close(upsample_bicubic(ramp, 4)[0, 0, ::4, ::4], ramp[0, 0])
    torch.testing.assert_close(upsample_bilinear_centred(ramp, 4)[0, 0, 8, 8:24], torch.arange(8, 24) / 4 - 0.375)
