"""Operators in the version that is fastest where their tensors live, with gradients; for training."""

from collections.abc import Callable

import torch
from torch import Tensor

from . import native, refine, warp


def backward_warp(image: Tensor, flow: Tensor) -> Tensor:
    """As :func:`vs_tecogan.ops.warp.backward_warp`: the extension's on a CPU where it was built, else torch's.

    :param image: (N, C, H, W), any float type.
    :param flow:  (N, 2, H, W), pixels.
    :return:      (N, C, H, W) float32.
    """
    if image.device.type == "cpu" and native.available():
        return native.backward_warp(image.float(), flow.float())
    return warp.backward_warp(image, flow)


def refine_flow(previous: Tensor, current: Tensor, flow: Tensor, rounds: int) -> Tensor:
    """As :func:`vs_tecogan.ops.refine.refine_flow`; no gradient."""
    frames_and_flow = (previous.float(), current.float(), flow.float())
    if flow.device.type == "cpu" and native.available():
        return native.refine_flow(*frames_and_flow, rounds)
    with torch.autocast(flow.device.type, enabled=False):
        return refine.refine_flow(*frames_and_flow, rounds)


def enlarge(image: Tensor, scale: int, upsample: Callable[[Tensor, int], Tensor]) -> Tensor:
    """As ``upsample(image, scale)`` for any separable upsampler of :mod:`vs_tecogan.ops.resample`.

    Two matrix products instead of many passes of shifted sums, above all in the backward pass. For the sizes of
    training: the work of the products grows with the cube of the side.

    :param image: (N, C, H, W).
    :return:      (N, C, scale * H, scale * W) float32.
    """
    height, width = image.shape[-2:]
    with torch.autocast(image.device.type, enabled=False):
        rows, columns = (_matrix(size, scale, upsample, image.device) for size in (height, width))
        return rows @ image.float() @ columns.T


def _matrix(size: int, scale: int, upsample: Callable[[Tensor, int], Tensor], device: torch.device) -> Tensor:
    """(scale * size, size): what each sample contributes to each enlarged one along one axis."""
    unit = torch.eye(size, device=device)[None, :, :, None]
    return upsample(unit, scale)[0, :, :, 0].T
