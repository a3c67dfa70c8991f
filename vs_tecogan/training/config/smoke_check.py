"""Settings that tempoGAN cannot use."""

from ...errors import TrainingError
from .tables import Config

TILE_GRID = 8
"""Fine tiles of a run with a discriminator are multiples of this: three steps of 2."""


def check_smoke(config: Config) -> None:
    """Refuse what would be ignored, or cannot be.

    :raises TrainingError: the text says which setting, and what to do.
    """
    smoke, data, objective = config.smoke, config.data, config.objective
    tile = data.crop * config.model.scale
    if smoke.grid % config.model.scale:
        raise TrainingError(f"grid {smoke.grid}; expected a multiple of the scale, {config.model.scale}")
    if tile > smoke.grid:
        raise TrainingError(f"crop {data.crop} is {tile} fine cells, more than grid {smoke.grid}")
    if objective.discriminator not in ("none", "ds", "dsdt"):
        kinds = "it has ds, dsdt or none"
        raise TrainingError(f"discriminator {objective.discriminator} with architecture tempogan; {kinds}")
    if objective.discriminator != "none" and tile % TILE_GRID:
        raise TrainingError(f"crop {data.crop} is {tile} fine cells; a discriminator needs a multiple of {TILE_GRID}")
    if smoke.layer_weights and (len(smoke.layer_weights) != 4 or objective.discriminator == "none"):
        raise TrainingError("layer_weights: expected four numbers, and a discriminator ds or dsdt")
    if smoke.tempo_l2_weight and objective.discriminator == "dsdt":
        raise TrainingError("tempo_l2_weight takes the place of Dt; use discriminator ds or none with it")
    if smoke.dimensions == 3 and (smoke.sample_scale or smoke.any_angle):
        raise TrainingError("sample_scale and any_angle are for 2 dimensions; leave them")
    if config.loop.precision in ("fp16", "bf16"):
        raise TrainingError(f"precision {config.loop.precision} with architecture tempogan, which trains in fp32")
    terms = ("ping_pong", "temporal", "checkerboard", "lattice", "perceptual", "r1")
    if wanted := [name for name in (f"{term}_weight" for term in terms) if getattr(objective, name)]:
        raise TrainingError(f"{wanted[0]} with architecture tempogan; leave it")
