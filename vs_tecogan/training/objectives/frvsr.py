"""FRVSR: the frame-recurrent generator trained by regression (Sajjadi et al. 2018), and the base of TecoGAN."""

import logging
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from ...networks import Generator, Network
from ..config import Config
from ..cpu import accelerate
from ..data.store import Store
from .base import Phase, Preview, Validator
from .flow import FlowPretraining
from .networks import build_generator, network_of
from .optimiser import Group
from .rollout import Rollout, SequenceBatch, roll_out, warp_term
from .sequences import SequenceObjective
from .validation import standard, video_validator

log = logging.getLogger(__name__)


class Frvsr(SequenceObjective[Generator]):
    """Everything that a step changes: the generator, its average and its optimisers.

    The official trainer has separate Adams for the generator and FNet; as Adam works parameter by parameter, one with
    two groups does the same. The warp loss reaches FNet only: nothing else is in its graph.

    :param world: number of processes.
    :raises TrainingError: the weights of ``init``, or those of the perceptual network, cannot be used.
    """

    def __init__(self, config: Config, device: torch.device, world: int = 1) -> None:
        super().__init__(config, device, world, build_generator)

    def accelerate(self) -> None:
        """SRNet's layers at HR size."""
        accelerate(self.generator)

    def trained(self) -> tuple[Iterable[nn.Parameter], list[Group]]:
        """Two groups: SRNet, and FNet at a rate of its own."""
        rates = self.config.optimiser
        # With a rate of 0 FNet's backward pass would be for nothing, and its gradient would count in the clipping.
        trained = self.generator if rates.flow_lr_factor else self.generator.srnet
        groups: list[Group] = [
            {"params": list(self.generator.srnet.parameters()), "lr": rates.lr},
            {"params": list(self.generator.fnet.parameters()), "lr": rates.lr * rates.flow_lr_factor},
        ]
        return trained.parameters(), groups

    @staticmethod
    def title(config: Config) -> str:  # noqa: ARG004
        """What a model of these settings is called on its card."""
        return "FRVSR"

    @staticmethod
    def exported(config: Config, state: dict[str, Any]) -> Network:
        """The network of a checkpoint, as the filter takes it.

        :param state: what :meth:`state_dict` gave.
        """
        return network_of(config, state)

    def first(self) -> Phase | None:
        """FNet alone on known motion, where the settings ask for it and FNet is new."""
        if not self.config.flow.flow_pretraining:
            return None
        if self.config.model.init:
            log.info("no flow pre-training: FNet comes from %s", self.config.model.init)
            return None
        return FlowPretraining(self.config, self.generator, self.device, self.world, self.average)

    def roll_out(self, batch: SequenceBatch) -> Rollout:
        """Run the generator over a batch."""
        return roll_out(self.generator, batch, mirrored=self.config.objective.ping_pong)

    def own_terms(self, rollout: Rollout) -> dict[str, Tensor]:
        """What FNet learns from."""
        return {"warp": warp_term(rollout, self.config.objective)}

    def statistics(self, rollout: Rollout) -> dict[str, Tensor]:
        """Mean length of the flow, LR pixels."""
        return {"flow": rollout.flows.detach().square().sum(2).sqrt().mean()}

    def preview(self, batch: SequenceBatch) -> Preview:
        """The first sample of a batch."""
        with torch.no_grad(), self.precision():
            outputs, flows = self.generator(batch.lr[:1])
        return Preview(lr=batch.lr[0], output=outputs[0], target=batch.hr[0], flows=flows)

    def validator(self, store: Store) -> Validator | None:
        """Fidelity, flicker and perceptual distance on held-out clips, and the flow's error on known motion."""
        return video_validator(self.config, store, self.device, self.features, lambda: self.network, self.precision)

    def standard(self) -> dict[str, Any]:
        """What scores depend on besides the weights."""
        return standard(self.config, self.features)
