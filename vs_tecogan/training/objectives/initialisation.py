"""The weights that training begins with."""

import torch
from torch import nn

from ...networks import Generator
from ...networks.fnet import FNet

MOTION_GAIN = 4.0
"""Differences of neighbouring pixels and frames are small beside the images themselves."""
SLOPE = 0.2
"""Of FNet's leaky rectifiers."""


def initialise(generator: Generator) -> None:
    """Xavier weights and zero biases, as published, but for both heads, which are scaled down.

    So training starts near zero flow (tanh * 24 would begin with displacements of many pixels) and near the skip.
    """
    for module in generator.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    with torch.no_grad():
        _head(generator.fnet).weight.mul_(0.01)
        generator.srnet.conv_out.weight.mul_(0.1)


@torch.no_grad()
def initialise_for_motion(fnet: FNet) -> None:
    """Weights from which FNet finds motion; from common ones it often never does and its flow stays zero.

    Flow follows from what changes in time and what changes in space (its product with the gradient of the image is the
    change between the frames), while both frames by themselves are strong, common and useless signals. So the first
    layer begins with nothing else: 8 kernels are blurred differences between the frames, 8 differences between the
    frames' gradients, 16 gradients of the frames' sum. All other layers are He's for leaky rectifiers; the head is
    scaled down, so that the flow begins near zero.
    """
    for module in fnet.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, a=SLOPE)
            assert module.bias is not None
            nn.init.zeros_(module.bias)
    _head(fnet).weight.mul_(0.1)
    first = fnet.encoder1[0]
    assert isinstance(first, nn.Conv2d)
    kernels = first.weight
    kernels -= kernels.mean(dim=(2, 3), keepdim=True)
    kernels *= MOTION_GAIN
    # Channels 0 to 2 are the current frame, 3 to 5 the previous one.
    kernels[:16, 3:] = -kernels[:16, :3]
    kernels[16:, 3:] = kernels[16:, :3]
    binomial = torch.tensor([1.0, 2.0, 1.0], device=kernels.device)
    blur = torch.outer(binomial, binomial) / 16
    sign = torch.tensor([1.0, 1.0, 1.0, -1.0, -1.0, -1.0], device=kernels.device).view(1, 6, 1, 1)
    strength = (torch.rand(8, 1, 1, 1) * 2 - 1).to(kernels.device) * MOTION_GAIN
    kernels[:8] = 0.3 * kernels[:8] + strength * sign * blur


def _head(fnet: FNet) -> nn.Conv2d:
    head = fnet.flow[-1]
    assert isinstance(head, nn.Conv2d)
    return head
