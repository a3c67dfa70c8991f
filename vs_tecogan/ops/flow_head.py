"""FNet's end: features to a flow of the frame's size."""

from typing import Literal

import torch
from torch import Tensor

from .cuda import SUFFIXES, Kernels


def mirror_indices(size: int, length: int, *, repeat_edge: bool) -> list[int]:
    """Indices 0..size-1 continued to ``length`` by mirroring at the far edge, again and again if need be.

    :param repeat_edge: True repeats the edge sample (TF ``SYMMETRIC``), False does not (``reflect``).
    """
    period = max(2 * size if repeat_edge else 2 * size - 2, 1)
    far = period - 1 if repeat_edge else period
    return [k if k < size else far - k for k in (i % period for i in range(length))]


def mirror(image: Tensor, height: int, width: int, *, repeat_edge: bool) -> Tensor:
    """(N, C, h, w) continued at the bottom and right to (N, C, height, width): see :func:`mirror_indices`."""
    h, w = image.shape[-2:]
    rows, columns = (
        torch.tensor(mirror_indices(size, length, repeat_edge=repeat_edge), device=image.device)
        for size, length in ((h, height), (w, width))
    )
    return image.index_select(2, rows).index_select(3, columns)


def flow_head(
    features: Tensor,
    bias: Tensor,
    out: Tensor,
    *,
    repeat_edge: bool,
    limit: float,
    impl: Literal["auto", "torch"] | Kernels = "auto",
) -> Tensor:
    """``limit * tanh(features + bias)``, cropped or continued by mirroring to the size of ``out``; no gradient.

    :param features:    (1, 2, h, w), for the kernels in channels_last memory; :param bias: (2,) float32.
    :param out:         (1, 2, H, W) float32, contiguous; overwritten and returned.
    :param repeat_edge: see :func:`mirror_indices`.
    :param impl:        torch's operators, which "auto" means too, or a device's kernels.
    :raises ValueError: tensors that a kernel cannot read.
    """
    if isinstance(impl, Kernels):
        return _cuda(features, bias, out, repeat_edge, limit, impl)
    height, width = out.shape[2:]
    flow = limit * torch.tanh(features.float() + bias[:, None, None])[..., :height, :width]
    return out.copy_(mirror(flow, height, width, repeat_edge=repeat_edge))


def _cuda(features: Tensor, bias: Tensor, out: Tensor, repeat_edge: bool, limit: float, kernels: Kernels) -> Tensor:
    _, _, h, w = features.shape
    height, width = out.shape[2:]
    kernels.check("features", features, (1, 2, h, w), features.dtype, last=True)
    kernels.check("bias", bias, (2,), torch.float32)
    kernels.check("out", out, (1, 2, height, width), torch.float32)
    valid = (min(h, height), min(w, width))
    name = f"flow_head_{SUFFIXES[features.dtype]}"
    arguments = (w, *valid, height, width, int(repeat_edge), float(limit))
    kernels.launch(name, width, height, features, bias, out, *arguments)
    return out
