"""What objectives share whose generators learn against discriminators: optimisers, average, logs and checkpoints."""

from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Sampler

from ...errors import TrainingError
from ...weights import load_model
from ..config import Config
from ..data.loader import FrameCurriculum, IndexSampler, Shard
from ..data.samples import SampleIndex
from ..run.parallel import Processes
from .adversarial import lazy_r1, non_saturating_d
from .averaged import AveragedGenerator
from .base import Metrics, Phase
from .optimiser import NetworkOptimiser


class GanObjective:
    """Settings, the count of iterations, and what all of these objectives do alike.

    :param frames: of a sample.
    :param world: number of processes.
    """

    name = "metrics"

    def __init__(self, config: Config, device: torch.device, world: int, *, frames: int) -> None:
        self.config, self.device, self.world = config, device, world
        self.iteration, self.iterations = 0, config.loop.iterations
        self._curriculum = FrameCurriculum(((0, frames),))
        torch.manual_seed(config.data.seed)

    @property
    def momentum(self) -> float:
        """Adam's first beta."""
        return self.config.style.momentum

    def optimiser_of(self, trained: Iterable[nn.Parameter], rate: float, *, clip: float = 0.0) -> NetworkOptimiser:
        """Adam for one side."""
        parameters = list(trained)
        group = {"params": parameters, "lr": rate, "betas": (self.momentum, self.config.optimiser.beta2)}
        return NetworkOptimiser([group], parameters, self.config, self.device, self.world, clip=clip)

    def first(self) -> Phase | None:
        """Nothing is trained before."""
        return None

    def indices(self, own: Processes) -> Sampler[list[SampleIndex]]:
        """From the present iteration on."""
        shard = Shard(batch=self.config.data.batch, rank=own.rank, world=own.world)
        return IndexSampler(self.iteration, shard, self._curriculum)

    def summary(self, metrics: Metrics) -> Metrics:
        """The metrics of the last step."""
        return metrics

    def finish(self) -> None:
        """Nothing is left to do."""


class GeneratorObjective[N: nn.Module](AveragedGenerator[N], GanObjective):
    """With a generator that is trained as a whole: a subclass sets it, its average and its optimiser."""

    def update_average(self) -> None:
        """Move the averaged network towards the present one."""
        move_average(self.average, self.generator, self.config, self.iteration)


class JudgedObjective[N: nn.Module](GeneratorObjective[N]):
    """With one discriminator: a subclass sets it and its optimiser. Losses are non-saturating, R1 is lazy."""

    discriminator: nn.Module
    d_optimiser: NetworkOptimiser

    def discriminate(self, judge: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Metrics:
        """A step of the discriminator.

        :param judge: logits (N,) of a batch, by the discriminator.
        :param real: a batch; :param fake: another one, without gradient.
        :raises NotFiniteError: a term or gradient is NaN or infinite in some process; the weights stay.
        """
        self.d_optimiser.begin(self.iteration)
        ours, theirs = judge(real), judge(fake)
        terms = {"discriminator": non_saturating_d(ours, theirs)}
        weight, every = self.config.objective.r1_weight, self.config.style.penalty_every
        penalty = lazy_r1(judge, real, weight, self.iteration, every)
        if penalty is not None:
            terms["r1"] = penalty
        statistics = {"d_real": torch.sigmoid(ours.detach()).mean(), "d_fake": torch.sigmoid(theirs.detach()).mean()}
        return self.d_optimiser.descend(terms, statistics, norm="d_gradient")

    def state_dict(self) -> dict[str, Any]:
        """All that a step depends on, as tensors and plain values."""
        return super().state_dict() | {
            "discriminator": self.discriminator.state_dict(),
            "d_optimiser": self.d_optimiser.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a state of the same architecture."""
        super().load_state_dict(state)
        self.discriminator.load_state_dict(state["discriminator"])
        self.d_optimiser.load_state_dict(state["d_optimiser"])


def take_init[N: nn.Module](network: N, config: Config) -> N:
    """A fresh network with a ``spec``, with the weights of ``init`` if the settings name any.

    :raises TrainingError: those weights are of another architecture.
    """
    if config.model.init:
        found = load_model(config.model.init).network
        if type(found) is not type(network) or found.spec != network.spec:
            raise TrainingError(f"init: {config.model.init} is {found.spec}; the run asks for {network.spec}")
        network.load_state_dict(found.state_dict())
    return network


def begin_average[N: nn.Module](network: N, config: Config) -> N | None:
    """A copy that is not trained; None where the settings ask for no average."""
    return deepcopy(network).requires_grad_(False) if config.optimiser.ema else None


@torch.no_grad()
def move_average(average: nn.Module | None, network: nn.Module, config: Config, iteration: int) -> None:
    """Move averaged weights towards the present ones; buffers are copied.

    The average begins short, while weights still move far, and becomes as long as the settings ask for.
    """
    if average is None:
        return
    decay = min(config.optimiser.ema, (1 + iteration) / (10 + iteration))
    averaged: list[Tensor] = list(average.parameters())
    current: list[Tensor] = list(network.parameters())
    torch._foreach_lerp_(averaged, current, 1 - decay)
    for ours, theirs in zip(average.buffers(), network.buffers(), strict=True):
        ours.copy_(theirs)
