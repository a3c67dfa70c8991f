"""Backward warping: sample an image where the flow points to."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from . import native
from .native import Impl


def backward_warp(
    image: Tensor, flow: Tensor, *, impl: Impl = "auto", threads: int | None = None, level: int = 0
) -> Tensor:
    """Sample ``image`` at ``p + flow(p)``, bilinearly, clamped to the border; with gradients to both.

    The operator of both published families: TecoGAN-PyTorch's ``backward_warp`` (grid_sample, border padding, corners
    aligned) and, under ``flow = -(dy, dx)`` swapped to ``(dx, dy)``, the official ``dense_image_warp``.

    :param image: (N, C, H, W), any float type.
    :param flow:  (N, 2, H, W) in pixels of this resolution, channel 0 = x, channel 1 = y.
    :param impl:  see :data:`~vs_tecogan.ops.native.Impl`; ``threads`` and ``level`` are the extension's.
    :return:      (N, C, H, W) float32.
    :raises ValueError: tensors that the extension cannot read.
    """
    if native.chosen(impl, image):
        result: Tensor = _NativeWarp.apply(image.float(), flow.float(), threads, level)
        return result
    return _torch(image, flow)


def _torch(image: Tensor, flow: Tensor) -> Tensor:
    flow = flow.float()
    return F.grid_sample(image.float(), sampling_grid(flow), mode="bilinear", padding_mode="border", align_corners=True)


def sampling_grid(flow: Tensor) -> Tensor:
    """Where ``flow`` (N, 2, H, W), float32 pixels, points to, as torch's ``grid_sample`` takes it: (N, H, W, 2)."""
    height, width = flow.shape[-2:]
    x = torch.arange(width, device=flow.device, dtype=torch.float32) + flow[:, 0]
    y = torch.arange(height, device=flow.device, dtype=torch.float32)[:, None] + flow[:, 1]
    # grid_sample wants [-1, 1] between the centres of the corner pixels; a side of one pixel has no extent.
    return torch.stack((x * (2 / max(width - 1, 1)) - 1, y * (2 / max(height - 1, 1)) - 1), dim=-1)


class _NativeWarp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, image: Tensor, flow: Tensor, threads: int | None, level: int) -> Tensor:
        image, flow = image.contiguous(), flow.contiguous()
        n, c, h, w = image.shape
        output = torch.empty_like(image)
        addresses = (
            native.address("image", image, (n, c, h, w)),
            native.address("flow", flow, (n, 2, h, w)),
            output.data_ptr(),
        )
        if output.numel():
            native.call("warp", (*addresses, n, c, h, w), threads, level)
        ctx.save_for_backward(image, flow)
        ctx.how = threads, level
        return output

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        image, flow = ctx.saved_tensors
        gradient = gradients[0].float().contiguous()
        d_image = torch.empty_like(image) if ctx.needs_input_grad[0] else None
        d_flow = torch.empty_like(flow) if ctx.needs_input_grad[1] else None
        results = [0 if d is None else d.data_ptr() for d in (d_image, d_flow)]
        if image.numel():
            sources = (gradient.data_ptr(), image.data_ptr(), flow.data_ptr())
            native.call("warp_backward", (*sources, *results, *image.shape), *ctx.how)
        return d_image, d_flow, None, None
