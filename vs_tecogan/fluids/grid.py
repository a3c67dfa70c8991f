"""The staggered grid: density in the cells, each velocity component on the faces that it crosses.

A velocity is a tuple of d tensors (N, 1, ...), x first. Component c has one face more than there are cells along its
own axis; on a periodic axis the last face is the first one again.
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Velocity = tuple[Tensor, ...]
Side = Literal["wall", "open"]
Ends = tuple[Side, Side] | Literal["periodic"]


@dataclass(frozen=True)
class Boundary:
    """What ends the grid along each axis, x first: a wall, air at rest in pressure, or the other end."""

    ends: tuple[Ends, ...]

    @property
    def dimensions(self) -> int:
        """2 or 3."""
        return len(self.ends)

    @staticmethod
    def box(dimensions: int) -> "Boundary":
        """Walls all around."""
        return Boundary((("wall", "wall"),) * dimensions)

    @staticmethod
    def chimney(dimensions: int) -> "Boundary":
        """Walls at the sides; open below and above."""
        ends: list[Ends] = [("wall", "wall")] * dimensions
        ends[1] = ("open", "open")
        return Boundary(tuple(ends))

    @staticmethod
    def torus(dimensions: int) -> "Boundary":
        """Periodic everywhere."""
        ends: list[Ends] = ["periodic"] * dimensions
        return Boundary(tuple(ends))


def axis_of(component: int) -> int:
    """The tensor axis along which a component points: x is the last."""
    return -1 - component


def cut(field: Tensor, axis: int, first: int, last: int | None) -> Tensor:
    """``field[..., first:last, ...]`` along an axis."""
    size = field.shape[axis]
    stop = size if last is None else last if last >= 0 else size + last
    return field.narrow(axis, first, stop - first)


def still(shape: tuple[int, ...], count: int = 1, device: torch.device | None = None) -> Velocity:
    """No motion on a grid of ``shape`` cells, given as (y, x) or (z, y, x)."""
    sizes = []
    for component in range(len(shape)):
        size = list(shape)
        size[axis_of(component)] += 1
        sizes.append(size)
    return tuple(torch.zeros(count, 1, *size, device=device) for size in sizes)


def to_centres(velocity: Velocity) -> Tensor:
    """(N, d, ...) at the cells: the mean of both faces."""
    parts = []
    for component, faces in enumerate(velocity):
        axis = axis_of(component)
        parts.append((cut(faces, axis, 0, -1) + cut(faces, axis, 1, None)) / 2)
    return torch.cat(parts, dim=1)


def to_faces(field: Tensor, component: int, ends: Ends) -> Tensor:
    """A field of the cells (N, 1, ...) on the faces of a component; at an end the cell's own value."""
    wide = pad(field, component, ends)
    axis = axis_of(component)
    return (cut(wide, axis, 0, -1) + cut(wide, axis, 1, None)) / 2


def pad(field: Tensor, component: int, ends: Ends) -> Tensor:
    """A field of the cells with one cell more at both ends of an axis: a copy of the last one, or of the other end."""
    axis = axis_of(component)
    low, high = cut(field, axis, 0, 1), cut(field, axis, -1 + field.shape[axis], None)
    if ends == "periodic":
        low, high = high, low
    return torch.cat((low, field, high), dim=axis)


def velocity_at_faces(velocity: Velocity, component: int, boundary: Boundary) -> Tensor:
    """(N, d, ...): the whole vector where a component lives."""
    parts = []
    for other, faces in enumerate(velocity):
        if other == component:
            parts.append(faces)
            continue
        axis = axis_of(other)
        centres = (cut(faces, axis, 0, -1) + cut(faces, axis, 1, None)) / 2
        parts.append(to_faces(centres, component, boundary.ends[component]))
    return torch.cat(parts, dim=1)


def divergence(velocity: Velocity) -> Tensor:
    """(N, 1, ...) per cell: what flows out of it in a time step, as a part of its volume."""
    total = None
    for component, faces in enumerate(velocity):
        axis = axis_of(component)
        part = cut(faces, axis, 1, None) - cut(faces, axis, 0, -1)
        total = part if total is None else total + part
    assert total is not None
    return total


def gradient(pressure: Tensor, boundary: Boundary) -> Velocity:
    """Differences of a field of the cells on all faces: zero in walls; an open end has zero pressure on its face."""
    parts = []
    for component, ends in enumerate(boundary.ends):
        axis = axis_of(component)
        if ends == "periodic":
            wide = pad(pressure, component, ends)
        else:
            low = cut(pressure, axis, 0, 1) * (1 if ends[0] == "wall" else -1)
            high = cut(pressure, axis, pressure.shape[axis] - 1, None) * (1 if ends[1] == "wall" else -1)
            wide = torch.cat((low, pressure, high), dim=axis)
        parts.append(cut(wide, axis, 1, None) - cut(wide, axis, 0, -1))
    return tuple(parts)


def enforce(velocity: Velocity, boundary: Boundary) -> Velocity:
    """Nothing crosses a wall; the last face of a periodic axis is its first."""
    parts = []
    for component, (faces, ends) in enumerate(zip(velocity, boundary.ends, strict=True)):
        axis = axis_of(component)
        low, inner = cut(faces, axis, 0, 1), cut(faces, axis, 1, -1)
        high = cut(faces, axis, faces.shape[axis] - 1, None)
        if ends == "periodic":
            high = low
        else:
            low = torch.zeros_like(low) if ends[0] == "wall" else low
            high = torch.zeros_like(high) if ends[1] == "wall" else high
        parts.append(torch.cat((low, inner, high), dim=axis))
    return tuple(parts)


def open_faces(solid: Tensor, boundary: Boundary) -> Velocity:
    """1 on faces between two cells without an obstacle, else 0; an end counts as its own cell.

    :param solid: (N, 1, ...), 1 where an obstacle stands.
    """
    parts = []
    for component, ends in enumerate(boundary.ends):
        wide, axis = pad(solid, component, ends), axis_of(component)
        parts.append(1 - torch.maximum(cut(wide, axis, 0, -1), cut(wide, axis, 1, None)))
    return tuple(parts)


def curl(velocity: Tensor) -> Tensor:
    """Vorticity of a velocity at the cells, by central differences; at the ends one cell stands for the one beyond.

    :param velocity: (N, d, ...).
    :return: (N, 1, y, x), positive where the flow turns from x to y, or (N, 3, z, y, x).
    """
    if velocity.shape[1] == 2:
        return slope(velocity[:, 1:2], 0) - slope(velocity[:, 0:1], 1)
    x, y, z = velocity[:, 0:1], velocity[:, 1:2], velocity[:, 2:3]
    parts = (slope(z, 1) - slope(y, 2), slope(x, 2) - slope(z, 0), slope(y, 0) - slope(x, 1))
    return torch.cat(parts, dim=1)


def slope(field: Tensor, component: int) -> Tensor:
    """Central difference along an axis; the end's own value stands for the one beyond."""
    dimensions = field.dim() - 2
    padding = [0] * (2 * dimensions)
    padding[2 * component : 2 * component + 2] = [1, 1]
    wide = F.pad(field, padding, mode="replicate")
    axis = axis_of(component)
    return (cut(wide, axis, 2, None) - cut(wide, axis, 0, -2)) / 2
