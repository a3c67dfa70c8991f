"""Smoke made while training: simulations that come and go, and tiles of three frames cut from them.

A sample is a pure function of the seed and its index. Iteration i draws from the simulations ``i // refresh`` to
``i // refresh + pool - 1``; each is made once in a process, from its own number.
"""

import math
from collections import OrderedDict

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from ...fluids.advection import sample as sample_at
from ...fluids.coarse import coarse, coarse_velocity, turn
from ...fluids.grid import to_centres
from ...fluids.scene import random_scene
from ...fluids.solver import simulate
from ..config import Config
from .samples import SampleIndex

FRAMES = 3
"""Of a sample: what Dt sees at a time."""
TRIES = 20
HELD_OUT = 1 << 20
"""Scenes whose seeds are below this are never trained on."""

SmokeSample = tuple[Tensor, Tensor]
"""Coarse (3, 1 + d, ...): density and velocity; fine (3, 1, ...): density; float32."""


class SmokeSamples(Dataset[SmokeSample]):
    """Tiles of simulations.

    :param seed: of the run; runs of other seeds see other smoke.
    """

    def __init__(self, config: Config) -> None:
        self._smoke, self._seed = config.smoke, config.data.seed
        self._scale, self._crop = config.model.scale, config.data.crop
        self._kept: OrderedDict[int, tuple[Tensor, Tensor]] = OrderedDict()

    def __getitem__(self, index: SampleIndex) -> SmokeSample:
        """Three frames of one simulation at one place."""
        smoke = self._smoke
        rng = np.random.default_rng([self._seed, index.iteration, index.position])
        number = index.iteration // smoke.refresh + int(rng.integers(smoke.pool))
        low, high = self._simulation(number)
        first = int(rng.integers(len(high) - FRAMES + 1))
        low, high = self._tile(low[first : first + FRAMES], high[first : first + FRAMES], rng)
        if smoke.turn and smoke.dimensions == 2:
            quarter, mirror = int(rng.integers(4)), bool(rng.random() < 0.5)
            low = turn(low, slice(1, 3), quarter, mirror)
            high = turn(high, slice(0, 0), quarter, mirror)
        return low.contiguous(), high.contiguous()

    def _simulation(self, number: int) -> tuple[Tensor, Tensor]:
        """Coarse and fine (T, 1 + d, ...) density and velocity of a simulation."""
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        smoke, rng = self._smoke, np.random.default_rng([self._seed, number, 77])
        low, high = smoke.sim_start
        first = int(rng.uniform(low, high + 1))
        seed, swirl = HELD_OUT + int(rng.integers(1 << 40)), smoke.swirl * rng.random()
        made = simulation(smoke.grid, smoke.dimensions, seed, first=first, frames=smoke.sim_frames, swirl=swirl)
        self._kept[number] = coarse_fields(made, self._scale), made
        while len(self._kept) > smoke.pool + 1:
            self._kept.popitem(last=False)
        return self._kept[number]

    def _tile(self, low: Tensor, high: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """A place with enough smoke, coarse and fine; the last one tried where there is none."""
        smoke, fine = self._smoke, self._crop * self._scale
        for _ in range(TRIES):
            if smoke.sample_scale or smoke.any_angle:
                fine_tile = self._turned(high, fine, rng)
                tile = coarse_fields(fine_tile, self._scale)
            else:
                tile, fine_tile = low, high
                for axis in range(-smoke.dimensions, 0):
                    place = int(rng.integers(low.shape[axis] - self._crop + 1))
                    tile = tile.narrow(axis, place, self._crop)
                    fine_tile = fine_tile.narrow(axis, place * self._scale, fine)
            if float(tile[:, 0].mean()) >= smoke.min_density:
                break
        return tile, fine_tile[:, :1]

    def _turned(self, frames: Tensor, fine: int, rng: np.random.Generator) -> Tensor:
        """A tile seen at an angle and enlarged; vectors turn and grow with it."""
        angle = rng.uniform(0, 2 * math.pi) if self._smoke.any_angle else 0.0
        factor = 1.0
        if self._smoke.sample_scale:
            least, most = self._smoke.sample_scale
            factor = rng.uniform(least, most)
        height, width = frames.shape[-2:]
        reach = fine / factor * (abs(math.cos(angle)) + abs(math.sin(angle))) / 2
        centre = [rng.uniform(min(reach, side / 2), max(side - reach, side / 2)) for side in (width, height)]
        along = (torch.arange(fine) + 0.5 - fine / 2) / factor
        y, x = torch.meshgrid(along, along, indexing="ij")
        cosine, sine = math.cos(angle), math.sin(angle)
        there = torch.stack((cosine * x - sine * y + centre[0], sine * x + cosine * y + centre[1])) - 0.5
        grid = torch.stack(torch.meshgrid(torch.arange(fine), torch.arange(fine), indexing="xy")).float()
        tile = sample_at(frames, (there - grid).expand(len(frames), -1, -1, -1))
        u, v = factor * tile[:, 1], factor * tile[:, 2]
        return torch.stack((tile[:, 0], cosine * u + sine * v, cosine * v - sine * u), dim=1)


def coarse_fields(fields: Tensor, scale: int) -> Tensor:
    """(T, 1 + d, ...) density and velocity on the coarse grid, each in its own unit."""
    return torch.cat((coarse(fields[:, :1], scale), coarse_velocity(fields[:, 1:], scale)), dim=1)


@torch.no_grad()
def simulation(grid: int, dimensions: int, seed: int, *, first: int, frames: int, swirl: float = 0.0) -> Tensor:
    """(T, 1 + d, ...): density, and velocity at the cells, of one scene."""
    scene = random_scene((grid,) * dimensions, [seed], swirl=swirl)
    made = simulate(scene, frames, first=first)
    return torch.cat([torch.cat((fields.density, to_centres(fields.velocity)), dim=1) for fields in made])
