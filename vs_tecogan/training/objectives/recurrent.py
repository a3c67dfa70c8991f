"""RecurrentSR trained by regression: content loss on every frame of a sequence, backpropagation through time."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from ...networks import RecurrentSR
from ..config import Config, frame_steps
from ..cpu import accelerate_recurrent
from ..data.build import build_samples
from ..data.loader import FrameCurriculum, IndexSampler, Shard
from ..data.samples import Sample, SampleIndex, Samples
from ..data.store import Store
from ..run.parallel import Processes
from .base import Metrics, Phase, Preview, Validator
from .frvsr import PRECISIONS
from .losses import content_loss
from .networks import build_recurrent, recurrent_spec
from .optimiser import NetworkOptimiser, finite_metrics
from .rollout import SequenceBatch, to_sequence_batch
from .validation import standard, video_validator


class Recurrent:
    """The network, its average and its optimisers. See :class:`~.base.Objective`.

    :param world: number of processes.
    :raises TrainingError: the weights of ``init`` cannot be used.
    """

    name = "metrics"
    most_workers = 64

    def __init__(self, config: Config, device: torch.device, world: int = 1) -> None:
        self.config, self.device, self.world = config, device, world
        self.iteration, self.iterations = 0, config.loop.iterations
        self.curriculum = FrameCurriculum(frame_steps(config), config.data.burn_in, config.data.seed)
        torch.manual_seed(config.data.seed)
        self.generator: RecurrentSR = build_recurrent(config).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if device.type == "cpu":
            accelerate_recurrent(self.generator)
        rates = config.optimiser
        self.average: RecurrentSR | None = deepcopy(self.generator).requires_grad_(False) if rates.ema else None
        self.optimiser = NetworkOptimiser(
            [{"params": list(self.generator.parameters()), "lr": rates.lr}],
            self.generator.parameters(),
            config,
            device,
            world,
            muon=rates.optimiser == "muon",
            clip=rates.clip,
        )

    @staticmethod
    def title(config: Config) -> str:  # noqa: ARG004
        """What a model of these settings is called on its card."""
        return "RecurrentSR"

    @staticmethod
    def exported(config: Config, state: dict[str, Any]) -> RecurrentSR:
        """The network of a checkpoint, as the filter takes it.

        :param state: what :meth:`state_dict` gave.
        """
        network = RecurrentSR(recurrent_spec(config))
        network.load_state_dict(state["average"] or state["generator"])
        return network

    def first(self) -> Phase | None:
        """Nothing is trained before: the flow has no weights."""
        return None

    def dataset(self, store: Store) -> Dataset[Sample]:
        """Sequences of LR and HR frames."""
        return Samples(store, build_samples(self.config), self.curriculum.longest)

    def indices(self, own: Processes) -> Sampler[list[SampleIndex]]:
        """Which of them, from the present iteration on."""
        shard = Shard(batch=self.config.data.batch, rank=own.rank, world=own.world)
        return IndexSampler(self.iteration, shard, self.curriculum)

    def to_batch(self, items: tuple[Tensor, ...]) -> SequenceBatch:
        """To the device."""
        lr, hr, teacher_forcing = items
        return to_sequence_batch(lr, hr, teacher_forcing, self.device, self.curriculum.burn_in(self.iteration))

    @contextmanager
    def precision(self) -> Iterator[None]:
        """Autocast to the precision of the run; flow, warps and losses are fp32 by their own doing."""
        kind = PRECISIONS.get(self.config.loop.precision)
        with torch.autocast(self.device.type, dtype=kind, enabled=kind is not None):
            yield

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

    @torch.no_grad()
    def update_average(self) -> None:
        """Move the averaged network towards the present one."""
        if self.average is not None:
            averaged: list[Tensor] = list(self.average.parameters())
            current: list[Tensor] = list(self.generator.parameters())
            # A young average is one of few steps: the first weights must not linger in it.
            decay = min(self.config.optimiser.ema, (1 + self.iteration) / (10 + self.iteration))
            torch._foreach_lerp_(averaged, current, 1 - decay)

    def summary(self, metrics: Metrics) -> Metrics:
        """The metrics of the last step."""
        return metrics

    def finish(self) -> None:
        """Nothing is left to do."""

    @property
    def network(self) -> RecurrentSR:
        """The averaged network where there is one."""
        return self.average or self.generator

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

    def state_dict(self) -> dict[str, Any]:
        """All that a step depends on, as tensors and plain values."""
        return {
            "iteration": self.iteration,
            "generator": self.generator.state_dict(),
            "average": self.average.state_dict() if self.average else None,
            "optimiser": self.optimiser.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a state of the same architecture."""
        self.iteration = state["iteration"]
        self.generator.load_state_dict(state["generator"])
        if self.average is not None:
            self.average.load_state_dict(state["average"] or state["generator"])
        self.optimiser.load_state_dict(state["optimiser"])


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
