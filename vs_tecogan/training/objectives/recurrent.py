"""RecurrentSR trained by regression and, where asked for, a perceptual loss; and the base of its TecoGAN."""

from typing import Any

import torch
from torch import Tensor

from ...networks import Network, RecurrentSR
from ..config import Config
from ..cpu import accelerate_recurrent
from ..data.store import Store
from .base import Phase, Preview, Validator
from .networks import build_recurrent, network_of
from .rollout import Rollout, SequenceBatch
from .sequence import ping_pong
from .sequences import SequenceObjective
from .validation import standard, video_validator


class Recurrent(SequenceObjective[RecurrentSR]):
    """The network, its average and its optimisers. See :class:`~.base.Objective`.

    :param world: number of processes.
    :raises TrainingError: the weights of ``init`` cannot be used.
    """

    def __init__(self, config: Config, device: torch.device, world: int = 1) -> None:
        super().__init__(config, device, world, build_recurrent)

    def accelerate(self) -> None:
        """Its convolutions."""
        accelerate_recurrent(self.generator)

    def average_decay(self) -> float:
        """Less at the beginning: the average of few steps must not hold on to the first weights."""
        return min(self.config.optimiser.ema, (1 + self.iteration) / (10 + self.iteration))

    @staticmethod
    def title(config: Config) -> str:  # noqa: ARG004
        """What a model of these settings is called on its card."""
        return "RecurrentSR"

    @staticmethod
    def exported(config: Config, state: dict[str, Any]) -> Network:
        """The network of a checkpoint, as the filter takes it.

        :param state: what :meth:`state_dict` gave.
        """
        return network_of(config, state)

    def first(self) -> Phase | None:
        """Nothing is trained before: the flow has no weights."""
        return None

    def roll_out(self, batch: SequenceBatch) -> Rollout:
        """Run the network over a batch."""
        return roll_out_recurrent(self.generator, batch, mirrored=self.config.objective.ping_pong)

    def preview(self, batch: SequenceBatch) -> Preview:
        """The first sample of a batch."""
        with torch.no_grad(), self.precision():
            strength = None if batch.strength is None else batch.strength[:1]
            outputs, _ = run_chain(self.generator, batch.lr[:1], strength=strength)
        return Preview(lr=batch.lr[0], output=outputs[0], target=batch.hr[0])

    def validator(self, store: Store) -> Validator | None:
        """Fidelity, flicker and perceptual distance on held-out clips."""
        return video_validator(self.config, store, self.device, self.features, lambda: self.network, self.precision)

    def standard(self) -> dict[str, Any]:
        """What scores depend on besides the weights."""
        return standard(self.config, self.features)


def roll_out_recurrent(network: RecurrentSR, batch: SequenceBatch, *, mirrored: bool) -> Rollout:
    """Run the network from the zero state, over the ping-pong sequence of what follows the burn-in if ``mirrored``."""
    lead = batch.burn_in
    lr, hr = (ping_pong(x[:, lead:]) if mirrored else x[:, lead:] for x in (batch.lr, batch.hr))
    whole = torch.cat((batch.lr[:, :lead], lr), dim=1)
    outputs, flows = run_chain(network, whole, burn_in=lead, strength=batch.strength)
    return Rollout(lr=lr, hr=hr, outputs=outputs, flows=flows[:, 1:], mirrored=mirrored)


def run_chain(
    network: RecurrentSR, lr: Tensor, burn_in: int = 0, strength: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The network over whole sequences from the zero state; the frames at both ends stand for those beyond.

    :param lr:      (N, T, 3, h, w) in [0, 1].
    :param burn_in: frames that run first, without gradient, and are not returned.
    :param strength: (N,) from 0 to 1, for a network that takes one.
    :return:        pictures (N, T - burn_in, 3, sh, sw), unclamped, and the flow from each of them to the frame before,
                    (N, T - burn_in, 2, h, w) LR pixels, without gradient.
    """
    n, length, _, height, width = lr.shape
    state = network.initial_state(n, height, width)
    offsets = range(-1, network.spec.window - 1)
    windows = [torch.cat([lr[:, min(max(t + k, 0), length - 1)] for k in offsets], dim=1) for t in range(length)]
    with torch.no_grad():
        for window in windows[:burn_in]:
            _, state = network(window, state, None, strength)
    outputs, flows = [], []
    for window in windows[burn_in:]:
        with torch.no_grad():
            flow = network.flow(window)
        picture, state = network(window, state, flow, strength)
        outputs.append(picture)
        flows.append(flow[:, :2])
    return torch.stack(outputs, dim=1), torch.stack(flows, dim=1)
