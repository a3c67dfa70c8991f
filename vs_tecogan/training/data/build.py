"""From settings to samples: the degradation, and how samples are made."""

from ...degrade import BicubicDown, BlurDown, Degradation
from ..config import Config, DegradationConfig
from .augment import Augmentation
from .degrade import Blur, Codec, Jpeg, Noise, Realistic, Rescale
from .samples import SampleOptions


def build_degradation(config: DegradationConfig) -> Degradation | None:
    """The rule that makes LR; ``None`` takes the store's own LR frames."""
    if config.given:
        return None
    if config.degradation == "bd":
        return BlurDown(quantise=config.quantise)
    if config.degradation == "bi":
        return BicubicDown()
    return Realistic(
        blur=Blur(sigma=_range(config.blur_sigma)),
        stages=(
            Rescale(prob=config.rescale_prob),
            Noise(prob=config.noise_prob, sigma=_range(config.noise_sigma)),
            Jpeg(prob=config.jpeg_prob),
            Codec(prob=config.codec_prob),
        ),
    )


def build_samples(config: Config) -> SampleOptions:
    """How samples are made."""
    data = config.data
    return SampleOptions(
        scale=config.model.scale,
        crop=data.crop,
        seed=data.seed,
        augmentation=Augmentation(
            flip=data.flip,
            time_flip=data.time_flip,
            rotate=data.rotate,
            moving_first_frame_prob=data.moving_first_frame_prob,
            moving_first_frame_steps=data.moving_first_frame_steps,
            still_prob=data.still_prob,
            camera_motion_prob=data.camera_motion_prob,
            synthetic_prob=data.synthetic_prob,
            channel_shuffle_prob=data.channel_shuffle_prob,
            random_scale=_range(data.random_scale) if data.random_scale else None,
            detail_prob=data.detail_prob,
            random_blur_prob=data.random_blur_prob,
        ),
        degradation=build_degradation(config.degradation),
        teacher_forcing_prob=data.teacher_forcing_prob,
        centred=config.degradation.centred,
    )


def _range(values: tuple[float, ...]) -> tuple[float, float]:
    low, high = values
    return low, high
