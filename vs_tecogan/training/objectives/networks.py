"""From settings to networks: the generator and the perceptual network."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from ...errors import TrainingError, WeightsError
from ...networks import Dialect, Generator, GeneratorSpec, RecurrentSpec, RecurrentSR, VideoNetwork
from ...networks.perceptual import FeatureNet, load_feature_net
from ...weights import load_model
from ..config import Config, merge
from ..cpu import accelerate_features
from ..run import checkpoint
from .initialisation import initialise, initialise_for_motion
from .transplant import transplant, transplant_recurrent

log = logging.getLogger(__name__)

ENLARGE = ("frvsr", "recurrent")
"""Architectures that enlarge video."""
DOES_NOT = "does not enlarge video; give a model that does"
WHERE_FROM = (
    "give --perceptual-net FILE: torchvision's VGG19 or VGG16 (https://download.pytorch.org/models/vgg19-dcbb9e9d.pth "
    "or vgg16-397923af.pth), or SqueezeNet 1.1 (.h5)"
)
"""What a user does who has no perceptual network."""


def build_spec(config: Config) -> GeneratorSpec:
    """Architecture; of itself centred LR (BI, centred pairs) takes the dialect whose skip is centred."""
    model = config.model
    usual = Dialect.BI if config.degradation.centred else Dialect.BD
    return GeneratorSpec(
        scale=model.scale,
        blocks=model.blocks,
        channels=model.channels,
        dialect=usual if model.dialect == "auto" else Dialect(model.dialect),
        flow_rounds=max(model.flow_rounds, 0),
    )


def recurrent_spec(config: Config) -> RecurrentSpec:
    """Architecture of a recurrent network: one frame of look-ahead, aligned by flow."""
    model = config.model
    rounds = max(model.flow_rounds, 0)
    return RecurrentSpec(
        scale=model.scale, blocks=model.blocks, channels=model.channels, flow_rounds=rounds, strength=model.strength
    )


def build_recurrent(config: Config) -> RecurrentSR:
    """A fresh recurrent network, or one that continues from the given weights.

    :raises TrainingError: those weights cannot be used or are of another architecture.
    """
    network = RecurrentSR(recurrent_spec(config))
    if config.model.init:
        source = load_init(config.model.init)
        if not isinstance(source, RecurrentSR):
            raise TrainingError(f"init: {config.model.init} is a {type(source).__name__}; set architecture to frvsr")
        transplant_recurrent(source, network)
    return network


def with_init(config: Config) -> Config:
    """Fill in, before a run begins, what its settings leave to ``init``: the dialect, and the rounds of the flow.

    :raises TrainingError: the weights of ``init`` cannot be used, or take LR pixels at other places than the run; or
        there are none, and the flow network is to stay as it is.
    """
    model = config.model
    if model.architecture not in ENLARGE:
        return config
    if model.init and (model.flow_rounds < 0 or model.dialect == "auto"):
        spec = load_init(model.init).spec
        if isinstance(spec, GeneratorSpec) and model.dialect == "auto":
            _check_phase(spec, config)
            model = replace(model, dialect=spec.dialect.value)
        if model.flow_rounds < 0:
            model = replace(model, flow_rounds=spec.flow_rounds)
            if spec.flow_rounds:
                log.info(
                    "flow is refined in %d rounds, as %s asks for; flow_rounds 0 leaves it",
                    spec.flow_rounds, model.init,
                )  # fmt: skip
    learns_flow = config.optimiser.flow_lr_factor > 0 or config.flow.flow_pretraining > 0
    if model.architecture == "recurrent" and not (model.init or config.optimiser.flow_lr_factor > 0):
        raise TrainingError("flow_lr_factor 0 is for a model that goes on; give --init MODEL to begin with")
    if model.architecture == "frvsr" and not (model.init or learns_flow):
        raise TrainingError(
            "flow_lr_factor 0 freezes a flow network of random weights; give --init MODEL to begin with"
        )
    if model.flow_rounds < 0:
        usual = RecurrentSpec().flow_rounds if model.architecture == "recurrent" else 0
        model = replace(model, flow_rounds=usual)
    return replace(config, model=model)


def _check_phase(spec: GeneratorSpec, config: Config) -> None:
    centred = spec.phase == "centred"
    if config.model.architecture == "frvsr" and centred != config.degradation.centred:
        wanted = "bi or pairs-centred" if centred else "bd, realistic or pairs"
        raise TrainingError(
            f"init: {config.model.init} was made for another place of LR pixels than degradation "
            f"{config.degradation.degradation}; give --degradation {wanted}"
        )


def load_init(init: str) -> VideoNetwork:
    """The network that a run begins with: of weights, or of another run's best checkpoint, else its newest.

    :raises TrainingError: its weights cannot be used.
    """
    path = Path(init)
    if path.is_dir() or (checkpoint.run_of(path) is not None and path.is_file()):
        path = checkpoint.pick(path)
        state = checkpoint.load(path)
        config = merge(Config(), state["config"], str(path))
        if config.model.architecture not in ENLARGE:
            raise TrainingError(f"init: {init} {DOES_NOT}")
        return network_of(config, state["objective"])
    try:
        network = load_model(init).network
    except (WeightsError, OSError) as error:
        raise TrainingError(f"init: {error}") from error
    if not isinstance(network, Generator | RecurrentSR):
        raise TrainingError(f"init: {init} {DOES_NOT}")
    return network


def network_of(config: Config, state: dict[str, Any]) -> VideoNetwork:
    """The network of a checkpoint, as the filter takes it: the averaged one where there is one.

    :param state: what ``state_dict`` of the objective gave.
    """
    network: VideoNetwork
    recurrent = config.model.architecture == "recurrent"
    network = RecurrentSR(recurrent_spec(config)) if recurrent else Generator(build_spec(config))
    network.load_state_dict(state["average"] or state["generator"])
    return network


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
    projected = objective.discriminator.endswith("projected")
    if not (path or objective.perceptual_weight or projected):
        return None
    if path and not Path(path).is_file():
        raise TrainingError(f"perceptual_net: {path} does not exist; {WHERE_FROM}")
    try:
        network = load_feature_net(path or None).to(device)
    except WeightsError as error:
        if path:
            raise TrainingError(f"perceptual_net: {error}") from error
        weight = f"perceptual_weight {objective.perceptual_weight:g}"
        if projected:
            weight = f"discriminator {objective.discriminator}"
        raise TrainingError(f"{weight}, but {error}; {WHERE_FROM}") from error
    if device.type == "cpu":
        accelerate_features(network)
    return network
