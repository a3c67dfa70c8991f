"""From settings to networks that make pictures or video from numbers."""

from dataclasses import replace

from ...errors import TrainingError
from ...networks import MotionSpec, SourceNetwork, StyleGenerator, StyleSpec, VideoGenerator
from ...weights import load_model
from ..config import Config

WALKS = ("motion.encoder", "motion.decoder", "motion.head")
"""Tensors that motion is trained in."""


def style_spec(config: Config) -> StyleSpec:
    """Architecture of the pictures."""
    style = config.style
    return StyleSpec(
        size=style.size, widths=style.widths, latent=style.latent, layers=style.mapping_layers,
        noise=style.noise,
    )  # fmt: skip


def motion_spec(config: Config) -> MotionSpec:
    """Architecture of pictures and motion."""
    motion, image = config.motion, style_spec(config)
    components = min(motion.components, image.latent)
    return MotionSpec(image=image, components=components, hidden=motion.hidden, residual=motion.residual)


def build_images(config: Config) -> StyleGenerator:
    """A fresh image generator, or that of ``init``, whose motion is left out.

    :raises TrainingError: those weights are of another architecture.
    """
    network = StyleGenerator(style_spec(config))
    if config.model.init:
        found = load_model(config.model.init).network
        image = found.image if isinstance(found, VideoGenerator) else found
        if not isinstance(image, StyleGenerator) or image.spec != network.spec:
            raise TrainingError(_unfit(config.model.init, found, "an image generator", network.spec))
        network.load_state_dict(image.state_dict())
    return network


def build_video(config: Config) -> VideoGenerator:
    """The image generator and components of ``init``, with its motion, or with fresh motion of another shape.

    :raises TrainingError: those weights are of another architecture, or have no components yet.
    """
    network = VideoGenerator(motion_spec(config))
    if config.model.init:
        found = load_model(config.model.init).network
        if not isinstance(found, VideoGenerator) or _of_one_image(found.spec) != _of_one_image(network.spec):
            raise TrainingError(_unfit(config.model.init, found, "the model of architecture pca", network.spec))
        fits = found.spec == network.spec
        state = {k: v for k, v in found.state_dict().items() if fits or not k.startswith(WALKS)}
        network.load_state_dict(state, strict=fits)
    network.step_size.fill_(config.motion.step_size)
    return network


def _of_one_image(spec: MotionSpec) -> MotionSpec:
    """Without what concerns the LSTM alone."""
    return replace(spec, hidden=1, residual=True)


def _unfit(init: str, found: object, wanted: str, spec: StyleSpec | MotionSpec) -> str:
    came = f"{found.spec}" if isinstance(found, SourceNetwork) else type(found).__name__
    return f"init: {init} is {came}; expected {wanted} of {spec}: set [style] and [motion] as it was made"
