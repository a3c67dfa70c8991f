"""FNet's enlargement of features by two, and the bias and activation before it."""

import torch
from torch import Tensor

from . import native
from .bias_act import bias_act
from .cuda import SUFFIXES, Kernels
from .native import Impl
from .resample import Grid, upsample


def double_size(
    features: Tensor,
    bias: Tensor | None = None,
    *,
    grid: Grid,
    slope: float = 1.0,
    impl: Impl | Kernels = "auto",
    threads: int | None = None,
    level: int = 0,
) -> Tensor:
    """Bilinear x2 of ``features + bias``, negative ones times ``slope`` first; no gradient.

    :param features: (1, C, H, W); for the extension and the kernels in channels_last memory.
    :param bias:     (C,) float32. The extension takes none, nor a slope; the kernels need one, and C a multiple of 8.
    :param grid:     one of the bilinear ones.
    :param impl:     see :data:`~vs_tecogan.ops.native.Impl`, or a device's kernels.
    :return:         (1, C, 2H, 2W), the type of ``features``, blended in float32.
    :raises ValueError: a bicubic grid, or tensors that the extension or a kernel cannot read.
    """
    if grid == Grid.BICUBIC_LEGACY:
        raise ValueError(f"double_size on {grid!r}; expected a bilinear grid")
    if isinstance(impl, Kernels):
        return _cuda(features, bias, grid, slope, impl)
    if native.chosen(impl, features) and bias is None:
        return _native(features, grid, threads, level)
    values = features.to(torch.float32, copy=bias is not None)
    if bias is not None:
        bias_act(values, bias, slope=slope, impl="torch")
    return upsample(values, 2, grid).to(features.dtype)


def _native(features: Tensor, grid: Grid, threads: int | None, level: int) -> Tensor:
    _, c, h, w = features.shape
    source = native.address("features", features.permute(0, 2, 3, 1), (1, h, w, c), native.FLOATS)
    output = native.empty_features(2 * h, 2 * w, c, features.dtype)
    half = features.dtype == torch.bfloat16
    native.call("double_size", (source, output.data_ptr(), half, h, w, c, int(grid)), threads, level)
    return output


def _cuda(features: Tensor, bias: Tensor | None, grid: Grid, slope: float, kernels: Kernels) -> Tensor:
    _, c, h, w = features.shape
    if c % 8 or bias is None:
        raise ValueError(f"double_size of {c} channels; expected a bias, and a multiple of 8 channels")
    kernels.check("features", features, (1, c, h, w), features.dtype, last=True, aligned=True)
    kernels.check("bias", bias, (c,), torch.float32)
    output = kernels.features(2 * h, 2 * w, c, features.dtype)
    name = f"double_size_{SUFFIXES[features.dtype]}"
    kernels.launch(name, 2 * w * c // 8, 2 * h, features, bias, float(slope), output, h, w, c, int(grid))
    return output
