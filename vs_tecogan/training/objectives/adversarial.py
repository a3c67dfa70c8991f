"""Losses of generators without a target: non-saturating, relativistic least squares, lazy R1."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from .losses import gradient_penalty


def non_saturating_d(real: Tensor, fake: Tensor) -> Tensor:
    """Of the discriminator, from logits of any shape (Goodfellow et al. 2014)."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def non_saturating_g(fake: Tensor) -> Tensor:
    """Of the generator, from logits of any shape."""
    return F.softplus(-fake).mean()


def relativistic_d(real: Tensor, fake: Tensor) -> Tensor:
    """Relativistic average least squares (Jolicoeur-Martineau 2018): real one above the mean of fake, fake below."""
    return (real - fake.mean() - 1).square().mean() + (fake - real.mean() + 1).square().mean()


def relativistic_g(real: Tensor, fake: Tensor) -> Tensor:
    """The same with the parts exchanged."""
    return relativistic_d(fake, real)


def lazy_r1(
    discriminate: Callable[[Tensor], Tensor], real: Tensor, weight: float, iteration: int, every: int
) -> Tensor | None:
    """R1 at real samples in every so many-th iteration, multiplied by their number (Karras et al. 2020).

    :param discriminate: from samples to logits, one or several a sample.
    :param weight: gamma of R1; 0 is off.
    :return: the weighted penalty; None in the iterations between.
    """
    if not weight or iteration % every:
        return None
    samples = real.detach().requires_grad_(True)
    with torch.enable_grad():
        return weight * every * gradient_penalty(discriminate(samples), samples)
