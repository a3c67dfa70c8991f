"""The generator's end: the enlarged frame is added to the residual image."""

from typing import Literal

import torch
from torch import Tensor

from .cuda import SUFFIXES, Kernels
from .resample import Grid, upsample


def skip_add(
    residual: Tensor,
    bias: Tensor,
    lr: Tensor,
    *,
    scale: int,
    grid: Grid | None,
    out: Tensor | None = None,
    impl: Literal["auto", "torch"] | Kernels = "auto",
) -> Tensor:
    """Residual image, its bias and the enlarged frame, added in float32; no gradient.

    On the CPU :func:`~vs_tecogan.ops.narrow_conv.narrow_conv` does it while it writes the residual.

    :param residual: (1, 3, sH, sW), for the kernels in channels_last memory.
    :param bias:     (3,) float32; :param lr: (1, 3, H, W) float32.
    :param grid:     of the enlargement; None adds no frame.
    :param impl:     torch's operators, which "auto" means too, or a device's kernels.
    :return:         (1, 3, sH, sW) float32, contiguous: ``out`` if given.
    :raises ValueError: tensors that a kernel cannot read.
    """
    output = lr.new_empty(1, 3, scale * lr.shape[2], scale * lr.shape[3]) if out is None else out
    if isinstance(impl, Kernels):
        return _cuda(residual, bias, lr, scale, grid, output, impl)
    total = residual.float() + bias[:, None, None]
    return output.copy_(total if grid is None else total + upsample(lr, scale, grid))


def _cuda(
    residual: Tensor, bias: Tensor, lr: Tensor, scale: int, grid: Grid | None, output: Tensor, kernels: Kernels
) -> Tensor:
    _, _, h, w = lr.shape
    shape = (1, 3, scale * h, scale * w)
    kernels.check("lr", lr, (1, 3, h, w), torch.float32)
    kernels.check("residual", residual, shape, residual.dtype, last=True)
    kernels.check("bias", bias, (3,), torch.float32)
    kernels.check("out", output, shape, torch.float32)
    mode = -1 if grid is None else int(grid)
    name = f"skip_add_{SUFFIXES[residual.dtype]}"
    kernels.launch(name, scale * w, scale * h, residual, bias, lr, output, h, w, scale, mode)
    return output
