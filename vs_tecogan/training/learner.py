"""The networks in training, their optimisers, and one optimisation step."""

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from ..networks import Generator
from ..networks.perceptual import FeatureNet
from .build import build_generator
from .config import Config, OptimiserConfig
from .critics import Critics, Verdict, perceptual_term
from .deconvolution import accelerate
from .muon import Muon, is_matrix
from .parallel import any_process, average, average_gradients
from .rollout import Batch, Rollout, regression_terms, roll_out

Metrics = dict[str, float]


class NotFinite(Exception):  # noqa: N818
    """A loss is NaN or infinite; the weights have not been touched."""

    def __init__(self, terms: Metrics) -> None:
        super().__init__(", ".join(f"{name} {value:g}" for name, value in terms.items()))
        self.terms = terms


class Gate:
    """The published rule that keeps D from running away: step it only while its averaged lead is small.

    lead = mean log D(real) - mean log D(fake); its moving average starts at 0 and is not debiased.
    """

    def __init__(self, threshold: float, decay: float) -> None:
        self.threshold, self.decay = threshold, decay
        self.average = 0.0

    def update(self, lead: float) -> bool:
        """Take the lead of this iteration and say whether D is stepped in it."""
        self.average = self.decay * self.average + (1 - self.decay) * lead
        return self.threshold <= 0 or self.average < self.threshold


def learning_rate(options: OptimiserConfig, iteration: int, iterations: int) -> float:
    """Factor on all learning rates in an iteration."""
    factor = min(1.0, (iteration + 1) / options.warmup) if options.warmup else 1.0
    if options.schedule == "steps":
        return factor * 0.5 ** sum(iteration >= m for m in options.milestones)
    if options.schedule == "cosine":
        position = min(iteration / max(iterations, 1), 1.0)
        return factor * (options.lr_floor + (1 - options.lr_floor) * 0.5 * (1 + math.cos(math.pi * position)))
    return factor


def _some(group: dict[str, Any], *, matrices: bool) -> dict[str, Any]:
    """A parameter group with those parameters only that Muon takes, or that it does not."""
    return group | {"params": [p for p in group["params"] if is_matrix(p) == matrices]}


def _take_up(optimiser: Optimizer, state: dict[str, Any]) -> None:
    """Load what an optimiser has gathered; its settings stay those of the run, which may have changed since."""
    settings = [{key: value for key, value in g.items() if key != "params"} for g in optimiser.param_groups]
    optimiser.load_state_dict(state)
    for group, own in zip(optimiser.param_groups, settings, strict=True):
        group.update(own)


class Learner:
    """Everything that a step changes.

    The official trainer has separate Adams for the generator and FNet; as Adam works parameter by parameter, one with
    two groups does the same. The warp loss reaches FNet only: nothing else is in its graph.
    """

    def __init__(self, config: Config, device: torch.device, features: FeatureNet | None, world: int = 1) -> None:
        self.config, self.device, self.features, self.world = config, device, features, world
        torch.manual_seed(config.data.seed)
        layout = torch.channels_last if config.loop.channels_last else torch.contiguous_format
        self.generator: Generator = build_generator(config).to(device, memory_format=layout)  # type: ignore[call-overload]
        if device.type == "cpu":
            accelerate(self.generator)
        self.critics: Critics = Critics(config.objective).to(device, memory_format=layout)  # type: ignore[call-overload]
        optimiser = config.optimiser
        self.average: Generator | None = deepcopy(self.generator).requires_grad_(False) if optimiser.ema else None
        # One fused kernel instead of several passes over every tensor.
        rates = {"betas": (optimiser.beta1, optimiser.beta2), "eps": optimiser.epsilon, "fused": True}
        groups = [
            {"params": list(self.generator.srnet.parameters()), "lr": optimiser.lr},
            {"params": list(self.generator.fnet.parameters()), "lr": optimiser.lr * optimiser.flow_lr_factor},
        ]
        self.muon: Muon | None = None
        if optimiser.optimiser == "muon":
            self.muon = Muon([_some(group, matrices=True) for group in groups], momentum=optimiser.momentum)
            groups = [_some(group, matrices=False) for group in groups]
        self.optimiser = Adam(groups, **rates)  # type: ignore[arg-type]
        # With a rate of 0 FNet's backward pass would be for nothing, and its gradient would count in the clipping.
        trained = self.generator if optimiser.flow_lr_factor else self.generator.srnet
        self._trained: list[nn.Parameter] = list(trained.parameters())
        self.critic_optimiser: Adam | None = None
        if len(self.critics.networks):
            critic_groups = self.critics.parameter_groups(optimiser.d_lr)
            self.critic_optimiser = Adam(critic_groups, **rates)  # type: ignore[arg-type]
        self.gate = Gate(config.objective.gate, config.objective.gate_decay)
        scaling = config.loop.precision == "fp16"
        self.scaler = torch.amp.GradScaler(device.type, enabled=scaling)
        self.critic_scaler = torch.amp.GradScaler(device.type, enabled=scaling)
        self._base_rates = [[g["lr"] for g in o.param_groups] for o in self._optimisers()]
        if config.loop.compile:
            self.generator.srnet.compile()
            self.generator.fnet.compile()

    def _optimisers(self) -> list[Optimizer]:
        return [o for o in (self.optimiser, self.muon, self.critic_optimiser) if o is not None]

    @property
    def best_generator(self) -> Generator:
        """The one that is evaluated and exported: the averaged one where there is one."""
        return self.average or self.generator

    @contextmanager
    def precision(self) -> Iterator[None]:
        """Autocast to the precision of the run; flow, warps and losses are fp32 by their own doing."""
        kind = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(self.config.loop.precision)
        with torch.autocast(self.device.type, dtype=kind, enabled=kind is not None):
            yield

    def step(self, micro_batches: Iterable[Batch], iteration: int) -> Metrics:
        """One optimiser step on the micro-batches of this process.

        :return: the loss terms (weighted, averaged over micro-batches and processes) and statistics.
        :raises NotFinite: a term is NaN or infinite in some process; no weight has changed.
        """
        self._set_rates(iteration)
        for optimiser in self._optimisers():
            optimiser.zero_grad(set_to_none=True)
        parts = self.config.loop.accumulate
        sums: dict[str, Tensor] = {}
        leads: list[Tensor] = []
        open_gate = False
        for number, batch in enumerate(micro_batches, 1):
            rollout, terms, verdict = self._forward(batch, iteration)
            statistics = {"flow": rollout.flows.detach().square().sum(2).sqrt().mean()}
            if verdict is not None:
                leads.append(verdict.lead())
                # Gradients of earlier micro-batches are taken in any case: the gate is decided by the last.
                open_gate = number < parts or self._decide(leads)
                statistics |= verdict.statistics() | {"lead": leads[-1]}
                statistics |= self._critics_backward(verdict, iteration, take_gradient=open_gate)
            total = torch.stack(list(terms.values())).sum()
            # Not a NaN: warps crash on NaN coordinates in their backward pass. All processes raise together below.
            if torch.isfinite(total):
                torch.autograd.backward(self.scaler.scale(total / parts), inputs=self._trained)
            for name, value in (terms | {"total": total} | statistics).items():
                sums[name] = sums.get(name, torch.zeros((), device=self.device)) + value.detach().float() / parts
        metrics = self._finite(sums)
        metrics["gradient"] = self._gradient(self._trained, self.scaler, self.optimiser, self.muon)
        if self.critic_optimiser is not None and open_gate:
            parameters = list(self.critics.parameters())
            metrics["critic_gradient"] = self._gradient(parameters, self.critic_scaler, self.critic_optimiser)
        self._step_generator(metrics["gradient"])
        if self.critic_optimiser is not None:
            metrics["gate_average"], metrics["gate_open"] = self.gate.average, float(open_gate)
            if open_gate:
                self._step_critics(self.critic_optimiser)
        self._update_average()
        return metrics

    def _forward(self, batch: Batch, iteration: int) -> tuple[Rollout, dict[str, Tensor], Verdict | None]:
        """The generator's weighted terms on one micro-batch, and what the discriminators think of it."""
        objective = self.config.objective
        verdict = None
        with self.precision():
            rollout = roll_out(self.generator, batch, mirrored=objective.ping_pong)
            terms = regression_terms(rollout, self.generator, objective)
            if self.features is not None and objective.perceptual:
                loss = perceptual_term(
                    self.features, rollout, objective.perceptual_frames, iteration, objective.perceptual_phases
                )
                terms["perceptual"] = objective.perceptual_weight * loss
            if self.critic_optimiser is not None:
                verdict = self.critics.judge(rollout, self.generator)
                fade = min(1.0, iteration / objective.fade_in) if objective.fade_in else 1.0
                terms |= verdict.generator_terms(objective, fade)
        return rollout, terms, verdict

    def _decide(self, leads: list[Tensor]) -> bool:
        """Put the mean lead of all micro-batches and processes to the gate."""
        lead = float(average(torch.stack(leads).mean(), self.world))
        # A NaN must not enter the moving average: it would never leave it.
        return self.gate.update(lead if math.isfinite(lead) else 0.0)

    def _critics_backward(self, verdict: Verdict, iteration: int, *, take_gradient: bool) -> dict[str, Tensor]:
        """The discriminators' loss and, if wanted, its gradient for their parameters."""
        objective = self.config.objective
        loss = verdict.discriminator_loss(objective)
        statistics = {"discriminator": loss.detach()}
        if take_gradient:
            if objective.r1_weight and iteration % objective.r1_every == 0:
                penalty = objective.r1_weight * objective.r1_every * self.critics.penalty(verdict)
                statistics["penalty"] = penalty.detach()
                loss = loss + penalty
            scaled = self.critic_scaler.scale(loss / self.config.loop.accumulate)
            # The generator's gradient runs through these activations too, and is taken afterwards.
            torch.autograd.backward(scaled, inputs=list(self.critics.parameters()), retain_graph=True)
        return statistics

    def _finite(self, sums: dict[str, Tensor]) -> Metrics:
        values = average(torch.stack(list(sums.values())), self.world).tolist()
        metrics = dict(zip(sums, values, strict=True))
        if any_process(not all(math.isfinite(v) for v in values), self.world, self.device):
            raise NotFinite(metrics)
        return metrics

    def _gradient(
        self, parameters: list[nn.Parameter], scaler: torch.amp.GradScaler, *optimisers: Optimizer | None
    ) -> float:
        """Average the gradients over processes; their norm.

        :raises NotFinite: it is not finite (in fp16 that is the scaler's business: it skips the step).
        """
        average_gradients(parameters, self.world)
        for optimiser in optimisers:
            if optimiser is not None:
                scaler.unscale_(optimiser)
        norm = float(nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None]))
        if not math.isfinite(norm) and not scaler.is_enabled():
            raise NotFinite({"gradient": norm})
        return norm

    def _step_generator(self, norm: float) -> None:
        if self.config.optimiser.clip:
            nn.utils.clip_grads_with_norm_(self._trained, self.config.optimiser.clip, torch.tensor(norm))
        self.scaler.step(self.optimiser)
        if self.muon is not None:
            self.scaler.step(self.muon)
        self.scaler.update()

    def _step_critics(self, optimiser: Adam) -> None:
        self.critic_scaler.step(optimiser)
        self.critic_scaler.update()

    def _set_rates(self, iteration: int) -> None:
        factor = learning_rate(self.config.optimiser, iteration, self.config.loop.iterations)
        for optimiser, rates in zip(self._optimisers(), self._base_rates, strict=True):
            for group, rate in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = rate * factor

    @torch.no_grad()
    def _update_average(self) -> None:
        if self.average is not None:
            # One call over all tensors: their number, not their size, is what would cost.
            averaged: list[Tensor] = list(self.average.parameters())
            current: list[Tensor] = list(self.generator.parameters())
            torch._foreach_lerp_(averaged, current, 1 - self.config.optimiser.ema)

    def state_dict(self) -> dict[str, Any]:
        """All that a step depends on, as tensors and plain values."""
        return {
            "generator": self.generator.state_dict(),
            "average": self.average.state_dict() if self.average else None,
            "critics": self.critics.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "muon": self.muon.state_dict() if self.muon else None,
            "critic_optimiser": self.critic_optimiser.state_dict() if self.critic_optimiser else None,
            "gate": self.gate.average,
            "scaler": self.scaler.state_dict(),
            "critic_scaler": self.critic_scaler.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a state of the same architecture and variant."""
        self.generator.load_state_dict(state["generator"])
        if self.average is not None:
            self.average.load_state_dict(state["average"] or state["generator"])
        self.critics.load_state_dict(state["critics"])
        _take_up(self.optimiser, state["optimiser"])
        if self.muon is not None:
            _take_up(self.muon, state["muon"])
        if self.critic_optimiser is not None:
            _take_up(self.critic_optimiser, state["critic_optimiser"])
        self.gate.average = state["gate"]
        for name, scaler in (("scaler", self.scaler), ("critic_scaler", self.critic_scaler)):
            # Of a run in another precision it is empty: this one's scaler begins anew.
            if state[name]:
                scaler.load_state_dict(state[name])
