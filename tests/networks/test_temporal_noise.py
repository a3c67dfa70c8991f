"""Temporal noise: exact in any window, of unit variance, and periodic without a seam."""

import numpy as np
import pytest
import torch

from vs_tecogan.networks.temporal_noise import enriched_noise, footprints, low_pass, white_noise

BANK = {"channels": 4, "filters": 24, "shortest": 9, "longest": 400}


def test_white_noise_is_a_function_of_seed_and_frame() -> None:
    """Would catch numbers that depend on the window, as those of a generator that is read in order."""
    whole = white_noise(5, -20, 60, 6)
    assert np.array_equal(whole[13:21], white_noise(5, -7, 8, 6))
    assert not np.allclose(whole, white_noise(6, -20, 60, 6))
    assert not np.allclose(whole[:, 0], whole[:, 1])


def test_white_noise_is_normal() -> None:
    """Would catch a wrong transform of uniform numbers."""
    many = white_noise(1, 0, 20_000, 4)
    assert many.mean() == pytest.approx(0, abs=0.02) and many.std() == pytest.approx(1, abs=0.02)
    assert (np.abs(many) > 2).mean() == pytest.approx(0.0455, abs=0.004)
    assert np.corrcoef(many.T)[0, 1] == pytest.approx(0, abs=0.03)


def test_footprints_are_spaced_by_their_logarithm() -> None:
    """Would catch a bank without slow filters, or with taps that have no middle."""
    frames = footprints(128, 125, 5000)
    assert len(frames) == 128 and frames[0] == 125 and frames[-1] == 5001 and all(n % 2 for n in frames)
    assert np.diff(np.log(frames)) == pytest.approx(np.log(40) / 127, abs=0.015)
    power = np.abs(np.fft.rfft(low_pass(125), 4096)) ** 2
    assert power[200:].max() < 1e-5 * power[0], "what a low-pass of 125 frames must not let through"


def test_windows_are_parts_of_the_whole() -> None:
    """Would catch filters that see the edge of a window, also against the plain convolution."""
    whole = enriched_noise(3, -30, 200, **BANK)
    assert torch.allclose(whole[70:90], enriched_noise(3, 40, 20, **BANK), atol=1e-5)
    taps = low_pass(footprints(24, 9, 400)[10])
    reach = len(taps) // 2
    noise = white_noise(3, 40 - reach, len(taps), 4)
    assert whole[70].reshape(24, 4)[10].numpy() == pytest.approx(taps @ noise, abs=1e-5)


@pytest.mark.parametrize("period", [0, 48, 500])
def test_unit_variance(period: int) -> None:
    """Would catch filters that are not normalised, and slow ones that wrap around a short loop."""
    latents = torch.stack([enriched_noise(seed, 0, 1, period=period, **BANK)[0] for seed in range(120)])
    assert float(latents.square().mean()) == pytest.approx(1, abs=0.12)
    by_filter = latents.reshape(120, 24, 4).square().mean((0, 2))
    assert by_filter.tolist() == pytest.approx([1] * 24, abs=0.45)


def test_long_loops_are_those_of_the_circle() -> None:
    """Would catch two ways of making a loop that differ: short ones wrap their filters, long ones need not."""
    quick = BANK | {"longest": 41}
    direct = enriched_noise(3, 40, 30, period=50, **quick)
    taps = low_pass(41)
    around = white_noise(3, 40 - 20, 41, 4, period=50)
    assert direct[0].reshape(24, 4)[-1].numpy() == pytest.approx(taps @ around, abs=1e-5)
    assert torch.equal(direct[10:], enriched_noise(3, 0, 20, period=50, **quick))


def test_loops_have_no_seam() -> None:
    """Would catch a loop that jumps, or repeats after another number of frames."""
    loop = enriched_noise(3, -10, 110, period=50, **BANK)
    assert torch.equal(loop[:60], loop[50:])
    slow = loop.reshape(110, 24, 4)[:, 12:]
    steps = slow.diff(dim=0).abs().mean((1, 2))
    assert float(steps[9]) < 3 * float(steps.mean()), "from frame -1 to 0"
