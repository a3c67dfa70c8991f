"""SRNet's layers at HR size with faster kernels and gradients, for training on the CPU.

Torch's own spend most of their time beside the arithmetic there: over the gradient of a transposed convolution's bias,
a mere sum, longer in bf16 than over all the rest of its backward pass; and a convolution to three channels is computed
as one to sixteen.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...networks import Generator
from ...ops import deconv, native
from ...ops.narrow_conv import narrow_conv, pack_narrow_weight
from .residual import accelerate_blocks

_convolution_backward = torch.ops.aten.convolution_backward


def _channel_sums(gradient: Tensor) -> Tensor:
    """(N, C, H, W) in channels_last memory -> (C,) float32."""
    n, c, h, w = gradient.shape
    # Row by row as a product, whose sums are fp32 inside; torch's own sum converts the whole map to fp32 first.
    rows = gradient.permute(0, 2, 3, 1).reshape(n * h, w, c)
    return torch.bmm(gradient.new_ones(n * h, 1, w), rows).sum((0, 1), dtype=torch.float32)


class _DeconvolutionReLU(torch.autograd.Function):
    """relu(conv_transpose2d(features, weight, bias)), all in the type of ``features``; gradients as autograd's."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor, bias: Tensor, how: tuple[Any, ...]) -> Tensor:
        if _own(features, weight, how):
            features = features.contiguous(memory_format=torch.channels_last)
            output = deconv.deconv_relu(features, deconv.pack_kernel(weight), bias.detach(), (1, 1), (1, 1))
        else:
            output = F.conv_transpose2d(features, weight, bias.to(features.dtype), *how).relu_()
        ctx.save_for_backward(features, weight, output)
        ctx.how = how
        return output

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor, Tensor, None]:
        features, weight, output = ctx.saved_tensors
        stride, padding, rest = ctx.how
        # In place: the layer behind is the only one that feeds this, and made this tensor for it. A map of its own
        # would cost more in page faults than in arithmetic.
        gradient = gradients[0].to(output.dtype)
        torch.ops.aten.threshold_backward.grad_input(gradient, output, 0, grad_input=gradient)
        if _own(features, weight, ctx.how):
            gradient = gradient.contiguous(memory_format=torch.channels_last)
            d_features, d_weight = deconv.deconv_backward(
                features, weight, gradient, with_input=ctx.needs_input_grad[0]
            )
            return d_features, d_weight, _channel_sums(gradient), None
        wanted = (ctx.needs_input_grad[0], True, False)
        d_features, d_weight, _ = _convolution_backward(
            gradient, features, weight, None, stride, padding, (1, 1), True, rest, 1, wanted
        )
        return d_features, d_weight, _channel_sums(gradient), None


def _own(features: Tensor, weight: Tensor, how: tuple[Any, ...]) -> bool:
    """Whether the extension computes this one."""
    corner = all(tuple(x) == y for x, y in zip(how, ((2, 2), (1, 1), (1, 1)), strict=True))
    return corner and features.dtype == torch.float32 and native.takes_wide(weight)


class Deconvolution(nn.ConvTranspose2d):
    """Drop-in for a transposed convolution of SRNet and the ReLU behind it; takes over the given one's parameters."""

    def __init__(self, layer: nn.ConvTranspose2d) -> None:
        super().__init__(1, 1, 1)
        self.weight, self.bias = layer.weight, layer.bias
        self.stride, self.padding, self.output_padding = layer.stride, layer.padding, layer.output_padding

    def forward(self, features: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(N, C, H, W) -> (N, C, 2H, 2W), not negative."""
        kind = _working_type(features)
        how = (self.stride, self.padding, self.output_padding)
        result: Tensor = _DeconvolutionReLU.apply(features.to(kind), self.weight.to(kind), self.bias, how)
        return result


class _NarrowConvolution(torch.autograd.Function):
    """3x3 convolution of channels_last features to three channels, in float32 sums; gradients as matrix products."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        n, _, h, w = features.shape
        features = features.contiguous(memory_format=torch.channels_last)
        packed = pack_narrow_weight(weight, features.dtype)
        output = torch.empty(n, len(weight), h, w)
        for k in range(n):
            narrow_conv(features[k : k + 1], packed, bias.detach().float(), output[k : k + 1])
        ctx.save_for_backward(features, packed)
        return output

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        features, packed = ctx.saved_tensors
        gradient = gradients[0]
        n, outputs, h, w = gradient.shape
        inputs = features.shape[1]
        # What each feature contributed to: row (o, dy, dx) of the columns holds the gradient of output o at
        # p + (dy - 1, dx - 1), which took the feature at p through the weight at (2 - dy, 2 - dx).
        padded = F.pad(gradient.to(features.dtype), (1, 1, 1, 1))
        s = padded.stride()
        windows = padded.as_strided((n, outputs, 3, 3, h, w), (s[0], s[1], s[2], s[3], s[2], s[3]))
        columns = windows.reshape(n, outputs * 9, h * w)
        pixels = features.permute(0, 2, 3, 1).reshape(n, h * w, inputs)
        kernels = packed.flip(1).reshape(outputs * 9, inputs)
        d_pixels = torch.matmul(columns.transpose(1, 2), kernels)
        d_features = d_pixels.view(n, h, w, inputs).permute(0, 3, 1, 2)
        d_kernels = torch.bmm(columns, pixels).sum(0, dtype=torch.float32)
        d_weight = d_kernels.view(outputs, 9, inputs).flip(1).view(outputs, 3, 3, inputs).permute(0, 3, 1, 2)
        return d_features, d_weight, gradient.sum(dim=(0, 2, 3), dtype=torch.float32)


class NarrowConvolution(nn.Conv2d):
    """Drop-in for SRNet's last convolution; takes over the parameters of the given one."""

    def __init__(self, layer: nn.Conv2d) -> None:
        super().__init__(1, 1, 1)
        self.weight, self.bias = layer.weight, layer.bias
        self.kernel_size, self.padding = layer.kernel_size, layer.padding
        self.in_channels, self.out_channels = layer.in_channels, layer.out_channels

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, 3, H, W) float32, its sums never rounded to less."""
        kind = _working_type(features)
        if kind not in native.FLOATS:
            return super().forward(features)
        result: Tensor = _NarrowConvolution.apply(features.to(kind), self.weight, self.bias)
        return result


def _working_type(features: Tensor) -> torch.dtype:
    """In which type autocast would run a convolution here."""
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else features.dtype


def accelerate(generator: Generator) -> None:
    """Replace the layers of a generator that is trained on the CPU; parameters and their names stay."""
    network = generator.srnet
    accelerate_blocks(network.resblocks)
    if not hasattr(network, "conv_up"):
        return
    layers = network.conv_up
    for index, layer in enumerate(layers):
        if type(layer) is nn.ConvTranspose2d:
            layers[index], layers[index + 1] = Deconvolution(layer), nn.Identity()
    if native.available():
        network.conv_out = NarrowConvolution(network.conv_out)
