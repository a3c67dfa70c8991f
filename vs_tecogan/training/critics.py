"""The discriminators of every variant, and what the generator and they minimise."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..networks import Generator
from ..networks.discriminators import Discriminator
from ..networks.perceptual import FeatureNet
from .config import ObjectiveConfig
from .losses import (
    balance,
    discriminator_adversarial,
    feature_loss,
    generator_adversarial,
    gradient_penalty,
    perceptual_loss,
)
from .rollout import Rollout
from .sequence import (
    spatial_input,
    spatio_temporal_input,
    temporal_input,
    triplet_flows,
    triplets,
)

VARIANTS: dict[str, dict[str, int]] = {"none": {}, "ds": {"ds": 6}, "dsdt": {"ds": 6, "dt": 9}, "dst": {"dst": 27}}
"""Networks of each variant and their input channels."""
TEMPORAL_LR_FACTOR = 0.3
"""Learning rate of the unconditional Dt as a share of the others' (TecoGAN ``lib/Teco.py``)."""


@dataclass(frozen=True)
class Judgement:
    """One discriminator's view of a rollout; gradients reach the generator through ``fake`` only."""

    real_input: Tensor
    real: Tensor
    fake: Tensor
    real_features: list[Tensor]
    fake_features: list[Tensor]


@dataclass(frozen=True)
class Verdict:
    """All discriminators' views."""

    judgements: dict[str, Judgement]

    def lead(self) -> Tensor:
        """How far the discriminators are ahead: mean over them of mean log D(real) - mean log D(fake)."""
        return torch.stack([balance(j.fake, j.real) for j in self.judgements.values()]).mean().detach()

    def discriminator_loss(self, objective: ObjectiveConfig) -> Tensor:
        """Sum over the networks; take its gradient for the discriminators' parameters only."""
        losses = [discriminator_adversarial(j.fake, j.real, objective.adversarial) for j in self.judgements.values()]
        return torch.stack(losses).sum()

    def generator_terms(self, objective: ObjectiveConfig, fade: float) -> dict[str, Tensor]:
        """Weighted adversarial and feature terms; take their gradient for the generator's parameters only.

        :param fade: share of both weights that is in force.
        """
        terms: dict[str, Tensor] = {}
        for name, j in self.judgements.items():
            loss = generator_adversarial(j.fake, j.real.detach(), objective.adversarial)
            terms[f"adversarial_{name}"] = fade * objective.adversarial_weight * loss
            if objective.feature_weight:
                loss = feature_loss(j.fake_features, [f.detach() for f in j.real_features])
                terms[f"feature_{name}"] = fade * objective.feature_weight * loss
        return terms

    def statistics(self) -> dict[str, Tensor]:
        """Mean probability given to real and generated input by each network."""
        result = {}
        for name, j in self.judgements.items():
            result[f"{name}_real"] = torch.sigmoid(j.real.detach().float()).mean()
            result[f"{name}_fake"] = torch.sigmoid(j.fake.detach().float()).mean()
        return result


class Critics(nn.Module):
    """The discriminators of one variant."""

    def __init__(self, objective: ObjectiveConfig) -> None:
        super().__init__()
        self.networks = nn.ModuleDict(
            {name: Discriminator(n, objective.normalisation) for name, n in VARIANTS[objective.discriminator].items()}
        )

    def inputs(self, rollout: Rollout, generator: Generator) -> Iterator[tuple[str, Tensor, Tensor]]:
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

    def judge(self, rollout: Rollout, generator: Generator) -> Verdict:
        """Run every network once on real and once on generated input.

        One pass over the generated input serves both sides: the caller takes each loss's gradient for the parameters
        that it trains and for no others.
        """
        judgements = {}
        for name, real_input, fake_input in self.inputs(rollout, generator):
            real, real_features = self.networks[name](real_input)
            fake, fake_features = self.networks[name](fake_input)
            judgements[name] = Judgement(real_input, real, fake, real_features, fake_features)
        return Verdict(judgements)

    def penalty(self, verdict: Verdict) -> Tensor:
        """R1 over all networks, in fp32 outside autocast."""
        total = torch.zeros((), device=next(self.parameters()).device)
        for name, judgement in verdict.judgements.items():
            real_input = judgement.real_input.detach().requires_grad_()
            with torch.autocast(real_input.device.type, enabled=False):
                logits, _ = self.networks[name](real_input)
                total = total + gradient_penalty(logits, real_input)
        return total

    def parameter_groups(self, lr: float) -> list[dict[str, object]]:
        """Optimiser groups; Dt learns more slowly, as published."""
        return [
            {"params": list(network.parameters()), "lr": lr * (TEMPORAL_LR_FACTOR if name == "dt" else 1.0)}
            for name, network in self.networks.items()
        ]


def perceptual_term(net: FeatureNet, rollout: Rollout, frames: int, iteration: int, phases: int = 1) -> Tensor:
    """Perceptual loss on all frames, or on ``frames`` of them, evenly spread and moving on with the iterations.

    In a ping-pong sequence every target occurs twice; its features are computed once. The view begins up to
    ``phases - 1`` pixels further down and right, by turns: the network's first layers step by 2 and 4, and a generator
    that always meets them in the same place learns to please those pixels alone.

    :param frames: how many of the T frames are looked at; 0 for all.
    :param phases: beginnings of the view along each axis; 1 looks at whole frames.
    """
    row, column = iteration % phases, iteration // phases % phases
    count = rollout.outputs.shape[1]
    chosen = list(range(count))
    if 0 < frames < count:
        chosen = sorted({(iteration + round(k * count / frames)) % count for k in range(frames)})
    turning = count // 2
    targets = [count - 1 - t if rollout.mirrored and t > turning else t for t in chosen]
    unique = sorted(set(targets))
    with torch.no_grad():
        real = net.features(rollout.hr[:, unique, :, row:, column:].flatten(0, 1))
    position = [unique.index(t) for t in targets]
    fake = net.features(rollout.outputs[:, chosen, :, row:, column:].flatten(0, 1))
    samples = rollout.outputs.shape[0]
    return perceptual_loss(fake, [f.view(samples, -1, *f.shape[1:])[:, position].flatten(0, 1) for f in real])
