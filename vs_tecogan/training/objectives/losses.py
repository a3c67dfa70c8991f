"""Loss terms as plain functions of images in [0, 1], each in fp32 and with the published scale.

The official code works on images in [-1, 1]; where that matters the factor is written out, so that a published weight
means here what it meant there.
"""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from .cosine import cosine_similarity

FEATURE_NORMS = (12.0, 14.0, 24.0, 100.0)
"""Divisors of the four discriminator layers (TecoGAN ``lib/Teco.py``)."""
FEATURE_SCALE = 0.02
LOG_EPSILON = 1e-12

Penalty = Literal["l2", "charbonnier"]


def charbonnier(difference: Tensor) -> Tensor:
    """Mean of sqrt(d^2 + 1e-6) over everything (TecoGAN-PyTorch ``optim/losses.py``)."""
    return torch.sqrt(difference.float().square() + 1e-6).mean()


def content_loss(output: Tensor, target: Tensor, penalty: Penalty) -> Tensor:
    """Distance of HR frames (..., 3, H, W) in [0, 1].

    ``l2``: mean over pixels of the sum over RGB of squared differences in [-1, 1], that is 12 times the MSE in [0, 1]
    (official). ``charbonnier``: mean over everything in [0, 1] (TecoGAN-PyTorch).
    """
    if penalty == "l2":
        return 12 * F.mse_loss(output.float(), target.float())
    return charbonnier(output.float() - target.float())


def warp_loss(warped: Tensor, target: Tensor, penalty: Penalty) -> Tensor:
    """Photometric loss of the flow on LR frames (..., 3, h, w) in [0, 1]; ``l2`` is 3 times the MSE (official)."""
    difference = warped.float() - target.float()
    return 3 * difference.square().mean() if penalty == "l2" else charbonnier(difference)


def ping_pong_loss(outputs: Tensor, penalty: Penalty) -> Tensor:
    """Distance of the forward from the backward half of a ping-pong sequence (N, 2n - 1, 3, H, W).

    Frame i is compared with frame 2n - 2 - i for i < n - 1; the turning frame has no partner. ``l2`` selects the
    official mean absolute difference in [-1, 1], twice the L1 distance in [0, 1]; ``charbonnier`` that of
    TecoGAN-PyTorch. Zero exactly (or Charbonnier's 1e-3) for a generator whose output is a palindrome.
    """
    half = outputs.shape[1] // 2
    difference = outputs[:, :half].float() - outputs[:, half + 1 :].flip(1).float()
    return 2 * difference.abs().mean() if penalty == "l2" else charbonnier(difference)


def temporal_loss(errors: Tensor, warped: Tensor) -> Tensor:
    """How far the error of a frame is from that of the frame before, moved along: what flickers or swims.

    A wrong texture that sticks to its object costs nothing here, and neither does a blur. No published source; that of
    the outputs alone (Lai et al. 2018, "Learning blind video temporal consistency") also punishes change that is real.

    :param errors: output less target, (..., 3, H, W); :param warped: those of the frames before, warped by the flow.
    """
    return charbonnier(errors.float() - warped.float())


def checkerboard_loss(output: Tensor, target: Tensor, period: int) -> Tensor:
    """The part of the error that repeats with the output's grid, for (..., 3, H, W) in [0, 1].

    In every square of 8 by 8 periods the error is averaged over all pixels of the same phase, (y mod period, x mod
    period): what is left of ``period``^2 averages after their own mean is the pattern that transposed convolutions
    draw, and the scene has no part in it. Mean square of it over squares, phases and colours. No published source:
    perceptual networks of stride 2 reward that pattern, and this takes the reward away.

    :raises ValueError: a side is shorter than 8 periods.
    """
    height, width = output.shape[-2:]
    rows, columns = height // (8 * period), width // (8 * period)
    if not rows or not columns:
        raise ValueError(f"checkerboard loss of {width}x{height} frames; expected sides of {8 * period} or more")
    error = (output.float() - target.float())[..., : rows * 8 * period, : columns * 8 * period]
    phases = error.reshape(-1, rows, 8, period, columns, 8, period).mean(dim=(2, 5))
    return (phases - phases.mean(dim=(2, 4), keepdim=True)).square().mean()


def lattice_loss(output: Tensor, target: Tensor, period: int) -> Tensor:
    """Strength of patterns that repeat every ``period`` pixels or a whole part of that, where the target has less.

    In windows of 4 by 4 periods, half a window apart, the power of the period's frequencies is compared with that of
    the target, wherever the pattern lies. A network that draws more than it is told can draw nothing else on an even
    surface or along an edge, where it is the same for every pixel of the source; discriminators are slow to see it.
    Texture that the target has as well costs nothing. No published source.

    :param output: (..., 3, H, W) in [0, 1]; :param target: the same; it gets no gradient.
    :param period: pixels: the scale.
    :return: mean over windows, channels and frequencies of the power in excess;
        a wave of amplitude a has a^2 / 4 at its own frequency.
    :raises ValueError: a side is shorter than a window.
    """
    side = 4 * period
    if min(output.shape[-2:]) < side:
        size = f"{output.shape[-1]}x{output.shape[-2]}"
        raise ValueError(f"lattice loss of {size} frames; expected sides of {side} or more")
    kernels = lattice_kernels(period).to(output.device)
    ours, theirs = (
        F.conv2d(x.float().reshape(-1, 1, *x.shape[-2:]), kernels, stride=side // 2).square() for x in (output, target)
    )
    power, wanted = (x[:, ::2] + x[:, 1::2] for x in (ours, theirs))
    return F.relu(power - wanted.detach()).mean()


def lattice_kernels(period: int) -> Tensor:
    """Cosine and sine in turn of each frequency, (2n, 1, 4 * period, 4 * period), under a Hann window that sums to 1.

    Whole multiples of 1 / period in both directions, up to half a cycle per pixel.
    """
    side, half = 4 * period, period // 2
    at = torch.arange(side) + 0.5
    window = torch.sin(torch.pi * at / side).square()
    window = window[:, None] * window[None] / window.sum() ** 2
    # Of two waves that are each other's negative one is enough; at 0 and at half a cycle those are (u, v) and (u, -v).
    both = [(u, v) for u in range(half + 1) for v in range(-half + 1, half + 1)]
    waves = [(u, v) for u, v in both if (u, v) != (0, 0) and (v >= 0 or 0 < u < half)]
    angles = [2 * torch.pi / period * (u * at[:, None] + v * at[None]) for u, v in waves]
    return torch.stack([part(angle) * window for angle in angles for part in (torch.cos, torch.sin)])[:, None]


def generator_adversarial(fake: Tensor) -> Tensor:
    """What the generator minimises: mean of -log(sigmoid(fake) + 1e-12), non-saturating, as published.

    :param fake: discriminator logits of any shape.
    """
    return -torch.log(torch.sigmoid(fake.float()) + LOG_EPSILON).mean()


def discriminator_adversarial(fake: Tensor, real: Tensor) -> Tensor:
    """What a discriminator minimises: mean of -(log(D(real) + eps) + log(1 - D(fake) + eps)), as published."""
    fake, real = fake.float(), real.float()
    # 1 - sigmoid(x) is written as sigmoid(-x), which keeps its digits for large x.
    return -(torch.log(torch.sigmoid(real) + LOG_EPSILON) + torch.log(torch.sigmoid(-fake) + LOG_EPSILON)).mean()


def balance(fake: Tensor, real: Tensor) -> Tensor:
    """mean log D(real) - mean log D(fake): how far the discriminator is ahead (published gate)."""
    log_real = torch.log(torch.sigmoid(real.float()) + LOG_EPSILON).mean()
    return log_real - torch.log(torch.sigmoid(fake.float()) + LOG_EPSILON).mean()


def feature_loss(fake: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
    """Distance of discriminator features.

    Sum over layers of 0.02 * mean over positions of (sum over channels of |difference|) / norm.

    :param fake, real: per layer (N, C, H, W); no gradient should reach ``real``.
    """
    total = torch.zeros((), device=fake[0].device)
    for ours, theirs, norm in zip(fake, real, FEATURE_NORMS, strict=True):
        distance = (ours.float() - theirs.float()).abs().sum(dim=1).mean()
        total = total + FEATURE_SCALE * distance / norm
    return total


def perceptual_loss(fake: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
    """Sum over layers of 1 - mean cosine similarity of feature vectors (TecoGAN ``lib/Teco.py``).

    :param real: targets; they get no gradient.
    """
    total = torch.zeros((), device=fake[0].device)
    for ours, theirs in zip(fake, real, strict=True):
        total = total + 1 - cosine_similarity(ours.float(), theirs.float()).mean()
    return total


def gradient_penalty(logits: Tensor, real_input: Tensor) -> Tensor:
    """R1: half the mean squared norm of the gradient of D's logits at real input (Mescheder et al. 2018)."""
    (gradient,) = torch.autograd.grad(logits.float().sum(), real_input, create_graph=True)
    return 0.5 * gradient.float().square().flatten(1).sum(dim=1).mean()
