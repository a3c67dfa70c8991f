"""Settings of LongVideoGAN: what it learns from, its generator's shape, its discriminator and its augmentation."""

from dataclasses import dataclass
from typing import Literal

from .option import COUNT, POSITIVE, Range, option


@dataclass(frozen=True, kw_only=True)
class LongVideoConfig:
    """LongVideoGAN (architecture long-video); channels, frames, diffaug, penalty_every and momentum are those above."""

    footage: Literal["skies", "smoke", "store"] = option(
        "skies", "painted skies, simulated smoke, or the clips of the store", file_only=True
    )
    season: float = option(
        0.3, "mean height of the sun in painted skies; from 0.6 on nights stay light", file_only=True
    )
    video_height: int = option(24, "of generated frames", COUNT, file_only=True)
    video_width: int = option(32, "of generated frames", COUNT, file_only=True)
    time_levels: int = option(3, "doublings of time in the generator; published 5", COUNT, file_only=True)
    space_levels: int = option(3, "doublings of the picture's sides in it", COUNT, file_only=True)
    style_width: int = option(128, "width of w; published 1024", COUNT, file_only=True)
    noise_channels: int = option(8, "channels of white noise", COUNT, file_only=True)
    filters: int = option(128, "low-pass filters of the noise", COUNT, file_only=True)
    shortest: int = option(24, "frames of the quickest filter; published 125", Range(low=3), file_only=True)
    longest: int = option(5000, "frames of the slowest filter", Range(low=3), file_only=True)
    d_channels: int = option(32, "channels of the discriminator's first layer", COUNT, file_only=True)
    clip_pool: int = option(24, "clips from which samples are cut at a time", COUNT, file_only=True)
    clip_refresh: int = option(4, "iterations after which the oldest of them gives way", COUNT, file_only=True)
    clip_length: int = option(256, "frames of each", COUNT, file_only=True)
    time_stretch: tuple[float, ...] = option(
        (), "range of a factor on the speed of what D sees; published 0.5 to 2", POSITIVE, pair=True, file_only=True
    )
