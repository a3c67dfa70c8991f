"""Operators in the version that is fastest where their tensors live, with gradients; for training."""

from torch import Tensor

from . import native, warp


def backward_warp(image: Tensor, flow: Tensor) -> Tensor:
    """As :func:`vs_tecogan.ops.warp.backward_warp`: the extension's on a CPU where it was built, else torch's.

    :param image: (N, C, H, W), any float type.
    :param flow:  (N, 2, H, W), pixels.
    :return:      (N, C, H, W) float32.
    """
    if image.device.type == "cpu" and native.available():
        return native.backward_warp(image.float(), flow.float())
    return warp.backward_warp(image, flow)
