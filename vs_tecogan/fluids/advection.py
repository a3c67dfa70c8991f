"""Advection: values move along the velocity, by MacCormack's scheme without its overshoots (Selle et al. 2008)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ..ops.warp import backward_warp
from .grid import Boundary, Velocity, axis_of, cut, enforce, to_centres, velocity_at_faces


def sample(field: Tensor, offset: Tensor, *, nearest: bool = False) -> Tensor:
    """``field`` at p + offset(p), linearly, clamped to the border.

    :param field:  (N, C, ...) of two or three axes.
    :param offset: (N, d, ...) in cells, x first; of any size; its first point lies on the field's first.
    """
    if field.dim() == 4 and not nearest and field.shape[2:] == offset.shape[2:]:
        return backward_warp(field, offset)
    sizes = field.shape[2:]
    axes = [torch.arange(size, device=field.device, dtype=torch.float32) for size in offset.shape[2:]]
    points = torch.meshgrid(*axes, indexing="ij")
    grid = []
    for component in range(len(sizes)):
        position = points[axis_of(component)] + offset[:, component]
        grid.append(position * (2 / max(sizes[axis_of(component)] - 1, 1)) - 1)
    mode = "nearest" if nearest else "bilinear"
    return F.grid_sample(field, torch.stack(grid, dim=-1), mode=mode, padding_mode="border", align_corners=True)


def transport(field: Tensor, velocity: Tensor, dt: float, boundary: Boundary) -> Tensor:
    """A field one time step later, by MacCormack: a step there, a step back, half the error taken off.

    No new extremes: where the correction would leave the range of the values around the point that a value comes from,
    it is left out. To cut it off at the range instead leaves a froth of single cells along sharp rims.

    :param field:    (N, 1, ...); :param velocity: (N, d, ...) at the same points.
    """
    margin = _margin(velocity, dt, boundary)
    if margin:
        field, velocity = _wrap(field, boundary, margin), _wrap(velocity, boundary, margin)
    there = sample(field, -dt * velocity)
    back = sample(there, dt * velocity)
    low, high = _range_around(field, -dt * velocity)
    better = there + (field - back) / 2
    moved = torch.where((better >= low) & (better <= high), better, there)
    return _unwrap(moved, boundary, margin) if margin else moved


def advect_velocity(velocity: Velocity, dt: float, boundary: Boundary) -> Velocity:
    """Every component moved along the whole velocity."""
    parts = []
    for component, faces in enumerate(velocity):
        vectors = velocity_at_faces(velocity, component, boundary)
        if boundary.ends[component] == "periodic":  # without the face that is there twice
            axis = axis_of(component)
            moved = transport(cut(faces, axis, 0, -1), cut(vectors, axis, 0, -1), dt, boundary)
            parts.append(torch.cat((moved, cut(moved, axis, 0, 1)), dim=axis))
        else:
            parts.append(transport(faces, vectors, dt, boundary))
    return enforce(tuple(parts), boundary)


def advect_density(density: Tensor, velocity: Velocity, dt: float, boundary: Boundary) -> Tensor:
    """Density (N, 1, ...) moved along a velocity on the faces; nothing comes in through open ends."""
    moved = transport(density, to_centres(velocity), dt, boundary)
    for component, ends in enumerate(boundary.ends):
        if ends == "periodic":
            continue
        axis = axis_of(component)
        for side, first in ((0, 0), (1, moved.shape[axis] - 1)):
            if ends[side] == "open":
                moved.narrow(axis, first, 1).zero_()
    return moved


def _range_around(field: Tensor, offset: Tensor) -> tuple[Tensor, Tensor]:
    """Least and greatest of the values between which :func:`sample` interpolates."""
    low = high = field
    for axis in range(2, field.dim()):
        if field.shape[axis] > 1:
            low = torch.minimum(cut(low, axis, 0, -1), cut(low, axis, 1, None))
            high = torch.maximum(cut(high, axis, 0, -1), cut(high, axis, 1, None))
    # The square between points i and i + 1 has number i: it holds p where p - 1/2 is nearest to i.
    both = sample(torch.cat((low, high), dim=1), offset - 0.5, nearest=True)
    count = field.shape[1]
    return both[:, :count], both[:, count:]


def _margin(velocity: Tensor, dt: float, boundary: Boundary) -> int:
    """Cells that a step may reach beyond a periodic end; 0 without one."""
    if "periodic" not in boundary.ends:
        return 0
    return int(torch.ceil(velocity.abs().max() * abs(dt)).item()) * 2 + 2


def _wrap(field: Tensor, boundary: Boundary, margin: int) -> Tensor:
    """With ``margin`` cells from the other end at both ends of every periodic axis."""
    for component, ends in enumerate(boundary.ends):
        if ends == "periodic":
            axis = axis_of(component)
            size = field.shape[axis]
            index = torch.arange(-margin, size + margin, device=field.device) % size
            field = field.index_select(axis, index)
    return field


def _unwrap(field: Tensor, boundary: Boundary, margin: int) -> Tensor:
    for component, ends in enumerate(boundary.ends):
        if ends == "periodic":
            field = cut(field, axis_of(component), margin, -margin)
    return field.contiguous()
