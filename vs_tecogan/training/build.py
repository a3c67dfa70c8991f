"""From settings to objects: degradation, samples, generator, perceptual network."""

import logging
from dataclasses import replace
from pathlib import Path

import torch

from ..degrade import BicubicDown, BlurDown, Degradation
from ..errors import TrainingError, WeightsError
from ..networks import Dialect, Generator, GeneratorSpec
from ..networks.perceptual import FeatureNet, load_feature_net
from ..weights import load_model
from .augmentation import Augmentation
from .config import Config, DegradationConfig
from .dataset import SampleOptions
from .degradations import Realistic
from .initialisation import initialise, initialise_for_motion
from .stages import Blur, Codec, Jpeg, Noise, Rescale
from .transplant import transplant

log = logging.getLogger(__name__)


def build_degradation(config: DegradationConfig) -> Degradation | None:
    """The rule that makes LR; ``None`` takes the store's own LR frames."""
    if config.degradation == "pairs":
        return None
    if config.degradation == "bd":
        return BlurDown(sigma=config.blur_sigma, quantise=config.bd_quantise)
    if config.degradation == "bi":
        return BicubicDown(quantise=config.quantise)
    return Realistic(
        clean_share=config.real_clean,
        clean=BlurDown(sigma=config.blur_sigma),
        blur=Blur(sigma=_range(config.real_blur)),
        stages=(
            Rescale(share=config.real_rescale, factor=_range(config.real_factor)),
            Noise(share=config.real_noise, sigma=_range(config.real_noise_sigma)),
            Jpeg(share=config.real_jpeg, quality=_range(config.real_quality)),
            Codec(
                share=config.real_codec,
                mpeg2_share=config.real_mpeg2,
                crf=_range(config.real_crf),
                quantiser=_range(config.real_quantiser),
            ),
        ),
    )


def _range(values: tuple[float, ...]) -> tuple[float, float]:
    low, high = values
    return low, high


def build_samples(config: Config) -> SampleOptions:
    """How samples are drawn."""
    data = config.data
    return SampleOptions(
        scale=config.model.scale,
        crop=data.crop,
        seed=data.seed,
        augmentation=Augmentation(
            flip=data.flip,
            time_flip=data.time_flip,
            rotate=data.rotate,
            moving_share=data.moving_share,
            moving_steps=data.moving_steps,
            still_share=data.still_share,
            camera_share=data.camera_share,
            synthetic_share=data.synthetic_share,
            permute_share=data.permute_share,
            zoom=_range(data.zoom) if data.zoom else None,
            detail=data.detail,
            detail_share=data.detail_share,
            soft_share=data.soft_share,
            soft_sigma=_range(data.soft_sigma),
        ),
        degradation=build_degradation(config.degradation),
        forcing_share=data.forcing_share,
        centred=config.degradation.centred_pairs,
    )


def build_spec(config: Config) -> GeneratorSpec:
    """Architecture; centred LR (BI, centred pairs) takes the dialect whose skip is centred."""
    centred = config.degradation.degradation == "bi" or (
        config.degradation.degradation == "pairs" and config.degradation.centred_pairs
    )
    model = config.model
    dialect = Dialect.BI if centred else Dialect.BD
    return GeneratorSpec(
        scale=model.scale,
        blocks=model.blocks,
        channels=model.channels,
        dialect=dialect,
        flow_rounds=max(model.flow_rounds, 0),
    )


def settle(config: Config) -> Config:
    """Fill in, before a run begins, what its settings leave to ``init``: the rounds in which flow is refined.

    :raises TrainingError: the weights of ``init`` cannot be used.
    """
    if config.model.flow_rounds >= 0:
        return config
    rounds = load_init(config.model.init).spec.flow_rounds if config.model.init else 0
    if rounds:
        log.info("flow is refined in %d rounds, as %s asks for; flow_rounds 0 leaves it", rounds, config.model.init)
    return replace(config, model=replace(config.model, flow_rounds=rounds))


def without_init(config: Config) -> Config:
    """Settings for a learner that takes its weights from a checkpoint: those of ``init`` may be gone by then."""
    return replace(config, model=replace(config.model, init=""))


def load_init(init: str) -> Generator:
    """The generator that a run begins with.

    :raises TrainingError: its weights cannot be used.
    """
    try:
        return load_model(init).generator
    except (WeightsError, OSError) as error:
        raise TrainingError(f"init: {error}") from error


def build_generator(config: Config) -> Generator:
    """A fresh generator, or one that continues from the given weights.

    :raises TrainingError: those weights cannot be used or are of another architecture.
    """
    generator = Generator(build_spec(config))
    initialise(generator)
    if config.flow.flow_init == "motion":
        initialise_for_motion(generator.fnet)
    if config.model.init:
        source = load_init(config.model.init)
        transplant(source, generator)
        if source.spec.scale != generator.spec.scale:
            log.info(
                "init: %s is %dx; what lies behind the first deconvolution begins anew",
                config.model.init,
                source.spec.scale,
            )
    return generator


def build_feature_net(config: Config, device: torch.device) -> FeatureNet | None:
    """The perceptual network of a run that needs one, or ``None`` with a warning where there is none.

    :raises TrainingError: a weight file was named and cannot be used; another network never takes its place.
    """
    objective = config.objective
    if not (objective.perceptual_weights or objective.perceptual):
        return None
    path = objective.perceptual_weights
    if path and not Path(path).is_file():
        raise TrainingError(f"perceptual_weights: {path} does not exist; give VGG19 (.pth) or SqueezeNet (.h5) weights")
    try:
        return load_feature_net(path or None).to(device)
    except WeightsError as error:
        if path:
            raise TrainingError(f"perceptual_weights: {error}") from error
        log.warning("perceptual loss is OFF: %s; name a file with perceptual_weights", error)
        return None
