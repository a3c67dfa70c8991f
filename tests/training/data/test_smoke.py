"""Smoke made while training: pure functions of their index, in step with their velocity."""

import numpy as np
import pytest
import torch

from vs_tecogan.errors import TrainingError
from vs_tecogan.fluids.coarse import coarse
from vs_tecogan.training.config import Config, check
from vs_tecogan.training.data.opened import needs_store, open_store
from vs_tecogan.training.data.samples import SampleIndex
from vs_tecogan.training.data.smoke import SmokeSamples
from vs_tecogan.training.objectives.tempogan import move_to_middle

from ..conftest import options

SMOKE = "--set architecture=tempogan grid=32 pool=2 sim_frames=6 sim_start=[4,8] refresh=2 --crop 4"


def settings(more: str = "") -> Config:
    return options(f"{SMOKE} {more}")


def test_a_sample_is_a_function_of_its_index() -> None:
    """Would catch samples that depend on what was made before: a run that goes on would differ."""
    one, other = SmokeSamples(settings()), SmokeSamples(settings())
    for iteration in (0, 3, 9):
        one[SampleIndex(iteration, 0, 3)]
    for a, b in zip(one[SampleIndex(5, 1, 3)], other[SampleIndex(5, 1, 3)], strict=True):
        assert torch.equal(a, b)
    low, high = other[SampleIndex(5, 1, 3)]
    assert low.shape == (3, 3, 4, 4) and high.shape == (3, 1, 16, 16)
    assert not torch.equal(high, other[SampleIndex(5, 0, 3)][1])
    assert len(one._kept) <= 3, "old simulations go"


@pytest.mark.parametrize("more", ["turn=false", "turn=true", "any_angle=true sample_scale=[0.85,1.15] turn=false"])
def test_velocities_stay_with_their_densities(more: str) -> None:
    """Would catch the known trap: velocities that are not turned, mirrored or scaled as the picture is."""
    samples = SmokeSamples(settings(f"--set grid=64 sim_start=[15,16] sim_frames=8 {more} --crop 12"))
    moved, wrong = [], []
    for k in range(6):
        low, high = samples[SampleIndex(k, 0, 3)]
        for sign, errors in ((1, moved), (-1, wrong), (0, wrong)):
            velocity = low[None, :, 1:] * sign
            triple = move_to_middle(high[None, :, 0], velocity, 4)
            errors.append(float((triple[:, ::2] - triple[:, 1:2])[..., 6:-6, 6:-6].abs().mean()))
    assert np.mean(moved) < 0.85 * np.mean(wrong)


def test_coarse_is_made_of_fine() -> None:
    """Would catch tiles of two places: away from its rim a coarse tile is its fine tile coarsened."""
    low, high = SmokeSamples(settings("--set grid=64 --crop 12"))[SampleIndex(1, 0, 3)]
    torch.testing.assert_close(low[:, :1, 2:-2, 2:-2], coarse(high, 4)[..., 2:-2, 2:-2], atol=1e-5, rtol=0)


def test_no_store_is_needed() -> None:
    """Would catch a trainer of smoke that asks for footage, and one of video that no longer does."""
    assert not needs_store(settings()) and open_store(settings()).clips() == []
    with pytest.raises(TrainingError, match="--store"):
        open_store(options(""))


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ("--discriminator dst", "dst"), ("--set grid=34", "grid"), ("--crop 16", "crop"),
        ("--perceptual-weight 1", "perceptual_weight"), ("--precision bf16", "bf16"),
        ("--set dimensions=3 any_angle=true", "any_angle"), ("--set layer_weights=[1,2]", "layer_weights"),
        ("--discriminator dsdt --set tempo_l2_weight=1", "tempo_l2_weight"),
    ],
)  # fmt: skip
def test_what_it_does_not_do_is_refused(wish: str, says: str) -> None:
    """Would catch a setting that is silently ignored."""
    check(settings(), 1)
    with pytest.raises(TrainingError, match=says):
        check(settings(wish), 1)
