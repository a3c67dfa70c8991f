"""The learning rate over a run, also one that is made longer on the way."""

import math
from dataclasses import replace

from .config import Config, OptimiserConfig

EASING = 0.1
"""Part of the iterations that are left in which the rate of a run made longer moves over to its new schedule."""
LEAP = 0.005
"""Change of the factor on the rates that needs no easing."""
HALF_POWER = 1.1
"""Of the polynomial by which the rate of the schedule "half" falls (``tempoGAN.py``)."""


def learning_rate(options: OptimiserConfig, iteration: int, iterations: int) -> float:
    """Factor on all learning rates in an iteration.

    A run made longer moves over from the factor that it had to that of its new schedule, in even steps.
    """
    factor = min(1.0, (iteration + 1) / options.warmup) if options.warmup else 1.0
    if options.schedule == "cosine":
        position = min(iteration / max(iterations, 1), 1.0)
        factor *= options.lr_floor + (1 - options.lr_floor) * 0.5 * (1 + math.cos(math.pi * position))
    if options.schedule == "half":
        later = max(iteration - iterations // 2, 0) / max(iterations // 2, 1)
        factor *= options.lr_floor + (1 - options.lr_floor) * (1 - min(later, 1.0)) ** HALF_POWER
    if options.eased_from:
        part = min(max(iteration - options.eased_from, 0) / easing(options.eased_from, iterations), 1.0)
        return options.eased_factor + part * (factor - options.eased_factor)
    return factor


def easing(first: int, iterations: int) -> int:
    """Iterations in which the rate of a run made longer at ``first`` reaches its new schedule."""
    return max(round(EASING * (iterations - first)), 1)


def eased(before: Config, after: Config, iteration: int) -> Config:
    """Settings whose rate does not leap where a resumed run has another schedule than it had.

    :param before, after: settings up to this iteration, and those asked for.
    """
    if not iteration:
        return after
    had, has = (
        learning_rate(config.optimiser, iteration, config.loop.iterations)
        for config in (before, replace(after, optimiser=replace(after.optimiser, eased_from=0)))
    )
    if before.loop.iterations == after.loop.iterations and before.optimiser.schedule == after.optimiser.schedule:
        return after
    if abs(had - has) < LEAP:
        return replace(after, optimiser=replace(after.optimiser, eased_from=0, eased_factor=1.0))
    return replace(after, optimiser=replace(after.optimiser, eased_from=iteration, eased_factor=had))
