"""Transposed convolution whose bias has a fast gradient on the CPU.

For bf16 torch takes longer there over the gradient of a transposed convolution's bias, a mere sum, than over all the
rest of its backward pass. As an operator of its own it costs next to nothing.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..networks import Generator


class Bias(torch.autograd.Function):
    """Adds a bias per channel to (N, C, H, W)."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, bias: Tensor) -> Tensor:  # noqa: ARG004
        return features + bias.to(features.dtype)[:, None, None]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ARG004
        return gradient, gradient.sum(dim=(0, 2, 3), dtype=torch.float32)


class Deconvolution(nn.ConvTranspose2d):
    """Drop-in for the transposed convolutions of SRNet; takes over the parameters of the given one."""

    def __init__(self, layer: nn.ConvTranspose2d) -> None:
        super().__init__(1, 1, 1)
        self.weight, self.bias = layer.weight, layer.bias
        self.stride, self.padding, self.output_padding = layer.stride, layer.padding, layer.output_padding

    def forward(self, features: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(N, C, H, W) -> (N, C, 2H, 2W)."""
        stride, padding, rest = self.stride, self.padding, self.output_padding
        output = F.conv_transpose2d(features, self.weight, None, stride, padding, rest)  # type: ignore[arg-type]
        assert self.bias is not None
        result: Tensor = Bias.apply(output, self.bias)
        return result


def accelerate(generator: Generator) -> None:
    """Replace the transposed convolutions of a generator that is trained on the CPU."""
    layers = generator.srnet.conv_up
    for index, layer in enumerate(layers):
        if type(layer) is nn.ConvTranspose2d:
            layers[index] = Deconvolution(layer)
