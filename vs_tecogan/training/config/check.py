"""Settings that no run can use, or that contradict each other."""

from ...errors import TrainingError
from .long_video_check import check_long_video
from .long_video_sr_check import check_long_video_sr
from .option import check_option
from .smoke_check import check_smoke
from .style_check import SOURCES, check_style
from .tables import Config, options

DISCRIMINATOR_GRID = 64
"""HR crops of a run with a discriminator are multiples of this: four steps of 2, and a central part of 3/4."""


def check_options(config: Config) -> None:
    """Refuse single values that their option does not allow.

    :raises TrainingError: the text says what came and what is expected.
    """
    for table, item in options():
        check_option(item, getattr(getattr(config, table), item.name))
    if config.model.scale not in (2, 4):
        raise TrainingError(f"scale {config.model.scale}; expected 2 or 4")


def check(config: Config, world: int) -> None:
    """Refuse what cannot be used, before anything starts.

    :param world: number of processes.
    :raises TrainingError: the text says which setting, and what to do.
    """
    check_options(config)
    data, objective, loop = config.data, config.objective, config.loop
    if config.model.dialect == "egvsr" and config.model.channels % config.model.scale**2:
        raise TrainingError(f"channels {config.model.channels}; dialect egvsr needs a multiple of scale x scale")
    if data.batch % world:
        raise TrainingError(f"batch {data.batch} cannot be divided over {world} processes")
    if config.model.strength and config.model.architecture != "recurrent":
        raise TrainingError(f"strength with architecture {config.model.architecture}; only recurrent takes one")
    if config.model.architecture == "tempogan":
        check_smoke(config)
        return
    if config.model.architecture == "long-video":
        check_long_video(config)
        return
    if config.model.architecture == "long-video-sr":
        check_long_video_sr(config)
        return
    if config.model.architecture in SOURCES:
        check_style(config)
        return
    for name, side in (("crop", data.crop), ("flow_crop", config.flow.flow_crop)):
        if side % 8:
            raise TrainingError(f"{name} {side}; expected a multiple of 8, the grid of FNet")
    if objective.checkerboard_weight and data.crop < 16:
        raise TrainingError(f"crop {data.crop}; the checkerboard loss needs at least 16")
    if config.model.architecture == "recurrent":
        _check_recurrent(config)
    shortest = min(frames for _, frames in frame_steps(config))
    if shortest < 2:
        raise TrainingError(f"frames {' '.join(data.frames)}; sequences need at least 2 frames")
    if objective.discriminator != "none":
        _check_discriminators(config, 2 * shortest - 1 if objective.ping_pong else shortest)
    if loop.precision == "fp16" and objective.r1_weight:
        raise TrainingError("the R1 penalty overflows in fp16; use bf16 or fp32, or r1_weight 0")


def _check_discriminators(config: Config, frames: int) -> None:
    """What discriminators need.

    :param frames: of a sequence, on which they look.
    """
    kind, side = config.objective.discriminator, config.data.crop * config.model.scale
    if side % DISCRIMINATOR_GRID:
        raise TrainingError(f"HR crop {side}; a discriminator needs a multiple of {DISCRIMINATOR_GRID}")
    if frames < 3 and kind not in ("ds", "projected"):
        raise TrainingError("a temporal discriminator needs sequences of at least 3 frames")
    if config.objective.normalisation == "batch" and kind.endswith("projected"):
        raise TrainingError(f"normalisation batch with discriminator {kind}; set spectral or none")


def _check_recurrent(config: Config) -> None:
    """What the recurrent network does not have is refused rather than ignored."""
    if config.degradation.centred:
        raise TrainingError(
            f"degradation {config.degradation.degradation}; the recurrent network's pixels sit on corners"
        )
    wanted = ["flow_pretraining"] * bool(config.flow.flow_pretraining)
    wanted += ["teacher_forcing_prob"] * bool(config.data.teacher_forcing_prob)
    if wanted:
        raise TrainingError(
            f"{wanted[0]} with architecture recurrent, whose flow has no weights and whose past is its own; leave it"
        )


def frame_steps(config: Config) -> tuple[tuple[int, int], ...]:
    """(first iteration, frames per sample) in ascending order.

    :raises TrainingError: entries that are neither one number nor 'iteration:frames', or none for iteration 0.
    """
    frames = config.data.frames
    try:
        if len(frames) == 1 and ":" not in frames[0]:
            return ((0, int(frames[0])),)
        steps = sorted((int(first), int(count)) for first, count in (entry.split(":") for entry in frames))
    except ValueError:
        raise TrainingError(f"frames {' '.join(frames)}; expected a number, or entries like 5000:7") from None
    if not steps or steps[0][0] != 0:
        raise TrainingError(f"frames {' '.join(frames)}; expected an entry for iteration 0, like 0:4")
    return tuple(steps)
