"""Settings of tempoGAN: the smoke that is made while it trains, its network and its losses."""

import math
from dataclasses import dataclass
from typing import Literal

from .option import COUNT, POSITIVE, Range, option

ANY = Range(low=-math.inf)


@dataclass(frozen=True, kw_only=True)
class SmokeConfig:
    """Smoke for tempoGAN (architecture tempogan), which needs no store."""

    dimensions: int = option(2, "2 or 3", Range(low=2, high=3), file_only=True)
    inputs: Literal["density", "velocity", "vorticity"] = option(
        "velocity", "what the network sees: density, with velocity, with vorticity too", file_only=True
    )
    design: Literal["published", "coarse"] = option(
        "coarse", "of the generator: as published, or most of the work before the enlargement", file_only=True
    )
    grid: int = option(128, "side of the fine simulations, cells", Range(low=32), file_only=True)
    pool: int = option(8, "simulations from which samples are drawn at a time", COUNT, file_only=True)
    refresh: int = option(40, "iterations after which the oldest of them gives way to a new one", COUNT, file_only=True)
    sim_frames: int = option(40, "frames of each simulation", Range(low=3), file_only=True)
    sim_start: tuple[float, ...] = option((20.0, 80.0), "range of its first frame, steps", pair=True, file_only=True)
    swirl: float = option(0.0, "fastest random velocity at the start, percent of the side per step", file_only=True)
    min_density: float = option(0.02, "samples of a lower mean density are drawn again", file_only=True)
    turn: bool = option(True, "turn samples by quarters and mirror them, velocities with them; 2-D", file_only=True)
    sample_scale: tuple[float, ...] = option(
        (), "range of a factor by which samples are enlarged, velocities with them; published 0.85 to 1.15; 2-D",
        POSITIVE, pair=True, file_only=True,
    )  # fmt: skip
    any_angle: bool = option(False, "turn samples by any angle, as published; blurs them a little; 2-D", file_only=True)
    l1_weight: float = option(5.0, "mean absolute difference to the fine density", file_only=True)
    spatial_weight: float = option(1.0, "adversarial loss of Ds", file_only=True)
    tempo_weight: float = option(1.0, "adversarial loss of Dt", file_only=True)
    tempo_l2_weight: float = option(0.0, "squared change beside what moves, instead of Dt; published 1", file_only=True)
    layer_weights: tuple[float, ...] = option(
        (), "of the squared differences of Ds's four layers, summed; published -1e-5 each", ANY,
        file_only=True,
    )  # fmt: skip
    advect: bool = option(True, "move the outer frames to the middle one before Dt sees them", file_only=True)
    discriminator_width: float = option(0.5, "part of the published widths of Ds and Dt", POSITIVE, file_only=True)
    dense: bool = option(False, "end Ds and Dt by the published dense layer; else a logit per place", file_only=True)
    middle_only: bool = option(
        False, "L1 and Ds look at the middle frames, Dt at a third, as published", file_only=True
    )
    runs: int = option(1, "steps of D, then of G, an iteration; published 2", COUNT, file_only=True)
    beta1: float = option(0.9, "Adam; published 0.5", Range(high=1, open_high=True), file_only=True)
