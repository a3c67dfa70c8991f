"""From settings to networks: the generator and the perceptual network."""

import logging
from dataclasses import replace
from pathlib import Path

import torch

from ...errors import TrainingError, WeightsError
from ...networks import Dialect, Generator, GeneratorSpec, Network, RecurrentSpec, RecurrentSR
from ...networks.perceptual import FeatureNet, load_feature_net
from ...weights import load_model
from ..config import Config
from .initialisation import initialise, initialise_for_motion
from .transplant import transplant

log = logging.getLogger(__name__)

WHERE_FROM = (
    "give --perceptual-net FILE: torchvision's VGG19 or VGG16 (https://download.pytorch.org/models/vgg19-dcbb9e9d.pth "
    "or vgg16-397923af.pth), or SqueezeNet 1.1 (.h5)"
)
"""What a user does who has no perceptual network."""


def build_spec(config: Config) -> GeneratorSpec:
    """Architecture; centred LR (BI, centred pairs) takes the dialect whose skip is centred."""
    model = config.model
    return GeneratorSpec(
        scale=model.scale,
        blocks=model.blocks,
        channels=model.channels,
        dialect=Dialect.BI if config.degradation.centred else Dialect.BD,
        flow_rounds=max(model.flow_rounds, 0),
    )


def recurrent_spec(config: Config) -> RecurrentSpec:
    """Architecture of a recurrent network: one frame of look-ahead, aligned by flow."""
    model = config.model
    rounds = max(model.flow_rounds, 0)
    return RecurrentSpec(scale=model.scale, blocks=model.blocks, channels=model.channels, flow_rounds=rounds)


def build_recurrent(config: Config) -> RecurrentSR:
    """A fresh recurrent network, or one that continues from the given weights.

    :raises TrainingError: those weights cannot be used or are of another architecture.
    """
    network = RecurrentSR(recurrent_spec(config))
    if config.model.init:
        source = load_init(config.model.init)
        ours, theirs = network.spec, source.spec
        if replace(ours, flow_rounds=0) != replace(theirs, flow_rounds=0):
            raise TrainingError(f"init: {config.model.init} is {theirs}; the run asks for {ours}")
        network.load_state_dict(source.state_dict())
    return network


def with_flow_rounds(config: Config) -> Config:
    """Fill in, before a run begins, what its settings leave to ``init``: the rounds in which flow is refined.

    :raises TrainingError: the weights of ``init`` cannot be used.
    """
    if config.model.flow_rounds >= 0:
        return config
    usual = RecurrentSpec().flow_rounds if config.model.architecture == "recurrent" else 0
    rounds = load_init(config.model.init).spec.flow_rounds if config.model.init else usual
    if rounds and config.model.init:
        log.info("flow is refined in %d rounds, as %s asks for; flow_rounds 0 leaves it", rounds, config.model.init)
    return replace(config, model=replace(config.model, flow_rounds=rounds))


def load_init(init: str) -> Network:
    """The network that a run begins with.

    :raises TrainingError: its weights cannot be used.
    """
    try:
        return load_model(init).network
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
        if not isinstance(source, Generator):
            raise TrainingError(
                f"init: {config.model.init} is a {type(source).__name__}; set architecture to recurrent"
            )
        transplant(source, generator)
        if source.spec.scale != generator.spec.scale:
            log.info(
                "init: %s is %dx; what lies behind the first deconvolution begins anew",
                config.model.init,
                source.spec.scale,
            )
    return generator


def build_feature_net(config: Config, device: torch.device) -> FeatureNet | None:
    """The perceptual network of a run that asks for one, else ``None``.

    :raises TrainingError: its weights cannot be had; another network, or none, never takes its place.
    """
    objective = config.objective
    path = objective.perceptual_net
    if not (path or objective.perceptual_weight):
        return None
    if path and not Path(path).is_file():
        raise TrainingError(f"perceptual_net: {path} does not exist; {WHERE_FROM}")
    try:
        return load_feature_net(path or None).to(device)
    except WeightsError as error:
        if path:
            raise TrainingError(f"perceptual_net: {error}") from error
        weight = f"perceptual_weight {objective.perceptual_weight:g}"
        raise TrainingError(f"{weight}, but {error}; {WHERE_FROM}") from error
