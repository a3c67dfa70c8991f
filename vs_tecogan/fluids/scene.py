"""Random scenes: where smoke is, where it flows in, what kicks it; everything follows from a seed.

Modelled on the data of tempoGAN (``gen_sim_data.py``): twelve noisy balls of smoke, about half of which go on flowing
in, a buoyancy drawn per scene, and a few small places at which the velocity is held. Sizes are parts of the shorter
side, so that a scene is the same picture at every resolution.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .grid import Boundary, Velocity, to_faces

BALLS = 12
LATTICE = 16
"""Cells of the noise along the shorter side, in its first octave."""
OCTAVES = 3
RIM = 0.03
"""Width of a ball's rim, part of the shorter side."""
LIFT = 3e-4
"""Buoyancy of a scene at 64 cells, per step and step, times a factor up to 1.1 (``gen_sim_data.py``)."""
WHIRLS = 4
"""Cells of the noise of a random velocity along the shorter side: whirls of a quarter of it."""
KICK = 0.012
"""Speed of a kick, parts of the shorter side per step: 0.8 cells at 64; published 1.7, which leaves
teeth where smoke flows in."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Scenes of one batch on one grid; cells are those of the grid."""

    boundary: Boundary
    density: Tensor
    """(N, 1, ...) at the start."""
    still_noise: Tensor
    """(N, 1, ...) and :attr:`moving_noise`: what flows in oscillates between them and their opposites."""
    moving_noise: Tensor
    inflow: Tensor
    """(N, 1, ...) 1 where smoke flows in."""
    kicked: Tensor
    """(N, 1, ...) how firmly the velocity is held, 0 to 1."""
    kick: Tensor
    """(N, d, ...) at what velocity."""
    lift: Tensor
    """(N,) cells per step and step at density 1."""
    pace: Tensor
    """(N,) radians per step by which what flows in changes."""
    velocity: Tensor
    """(N, d, ...) at the start, in the cells, not yet free of divergence."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(y, x) or (z, y, x)."""
        return tuple(self.density.shape[2:])

    def flowing_in(self, step: int) -> Tensor:
        """(N, 1, ...) what flows in at a step: density is at least this."""
        angle = (self.pace * step).reshape(-1, *[1] * (self.density.dim() - 1))
        noise = self.still_noise * torch.cos(angle) + self.moving_noise * torch.sin(angle)
        return self.inflow * (0.5 + 0.6 * noise).clamp(0, 1)

    def kicks(self, velocity: Velocity) -> Velocity:
        """A velocity, held where the scene kicks."""
        parts = []
        for component, faces in enumerate(velocity):
            ends = self.boundary.ends[component]
            held = to_faces(self.kicked, component, ends)
            parts.append(torch.lerp(faces, to_faces(self.kick[:, component : component + 1], component, ends), held))
        return tuple(parts)


def random_scene(
    shape: tuple[int, ...], seeds: list[int], boundary: Boundary | None = None, *, swirl: float = 0.0
) -> Scene:
    """A scene a seed.

    :param shape: cells, as (y, x) or (z, y, x).
    :param boundary: open below and above where it is left out.
    :param swirl: speed of the random velocity at the start, percent of the shorter side per step; 0 is at rest.
    """
    boundary = boundary or Boundary.chimney(len(shape))
    parts = [_one(shape, np.random.default_rng([seed, 0x5E0E]), swirl) for seed in seeds]
    stacked = {key: torch.stack([part[key] for part in parts]) for key in parts[0]}
    return Scene(boundary=boundary, **stacked)


def _one(shape: tuple[int, ...], rng: np.random.Generator, swirl: float) -> dict[str, Tensor]:
    """The fields of one scene, without the batch axis."""
    dimensions, short = len(shape), min(shape)
    still, moving = (noise(shape, rng) for _ in range(2))
    density, inflow = torch.zeros(1, *shape), torch.zeros(1, *shape)
    factor = rng.random() + 0.1
    hot = factor >= 0.3
    for _ in range(BALLS):
        drawn = rng.random(10)
        radius = min(max(drawn[3] * drawn[4] * drawn[5] * 0.7, 0.04), 0.2)
        centre = [0.5 + 0.4 * (drawn[k] - 0.5) for k in range(dimensions)]
        flows = drawn[6] > 0.5
        if flows:  # below the middle
            centre[1] = 0.5 + 0.5 * abs(drawn[1] - 0.5) + 0.2
        squeeze = [0.95 + 0.1 * value for value in drawn[7 : 7 + dimensions]]
        place = ball(shape, centre, radius, squeeze)
        fill = (0.3 + 0.5 * drawn[8] + 0.6 * (still if flows else moving)).clamp(0, 1)
        density = torch.maximum(density, place * fill)
        if flows:
            inflow = torch.maximum(inflow, place)
    kicked, kick = _kicks(shape, rng, 1.0 if hot else 1.4 + 1.5 * rng.random())
    lift = LIFT * (factor if hot else 0.0) * short / 64
    return {
        "density": density,
        "still_noise": still,
        "moving_noise": moving,
        "inflow": inflow,
        "kicked": kicked,
        "kick": kick * short,
        "lift": torch.tensor(lift, dtype=torch.float32),
        "pace": torch.tensor(0.05 + 0.1 * rng.random(), dtype=torch.float32),
        "velocity": _whirls(shape, rng) * (swirl / 100 * short),
    }


def _whirls(shape: tuple[int, ...], rng: np.random.Generator) -> Tensor:
    """(d, ...) random velocity of root mean square 1 a component."""
    field = torch.cat([noise(shape, rng, WHIRLS) for _ in shape])
    return field / field.square().mean().sqrt()


def _kicks(shape: tuple[int, ...], rng: np.random.Generator, strength: float) -> tuple[Tensor, Tensor]:
    """Small places at which the velocity is held, and that velocity in sides per step."""
    dimensions = len(shape)
    count, size = [(1, 0.9), (3, 0.7), (5, 0.6)][int(rng.integers(3))]
    kicked, kick = torch.zeros(1, *shape), torch.zeros(dimensions, *shape)
    for _ in range(count * dimensions):
        drawn = rng.random(8)
        centre = [0.5 + 0.6 * (drawn[k] - 0.5) for k in range(dimensions)]
        radius = (0.05 + 0.1 * drawn[3]) * size * 0.6
        towards = [-1.2 * (drawn[k] - 0.5) + 0.3 * (drawn[4 + k] - 0.5) for k in range(dimensions)]
        speed = KICK * strength * (1 + 0.5 * drawn[7])
        place = ball(shape, centre, radius, [1.0] * dimensions, rim=radius)
        vector = torch.tensor(towards, dtype=torch.float32).reshape(dimensions, *[1] * dimensions) * speed
        kick = torch.where(place > kicked, vector, kick)
        kicked = torch.maximum(kicked, place)
    return kicked, kick


def ball(shape: tuple[int, ...], centre: list[float], radius: float, squeeze: list[float], rim: float = RIM) -> Tensor:
    """(1, ...) 1 inside a ball, 0 outside, smooth between.

    A rim of a single cell would make a froth of single cells wherever smoke flows past it.

    :param centre: parts of each side, x first; :param radius, rim: parts of the shorter side.
    """
    short, square = min(shape), torch.zeros(shape)
    for component, (middle, scale) in enumerate(zip(centre, squeeze, strict=True)):
        axis = -1 - component
        places = torch.arange(shape[axis], dtype=torch.float32) + 0.5 - middle * shape[axis]
        view = [1] * len(shape)
        view[axis] = -1
        square = square + (places / scale).square().reshape(view)
    part = ((radius * short - square.sqrt()) / (rim * short) + 0.5).clamp(0, 1)
    return (part * part * (3 - 2 * part))[None]


def noise(shape: tuple[int, ...], rng: np.random.Generator, lattice: int = LATTICE) -> Tensor:
    """(1, ...) smooth noise of three octaves, mean 0, in about [-1, 1].

    :param lattice: cells of the first octave along the shorter side.
    """
    total, weight = torch.zeros(1, 1, *shape), 1.0
    for octave in range(OCTAVES):
        cells = [math.ceil(lattice * 2**octave * side / min(shape)) + 2 for side in shape]
        values = torch.from_numpy(rng.uniform(-1, 1, (1, 1, *cells)).astype(np.float32))
        total = total + weight * _enlarge(values, shape, lattice * 2**octave / min(shape))
        weight *= 0.6
    return total[0]


def _enlarge(lattice: Tensor, shape: tuple[int, ...], step: float) -> Tensor:
    """A lattice read linearly at multiples of ``step``, smoothed so that its cells do not show."""
    field = lattice
    for axis, side in enumerate(shape, 2):
        places = (torch.arange(side, dtype=torch.float32) + 0.5) * step
        low = places.floor().long()
        part = places - low
        part = part * part * (3 - 2 * part)
        view = [1] * field.dim()
        view[axis] = -1
        below, above = field.index_select(axis, low), field.index_select(axis, low + 1)
        field = torch.lerp(below, above, part.reshape(view).expand_as(below))
    return field
