"""Smoke in motion: a time step as a pure function of the fields, and whole simulations."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from .advection import advect_density, advect_velocity
from .forces import add_at_centres, buoyancy, confinement, friction
from .grid import Boundary, Velocity, still
from .pressure import project
from .scene import Scene


@dataclass(frozen=True, kw_only=True)
class Physics:
    """How fields move, besides what the scene says."""

    confinement: float = 0.05
    """Vorticity confinement, while ``step < swirl_steps``: later its whirls live by themselves."""
    swirl_steps: int = 20
    viscosity: float = 0.0
    """Cells^2 per step."""
    dt: float = 1.0
    """Time steps per step."""


@dataclass(frozen=True)
class Fields:
    """What a simulation is at one moment; immutable, so that it can be kept and shared."""

    step: int
    density: Tensor
    """(N, 1, ...) in the cells."""
    velocity: Velocity
    """On the faces, cells per step."""

    @property
    def nbytes(self) -> int:
        """Memory."""
        return sum(t.numel() * t.element_size() for t in (self.density, *self.velocity))


def begin(scene: Scene) -> Fields:
    """The scene before its first step; its velocity is free of divergence."""
    velocity = still(scene.shape, scene.density.shape[0], scene.density.device)
    if scene.velocity.any():
        velocity = project(add_at_centres(velocity, scene.velocity, scene.boundary), scene.boundary)
    return Fields(0, scene.density, velocity)


@torch.no_grad()
def advance(fields: Fields, scene: Scene, physics: Physics | None = None, solid: Tensor | None = None) -> Fields:
    """One step: smoke flows in, the velocity moves itself, forces, pressure; then the density moves.

    The order is that of tempoGAN's data. Equal fields give equal results, bit for bit, on the same machine.

    :param solid: (N, 1, ...), 1 where an obstacle stands.
    """
    physics = physics or Physics()
    boundary, dt = scene.boundary, physics.dt
    density = torch.maximum(fields.density, scene.flowing_in(fields.step))
    velocity = advect_velocity(fields.velocity, dt, boundary)
    if physics.viscosity:
        velocity = friction(velocity, physics.viscosity, dt, boundary)
    velocity = add_at_centres(velocity, dt * buoyancy(density, scene.lift, boundary.dimensions), boundary)
    velocity = scene.kicks(velocity)
    if physics.confinement and fields.step < physics.swirl_steps:
        velocity = add_at_centres(velocity, dt * confinement(velocity, physics.confinement), boundary)
    velocity = project(velocity, boundary, solid)
    density = advect_density(density, velocity, dt, boundary)
    if solid is not None:
        density = density * (1 - solid)
    return Fields(fields.step + 1, density, velocity)


@torch.no_grad()
def evolve(velocity: Velocity, boundary: Boundary, physics: Physics, steps: int) -> Velocity:
    """A velocity alone, without smoke or scene, after some steps."""
    for _ in range(steps):
        velocity = advect_velocity(velocity, physics.dt, boundary)
        if physics.viscosity:
            velocity = friction(velocity, physics.viscosity, physics.dt, boundary)
        velocity = project(velocity, boundary)
    return velocity


def simulate(
    scene: Scene, steps: int, *, first: int = 0, physics: Physics | None = None, solid: Tensor | None = None
) -> Iterator[Fields]:
    """The fields after steps ``first + 1`` to ``first + steps``."""
    fields = begin(scene)
    for number in range(first + steps):
        fields = advance(fields, scene, physics, solid)
        if number >= first:
            yield fields
