"""FRVSR: the frame-recurrent generator trained by regression (Sajjadi et al. 2018), and the base of TecoGAN."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from ...networks import Generator
from ..config import Config, frame_steps
from ..cpu import accelerate
from ..data.build import build_samples
from ..data.loader import FrameCurriculum, IndexSampler, Shard
from ..data.samples import Sample, SampleIndex, Samples
from ..data.store import Store
from ..run.parallel import Processes
from .base import Metrics, Phase, Preview, Validator
from .flow import FlowPretraining
from .networks import build_feature_net, build_generator, build_spec
from .optimiser import NetworkOptimiser, finite_metrics
from .rollout import Rollout, SequenceBatch, perceptual_term, regression_terms, roll_out, to_sequence_batch
from .validation import standard, video_validator

log = logging.getLogger(__name__)

PRECISIONS = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Frvsr:
    """Everything that a step changes: the generator, its average and its optimisers.

    The official trainer has separate Adams for the generator and FNet; as Adam works parameter by parameter, one with
    two groups does the same. The warp loss reaches FNet only: nothing else is in its graph.

    :param world: number of processes.
    :raises TrainingError: the weights of ``init``, or those of the perceptual network, cannot be used.
    """

    name = "metrics"
    most_workers = 64

    def __init__(self, config: Config, device: torch.device, world: int = 1) -> None:
        self.config, self.device, self.world = config, device, world
        self.iteration, self.iterations = 0, config.loop.iterations
        self.curriculum = FrameCurriculum(frame_steps(config), config.data.burn_in, config.data.seed)
        self.features = build_feature_net(config, device)
        torch.manual_seed(config.data.seed)
        self.generator: Generator = build_generator(config).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if device.type == "cpu":
            accelerate(self.generator)
        rates = config.optimiser
        self.average: Generator | None = deepcopy(self.generator).requires_grad_(False) if rates.ema else None
        # With a rate of 0 FNet's backward pass would be for nothing, and its gradient would count in the clipping.
        trained = self.generator if rates.flow_lr_factor else self.generator.srnet
        self.optimiser = NetworkOptimiser(
            [
                {"params": list(self.generator.srnet.parameters()), "lr": rates.lr},
                {"params": list(self.generator.fnet.parameters()), "lr": rates.lr * rates.flow_lr_factor},
            ],
            trained.parameters(),
            config,
            device,
            world,
            muon=rates.optimiser == "muon",
            clip=rates.clip,
        )

    @staticmethod
    def title(config: Config) -> str:  # noqa: ARG004
        """What a model of these settings is called on its card."""
        return "FRVSR"

    @staticmethod
    def exported(config: Config, state: dict[str, Any]) -> Generator:
        """The network of a checkpoint, as the filter takes it.

        :param state: what :meth:`state_dict` gave.
        """
        generator = Generator(build_spec(config))
        generator.load_state_dict(state["average"] or state["generator"])
        return generator

    def first(self) -> Phase | None:
        """FNet alone on known motion, where the settings ask for it and FNet is new."""
        if not self.config.flow.flow_pretraining:
            return None
        if self.config.model.init:
            log.info("no flow pre-training: FNet comes from %s", self.config.model.init)
            return None
        return FlowPretraining(self.config, self.generator, self.device, self.world, self.average)

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

    def terms(self, rollout: Rollout) -> dict[str, Tensor]:
        """The generator's weighted terms of regression and of the perceptual network."""
        options = self.config.objective
        terms = regression_terms(rollout, self.generator, options)
        if self.features is not None and options.perceptual_weight:
            loss = perceptual_term(
                self.features, rollout, options.perceptual_frames, self.iteration, options.perceptual_phases
            )
            terms["perceptual"] = options.perceptual_weight * loss
        return terms

    def step(self, batch: SequenceBatch) -> Metrics:
        """One optimiser step on the samples of this process.

        :raises NotFiniteError: a term or gradient is NaN or infinite in some process; no weight has changed.
        """
        self.optimiser.begin(self.iteration)
        with self.precision():
            rollout = roll_out(self.generator, batch, mirrored=self.config.objective.ping_pong)
            terms = self.terms(rollout)
        total = self.generator_backward(terms)
        metrics = finite_metrics(terms | {"total": total} | flow_length(rollout), self.world, self.device)
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

    @torch.no_grad()
    def update_average(self) -> None:
        """Move the averaged generator towards the present one."""
        if self.average is not None:
            # One call over all tensors: their number, not their size, is what would cost.
            averaged: list[Tensor] = list(self.average.parameters())
            current: list[Tensor] = list(self.generator.parameters())
            torch._foreach_lerp_(averaged, current, 1 - self.config.optimiser.ema)

    def summary(self, metrics: Metrics) -> Metrics:
        """The metrics of the last step."""
        return metrics

    def finish(self) -> None:
        """Nothing is left to do."""

    @property
    def network(self) -> Generator:
        """The averaged generator where there is one."""
        return self.average or self.generator

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


def flow_length(rollout: Rollout) -> dict[str, Tensor]:
    """Mean length of the flow, LR pixels."""
    return {"flow": rollout.flows.detach().square().sum(2).sqrt().mean()}
