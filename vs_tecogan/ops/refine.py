"""Refinement of an estimated flow against the frames themselves, without weights.

FNet computes at an eighth of the size and has no path past it: its flow misses fractions of a pixel and the borders of
what moves. Both are in the frames. A round takes Lucas-Kanade steps (1981, as iterated by Bouguet 2000), which find the
fractions, and lets every pixel prefer the flow of those around it that explains it best, as dense inverse search weighs
its patches (Kroeger et al. 2016), which finds the borders. The published networks have nothing of the kind.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from . import native
from .native import Impl
from .warp import backward_warp, sampling_grid

STEPS = 2
"""Lucas-Kanade steps a round."""
STIFFNESS = 1e-3
"""Squared gradient, of values in [0, 1], summed over the colours, at which a step is halved: flat areas stay."""
FARTHEST = 1.0
"""Pixels that a step may go along each axis."""
AWAY = 4
"""Pixels to the eight neighbours whose flow a pixel may take."""
REFINE_PLANES = 52
"""Planes of a frame's size, float32, that torch's operators hold at once; the CPU extension holds fewer."""
FLOOR = 1e-3
"""Difference, of values in [0, 1], below which one flow explains a pixel as well as another."""


def refine_flow(
    previous: Tensor,
    current: Tensor,
    flow: Tensor,
    rounds: int,
    *,
    impl: Impl = "auto",
    threads: int | None = None,
    level: int = 0,
) -> Tensor:
    """Bring a flow nearer to ``current(p) = previous(p + flow(p))``.

    :param previous, current: (N, 3, H, W), nominally in [0, 1].
    :param flow:   (N, 2, H, W), pixels, right to within a few.
    :param rounds: how often; 2 or 3: beyond that nothing is gained.
    :param impl:   see :data:`~vs_tecogan.ops.native.Impl`; ``threads`` and ``level`` are the extension's.
    :return:       (N, 2, H, W) float32. No gradient.
    """
    previous, current, flow = previous.float(), current.float(), flow.float()
    if native.chosen(impl, flow):
        return _native(previous, current, flow, rounds, threads, level)
    with torch.no_grad(), torch.autocast(flow.device.type, enabled=False):
        slopes = _slopes(current)
        for _ in range(rounds):
            for _ in range(STEPS):
                flow = lucas_kanade(previous, current, slopes, flow)
            flow = best_around(previous, current, flow)
    return flow


def _native(previous: Tensor, current: Tensor, flow: Tensor, rounds: int, threads: int | None, level: int) -> Tensor:
    previous, current = previous.detach().contiguous(), current.detach().contiguous()
    refined = flow.detach().clone(memory_format=torch.contiguous_format)
    n, _, h, w = refined.shape
    frames = [native.address(name, x, (n, 3, h, w)) for name, x in (("previous", previous), ("current", current))]
    target = native.address("flow", refined, (n, 2, h, w))
    scratch = torch.empty(native.constant("refine_planes"), h, w)
    plane = 4 * h * w
    for k in range(n if plane else 0):
        before, now = (address + 3 * plane * k for address in frames)
        native.call("refine", (before, now, target + 2 * plane * k, scratch.data_ptr(), h, w, rounds), threads, level)
    return refined


def lucas_kanade(previous: Tensor, current: Tensor, slopes: tuple[Tensor, Tensor], flow: Tensor) -> Tensor:
    """One step: the motion left in a window about each pixel by least squares, then a little smoothing of the sum.

    :param slopes: of ``current``, along x and y.
    """
    moved = bicubic_warp(previous, flow)
    x, y = ((mine + theirs) / 2 for mine, theirs in zip(slopes, _slopes(moved), strict=True))
    left = current - moved
    products = torch.stack([(a * b).sum(1) for a, b in ((x, x), (x, y), (y, y), (x, left), (y, left))], dim=1)
    xx, xy, yy, bx, by = _box(_box(products, 2), 2).unbind(1)
    xx, yy = xx + STIFFNESS, yy + STIFFNESS
    determinant = xx * yy - xy * xy
    step = torch.stack([(yy * bx - xy * by) / determinant, (xx * by - xy * bx) / determinant], dim=1)
    return _box(flow + step.clamp(-FARTHEST, FARTHEST), 1)


def best_around(previous: Tensor, current: Tensor, flow: Tensor) -> Tensor:
    """The mean of a pixel's own flow and that of eight pixels about it, by the eighth power of what each explains."""
    total = torch.zeros_like(flow)
    weights = torch.zeros_like(flow[:, :1])
    for down in (-AWAY, 0, AWAY):
        for right in (-AWAY, 0, AWAY):
            candidate = _shift(flow, down, right)
            difference = (current - backward_warp(previous, candidate, impl="torch")).abs().mean(1, keepdim=True)
            weight = (_box(difference, 1) + FLOOR).square().square().square().reciprocal()
            total, weights = total + weight * candidate, weights + weight
    return total / weights


def bicubic_warp(image: Tensor, flow: Tensor) -> Tensor:
    """As :func:`vs_tecogan.ops.warp.backward_warp`, by cubic convolution of -0.75, which blurs less than bilinear."""
    return F.grid_sample(image, sampling_grid(flow), mode="bicubic", padding_mode="border", align_corners=True)


def _slopes(image: Tensor) -> tuple[Tensor, Tensor]:
    """Central differences along x and y; edges repeat."""
    wide = F.pad(image, (1, 1, 1, 1), mode="replicate")
    return (wide[..., 1:-1, 2:] - wide[..., 1:-1, :-2]) / 2, (wide[..., 2:, 1:-1] - wide[..., :-2, 1:-1]) / 2


def _box(values: Tensor, radius: int) -> Tensor:
    """Mean over a square; edges repeat."""
    return F.avg_pool2d(F.pad(values, (radius,) * 4, mode="replicate"), 2 * radius + 1, 1)


def _shift(values: Tensor, down: int, right: int) -> Tensor:
    """``values`` at (y + down, x + right); edges repeat."""
    height, width = values.shape[-2:]
    wide = F.pad(values, (AWAY,) * 4, mode="replicate")
    return wide[..., AWAY + down : AWAY + down + height, AWAY + right : AWAY + right + width]
