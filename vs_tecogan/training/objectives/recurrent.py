"""RecurrentSR trained by regression: content loss on every frame of a sequence, backpropagation through time."""

from typing import Any

import torch
from torch import Tensor

from ...networks import Network, RecurrentSR
from ..config import Config
from ..cpu import accelerate_recurrent
from ..data.store import Store
from .base import Metrics, Phase, Preview, Validator
from .losses import content_loss
from .networks import build_recurrent, network_of
from .optimiser import finite_metrics
from .rollout import SequenceBatch
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

    def step(self, batch: SequenceBatch) -> Metrics:
        """One optimiser step on the samples of this process.

        :raises NotFiniteError: a term or gradient is NaN or infinite in some process; no weight has changed.
        """
        self.optimiser.begin(self.iteration)
        with self.precision():
            outputs = run_chain(self.generator, batch.lr, burn_in=batch.burn_in)
            loss = content_loss(outputs, batch.hr[:, batch.burn_in :], self.config.objective.penalty)
        if torch.isfinite(loss):
            self.optimiser.backward(loss)
        metrics = finite_metrics({"content": loss, "total": loss}, self.world, self.device)
        metrics["gradient"] = self.optimiser.gradient()
        self.optimiser.step(metrics["gradient"])
        self.update_average()
        self.iteration += 1
        return metrics

    def preview(self, batch: SequenceBatch) -> Preview:
        """The first sample of a batch."""
        with torch.no_grad(), self.precision():
            outputs = run_chain(self.generator, batch.lr[:1])
        return Preview(lr=batch.lr[0], output=outputs[0], target=batch.hr[0])

    def validator(self, store: Store) -> Validator | None:
        """Fidelity and flicker on held-out clips."""
        return video_validator(self.config, store, self.device, None, lambda: self.network, self.precision)

    def standard(self) -> dict[str, Any]:
        """What scores depend on besides the weights."""
        return standard(self.config, None)


def run_chain(network: RecurrentSR, lr: Tensor, burn_in: int = 0) -> Tensor:
    """The network over whole sequences from the zero state; the frames at both ends stand for those beyond.

    :param lr:      (N, T, 3, h, w) in [0, 1].
    :param burn_in: frames that run first, without gradient, and are not returned.
    :return:        (N, T - burn_in, 3, sh, sw), unclamped.
    """
    n, length, _, height, width = lr.shape
    state = network.initial_state(n, height, width)
    offsets = range(-1, network.spec.window - 1)
    windows = [torch.cat([lr[:, min(max(t + k, 0), length - 1)] for k in offsets], dim=1) for t in range(length)]
    with torch.no_grad():
        for window in windows[:burn_in]:
            _, state = network(window, state)
    outputs = []
    for window in windows[burn_in:]:
        picture, state = network(window, state)
        outputs.append(picture)
    return torch.stack(outputs, dim=1)
