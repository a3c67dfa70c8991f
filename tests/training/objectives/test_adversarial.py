"""Losses of generators without a target."""

import pytest
import torch

from vs_tecogan.training.objectives.adversarial import (
    lazy_r1,
    non_saturating_d,
    non_saturating_g,
    relativistic_d,
    relativistic_g,
)


def test_directions() -> None:
    """Would catch a sign: each side's loss falls when it wins."""
    low, high = torch.full((4,), -3.0), torch.full((4,), 3.0)
    assert non_saturating_d(high, low) < non_saturating_d(low, high)
    assert non_saturating_g(high) < non_saturating_g(low)
    assert relativistic_d(torch.ones(4), torch.zeros(4)) == 0
    assert relativistic_g(torch.zeros(4), torch.ones(4)) == 0


def test_r1_is_lazy_and_that_of_a_linear_function() -> None:
    """Would catch a penalty in every iteration, or one that its rarity does not make up for."""
    weight = torch.tensor([3.0, 4.0], requires_grad=True)
    samples = torch.randn(5, 2)
    assert lazy_r1(lambda x: x @ weight, samples, 2.0, 1, 16) is None
    assert lazy_r1(lambda x: x @ weight, samples, 0.0, 0, 16) is None
    penalty = lazy_r1(lambda x: x @ weight, samples, 2.0, 32, 16)
    assert penalty is not None and float(penalty) == pytest.approx(2 * 16 * 25 / 2)
    penalty.backward()
    torch.testing.assert_close(weight.grad, 32 * weight.detach())
