"""What all objectives share whose samples are sequences: data, precision, average, logs and checkpoints."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import cast

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset, Sampler

from ..config import Config, frame_steps
from ..data.build import build_samples
from ..data.loader import FrameCurriculum, IndexSampler, Shard
from ..data.samples import Sample, SampleIndex, Samples
from ..data.store import Store
from ..precision import autocast_type
from ..run.parallel import Processes
from .averaged import AveragedGenerator
from .base import Metrics
from .networks import build_feature_net
from .optimiser import Group, NetworkOptimiser, finite_metrics
from .rollout import (
    Mover,
    Rollout,
    SequenceBatch,
    Views,
    perceptual_term,
    perceptual_views,
    regression_terms,
    to_sequence_batch,
)


class SequenceObjective[N: nn.Module](AveragedGenerator[N], ABC):
    """A generator of the class ``N``, its average, its optimiser and a step of regression.

    A subclass says how the generator runs over a batch, and what terms it has of its own.

    :param build: makes the generator, from the settings.
    :param world: number of processes.
    :raises TrainingError: the weights of ``init``, or those of the perceptual network, cannot be used.
    """

    name = "metrics"
    most_workers = 64

    def __init__(self, config: Config, device: torch.device, world: int, build: Callable[[Config], N]) -> None:
        self.features = build_feature_net(config, device)
        self.config, self.device, self.world = config, device, world
        self.iteration, self.iterations = 0, config.loop.iterations
        self.curriculum = FrameCurriculum(frame_steps(config), config.data.burn_in, config.data.seed)
        torch.manual_seed(config.data.seed)
        self.generator: N = build(config).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if device.type == "cpu":
            self.accelerate()
        self.average: N | None = deepcopy(self.generator).requires_grad_(False) if config.optimiser.ema else None
        trained, groups = self.trained()
        rates = config.optimiser
        self.optimiser = NetworkOptimiser(
            groups, trained, config, device, world, muon=rates.optimiser == "muon", clip=rates.clip
        )

    @abstractmethod
    def roll_out(self, batch: SequenceBatch) -> Rollout:
        """Run the generator over a batch."""

    def own_terms(self, rollout: Rollout) -> dict[str, Tensor]:
        """Weighted terms of this kind of generator alone."""
        return {}

    def statistics(self, rollout: Rollout) -> dict[str, Tensor]:
        """What is logged of a rollout beside its terms."""
        return {}

    def views(self, rollout: Rollout) -> Views | None:
        """What the perceptual network sees of a rollout, if the run has one."""
        if self.features is None:
            return None
        options = self.config.objective
        return perceptual_views(
            self.features, rollout, options.perceptual_frames, self.iteration, options.perceptual_phases
        )

    def terms(self, rollout: Rollout, views: Views | None = None) -> dict[str, Tensor]:
        """The generator's weighted terms of regression and, of what it sees, of the perceptual network."""
        options = self.config.objective
        regression = regression_terms(rollout, cast(Mover, self.generator), options)
        terms = {"content": regression.pop("content")} | self.own_terms(rollout) | regression
        if self.features is not None and views is not None and options.perceptual_weight:
            terms["perceptual"] = options.perceptual_weight * perceptual_term(self.features, views)
        return terms

    def step(self, batch: SequenceBatch) -> Metrics:
        """One optimiser step on the samples of this process.

        :raises NotFiniteError: a term or gradient is NaN or infinite in some process; no weight has changed.
        """
        self.optimiser.begin(self.iteration)
        with self.precision():
            rollout = self.roll_out(batch)
            terms = self.terms(rollout, self.views(rollout))
        total = self.generator_backward(terms)
        metrics = finite_metrics(terms | {"total": total} | self.statistics(rollout), self.world, self.device)
        metrics["gradient"] = self.optimiser.gradient()
        self.optimiser.step(metrics["gradient"])
        self.update_average()
        self.iteration += 1
        return metrics

    def generator_backward(self, terms: dict[str, Tensor]) -> Tensor:
        """Sum of the terms, after its gradient was taken for the generator."""
        total = torch.stack(list(terms.values())).sum()
        # Not of a NaN: warps crash on NaN coordinates in their backward pass. All processes raise together later.
        if torch.isfinite(total):
            self.optimiser.backward(total)
        return total

    @abstractmethod
    def accelerate(self) -> None:
        """Replace the generator's layers by faster ones, on the CPU."""

    def trained(self) -> tuple[Iterable[nn.Parameter], list[Group]]:
        """The parameters that get a gradient, and the groups of all parameters with their learning rates."""
        parameters = list(self.generator.parameters())
        return parameters, [{"params": parameters, "lr": self.config.optimiser.lr}]

    def average_decay(self) -> float:
        """Part of the averaged generator that a step leaves as it is."""
        return self.config.optimiser.ema

    def dataset(self, store: Store) -> Dataset[Sample]:
        """Sequences of LR and HR frames."""
        return Samples(store, build_samples(self.config), self.curriculum.longest)

    def indices(self, own: Processes) -> Sampler[list[SampleIndex]]:
        """Which of them, from the present iteration on."""
        shard = Shard(batch=self.config.data.batch, rank=own.rank, world=own.world)
        return IndexSampler(self.iteration, shard, self.curriculum)

    def to_batch(self, items: tuple[Tensor, ...]) -> SequenceBatch:
        """To the device."""
        return to_sequence_batch(items, self.device, self.curriculum.burn_in(self.iteration))

    @contextmanager
    def precision(self) -> Iterator[None]:
        """Autocast to the precision of the run; flow, warps and losses are fp32 by their own doing."""
        kind = autocast_type(self.config.loop.precision, self.device)
        with torch.autocast(self.device.type, dtype=kind, enabled=kind is not None):
            yield

    @torch.no_grad()
    def update_average(self) -> None:
        """Move the averaged generator towards the present one."""
        if self.average is not None:
            # One call over all tensors: their number, not their size, is what would cost.
            averaged: list[Tensor] = list(self.average.parameters())
            current: list[Tensor] = list(self.generator.parameters())
            torch._foreach_lerp_(averaged, current, 1 - self.average_decay())

    def summary(self, metrics: Metrics) -> Metrics:
        """The given means, and the learning rate of the last step."""
        return metrics | {"lr": self.optimiser.rate}

    def finish(self) -> None:
        """Nothing is left to do."""
