"""TecoGAN: FRVSR's generator against spatial, temporal or spatio-temporal discriminators (Chu et al. 2020).

The variants are those of the paper: Ds alone, Ds with Dt, and Dst on triplets of frames, each with or without
ping-pong sequences.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ...networks import Generator, RecurrentSR
from ...networks.discriminators import Discriminator
from ...networks.feature_discriminator import FeatureDiscriminator, feature_scales
from ...networks.perceptual import FeatureNet
from ..config import Config, ObjectiveConfig
from ..run.parallel import average
from .base import Metrics
from .frvsr import Frvsr
from .losses import (
    balance,
    discriminator_adversarial,
    feature_loss,
    generator_adversarial,
    gradient_penalty,
)
from .optimiser import NetworkOptimiser, finite_metrics
from .recurrent import Recurrent
from .rollout import Mover, Rollout, SequenceBatch, Views
from .sequence import (
    spatial_input,
    spatio_temporal_input,
    temporal_input,
    triplet_flows,
    triplets,
)
from .sequences import SequenceObjective

VARIANTS: dict[str, dict[str, int]] = {
    "ds": {"ds": 6},
    "dsdt": {"ds": 6, "dt": 9},
    "dst": {"dst": 27},
    "projected": {},
    "dst-projected": {"dst": 27},
}
"""Networks on pixels of each variant and their input channels."""
PROJECTED = "projected"
"""The network on features, of variants whose name ends so."""
TITLES = {
    "ds": "DsOnly",
    "dsdt": "DsDt",
    "dst": "Dst",
    "projected": "Projected GAN",
    "dst-projected": "Dst with Projected GAN",
}
TEMPORAL_LR_FACTOR = 0.3
"""Learning rate of the unconditional Dt as a part of the others' (TecoGAN ``lib/Teco.py``)."""
GATE_DECAY = 0.99
"""Decay of the moving average of the discriminators' lead (TecoGAN ``lib/Teco.py``)."""
R1_EVERY = 16
"""Iterations between two R1 penalties (lazy regularisation, Karras et al. 2020)."""


@dataclass(frozen=True)
class DiscriminatorOutput:
    """One discriminator on a rollout; gradients reach the generator through ``fake`` only."""

    real_input: Tensor | None
    """What the R1 penalty is taken of."""
    real: Tensor
    fake: Tensor
    real_features: list[Tensor]
    fake_features: list[Tensor]


@dataclass(frozen=True)
class DiscriminatorOutputs:
    """All discriminators on a rollout."""

    outputs: dict[str, DiscriminatorOutput]

    def lead(self) -> Tensor:
        """How far the discriminators are ahead: mean over them of mean log D(real) - mean log D(fake)."""
        return torch.stack([balance(o.fake, o.real) for o in self.outputs.values()]).mean().detach()

    def loss(self) -> Tensor:
        """Sum over the networks; take its gradient for the discriminators' parameters only."""
        return torch.stack([discriminator_adversarial(o.fake, o.real) for o in self.outputs.values()]).sum()

    def generator_terms(self, options: ObjectiveConfig, fade: float) -> dict[str, Tensor]:
        """Weighted adversarial and feature terms; take their gradient for the generator's parameters only.

        :param fade: part of both weights that is in force.
        """
        terms: dict[str, Tensor] = {}
        for name, o in self.outputs.items():
            terms[f"adversarial_{name}"] = fade * options.adversarial_weight * generator_adversarial(o.fake)
            if options.feature_weight and o.real_features:
                loss = feature_loss(o.fake_features, [f.detach() for f in o.real_features])
                terms[f"feature_{name}"] = fade * options.feature_weight * loss
        return terms

    def statistics(self) -> dict[str, Tensor]:
        """Mean probability given to real and generated input by each network."""
        result = {}
        for name, o in self.outputs.items():
            result[f"{name}_real"] = torch.sigmoid(o.real.detach().float()).mean()
            result[f"{name}_fake"] = torch.sigmoid(o.fake.detach().float()).mean()
        return result


class Discriminators(nn.Module):
    """The discriminators of one variant.

    :param layers: channels of the perceptual network's layers, for the variants that see these.
    """

    def __init__(self, options: ObjectiveConfig, layers: Sequence[int] = ()) -> None:
        super().__init__()
        inputs, kind = VARIANTS[options.discriminator], options.normalisation
        self.networks = nn.ModuleDict({name: Discriminator(n, kind) for name, n in inputs.items()})
        if options.discriminator.endswith(PROJECTED):
            self.networks[PROJECTED] = FeatureDiscriminator(layers, kind)

    def inputs(self, rollout: Rollout, generator: Mover) -> Iterator[tuple[str, Tensor, Tensor]]:
        """(name, real, fake) for each network; flows carry no gradient and are the same for real and fake."""
        if "ds" in self.networks:
            lr = rollout.lr.flatten(0, 1)
            yield "ds", spatial_input(rollout.hr.flatten(0, 1), lr), spatial_input(rollout.outputs.flatten(0, 1), lr)
        if self.networks.keys() & {"dt", "dst"}:
            low = triplet_flows(rollout.flows, rollout.lr, rollout.mirrored, generator.estimate_flow)
            before, after = (generator.upsample_flow(flow) for flow in low)
            real, fake, lr = (triplets(x) for x in (rollout.hr, rollout.outputs, rollout.lr))
            if "dt" in self.networks:
                yield "dt", temporal_input(real, before, after), temporal_input(fake, before, after)
            if "dst" in self.networks:
                real, fake = (spatio_temporal_input(x, before, after, lr) for x in (real, fake))
                yield "dst", real, fake

    def forward(self, rollout: Rollout, generator: Mover, views: Views | None = None) -> DiscriminatorOutputs:
        """Run every network once on real and once on generated input.

        One pass over the generated input serves both sides: the caller takes each loss's gradient for the parameters
        that it trains and for no others.

        :param views: what the network on features sees.
        """
        outputs = {}
        for name, real_input, fake_input in self.inputs(rollout, generator):
            real, real_features = self.networks[name](real_input)
            fake, fake_features = self.networks[name](fake_input)
            outputs[name] = DiscriminatorOutput(real_input, real, fake, real_features, fake_features)
        if PROJECTED in self.networks and views is not None:
            scales = feature_scales(views.real)
            real, fake = (self.networks[PROJECTED](x, scales) for x in (views.real, views.fake))
            outputs[PROJECTED] = DiscriminatorOutput(None, real, fake, [], [])
        return DiscriminatorOutputs(outputs)

    def penalty(self, outputs: DiscriminatorOutputs) -> Tensor:
        """R1 over all networks on pixels, in fp32 outside autocast."""
        total = torch.zeros((), device=next(self.parameters()).device)
        for name, output in outputs.outputs.items():
            if output.real_input is None:
                continue
            real_input = output.real_input.detach().requires_grad_()
            with torch.autocast(real_input.device.type, enabled=False):
                logits, _ = self.networks[name](real_input)
                total = total + gradient_penalty(logits, real_input)
        return total

    def parameter_groups(self, lr: float) -> list[dict[str, Any]]:
        """Optimiser groups; Dt learns more slowly, as published."""
        return [
            {"params": list(network.parameters()), "lr": lr * (TEMPORAL_LR_FACTOR if name == "dt" else 1.0)}
            for name, network in self.networks.items()
        ]


def layer_channels(net: FeatureNet, device: torch.device) -> list[int]:
    """Channels of a perceptual network's layers."""
    with torch.no_grad():
        return [layer.shape[1] for layer in net.layers(torch.zeros(1, 3, 32, 32, device=device))]


class Gate:
    """The published rule that keeps D from running away: step it only while its averaged lead is small.

    lead = mean log D(real) - mean log D(fake); its moving average starts at 0 and is not debiased.
    """

    def __init__(self, threshold: float) -> None:
        self.threshold, self.average = threshold, 0.0

    def update(self, lead: float) -> bool:
        """Take the lead of this iteration and say whether D is stepped in it."""
        self.average = GATE_DECAY * self.average + (1 - GATE_DECAY) * lead
        return self.threshold <= 0 or self.average < self.threshold


class Adversarial[N: nn.Module](SequenceObjective[N]):
    """The discriminators, and a step of generator and discriminators; stands before the generator's own class."""

    def __init__(self, config: Config, device: torch.device, world: int = 1) -> None:
        super().__init__(config, device, world)  # type: ignore[call-arg]  # that of the generator's own class
        layers = () if self.features is None else layer_channels(self.features, device)
        self.discriminators: Discriminators = Discriminators(config.objective, layers).to(
            device, memory_format=torch.channels_last
        )  # type: ignore[call-overload]
        groups = self.discriminators.parameter_groups(config.optimiser.d_lr)
        self.d_optimiser = NetworkOptimiser(groups, self.discriminators.parameters(), config, device, world)
        self.gate = Gate(config.objective.gate)

    @staticmethod
    def title(config: Config) -> str:
        """The paper's name of the variant."""
        variant = TITLES[config.objective.discriminator]
        if not config.objective.ping_pong:
            return variant
        return "TecoGAN" if variant == "Dst" else f"{variant} with ping-pong"

    def step(self, batch: SequenceBatch) -> Metrics:
        """One optimiser step of the generator and, through an open gate, of the discriminators.

        :raises NotFiniteError: a term or gradient is NaN or infinite in some process; no weight has changed.
        """
        options = self.config.objective
        self.optimiser.begin(self.iteration)
        self.d_optimiser.begin(self.iteration)
        with self.precision():
            rollout = self.roll_out(batch)
            views = self.views(rollout)
            outputs: DiscriminatorOutputs = self.discriminators(rollout, self.generator, views)
            fade = min(1.0, self.iteration / options.fade_in) if options.fade_in else 1.0
            terms = self.terms(rollout, views) | outputs.generator_terms(options, fade)
        lead = outputs.lead()
        gate_open = self._decide(lead)
        statistics = self.statistics(rollout) | outputs.statistics() | {"lead": lead}
        statistics |= self._discriminators_backward(outputs, take_gradient=gate_open)
        total = self.generator_backward(terms)
        metrics = finite_metrics(terms | {"total": total} | statistics, self.world, self.device)
        metrics["gradient"] = self.optimiser.gradient()
        if gate_open:
            metrics["d_gradient"] = self.d_optimiser.gradient()
        self.optimiser.step(metrics["gradient"])
        if gate_open:
            self.d_optimiser.step(metrics["d_gradient"])
        metrics["gate_average"], metrics["gate_open"] = self.gate.average, float(gate_open)
        self.update_average()
        self.iteration += 1
        return metrics

    def _decide(self, lead: Tensor) -> bool:
        """Put the mean lead of all processes to the gate."""
        value = float(average(lead, self.world))
        # A NaN must not enter the moving average: it would never leave it.
        return self.gate.update(value if math.isfinite(value) else 0.0)

    def _discriminators_backward(self, outputs: DiscriminatorOutputs, *, take_gradient: bool) -> dict[str, Tensor]:
        """The discriminators' loss and, if wanted, its gradient for their parameters."""
        weight = self.config.objective.r1_weight
        loss = outputs.loss()
        statistics = {"discriminator": loss.detach()}
        if take_gradient:
            if weight and self.iteration % R1_EVERY == 0:
                penalty = weight * R1_EVERY * self.discriminators.penalty(outputs)
                statistics["penalty"] = penalty.detach()
                loss = loss + penalty
            # The generator's gradient runs through these activations too, and is taken afterwards.
            self.d_optimiser.backward(loss, retain_graph=True)
        return statistics

    def summary(self, metrics: Metrics) -> Metrics:
        """The given means, and both learning rates."""
        return super().summary(metrics) | {"d_lr": self.d_optimiser.rate}

    def state_dict(self) -> dict[str, Any]:
        """That of the generator, and the discriminators'."""
        return super().state_dict() | {
            "discriminators": self.discriminators.state_dict(),
            "d_optimiser": self.d_optimiser.state_dict(),
            "gate": self.gate.average,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a state of the same architecture and variant."""
        super().load_state_dict(state)
        self.discriminators.load_state_dict(state["discriminators"])
        self.d_optimiser.load_state_dict(state["d_optimiser"])
        self.gate.average = state["gate"]


class TecoGan(Adversarial[Generator], Frvsr):
    """With FRVSR's generator, as published."""


class RecurrentTecoGan(Adversarial[RecurrentSR], Recurrent):
    """With RecurrentSR; the flows of its triplets have no weights either."""
