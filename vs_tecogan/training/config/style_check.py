"""Settings that image generators and motion over them cannot use."""

from ...errors import TrainingError
from ...networks import StyleSpec
from ..data.diffaug import CHANGES
from .tables import Config

SOURCES = ("stylegan", "pca", "mocogan-hd")
"""Architectures that make video from numbers."""


def check_style(config: Config) -> None:
    """Refuse what would be ignored, or cannot be.

    :raises TrainingError: the text says which setting, and what to do.
    """
    style, motion, name = config.style, config.motion, config.model.architecture
    try:
        StyleSpec(size=style.size, widths=style.widths, latent=style.latent, layers=style.mapping_layers)
    except ValueError as error:
        raise TrainingError(str(error)) from None
    if unknown := set(style.diffaug) - set(CHANGES):
        raise TrainingError(f"diffaug {', '.join(sorted(unknown))}; expected some of {', '.join(CHANGES)}")
    if config.objective.discriminator != "none":
        raise TrainingError(f"discriminator with architecture {name}, which has its own; leave it")
    if config.loop.precision in ("fp16", "bf16"):
        raise TrainingError(f"precision {config.loop.precision} with architecture {name}, which trains in fp32")
    if motion.domain == "in" and (motion.motion_store or motion.motion_from != "store"):
        raise TrainingError("motion_store and motion_from are for domain cross; set it, or leave them")
    if motion.domain == "cross" and motion.motion_from == "store" and not motion.motion_store:
        raise TrainingError("domain cross: say where motion comes from, by motion_store or motion_from")
    if name == "mocogan-hd" and not (motion.video_weight or motion.image_weight):
        raise TrainingError("video_weight 0 and image_weight 0: nothing would judge the motion; leave one of them")
