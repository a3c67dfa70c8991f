"""One file per system that can be trained. The loop knows them by :class:`~.base.Objective` alone."""

from collections.abc import Mapping
from dataclasses import replace

import torch

from ..config import Config
from .base import Objective, Phase
from .frvsr import Frvsr
from .long_video import LongVideoGan
from .long_video_sr import LongVideoSrGan
from .mocogan_hd import MocoGanHd
from .pca import CodePca
from .recurrent import Recurrent
from .stylegan import StyleGan
from .tecogan import RecurrentTecoGan, TecoGan
from .tempogan import TempoGan

__all__ = ["Objective", "Phase", "objective_class", "objective_of"]


SOURCES: Mapping[str, type[StyleGan | CodePca | MocoGanHd | LongVideoGan | LongVideoSrGan]] = {
    "stylegan": StyleGan,
    "pca": CodePca,
    "mocogan-hd": MocoGanHd,
    "long-video": LongVideoGan,
    "long-video-sr": LongVideoSrGan,
}
"""Systems that make pictures or video from numbers, or a part of it."""


def objective_class(
    config: Config,
) -> type[Frvsr | Recurrent | TempoGan | StyleGan | CodePca | MocoGanHd | LongVideoGan | LongVideoSrGan]:
    """Which system the settings name."""
    plain = config.objective.discriminator == "none"
    if config.model.architecture == "recurrent":
        return Recurrent if plain else RecurrentTecoGan
    if config.model.architecture == "tempogan":
        return TempoGan
    if config.model.architecture in SOURCES:
        return SOURCES[config.model.architecture]
    return Frvsr if plain else TecoGan


def objective_of(config: Config, device: torch.device, world: int = 1, *, begin: bool = True) -> Objective:
    """Networks and optimisers as the settings ask for them.

    :param world: number of processes.
    :param begin: start from the weights of ``init``; a resumed run takes its own, and that file may be gone by then.
    :raises TrainingError: a weight file that the settings name cannot be used.
    """
    if not begin:
        config = replace(config, model=replace(config.model, init=""))
    return objective_class(config)(config, device, world)
