"""Coarse fields: cells that share their corners, units of velocity, quarters and mirrors."""

import pytest
import torch

from vs_tecogan.fluids.coarse import coarse, coarse_velocity, enlarge, fine_velocity, turn
from vs_tecogan.fluids.grid import curl


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_ramp_stays_where_it_is(scale: int) -> None:
    """Would catch a shift: coarse cell i has the value in the middle of its fine cells."""
    ramp = torch.arange(12.0 * scale).expand(1, 1, 8 * scale, -1).contiguous()
    inner = coarse(ramp, scale)[..., 3:-3]
    expected = scale * torch.arange(12.0)[3:-3] + (scale - 1) / 2
    torch.testing.assert_close(inner, expected.expand_as(inner))
    back = enlarge(coarse(ramp, scale), scale)[..., 3 * scale : -3 * scale]
    torch.testing.assert_close(back, ramp[..., 3 * scale : -3 * scale])


def test_the_blur_is_that_of_the_published_data() -> None:
    """Would catch another blur: the variance of what is spread is sigma^2 = 4 / pi of fine cells."""
    spread = torch.stack(
        [coarse(torch.eye(64)[k].reshape(1, 1, 1, 64).expand(1, 1, 4, 64), 4)[0, 0, 0] for k in range(64)]
    )
    weights = spread[:, 8]
    places = torch.arange(64.0)
    centre = (weights * places).sum() / weights.sum()
    variance = (weights * (places - centre) ** 2).sum() / weights.sum()
    assert float(centre) == pytest.approx(33.5, abs=1e-3)
    assert float(variance) == pytest.approx(4 / torch.pi, rel=0.02)


def test_velocity_is_in_cells_of_its_own_grid() -> None:
    """Would catch the known trap of units: four fine cells per step are one coarse cell."""
    fast = torch.full((1, 2, 32, 32), 4.0)
    torch.testing.assert_close(coarse_velocity(fast, 4), torch.ones(1, 2, 8, 8))
    torch.testing.assert_close(fine_velocity(torch.ones(1, 2, 8, 8), 4), fast)


def test_three_dimensions() -> None:
    """Would catch a third axis that is left as it was."""
    assert coarse(torch.rand(1, 2, 8, 12, 16), 4).shape == (1, 2, 2, 3, 4)
    assert enlarge(torch.rand(1, 2, 2, 3, 4), 4).shape == (1, 2, 8, 12, 16)


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("quarter", [0, 1, 2, 3])
def test_vectors_turn_with_the_picture(quarter: int, mirror: bool) -> None:
    """Would catch the known trap of signs: a density that follows its velocity does so turned and mirrored too."""
    generator = torch.Generator().manual_seed(quarter)
    fields = torch.rand(3, 9, 9, generator=generator)
    turned = turn(fields, slice(1, 3), quarter, mirror)
    inner = (slice(None), slice(None), slice(1, -1), slice(1, -1))
    sign = -1 if mirror else 1  # vorticity turns with the picture, and changes its sign in a mirror
    before = turn(curl(fields[None, 1:3]), slice(0, 0), quarter, mirror)
    torch.testing.assert_close(curl(turned[None, 1:3])[inner], sign * before[inner])
    # the derivative of the density along the velocity is a number of the flow alone
    along = fields[1:2] * _slope(fields[:1], -1) + fields[2:3] * _slope(fields[:1], -2)
    expected = turn(along, slice(0, 0), quarter, mirror)
    seen = turned[1:2] * _slope(turned[:1], -1) + turned[2:3] * _slope(turned[:1], -2)
    torch.testing.assert_close(seen[..., 1:-1, 1:-1], expected[..., 1:-1, 1:-1])


def _slope(field: torch.Tensor, axis: int) -> torch.Tensor:
    return (field.roll(-1, axis) - field.roll(1, axis)) / 2
