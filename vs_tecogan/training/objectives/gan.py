"""What objectives share whose generators learn against discriminators: optimisers, average, logs and checkpoints."""

from collections.abc import Iterable
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.utils.data import Sampler

from ..config import Config
from ..data.loader import FrameCurriculum, IndexSampler, Shard
from ..data.samples import SampleIndex
from ..run.parallel import Processes
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
