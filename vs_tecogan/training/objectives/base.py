"""What the loop knows of a system: its samples, one step of its networks, what is evaluated and exported."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor, nn
from torch.utils.data import Dataset, Sampler

from ..config import Config
from ..data.store import Store
from ..run.parallel import Processes

Metrics = dict[str, float]


class NotFiniteError(Exception):
    """A loss or gradient is NaN or infinite; the weights have not been touched."""

    def __init__(self, terms: Metrics) -> None:
        super().__init__(", ".join(f"{name} {value:g}" for name, value in terms.items()))
        self.terms = terms


@dataclass(frozen=True, kw_only=True)
class Preview:
    """Pictures to look at, on any device."""

    lr: Tensor
    """(T, 3, h, w) in [0, 1]."""
    output: Tensor
    """(T, 3, sh, sw) in [0, 1]."""
    target: Tensor
    """As ``output``."""
    flows: Tensor | None = None
    """(N, T, 2, h, w) LR pixels, for a histogram."""


@dataclass(frozen=True, kw_only=True)
class Validation:
    """What an evaluation during training gives."""

    values: Metrics
    """By the names under which they are logged, without the prefix ``eval_``."""
    motion: Metrics
    """Errors of the flow network, logged as they are named."""
    score: float | None
    """What the best checkpoint is chosen by; higher is better. ``None`` where there is nothing to choose by."""
    preview: Preview | None


Validator = Callable[[int], Validation]
"""Evaluates the objective's networks as they are after so many iterations."""


class Phase(Protocol):
    """What the loop steps: samples, and a step that changes networks."""

    name: str
    """Of its table of metrics."""
    iteration: int
    """Steps that have been taken."""
    iterations: int
    """Steps to take."""
    most_workers: int
    """Processes that may prepare its samples ahead."""

    def dataset(self, store: Store) -> Dataset[Any]:
        """Its samples; a sample is a pure function of its index.

        :raises TrainingError: the store has none.
        """
        ...

    def indices(self, own: Processes) -> Sampler[Any]:
        """Endless lists of sample indices for this process, a list per step, from the present iteration on."""
        ...

    def to_batch(self, items: tuple[Tensor, ...]) -> Any:
        """What the loader stacked, as the batch of the present iteration, on the device."""
        ...

    def step(self, batch: Any) -> Metrics:
        """One step of all optimisers.

        :return: loss terms (weighted, averaged over processes) and statistics, by name.
        :raises NotFiniteError: in some process; no weight has changed.
        """
        ...

    def summary(self, metrics: Metrics) -> Metrics:
        """What is logged after a step that gave these metrics."""
        ...

    def finish(self) -> None:
        """Called once after the last step."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """All that a step depends on, as tensors and plain values."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a state of the same architecture and variant."""
        ...


class Objective(Phase, Protocol):
    """One system in training. :class:`~.frvsr.Frvsr` is the smallest one."""

    def first(self) -> Phase | None:
        """A phase before the first step of this one; it changes this one's networks."""
        ...

    def preview(self, batch: Any) -> Preview | None:
        """The networks' output for a batch, to look at."""
        ...

    def validator(self, store: Store) -> Validator | None:
        """How it is evaluated; ``None`` where there is nothing to evaluate on.

        :raises TrainingError: clips for it were named and cannot be used.
        """
        ...

    def standard(self) -> dict[str, Any]:
        """All that scores depend on besides the weights: scores by different standards do not compare."""
        ...

    @property
    def network(self) -> nn.Module:
        """The network that is evaluated and exported."""
        ...

    @staticmethod
    def title(config: Config) -> str:
        """What a model of these settings is called on its card."""
        ...

    @staticmethod
    def exported(config: Config, state: dict[str, Any]) -> nn.Module:
        """The network of a checkpoint, to be exported, from what :meth:`state_dict` gave."""
        ...
