"""Settings that LongVideoGAN cannot use."""

import math

from ...errors import TrainingError
from ...networks.longvideo import LongVideoSpec
from ..data.diffaug import CHANGES
from .tables import Config

CLIP_GRID = 8
"""Frames and sides of what the discriminator sees are multiples of this: three steps of 2."""


def check_long_video(config: Config) -> None:
    """Refuse what would be ignored, or cannot be.

    :raises TrainingError: the text says which setting, and what to do.
    """
    own = config.long_video
    spec, frames = long_video_spec(config), clip_frames(config)
    for name, size in (("frames", frames), ("video_height", own.video_height), ("video_width", own.video_width)):
        if size % CLIP_GRID:
            raise TrainingError(f"{name} {size}; the discriminator needs a multiple of {CLIP_GRID}")
    if frames % spec.step:
        raise TrainingError(f"frames {frames}; expected a multiple of {spec.step} = 2^time_levels")
    if own.clip_length < source_frames(config):
        raise TrainingError(f"clip_length {own.clip_length}; samples need {source_frames(config)} frames")
    check_footage(config)


def check_footage(config: Config) -> None:
    """What both stages refuse: footage that contradicts itself, another's discriminator, low precision.

    :raises TrainingError: the text says which setting, and what to do.
    """
    own, data, objective, name = config.long_video, config.data, config.objective, config.model.architecture
    if unknown := set(config.style.diffaug) - set(CHANGES):
        raise TrainingError(f"diffaug {', '.join(sorted(unknown))}; expected some of {', '.join(CHANGES)}")
    if own.footage == "store" and not data.store:
        raise TrainingError("footage store, and no store; give --store, a folder made by vs-tecogan prepare")
    if own.footage != "store" and data.store:
        raise TrainingError(f"a store, and footage {own.footage}; leave --store, or set footage to store")
    if objective.discriminator != "none":
        raise TrainingError(f"discriminator {objective.discriminator} with architecture {name}, which has its own")
    if config.loop.precision in ("fp16", "bf16"):
        raise TrainingError(f"precision {config.loop.precision} with architecture {name}, which trains in fp32")


def long_video_spec(config: Config) -> LongVideoSpec:
    """Architecture.

    :raises TrainingError: numbers that no network has.
    """
    own = config.long_video
    try:
        return LongVideoSpec(
            height=own.video_height, width=own.video_width, channels=config.model.channels,
            time_levels=own.time_levels, space_levels=own.space_levels, style=own.style_width,
            noise_channels=own.noise_channels, filters=own.filters, shortest=own.shortest, longest=own.longest,
        )  # fmt: skip
    except ValueError as error:
        raise TrainingError(f"long-video: {error}") from error


def clip_frames(config: Config) -> int:
    """Frames that the discriminator sees.

    :raises TrainingError: it is no number.
    """
    frames = config.data.frames
    if len(frames) != 1 or not frames[0].isdecimal() or not int(frames[0]):
        raise TrainingError(f"frames {' '.join(frames)}; architecture {config.model.architecture} needs one number")
    return int(frames[0])


def source_frames(config: Config) -> int:
    """Frames of which those are made, where they may be played faster: a multiple of the generator's step."""
    fastest, step = max((1.0, *config.long_video.time_stretch)), long_video_spec(config).step
    return math.ceil(clip_frames(config) * fastest / step) * step
