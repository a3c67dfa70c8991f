"""How good a network for smoke is, on simulations that are never trained on."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...fluids.coarse import enlarge
from ...fluids.inputs import network_input
from ...fluids.measures import advected_difference, detail, psnr
from ...networks.tempogan import FluidSR
from ..data.smoke import coarse_fields, simulation

VALIDATION_SEEDS = range(1000, 1004)
"""Scenes by which a run is watched; documents are measured on others."""


@dataclass(frozen=True)
class HeldOutSmoke:
    """One simulation, coarse and fine."""

    low: Tensor
    """(T, 1 + d, ...)."""
    high: Tensor
    """(T, 1 + d, ...)."""


@dataclass(frozen=True)
class SmokeScores:
    """Means over simulations."""

    psnr: float
    """dB, peak 1, mean over frames."""
    detail: float
    """Power of what the coarse grid cannot hold, as a part of the truth's."""
    change: float
    """Advected T-diff, as a multiple of the truth's."""

    def named(self) -> dict[str, float]:
        """As they are logged."""
        return {"psnr": self.psnr, "detail": self.detail, "change": self.change}


def held_out_smoke(
    seeds: Sequence[int], *, grid: int, dimensions: int, scale: int, frames: int, start: int = 30
) -> list[HeldOutSmoke]:
    """Whole simulations of some scenes."""
    made = [simulation(grid, dimensions, seed, first=start, frames=frames) for seed in seeds]
    return [HeldOutSmoke(coarse_fields(high, scale), high) for high in made]


def compare(outputs: Sequence[Tensor], smokes: Sequence[HeldOutSmoke], scale: int) -> SmokeScores:
    """Scores of enlarged densities (T, 1, ...), one of each simulation; powers and changes are summed first."""
    fidelity = sum(psnr(out, s.high[:, :1]) for out, s in zip(outputs, smokes, strict=True)) / len(smokes)
    power = sum(detail(out, scale) for out in outputs) / sum(detail(s.high[:, :1], scale) for s in smokes)
    ours = sum(advected_difference(out, s.high[:, 1:]) for out, s in zip(outputs, smokes, strict=True))
    theirs = sum(advected_difference(s.high[:, :1], s.high[:, 1:]) for s in smokes)
    return SmokeScores(fidelity, power, ours / theirs)


def plain(smokes: Sequence[HeldOutSmoke], scale: int) -> list[Tensor]:
    """The bicubic enlargement; in 3-D the linear one."""
    return [enlarge(s.low[:, :1], scale, "cubic").clamp_min(0) for s in smokes]


@torch.no_grad()
def enlarged(network: FluidSR, smokes: Sequence[HeldOutSmoke]) -> list[Tensor]:
    """The network's densities, frame by frame."""
    training, outputs = network.training, []
    network.eval()
    device = next(network.parameters()).device
    for smoke in smokes:
        frames = [network_input(f[None, :1], f[None, 1:], network.spec).to(device) for f in smoke.low]
        outputs.append(torch.cat([network(frame).cpu() for frame in frames]))
    network.train(training)
    return outputs
