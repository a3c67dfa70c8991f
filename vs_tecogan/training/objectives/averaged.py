"""A trained generator beside the average of its weights, and the state of both."""

from typing import Any

from torch import nn

from .optimiser import NetworkOptimiser


class AveragedGenerator[N: nn.Module]:
    """What objectives that train one generator share. A subclass sets the attributes in its ``__init__``."""

    generator: N
    average: N | None
    """Weights averaged over iterations; None where the settings ask for no average."""
    optimiser: NetworkOptimiser
    iteration: int

    @property
    def network(self) -> N:
        """The averaged network where there is one."""
        return self.average or self.generator

    def state_dict(self) -> dict[str, Any]:
        """That of the generator's side; a subclass adds that of the discriminators."""
        return {
            "iteration": self.iteration,
            "generator": self.generator.state_dict(),
            "average": self.average.state_dict() if self.average else None,
            "optimiser": self.optimiser.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a state of the same architecture and variant."""
        self.iteration = state["iteration"]
        self.generator.load_state_dict(state["generator"])
        if self.average is not None:
            self.average.load_state_dict(state["average"] or state["generator"])
        self.optimiser.load_state_dict(state["optimiser"])
