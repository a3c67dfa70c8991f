"""What a network for smoke sees, from density and velocity."""

import torch
from torch import Tensor

from ..networks.tempogan import FluidSpec
from .grid import curl


def network_input(density: Tensor, velocity: Tensor | None, spec: FluidSpec) -> Tensor:
    """Density, then what else the network takes; vorticity is made here.

    :param density: (N, 1, ...) coarse; :param velocity: (N, d, ...) in coarse cells per step.
    :raises ValueError: the network needs a velocity and there is none.
    """
    if spec.inputs == "density":
        return density
    if velocity is None:
        raise ValueError(f"a network whose inputs are {spec.inputs} needs a velocity")
    if spec.inputs == "velocity":
        return torch.cat((density, velocity), dim=1)
    return torch.cat((density, velocity, curl(velocity)), dim=1)
