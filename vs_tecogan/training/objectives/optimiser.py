"""Optimisers with what surrounds a step: schedule, loss scaling, averaging over processes, clipping."""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from ..config import Config
from ..rates import learning_rate
from ..run.parallel import any_process, average, average_gradients
from .base import Metrics, NotFiniteError
from .muon import Muon, is_matrix

BETA1 = 0.9
EPSILON = 1e-8

Group = dict[str, Any]


class NetworkOptimiser:
    """The optimisers of one network, or of several that are stepped together.

    :param groups: parameter groups for Adam, each with its learning rate.
    :param trained: parameters that get a gradient; the others stay as they are.
    :param muon: give the kernels of convolutions to Muon.
    :param clip: largest norm of the gradient; 0 is off.
    """

    def __init__(
        self,
        groups: list[Group],
        trained: Iterable[nn.Parameter],
        config: Config,
        device: torch.device,
        world: int,
        *,
        muon: bool = False,
        clip: float = 0.0,
    ) -> None:
        self._config, self._device, self._world, self._clip = config, device, world, clip
        self.parameters = list(trained)
        self.muon: Muon | None = None
        if muon:
            self.muon = Muon([_some(group, matrices=True) for group in groups])
            groups = [_some(group, matrices=False) for group in groups]
        # One fused kernel instead of several passes over every tensor.
        self.adam = Adam(groups, betas=(BETA1, config.optimiser.beta2), eps=EPSILON, fused=True)
        self.scaler = torch.amp.GradScaler(device.type, enabled=config.loop.precision == "fp16")
        self._rates = [[group["lr"] for group in o.param_groups] for o in self._optimisers()]

    def _optimisers(self) -> list[Optimizer]:
        return [o for o in (self.adam, self.muon) if o is not None]

    def begin(self, iteration: int) -> None:
        """Set the learning rates of an iteration, and forget all gradients."""
        factor = learning_rate(self._config.optimiser, iteration, self._config.loop.iterations)
        for optimiser, rates in zip(self._optimisers(), self._rates, strict=True):
            for group, rate in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = rate * factor
        for optimiser in self._optimisers():
            optimiser.zero_grad(set_to_none=True)
        for parameter in self.parameters:
            parameter.grad = None

    @property
    def rate(self) -> float:
        """Learning rate of the first group in the last step, with the schedule."""
        return float(self.adam.param_groups[0]["lr"])

    def backward(self, loss: Tensor, *, retain_graph: bool = False) -> None:
        """Gradients of a loss for the own parameters and for no others."""
        torch.autograd.backward(self.scaler.scale(loss), inputs=self.parameters, retain_graph=retain_graph)

    def gradient(self) -> float:
        """Average the gradients over processes; their norm.

        :raises NotFiniteError: it is not finite (in fp16 that is the scaler's business: it skips the step).
        """
        average_gradients(self.parameters, self._world)
        for optimiser in self._optimisers():
            self.scaler.unscale_(optimiser)
        norm = float(nn.utils.get_total_norm([p.grad for p in self.parameters if p.grad is not None]))
        if not math.isfinite(norm) and not self.scaler.is_enabled():
            raise NotFiniteError({"gradient": norm})
        return norm

    def step(self, norm: float) -> None:
        """Move the weights.

        :param norm: what :meth:`gradient` returned.
        """
        if self._clip:
            nn.utils.clip_grads_with_norm_(self.parameters, self._clip, torch.tensor(norm))
        for optimiser in self._optimisers():
            self.scaler.step(optimiser)
        self.scaler.update()

    def descend(
        self, terms: dict[str, Tensor], statistics: dict[str, Tensor] | None = None, *, norm: str = "gradient"
    ) -> Metrics:
        """Step down the sum of terms, after :meth:`begin`.

        :param statistics: what is logged beside the terms.
        :param norm: the name under which the gradient's norm is logged.
        :return: terms, statistics and the norm.
        :raises NotFiniteError: one is NaN or infinite in some process; no weight has changed.
        """
        self.backward(torch.stack(list(terms.values())).sum())
        metrics = finite_metrics(terms | (statistics or {}), self._world, self._device)
        metrics[norm] = self.gradient()
        self.step(metrics[norm])
        return metrics

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain values."""
        return {
            "adam": self.adam.state_dict(),
            "muon": self.muon.state_dict() if self.muon else None,
            "scaler": self.scaler.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a state; settings stay those of the run, which may have changed since."""
        _load_optimiser(self.adam, state["adam"])
        if self.muon is not None:
            _load_optimiser(self.muon, state["muon"])
        # Of a run in another precision it is empty: this one's scaler begins anew.
        if state["scaler"]:
            self.scaler.load_state_dict(state["scaler"])


def _some(group: Group, *, matrices: bool) -> Group:
    """A parameter group with those parameters only that Muon takes, or that it does not."""
    return group | {"params": [p for p in group["params"] if is_matrix(p) == matrices]}


def _load_optimiser(optimiser: Optimizer, state: dict[str, Any]) -> None:
    settings = [{key: value for key, value in g.items() if key != "params"} for g in optimiser.param_groups]
    optimiser.load_state_dict(state)
    for group, own in zip(optimiser.param_groups, settings, strict=True):
        group.update(own)


def finite_metrics(terms: dict[str, Tensor], world: int, device: torch.device) -> Metrics:
    """Means over processes.

    :raises NotFiniteError: one is NaN or infinite in some process; all of them raise together.
    """
    stacked = torch.stack([value.detach().float() for value in terms.values()])
    values = average(stacked, world).tolist()
    metrics = dict(zip(terms, values, strict=True))
    if any_process(not all(math.isfinite(v) for v in values), world, device):
        raise NotFiniteError(metrics)
    return metrics
