"""Settings of LongVideoGAN's second stage: the network that enlarges, and what its discriminator is told."""

from dataclasses import dataclass

from .option import COUNT, PROBABILITY, option


@dataclass(frozen=True, kw_only=True)
class LongVideoSrConfig:
    """LongVideoGAN's second stage (architecture long-video-sr).

    Footage, ``video_height`` and ``video_width`` (those of the small frames) and the pool of clips are in
    ``[long_video]``. ``latent``, ``mapping_layers``, ``diffaug``, ``penalty_every``, ``momentum`` and ``widths``, here
    the discriminator's, are in ``[style]``.
    """

    sr_widths: tuple[int, ...] = option(
        (32, 24, 16), "channels at the small size, twice it, four times it", COUNT, file_only=True
    )
    sr_layers: int = option(2, "convolutions at each size", COUNT, file_only=True)
    reach: int = option(4, "small frames seen before and after each", file_only=True)
    skip: bool = option(True, "add to the small frame, enlarged by bicubic; published: no", file_only=True)
    condition_prob: float = option(
        0.1, "probability that D sees the small frames beside the large ones", PROBABILITY, file_only=True
    )
    condition_change_prob: float = option(
        0.5, "probability that the small frames the network sees are changed", PROBABILITY, file_only=True
    )
    condition_noise: float = option(0.08, "by noise; deviation of its deviation, of a range of 2", file_only=True)
    condition_scale: float = option(
        0.08, "by a scale of 2^s and a shift of s sides; deviation of each s", PROBABILITY, file_only=True
    )
    pixel_weight: float = option(0.0, "mean distance from the real frames; published: none", file_only=True)
