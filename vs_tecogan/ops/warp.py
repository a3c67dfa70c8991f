"""Backward warping: sample an image where the flow points to."""

import torch
import torch.nn.functional as F
from torch import Tensor


def backward_warp(image: Tensor, flow: Tensor) -> Tensor:
    """Sample ``image`` at ``p + flow(p)``, bilinearly, clamped to the border.

    The operator of both published families: TecoGAN-PyTorch's ``backward_warp`` (grid_sample, border padding, corners
    aligned) and, under ``flow = -(dy, dx)`` swapped to ``(dx, dy)``, the official ``dense_image_warp``.

    :param image: (N, C, H, W), any float type.
    :param flow:  (N, 2, H, W) in pixels of this resolution, channel 0 = x, channel 1 = y.
    :return:      (N, C, H, W) float32.
    """
    height, width = image.shape[-2:]
    flow = flow.float()
    x = torch.arange(width, device=flow.device, dtype=torch.float32) + flow[:, 0]
    y = torch.arange(height, device=flow.device, dtype=torch.float32)[:, None] + flow[:, 1]
    # grid_sample wants [-1, 1] between the centres of the corner pixels; a side of one pixel has no extent.
    grid = torch.stack((x * (2 / max(width - 1, 1)) - 1, y * (2 / max(height - 1, 1)) - 1), dim=-1)
    return F.grid_sample(image.float(), grid, mode="bilinear", padding_mode="border", align_corners=True)
