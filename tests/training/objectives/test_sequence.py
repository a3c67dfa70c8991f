"""Sequences, triplets and the exact input of the discriminators."""

import numpy as np
import pytest
import torch
from torch import Tensor

from vs_tecogan.networks import Generator, GeneratorSpec
from vs_tecogan.training.objectives import sequence


def test_ping_pong_of_ten_frames_is_the_published_nineteen() -> None:
    """Would catch a repeated turning frame or a missing last one."""
    frames = torch.arange(10).view(1, 10, 1)
    assert sequence.ping_pong(frames).flatten().tolist() == [*range(10), *range(8, -1, -1)]


def test_triplets_are_disjoint_and_drop_the_rest() -> None:
    """Would catch sliding triplets: 19 frames make six of three."""
    frames = torch.arange(19).view(1, 19, 1)
    assert sequence.triplets(frames).squeeze(-1).tolist() == [[3 * k, 3 * k + 1, 3 * k + 2] for k in range(6)]


def test_mirrored_flows_are_those_of_the_same_pair() -> None:
    """Would catch a wrong index into the backward half (published: flows 0, 3, ... and 16, 13, ..., 1)."""
    flows = torch.arange(18.0).view(1, 18, 1, 1, 1).expand(1, 18, 2, 4, 4)
    lr = torch.zeros(1, 19, 3, 4, 4)

    def never(previous: Tensor, current: Tensor) -> Tensor:
        raise AssertionError("a ping-pong sequence holds all flows already")

    before, after = sequence.triplet_flows(flows, lr, True, never)
    assert before[:, 0, 0, 0].tolist() == [0, 3, 6, 9, 12, 15]
    assert after[:, 0, 0, 0].tolist() == [16, 13, 10, 7, 4, 1]


def test_reused_flow_equals_an_estimated_one() -> None:
    """Would catch reuse of the wrong pair: on real LR frames both ways must give the same flow."""
    torch.manual_seed(0)
    generator = Generator(GeneratorSpec(blocks=1, channels=8))
    lr = sequence.ping_pong(torch.rand(2, 4, 3, 16, 16))
    with torch.no_grad():
        _, flows = generator(lr)
        reused = sequence.triplet_flows(flows, lr, True, generator.estimate_flow)
        estimated = sequence.triplet_flows(flows, lr, False, generator.estimate_flow)
    for a, b in zip(reused, estimated, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


def test_flows_of_triplets_carry_no_gradient() -> None:
    """Would catch FNet being trained through the discriminator's warps, which the original forbids."""
    flows = torch.rand(1, 4, 2, 4, 4, requires_grad=True)
    before, after = sequence.triplet_flows(
        flows, torch.zeros(1, 5, 3, 4, 4), True, lambda previous, current: previous - current
    )
    assert not before.requires_grad
    assert not after.requires_grad


def test_dst_input_of_a_hand_made_triplet() -> None:
    """Written-out 27 channels: order, ranges, whole-pixel warps, crop 3/4 with zero border, enlarged condition."""
    side, scale = 16, 4
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    # One value per (time, colour, place), all different.
    triple = np.stack([[(0.01 * x + 0.02 * y + 0.05 * c + 0.2 * t) for c in range(3)] for t in range(3)])
    lr = np.stack([[np.full((4, 4), 0.1 * t + 0.01 * c, np.float32) for c in range(3)] for t in range(3)])
    before = torch.zeros(1, 2, side, side)
    before[:, 0] = 1  # one pixel to the right
    after = torch.zeros(1, 2, side, side)
    after[:, 1] = -2  # two pixels up
    result = sequence.spatio_temporal_input(
        torch.from_numpy(triple)[None], before, after, torch.from_numpy(lr)[None]
    ).numpy()[0]

    expected = np.zeros((27, side, side), np.float32)
    for c in range(3):
        for t in range(3):
            expected[3 * c + t] = 2 * triple[t, c] - 1
            expected[18 + 3 * c + t] = 0.1 * t + 0.01 * c
        inner = slice(2, 14)
        expected[9 + 3 * c + 0, inner, inner] = 2 * triple[0, c][inner, 3:15] - 1
        expected[9 + 3 * c + 1, inner, inner] = 2 * triple[1, c][inner, inner] - 1
        expected[9 + 3 * c + 2, inner, inner] = 2 * triple[2, c][0:12, inner] - 1
    assert result.shape == (27, side, side)
    np.testing.assert_allclose(result, expected, atol=2e-6)
    assert scale * 4 == side


def test_condition_is_on_the_legacy_grid() -> None:
    """Would catch a half-pixel condition: LR pixel k must sit exactly on HR pixel 4k."""
    lr = torch.rand(1, 3, 3, 8, 8)
    zero = torch.zeros(1, 2, 32, 32)
    condition = sequence.spatio_temporal_input(torch.zeros(1, 3, 3, 32, 32), zero, zero, lr)[:, 18:]
    torch.testing.assert_close(condition[..., ::4, ::4], sequence.colour_major(lr))


@pytest.mark.parametrize(("side", "kept"), [(128, 96), (64, 48), (32, 24)])
def test_temporal_and_spatial_inputs(side: int, kept: int) -> None:
    """Would catch padding where Dt crops, and a missing condition in Ds."""
    torch.manual_seed(0)
    zero = torch.zeros(2, 2, side, side)
    triple = torch.rand(2, 3, 3, side, side)
    temporal = sequence.temporal_input(triple, zero, zero)
    border = (side - kept) // 2
    assert temporal.shape == (2, 9, kept, kept)
    expected = sequence.colour_major(triple)[..., border : border + kept, border : border + kept] * 2 - 1
    # grid_sample's coordinates are rounded to about 1e-5 pixel, the noise changes by up to 2 from pixel to pixel.
    torch.testing.assert_close(temporal, expected, atol=1e-4, rtol=0)
    spatial = sequence.spatial_input(triple[:, 0], torch.full((2, 3, side // 4, side // 4), 0.25))
    torch.testing.assert_close(spatial[:, :3], triple[:, 0] * 2 - 1)
    torch.testing.assert_close(spatial[:, 3:], torch.full((2, 3, side, side), 0.25))
