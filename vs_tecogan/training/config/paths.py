"""Paths in settings, so that a run goes on from whatever folder its command is given in."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from ...errors import TrainingError
from .tables import Config


def absolute(config: Config) -> Config:
    """Settings whose files and folders are found from anywhere.

    :raises TrainingError: the store has a relative path, as a checkpoint of an earlier version may have it, and is not
        there.
    """
    data, objective = config.data, config.objective
    if data.store and not Path(data.store).exists() and not Path(data.store).is_absolute():
        raise TrainingError(f"no store {data.store!r} in {Path.cwd()}; give --store with its place")
    return replace(
        config,
        data=replace(data, store=_absolute(data.store), eval_store=_absolute(data.eval_store)),
        objective=replace(objective, perceptual_net=_absolute(objective.perceptual_net)),
        motion=replace(config.motion, motion_store=_absolute(config.motion.motion_store)),
    )


def _absolute(path: str) -> str:
    return str(Path(path).absolute()) if path else ""


def located(standard: dict[str, Any]) -> dict[str, Any]:
    """A standard of scores as earlier versions wrote it, with the place of its clips as :func:`absolute` has it."""
    if "clips" not in standard:  # of an objective that makes its own
        return standard
    place, *rest = standard["clips"]
    return standard | {"clips": [_absolute(place), *rest]}
