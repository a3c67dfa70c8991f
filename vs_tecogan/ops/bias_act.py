"""What follows a convolution: its bias, the sum of a residual block, the activation."""

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from .cuda import SUFFIXES, Kernels


def bias_act(
    values: Tensor,
    bias: Tensor,
    *,
    slope: float,
    residual: Tensor | None = None,
    impl: Literal["auto", "torch"] | Kernels = "auto",
) -> Tensor:
    """``values + bias + residual``, negative results times ``slope`` (0: ReLU, 1: as they are), in place; no gradient.

    :param values:   (1, C, H, W), for the kernels in channels_last memory; :param residual: same, or None.
    :param bias:     (C,) float32.
    :param impl:     torch's operators, which "auto" means too, or a device's kernels.
    :return:         ``values``.
    :raises ValueError: tensors that a kernel cannot read.
    """
    if isinstance(impl, Kernels):
        return _cuda(values, bias, slope, residual, impl)
    total = values.float() + bias[:, None, None] + (0 if residual is None else residual.float())
    return values.copy_(torch.where(total > 0, total, slope * total))


def _cuda(values: Tensor, bias: Tensor, slope: float, residual: Tensor | None, kernels: Kernels) -> Tensor:
    shape = tuple(values.shape)
    kernels.check("values", values, shape, values.dtype, last=True, aligned=True)
    kernels.check("bias", bias, (shape[1],), torch.float32)
    if residual is not None:
        kernels.check("residual", residual, shape, values.dtype, last=True, aligned=True)
    count = values.numel()
    name = f"finish_{SUFFIXES[values.dtype]}"
    kernels.launch(name, -(-count // 8), 1, values, bias, residual, float(slope), np.int64(count), shape[1])
    return values
