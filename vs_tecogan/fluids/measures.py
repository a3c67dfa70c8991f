"""How good enlarged smoke is: fidelity, the share of fine detail, and steadiness along the flow."""

import math

import torch
from torch import Tensor

from .advection import sample


def psnr(output: Tensor, truth: Tensor) -> float:
    """Mean over frames (N, 1, ...) of the PSNR in dB, peak 1."""
    error = (output - truth).square().flatten(1).mean(1).clamp_min(1e-12)
    return float((-10 * torch.log10(error)).mean())


def detail(field: Tensor, scale: int) -> float:
    """Power of frames (N, 1, ...) that a grid ``scale`` times coarser cannot hold.

    Mean square of what is left of the spectrum where some frequency exceeds half a wave per coarse cell. The ends are
    faded, so that the jump from one to the other does not count.
    """
    axes = tuple(range(2, field.dim()))
    spectrum_mask = torch.zeros(1)
    faded = field
    for axis in axes:
        size = field.shape[axis]
        view = [1] * field.dim()
        view[axis] = -1
        window = torch.hann_window(size, periodic=False, device=field.device).reshape(view)
        faded = faded * window
        high = (torch.fft.fftfreq(size, device=field.device).abs() > 0.5 / scale).float().reshape(view)
        spectrum_mask = torch.maximum(spectrum_mask.to(high), high)
    spectrum = torch.fft.fftn(faded, dim=axes) * spectrum_mask
    cells = math.prod(field.shape[2:])
    return float(spectrum.abs().square().mean() / cells)


def advected_difference(frames: Tensor, velocity: Tensor) -> float:
    """Mean absolute change from frame to frame beside what moves: each frame moved along its velocity, less the next.

    tempoGAN's T-diff with the flow of the simulation. It rewards blur: compare at equal detail.

    :param frames:   (T, 1, ...) of one simulation.
    :param velocity: (T, d, ...) fine cells per step, of the same times.
    """
    moved = sample(frames[:-1], -velocity[:-1])
    return float((moved - frames[1:]).abs().mean())
