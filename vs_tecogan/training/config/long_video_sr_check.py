"""Settings that LongVideoGAN's second stage cannot use."""

from ...errors import TrainingError
from ...networks.longvideo_sr import LongVideoSRSpec
from .long_video_check import check_footage, clip_frames
from .tables import Config

FIRST_SIDE = 4
"""Side at which the discriminator ends."""


def check_long_video_sr(config: Config) -> None:
    """Refuse what would be ignored, or cannot be.

    :raises TrainingError: the text says which setting, and what to do.
    """
    own, data, widths = config.long_video, config.data, config.style.widths
    spec, side = long_video_sr_spec(config), data.crop * config.model.scale
    check_footage(config)
    if spec.scale != config.model.scale:
        raise TrainingError(f"sr_widths {spec.widths} enlarge {spec.scale} times; scale is {config.model.scale}")
    if side != FIRST_SIDE << (len(widths) - 1):
        raise TrainingError(
            f"crop {data.crop} and {len(widths)} widths; {len(widths)} are for an HR crop of "
            f"{FIRST_SIDE << (len(widths) - 1)}, this one has {side}"
        )
    if data.crop > min(own.video_height, own.video_width):
        raise TrainingError(f"crop {data.crop} of {own.video_width}x{own.video_height}; lower crop, or enlarge these")
    if own.clip_length < sample_frames(config):
        raise TrainingError(f"clip_length {own.clip_length}; samples need {sample_frames(config)} frames")
    if own.time_stretch:
        raise TrainingError("time_stretch with architecture long-video-sr; it is the first stage's, leave it")


def long_video_sr_spec(config: Config) -> LongVideoSRSpec:
    """Architecture.

    :raises TrainingError: numbers that no network has.
    """
    own, style = config.long_video_sr, config.style
    try:
        return LongVideoSRSpec(
            widths=own.sr_widths, layers=own.sr_layers, latent=style.latent, mapping_layers=style.mapping_layers,
            reach=own.reach, skip=own.skip,
        )  # fmt: skip
    except ValueError as error:
        raise TrainingError(f"long-video-sr: {error}") from error


def sample_frames(config: Config) -> int:
    """Frames of a sample: those that are enlarged, and those around them."""
    return clip_frames(config) + 2 * config.long_video_sr.reach
