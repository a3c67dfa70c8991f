"""Enlarging smoke with a network, in tiles without seams, in 2-D and 3-D."""

import itertools

import torch
from torch import Tensor

from ..networks.tempogan import FluidSR
from .inputs import network_input


@torch.no_grad()
def upscale(network: FluidSR, density: Tensor, velocity: Tensor | None = None, *, tile: int = 0) -> Tensor:
    """The fine density.

    Each tile sees as much around it as its result depends on, so that it computes what the whole would: nothing is
    blended, and no seam can show.

    :param network:  in eval mode.
    :param density:  (N, 1, ...) coarse.
    :param velocity: (N, d, ...) in coarse cells per step, where the network takes one.
    :param tile:     most coarse cells of a tile's side, without what it sees around it; 0 = the whole at once.
    :return: (N, 1, ...), not negative.
    """
    fields = network_input(density, velocity, network.spec)
    sides = fields.shape[2:]
    if not tile or max(sides) <= tile:
        whole: Tensor = network(fields)
        return whole
    scale, reach = network.spec.scale, network.spec.reach
    everything = slice(None)
    result = fields.new_empty(len(fields), 1, *(scale * side for side in sides))
    for place in itertools.product(*(range(0, side, tile) for side in sides)):
        ends = [min(first + tile, side) for first, side in zip(place, sides, strict=True)]
        around = [slice(max(a - reach, 0), min(b + reach, s)) for a, b, s in zip(place, ends, sides, strict=True)]
        part = network(fields[(everything, everything, *around)])
        target = [slice(scale * a, scale * b) for a, b in zip(place, ends, strict=True)]
        inner = [
            slice(t.start - scale * w.start, t.stop - scale * w.start) for t, w in zip(target, around, strict=True)
        ]
        result[(everything, everything, *target)] = part[(everything, everything, *inner)]
    return result
