"""SRNet's residual blocks with faster kernels and gradients, for training in float32 on the CPU."""

from typing import Any

import torch
from torch import Tensor, nn

from ...networks.srnet import ResidualBlock
from ...ops import native
from ...ops.winograd import kernel_gradient, transform_kernel, turned, winograd_conv

Kernels = tuple[Tensor, Tensor, Tensor, Tensor]


class _Block(torch.autograd.Function):
    """features + conv(relu(conv(features))); gradients as autograd's."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, *given: Any) -> Tensor:
        _, bias_1, _, bias_2, kernels = given
        features = features.contiguous(memory_format=torch.channels_last)
        hidden = winograd_conv(features, kernels[0], bias_1.detach(), relu=True)
        ctx.save_for_backward(features, hidden)
        ctx.kernels = kernels[2:]
        return winograd_conv(hidden, kernels[1], bias_2.detach(), addend=features)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        features, hidden = ctx.saved_tensors
        gradient = gradients[0].contiguous(memory_format=torch.channels_last)
        d_hidden = winograd_conv(gradient, ctx.kernels[1], mask=hidden)
        d_features = winograd_conv(d_hidden, ctx.kernels[0], addend=gradient) if ctx.needs_input_grad[0] else None
        return (
            d_features,
            kernel_gradient(features, d_hidden),
            d_hidden.sum((0, 2, 3)),
            kernel_gradient(hidden, gradient),
            gradient.sum((0, 2, 3)),
            None,
        )


class FastResidualBlock(ResidualBlock):
    """Drop-in for a block of SRNet; takes over the given one's layers.

    In other types than float32 it computes as before.
    """

    def __init__(self, block: ResidualBlock) -> None:
        super().__init__(1)
        self.conv = block.conv
        self._of: tuple[Tensor, Tensor] | None = None
        self._kernels: Kernels | None = None

    def forward(self, features: Tensor) -> Tensor:
        """(N, channels, H, W) -> same."""
        first, second = _conv(self, 0), _conv(self, 2)
        if torch.is_autocast_enabled("cpu") or features.dtype != torch.float32 or not native.takes_wide(first.weight):
            return super().forward(features)
        result: Tensor = _Block.apply(
            features,
            first.weight,
            first.bias,
            second.weight,
            second.bias,
            self._transformed(first.weight, second.weight),
        )
        return result

    def _transformed(self, first: Tensor, second: Tensor) -> Kernels:
        """Both kernels and their turned ones, made anew when the weights have changed.

        The weights themselves are compared: a fused optimiser changes them without raising autograd's version.
        """
        same = self._of is not None and torch.equal(first, self._of[0]) and torch.equal(second, self._of[1])
        if self._kernels is None or not same:
            weights = (first, second, turned(first), turned(second))
            one, two, one_turned, two_turned = (transform_kernel(w) for w in weights)
            self._of, self._kernels = (
                (first.detach().clone(), second.detach().clone()),
                (one, two, one_turned, two_turned),
            )
        return self._kernels


def _conv(block: ResidualBlock, place: int) -> nn.Conv2d:
    layer = block.conv[place]
    assert isinstance(layer, nn.Conv2d)
    return layer


def accelerate_blocks(blocks: nn.Sequential) -> None:
    """Replace the residual blocks of a network that is trained on the CPU; parameters and their names stay."""
    for index, block in enumerate(blocks):
        if type(block) is ResidualBlock and native.takes_wide(_conv(block, 0).weight):
            blocks[index] = FastResidualBlock(block)
