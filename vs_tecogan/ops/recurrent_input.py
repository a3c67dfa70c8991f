"""SRNet's input: the frame, and the previous output moved along the flow and folded to the frame's size."""

import torch
from torch import Tensor

from . import native
from .cuda import SUFFIXES, Kernels
from .native import Impl
from .resample import Grid, upsample
from .space_to_depth import space_to_depth
from .warp import backward_warp


def recurrent_input(
    lr: Tensor,
    previous: Tensor | None,
    flow: Tensor | None,
    *,
    scale: int,
    grid: Grid,
    dtype: torch.dtype = torch.float32,
    out: Tensor | None = None,
    impl: Impl | Kernels = "auto",
    threads: int | None = None,
    level: int = 0,
) -> Tensor:
    """The frame, then space-to-depth of the previous output warped by the enlarged flow; no gradient.

    The extension and the kernels store neither the HR flow nor the warped HR image.

    :param lr:       (1, 3, H, W) float32.
    :param previous: (1, 3, sH, sW) float32, or None: the recurrent channels are zero.
    :param flow:     (1, 2, H, W) float32 in LR pixels; None with ``previous``.
    :param grid:     of the flow's enlargement.
    :param out:      for the kernels alone; may have more channels: they are left as they are, or become zero without a
                     previous frame.
    :param impl:     see :data:`~vs_tecogan.ops.native.Impl`, or a device's kernels.
    :return:         (1, 3 + 3 s^2, H, W) of ``dtype``, channels_last: ``out`` if given.
    :raises ValueError: tensors that the extension or a kernel cannot read.
    """
    if previous is None or flow is None:
        previous = flow = None
    if isinstance(impl, Kernels):
        return _cuda(lr, previous, flow, scale, grid, dtype, out, impl)
    if native.chosen(impl, lr):
        return _native(lr, previous, flow, scale, grid, dtype, threads, level)
    return _torch(lr, previous, flow, scale, grid).to(dtype, memory_format=torch.channels_last)


def _torch(lr: Tensor, previous: Tensor | None, flow: Tensor | None, scale: int, grid: Grid) -> Tensor:
    _, channels, height, width = lr.shape
    if previous is None or flow is None:
        return torch.cat((lr, lr.new_zeros(1, channels * scale * scale, height, width)), dim=1)
    warped = backward_warp(previous, upsample(flow * scale, scale, grid), impl="torch")
    return torch.cat((lr, space_to_depth(warped, scale)), dim=1)


def _native(
    lr: Tensor,
    previous: Tensor | None,
    flow: Tensor | None,
    scale: int,
    grid: Grid,
    dtype: torch.dtype,
    threads: int | None,
    level: int,
) -> Tensor:
    _, _, h, w = lr.shape
    output = native.empty_features(h, w, 3 + 3 * scale * scale, dtype)
    addresses = (
        native.address("lr", lr, (1, 3, h, w)),
        0 if previous is None else native.address("previous", previous, (1, 3, scale * h, scale * w)),
        0 if flow is None else native.address("flow", flow, (1, 2, h, w)),
        output.data_ptr(),
    )
    native.call("recur", (*addresses, dtype == torch.bfloat16, h, w, scale, int(grid)), threads, level)
    return output


def _cuda(
    lr: Tensor,
    previous: Tensor | None,
    flow: Tensor | None,
    scale: int,
    grid: Grid,
    dtype: torch.dtype,
    out: Tensor | None,
    kernels: Kernels,
) -> Tensor:
    _, _, h, w = lr.shape
    output = kernels.features(h, w, 3 + 3 * scale * scale, dtype, out)
    channels = output.shape[1]
    kernels.check("lr", lr, (1, 3, h, w), torch.float32)
    if previous is None or flow is None:
        kernels.launch(f"first_input_{SUFFIXES[dtype]}", w * channels, h, lr, output, h, w, channels)
        return output
    kernels.check("previous", previous, (1, 3, scale * h, scale * w), torch.float32)
    kernels.check("flow", flow, (1, 2, h, w), torch.float32)
    cells, images = w * scale * scale, (lr, previous, flow, output)
    kernels.launch(f"recur_{SUFFIXES[dtype]}", cells, h, *images, h, w, channels, scale, int(grid))
    return output
