"""From fine fields to coarse ones, as tempoGAN's data has them, and back by plain enlargement."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from .grid import axis_of


def coarse(field: Tensor, scale: int) -> Tensor:
    """A Gaussian blur of ``scale / (2 sqrt(pi))`` cells, then what lies in the middle of each coarse cell.

    Cells of both grids share their corners: coarse cell i covers the fine cells ``scale * i`` to ``scale * i + 3``.
    ``gen_sim_data.py``: ``blurSig``, ``interpolateGrid``.

    :param field: (N, C, ...) with sides that are multiples of ``scale``.
    """
    sigma = scale / (2 * math.sqrt(math.pi))
    reach = math.ceil(3 * sigma)
    # The kernel stands between two fine cells for even scales, on one for odd ones.
    places = torch.arange(-reach - 0.5 if scale % 2 == 0 else -reach, reach + 1)
    weights = torch.exp(-(places**2) / (2 * sigma**2))
    weights = (weights / weights.sum()).to(field)
    first = scale / 2 - 0.5 + float(places[0])
    for axis in range(2, field.dim()):
        field = _strided(field, weights, scale, int(first), axis)
    return field


def _strided(field: Tensor, weights: Tensor, scale: int, first: int, axis: int) -> Tensor:
    """Weighted sums of neighbours along an axis, one each ``scale`` cells; ends are repeated."""
    size = field.shape[axis]
    centres = torch.arange(0, size, scale, device=field.device) + first
    parts = [w * field.index_select(axis, (centres + k).clamp(0, size - 1)) for k, w in enumerate(weights)]
    return torch.stack(parts).sum(0)


def coarse_velocity(velocity: Tensor, scale: int) -> Tensor:
    """(N, d, ...) at the cells, in coarse cells per step."""
    return coarse(velocity, scale) / scale


def fine_velocity(velocity: Tensor, scale: int) -> Tensor:
    """Back: linear between coarse cells, in fine cells per step."""
    return scale * enlarge(velocity, scale, "linear")


def enlarge(field: Tensor, scale: int, kind: str = "linear") -> Tensor:
    """A field on the fine grid, cells sharing their corners: ``nearest``, ``linear``, or ``cubic`` (2-D)."""
    dimensions = field.dim() - 2
    if kind == "nearest":
        return F.interpolate(field, scale_factor=scale, mode="nearest")
    if kind == "cubic" and dimensions == 2:
        return F.interpolate(field, scale_factor=scale, mode="bicubic", align_corners=False)
    mode = "bilinear" if dimensions == 2 else "trilinear"
    return F.interpolate(field, scale_factor=scale, mode=mode, align_corners=False)


def turn(fields: Tensor, vectors: slice, quarter: int, mirror: bool) -> Tensor:
    """A plane turned by quarters and mirrored, with the vectors in it.

    :param fields:  (..., C, y, x).
    :param vectors: the two channels that hold x and y of a vector; an empty slice where there are none.
    :param quarter: quarters from x towards y; :param mirror: flip x first.
    """
    if mirror:
        fields = fields.flip(axis_of(0))
    fields = torch.rot90(fields, quarter, (axis_of(0), axis_of(1)))
    first, last, _ = vectors.indices(fields.shape[-3])
    if last <= first:
        return fields
    x, y = fields[..., first, :, :], fields[..., first + 1, :, :]
    if mirror:
        x = -x
    for _ in range(quarter % 4):
        x, y = -y, x
    channels = list(fields.unbind(-3))
    channels[first], channels[first + 1] = x, y
    return torch.stack(channels, dim=-3)
