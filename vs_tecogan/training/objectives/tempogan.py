"""tempoGAN: smoke enlarged against a discriminator for space and one for time (Xie et al. 2018).

Ds sees a fine density with its coarse one; Dt sees three fine densities of which the outer two are moved to the middle
one, each along its own velocity. With ``discriminator`` none it is regression by L1 alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import Dataset

from ...fluids.advection import sample
from ...fluids.coarse import enlarge, fine_velocity
from ...fluids.inputs import network_input
from ...networks.tempogan import (
    SLOPE,
    FluidDiscriminator,
    FluidSpec,
    FluidSR,
    initialise_coarse,
    initialise_he,
    initialise_published,
)
from ..config import Config
from ..cpu import accelerate_fluid
from ..data.smoke import FRAMES, SmokeSample, SmokeSamples
from ..data.store import Store
from .base import Metrics, Preview, Validation, Validator
from .gan import GeneratorObjective, begin_average, take_init
from .smoke_scores import VALIDATION_SEEDS, SmokeScores, compare, enlarged, held_out_smoke, plain

NETWORKS = {"none": (), "ds": ("ds",), "dsdt": ("ds", "dt")}
CHANNELS = {"ds": 2, "dt": FRAMES}
EVAL_FRAMES = 24


@dataclass(frozen=True)
class SmokeBatch:
    """Triplets on the device."""

    low: Tensor
    """(N, 3, 1 + d, ...) coarse density and velocity."""
    high: Tensor
    """(N, 3, 1, ...) fine density."""


def fluid_spec(config: Config) -> FluidSpec:
    """Architecture."""
    smoke, model = config.smoke, config.model
    return FluidSpec(
        scale=model.scale,
        dimensions=smoke.dimensions,
        inputs=smoke.inputs,
        design=smoke.design,
        blocks=4 if smoke.design == "published" else model.blocks,
        channels=model.channels,
    )


def build_fluid(config: Config) -> FluidSR:
    """A fresh generator, or one that continues from the weights of ``init``.

    :raises TrainingError: those weights are of another architecture.
    """
    spec = fluid_spec(config)
    network = FluidSR(spec)
    if config.model.init:
        return take_init(network, config)
    if spec.design == "published":
        initialise_published([network])
    else:
        initialise_coarse(network)
    return network


class TempoGan(GeneratorObjective[FluidSR]):
    """Generator, discriminators, their optimisers, and a step of all. See :class:`~.base.Objective`.

    :param world: number of processes.
    :raises TrainingError: the weights of ``init`` cannot be used.
    """

    most_workers = 1

    def __init__(self, config: Config, device: torch.device, world: int = 1) -> None:
        super().__init__(config, device, world, frames=FRAMES)
        self.generator = build_fluid(config).to(device)
        if device.type == "cpu":
            accelerate_fluid(self.generator)
        self.average = begin_average(self.generator, config)
        smoke, side = config.smoke, config.data.crop * config.model.scale if config.smoke.dense else 0
        names = NETWORKS[config.objective.discriminator]
        self.discriminators = nn.ModuleDict(
            {
                name: FluidDiscriminator(
                    CHANNELS[name], smoke.dimensions, width=smoke.discriminator_width, side=side,
                    normalise=config.objective.normalisation == "batch",
                )
                for name in names
            }
        )  # fmt: skip
        if smoke.dense:
            initialise_published([self.discriminators])
        else:  # the published weights are so small that narrow discriminators hardly begin to learn
            initialise_he(self.discriminators, SLOPE)
        self.discriminators.to(device)
        rates = config.optimiser
        self.optimiser = self.optimiser_of(self.generator.parameters(), rates.lr, clip=rates.clip)
        self.d_optimiser = self.optimiser_of(self.discriminators.parameters(), rates.d_lr) if names else None

    @property
    def momentum(self) -> float:
        """Adam's first beta."""
        return self.config.smoke.beta1

    @staticmethod
    def title(config: Config) -> str:
        """The paper's names of the variants."""
        return {"none": "smoke by L1", "ds": "tempoGAN, Ds alone", "dsdt": "tempoGAN"}[config.objective.discriminator]

    @staticmethod
    def exported(config: Config, state: dict[str, Any]) -> FluidSR:
        """The network of a checkpoint, from what :meth:`state_dict` gave."""
        network = FluidSR(fluid_spec(config))
        network.load_state_dict(state["average"] or state["generator"])
        return network.eval()

    def dataset(self, store: Store) -> Dataset[SmokeSample]:
        """Smoke of its own; the store is not looked at."""
        return SmokeSamples(self.config)

    def to_batch(self, items: tuple[Tensor, ...]) -> SmokeBatch:
        """To the device."""
        low, high = (item.to(self.device, non_blocking=True) for item in items)
        return SmokeBatch(low, high)

    def step(self, batch: SmokeBatch) -> Metrics:
        """Steps of the discriminators, then of the generator.

        :raises NotFiniteError: a term or gradient is NaN or infinite in some process; the weights that it would have
            changed stay.
        """
        metrics: Metrics = {}
        self.generator.train()
        runs, shared = self.config.smoke.runs, None
        if runs == 1:  # the generator's own pass serves the discriminators too
            shared = self.enlarge(batch)
        for _ in range(runs if self.d_optimiser else 0):
            metrics |= self._discriminator_step(batch, shared)
        for _ in range(runs):
            metrics |= self._generator_step(batch, self.enlarge(batch) if shared is None else shared)
        self.update_average()
        self.iteration += 1
        return metrics

    def enlarge(self, batch: SmokeBatch) -> Tensor:
        """(N, 3, 1, ...) what the generator makes of every frame."""
        low = batch.low.flatten(0, 1)
        outputs: Tensor = self.generator(network_input(low[:, :1], low[:, 1:], self.generator.spec))
        return outputs.reshape(*batch.low.shape[:2], *outputs.shape[1:])

    def _discriminator_step(self, batch: SmokeBatch, shared: Tensor | None) -> Metrics:
        assert self.d_optimiser is not None
        if shared is None:
            with torch.no_grad():
                shared = self.enlarge(batch)
        self.d_optimiser.begin(self.iteration)
        terms, statistics = {}, {}
        for name, network in self.discriminators.items():
            real, _ = network(self.view(name, batch, batch.high))
            fake, _ = network(self.view(name, batch, shared.detach()))
            terms[f"discriminator_{name}"] = F.softplus(-real).mean() + F.softplus(fake).mean()
            statistics[f"{name}_real"] = torch.sigmoid(real.detach()).mean()
            statistics[f"{name}_fake"] = torch.sigmoid(fake.detach()).mean()
        return self.d_optimiser.descend(terms, statistics, norm="d_gradient")

    def _generator_step(self, batch: SmokeBatch, outputs: Tensor) -> Metrics:
        self.optimiser.begin(self.iteration)
        terms = self.terms(batch, outputs)
        return self.optimiser.descend(terms, {"total": torch.stack(list(terms.values())).sum()})

    def terms(self, batch: SmokeBatch, outputs: Tensor) -> dict[str, Tensor]:
        """The generator's weighted terms."""
        smoke, objective = self.config.smoke, self.config.objective
        fade = min(1.0, self.iteration / objective.fade_in) if objective.fade_in else 1.0
        difference = self.looked_at(outputs) - self.looked_at(batch.high)
        terms = {"l1": smoke.l1_weight * difference.abs().mean()}
        if smoke.tempo_l2_weight:
            moved = self.tempo(batch, outputs)
            terms["tempo_l2"] = smoke.tempo_l2_weight * moved.diff(dim=1).square().mean(0).sum(0).mean()
        for name, network in self.discriminators.items():
            fake, layers = network(self.view(name, batch, outputs))
            weight = smoke.spatial_weight if name == "ds" else smoke.tempo_weight
            terms[f"adversarial_{name}"] = fade * weight * F.softplus(-fake).mean()
            if name == "ds" and smoke.layer_weights:
                with torch.no_grad():
                    _, real = network(self.view(name, batch, batch.high))
                pairs = zip(smoke.layer_weights, layers, real, strict=True)
                squares = [w * (a - b).square().sum() / 2 for w, a, b in pairs]
                terms["layers"] = fade * torch.stack(squares).sum()
        return terms

    def looked_at(self, frames: Tensor) -> Tensor:
        """(M, 1, ...) of (N, 3, 1, ...): the frames that L1 and Ds see."""
        return frames[:, 1] if self.config.smoke.middle_only else frames.flatten(0, 1)

    def view(self, name: str, batch: SmokeBatch, fine: Tensor) -> Tensor:
        """What a discriminator sees of fine densities (N, 3, 1, ...)."""
        if name == "dt":
            return self.tempo(batch, fine)
        condition = enlarge(self.looked_at(batch.low)[:, :1], self.config.model.scale, "nearest")
        return torch.cat((condition, self.looked_at(fine)), dim=1)

    def tempo(self, batch: SmokeBatch, fine: Tensor) -> Tensor:
        """(M, 3, ...): triplets with the outer frames moved to the middle one."""
        if self.config.smoke.middle_only:  # the published batch of Dt: a third as many triplets as Ds has tiles
            count = max(len(fine) // FRAMES, 1)
            batch, fine = SmokeBatch(batch.low[:count], batch.high[:count]), fine[:count]
        frames = fine[:, :, 0]
        return (
            move_to_middle(frames, batch.low[:, :, 1:], self.config.model.scale) if self.config.smoke.advect else frames
        )

    @contextmanager
    def _evaluating(self) -> Iterator[FluidSR]:
        network, training = self.network, self.network.training
        network.eval()
        with torch.no_grad():
            yield network
        network.train(training)

    def preview(self, batch: SmokeBatch) -> Preview:
        """The first triplet, in grey; of a volume its middle slice."""
        with self._evaluating() as network:
            low = batch.low[0]
            output = network(network_input(low[:, :1], low[:, 1:], network.spec))
        return Preview(lr=_grey(low[:, :1]), output=_grey(output), target=_grey(batch.high[0]))

    def validator(self, store: Store) -> Validator:
        """Fidelity, share of detail and steadiness on scenes that no run sees."""
        config = self.config
        scale, smoke = config.model.scale, config.smoke
        frames = min(config.loop.eval_frames, EVAL_FRAMES)
        smokes = held_out_smoke(
            VALIDATION_SEEDS, grid=smoke.grid, dimensions=smoke.dimensions, scale=scale, frames=frames
        )
        bicubic = compare(plain(smokes, scale), smokes, scale)

        def validate(_: int) -> Validation:
            outputs = enlarged(self.network, smokes)
            scores = compare(outputs, smokes, scale)
            preview = Preview(
                lr=_grey(smokes[0].low[:, :1]), output=_grey(outputs[0]), target=_grey(smokes[0].high[:, :1])
            )
            values = scores.named() | {"bicubic": bicubic.psnr}
            return Validation(values=values, motion={}, score=self._score(scores), preview=preview)

        return validate

    def _score(self, scores: SmokeScores) -> float | None:
        """Fidelity chooses among regressions; nothing chooses among the adversarial ones but time."""
        return scores.psnr if self.config.objective.discriminator == "none" else None

    def standard(self) -> dict[str, Any]:
        """What scores depend on besides the weights."""
        smoke, model = self.config.smoke, self.config.model
        return {"grid": smoke.grid, "dimensions": smoke.dimensions, "scale": model.scale}

    def state_dict(self) -> dict[str, Any]:
        """All that a step depends on, as tensors and plain values."""
        return super().state_dict() | {
            "discriminators": self.discriminators.state_dict(),
            "d_optimiser": self.d_optimiser.state_dict() if self.d_optimiser else None,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a state of the same architecture and variant."""
        super().load_state_dict(state)
        self.discriminators.load_state_dict(state["discriminators"])
        if self.d_optimiser is not None:
            self.d_optimiser.load_state_dict(state["d_optimiser"])


def move_to_middle(frames: Tensor, velocity: Tensor, scale: int) -> Tensor:
    """Triplets (N, 3, ...) whose outer frames are moved one step to the middle one, each along its own velocity.

    The first goes with its flow, the last against it. Where a value would come from outside, the border stands for it.

    :param velocity: (N, 3, d, ...) coarse, in coarse cells per step.
    """
    before = sample(frames[:, :1], -fine_velocity(velocity[:, 0], scale))
    after = sample(frames[:, 2:], fine_velocity(velocity[:, 2], scale))
    return torch.cat((before, frames[:, 1:2], after), dim=1)


def _grey(frames: Tensor) -> Tensor:
    """(T, 1, ...) as pictures (T, 3, y, x) in [0, 1]."""
    flat = frames[:, :, frames.shape[2] // 2] if frames.dim() == 5 else frames
    return flat.clamp(0, 1).expand(-1, 3, -1, -1)
