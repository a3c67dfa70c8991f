"""What accelerates smoke: its heat, its own whirls, and, where wanted, friction."""

import torch
import torch.nn.functional as F
from torch import Tensor

from .grid import Boundary, Velocity, curl, slope, to_centres, to_faces

EPSILON = 1e-6


def add_at_centres(velocity: Velocity, force: Tensor, boundary: Boundary) -> Velocity:
    """A velocity with a change given at the cells, (N, d, ...), added."""
    return tuple(u + to_faces(force[:, c : c + 1], c, boundary.ends[c]) for c, u in enumerate(velocity))


def buoyancy(density: Tensor, strength: Tensor, dimensions: int) -> Tensor:
    """(N, d, ...): smoke is warm and rises, towards smaller y.

    :param strength: (N,) cells per step and step, at density 1.
    """
    lift = -density * strength.reshape(-1, *[1] * (density.dim() - 1))
    none = torch.zeros_like(lift)
    return torch.cat([lift if component == 1 else none for component in range(dimensions)], dim=1)


def confinement(velocity: Velocity, strength: float) -> Tensor:
    """(N, d, ...): pushes along the rim of each whirl, which advection blurs (Fedkiw et al. 2001)."""
    whirl = curl(to_centres(velocity))
    length = whirl.norm(dim=1, keepdim=True)
    dimensions = whirl.dim() - 2
    uphill = torch.cat([slope(length, component) for component in range(dimensions)], dim=1)
    uphill = uphill / (uphill.norm(dim=1, keepdim=True) + EPSILON)
    if dimensions == 2:
        return strength * torch.cat((uphill[:, 1:2] * whirl, -uphill[:, 0:1] * whirl), dim=1)
    push: Tensor = strength * torch.linalg.cross(uphill, whirl, dim=1)
    return push


def friction(velocity: Velocity, viscosity: float, dt: float, boundary: Boundary) -> Velocity:
    """A step of viscosity (cells^2 per step), explicit: stable while ``viscosity * dt`` is below 1 / (2 d).

    At walls and open ends the velocity beyond is that of the end: walls let slip.
    """
    parts = []
    for component, faces in enumerate(velocity):
        total = torch.zeros_like(faces)
        for other, ends in enumerate(boundary.ends):
            total = total + _second_difference(faces, other, ends == "periodic", own=other == component)
        parts.append(faces + viscosity * dt * total)
    return tuple(parts)


def _second_difference(field: Tensor, component: int, periodic: bool, *, own: bool) -> Tensor:
    axis = -1 - component
    if periodic:
        inner = field.narrow(axis, 0, field.shape[axis] - 1) if own else field
        result = inner.roll(1, axis) + inner.roll(-1, axis) - 2 * inner
        return torch.cat((result, result.narrow(axis, 0, 1)), dim=axis) if own else result
    padding = [0] * (2 * (field.dim() - 2))
    padding[2 * component : 2 * component + 2] = [1, 1]
    wide = F.pad(field, padding, mode="replicate")
    size = field.shape[axis]
    return wide.narrow(axis, 0, size) + wide.narrow(axis, 2, size) - 2 * field
