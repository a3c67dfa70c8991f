"""3x3 convolutions of any number of channels, trained in float32 on the CPU by minimal filtering.

Torch computes the two gradients of such a convolution at a sixth of the speed of the extension's.
"""

from typing import Any

import torch
from torch import Tensor, nn

from ...networks import FluidSR, RecurrentSR
from ...networks.perceptual import VGG, FeatureNet
from ...networks.tempogan import CoarseBlock
from ...ops import native
from ...ops.winograd import kernel_gradient, transform_kernel, turned, winograd_conv
from .residual import accelerate_blocks


def _up(channels: int) -> int:
    return -(-channels // native.WIDE) * native.WIDE


def _widened(features: Tensor, channels: int) -> Tensor:
    """In channels_last memory, with channels of zeros behind."""
    n, c, h, w = features.shape
    if c == channels:
        return features.contiguous(memory_format=torch.channels_last)
    wide = features.new_zeros(n, h, w, channels).permute(0, 3, 1, 2)
    wide[:, :c] = features
    return wide


def _widened_kernel(weight: Tensor) -> Tensor:
    outputs, inputs = weight.shape[:2]
    wide = weight.new_zeros(_up(outputs), _up(inputs), 3, 3)
    wide[:outputs, :inputs] = weight.detach()
    return wide


class _Convolution(torch.autograd.Function):
    """conv2d with zero padding of 1 and, if asked, the ReLU behind it; gradients as autograd's."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor, bias: Tensor, kernels: Any, relu: bool) -> Tensor:
        kernel, kernel_turned = kernels
        outputs, inputs = weight.shape[:2]
        features = _widened(features, _up(inputs))
        wide_bias = bias.detach()
        if _up(outputs) != outputs:
            wide_bias = torch.cat((wide_bias, wide_bias.new_zeros(_up(outputs) - outputs)))
        output = winograd_conv(features, kernel, wide_bias, relu=relu)
        ctx.save_for_backward(features, output if relu else None)
        ctx.turned, ctx.sizes = kernel_turned, (inputs, outputs)
        return output[:, :outputs]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        features, output = ctx.saved_tensors
        inputs, outputs = ctx.sizes
        gradient = _widened(gradients[0], _up(outputs))
        if output is not None:
            gradient = torch.ops.aten.threshold_backward(gradient, output, 0)
        d_features = winograd_conv(gradient, ctx.turned)[:, :inputs] if ctx.needs_input_grad[0] else None
        if not ctx.needs_input_grad[1]:  # a frozen network's
            return d_features, None, None, None, None
        d_weight = kernel_gradient(features, gradient)[:outputs, :inputs]
        return d_features, d_weight, gradient.sum((0, 2, 3))[:outputs], None, None


class FastConvolution(nn.Conv2d):
    """Drop-in for a 3x3 convolution with padding 1 and, with ``relu``, the ReLU behind it; shares its parameters."""

    def __init__(self, layer: nn.Conv2d, *, relu: bool) -> None:
        super().__init__(1, 1, 1)
        self.weight, self.bias = layer.weight, layer.bias
        self.in_channels, self.out_channels = layer.in_channels, layer.out_channels
        self.kernel_size, self.padding = layer.kernel_size, layer.padding
        self.relu = relu
        self._of: Tensor | None = None
        self._kernels: tuple[Tensor, Tensor] | None = None

    def forward(self, features: Tensor) -> Tensor:
        """(N, I, H, W) -> (N, O, H, W); in other types than float32 as torch computes it."""
        if torch.is_autocast_enabled("cpu") or features.dtype != torch.float32:
            plain: Tensor = super().forward(features)
            return plain.relu_() if self.relu else plain
        # The weights themselves are compared: a fused optimiser changes them without raising autograd's version.
        if self._kernels is None or self._of is None or not torch.equal(self.weight, self._of):
            wide = _widened_kernel(self.weight)
            self._of = self.weight.detach().clone()
            self._kernels = transform_kernel(wide), transform_kernel(turned(wide))
        result: Tensor = _Convolution.apply(features, self.weight, self.bias, self._kernels, self.relu)
        return result


def accelerate_recurrent(network: RecurrentSR) -> None:
    """Replace the layers of a network that is trained on the CPU; parameters and their names stay."""
    if not native.available():
        return
    network.conv_in = FastConvolution(network.conv_in, relu=False)
    network.conv_out = FastConvolution(network.conv_out, relu=False)
    if network.spec.residual:
        accelerate_blocks(network.trunk)
        return
    for k in range(0, len(network.trunk), 2):
        layer = network.trunk[k]
        assert isinstance(layer, nn.Conv2d)
        network.trunk[k], network.trunk[k + 1] = FastConvolution(layer, relu=True), nn.Identity()


def accelerate_fluid(network: FluidSR) -> None:
    """Likewise of a network for smoke in 2-D of the coarse design, but for its narrow last layer."""
    if not native.available() or network.spec.dimensions != 2 or network.spec.design != "coarse":
        return
    for holder, name in ((network, "conv_in"), (network, "conv_up")):
        _replace(holder, name)
    for block in network.trunk:
        assert isinstance(block, CoarseBlock)
        _replace(block, "first")
        _replace(block, "second")


def accelerate_features(network: FeatureNet) -> None:
    """Likewise of a frozen VGG, whose images still get their gradient.

    The narrow first convolution stays, and those behind the last pooling: maps that small fill few of the tiles, and a
    transformed kernel takes four times the memory.
    """
    if not native.available() or not isinstance(network, VGG):
        return
    layers = network.trunk
    last = max(index for index, layer in enumerate(layers) if isinstance(layer, nn.MaxPool2d))
    for index in range(last):
        layer = layers[index]
        if isinstance(layer, nn.Conv2d) and layer.in_channels % native.WIDE == 0:
            layers[index], layers[index + 1] = FastConvolution(layer, relu=True), nn.Identity()


def _replace(holder: nn.Module, name: str) -> None:
    layer = getattr(holder, name)
    assert isinstance(layer, nn.Conv2d)
    setattr(holder, name, FastConvolution(layer, relu=False))
