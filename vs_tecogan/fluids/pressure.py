"""Pressure: what makes a velocity free of divergence.

The five-point (in 3-D seven-point) equation div grad p = div u is solved exactly for the grid's own differences, so
that what is left is rounding. Without obstacles that is done at once, in the basis of cosines and sines in which the
operator is diagonal: an FFT's work, done by products with the bases, which serves every mixture of walls, open and
periodic ends. With obstacles the same solver preconditions conjugate gradients.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor

from .grid import Boundary, Ends, Velocity, axis_of, divergence, enforce, gradient, open_faces

TOLERANCE = 1e-4
"""Largest divergence that is left beside obstacles."""
MOST_ITERATIONS = 200


@lru_cache(maxsize=64)
def basis(size: int, ends: Ends) -> tuple[Tensor, Tensor]:
    """Eigenvectors (size, size), in columns, and eigenvalues (size,) of the second difference, float64 made float32."""
    cell = torch.arange(size, dtype=torch.float64)[:, None]
    if ends == "periodic":
        waves = torch.cat((torch.arange(size // 2 + 1), torch.arange(1, (size + 1) // 2))).double()
        angle = 2 * math.pi * waves / size
        vectors = torch.cos(angle * cell)
        vectors[:, size // 2 + 1 :] = torch.sin(angle[size // 2 + 1 :] * cell)
    else:
        shift = {("wall", "wall"): 0.0, ("open", "open"): 1.0}.get(ends, 0.5)
        angle = math.pi * (torch.arange(size, dtype=torch.float64) + shift) / size
        wave = torch.sin if ends[0] == "open" else torch.cos
        vectors = wave(angle * (cell + 0.5))
    vectors = vectors / vectors.norm(dim=0)
    return vectors.float(), (-4 * torch.sin(angle / 2) ** 2).float()


def solve(source: Tensor, boundary: Boundary) -> Tensor:
    """p with div grad p = source, on a grid without obstacles.

    Without an open end p is determined but for a constant: its mean is zero, and so is taken to be that of the source.

    :param source: (N, 1, ...).
    """
    bases = [basis(source.shape[axis_of(c)], ends) for c, ends in enumerate(boundary.ends)]
    values = source
    for component, (vectors, _) in enumerate(bases):
        values = _along(values, vectors.to(values).T, axis_of(component))
    total = torch.zeros((), device=source.device)
    for component, (_, eigenvalues) in enumerate(bases):
        shape = [1] * source.dim()
        shape[axis_of(component)] = -1
        total = total + eigenvalues.to(source).reshape(shape)
    constant = total.abs() < 1e-9
    values = torch.where(constant, 0, values / torch.where(constant, 1, total))
    for component, (vectors, _) in enumerate(bases):
        values = _along(values, vectors.to(values), axis_of(component))
    return values


def _along(field: Tensor, matrix: Tensor, axis: int) -> Tensor:
    """A matrix applied along an axis."""
    if axis == -1:
        return field @ matrix.T
    if axis == -2:
        return matrix @ field
    moved = field.movedim(axis, -1) @ matrix.T
    return moved.movedim(-1, axis)


def solve_around(source: Tensor, boundary: Boundary, solid: Tensor) -> Tensor:
    """p with div grad p = source where no obstacle stands, zero inside; conjugate gradients.

    :param solid: (N, 1, ...), 1 inside obstacles.
    """
    fluid, faces = 1 - solid, open_faces(solid, boundary)

    def operator(p: Tensor) -> Tensor:
        flow = tuple(g * face for g, face in zip(gradient(p, boundary), faces, strict=True))
        return divergence(flow) * fluid

    def dot(a: Tensor, b: Tensor) -> Tensor:
        return (a * b).flatten(1).sum(1).reshape(-1, *[1] * (a.dim() - 1))

    pressure = torch.zeros_like(source)
    residual = source * fluid
    direction = guess = solve(residual, boundary) * fluid
    product = dot(residual, guess)
    for _ in range(MOST_ITERATIONS):
        if float(residual.abs().max()) < TOLERANCE:
            break
        applied = operator(direction)
        length = dot(direction, applied)
        alpha = torch.where(length == 0, 0, product / torch.where(length == 0, 1, length))
        pressure = pressure + alpha * direction
        residual = residual - alpha * applied
        guess = solve(residual, boundary) * fluid
        before, product = product, dot(residual, guess)
        beta = torch.where(before == 0, 0, product / torch.where(before == 0, 1, before))
        direction = guess + beta * direction
    return pressure


def project(velocity: Velocity, boundary: Boundary, solid: Tensor | None = None) -> Velocity:
    """The nearest velocity without divergence that crosses neither walls nor obstacles."""
    velocity = enforce(velocity, boundary)
    if solid is None:
        pressure = solve(divergence(velocity), boundary)
        steps = gradient(pressure, boundary)
        return enforce(tuple(u - g for u, g in zip(velocity, steps, strict=True)), boundary)
    faces = open_faces(solid, boundary)
    velocity = tuple(u * face for u, face in zip(velocity, faces, strict=True))
    pressure = solve_around(divergence(velocity), boundary, solid)
    steps = gradient(pressure, boundary)
    parts = tuple((u - g) * face for u, g, face in zip(velocity, steps, faces, strict=True))
    return enforce(parts, boundary)
