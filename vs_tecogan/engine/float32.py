"""Convolutions of torch's own that leave float32 as it is."""

import torch
from torch import Tensor, nn


def without_tf32(network: nn.Module) -> None:
    """Have a network's convolutions leave float32 as it is, by their arguments: torch's global flags stay the user's.

    TF32, torch's default on NVIDIA's newer cards, has 10 bits of mantissa. Results elsewhere stay the same bits.

    :param network: its modules change their class; zero padding only.
    """
    for module in network.modules():
        if type(module) is nn.Conv2d:
            module.__class__ = _ExactConv2d
        elif type(module) is nn.ConvTranspose2d:
            module.__class__ = _ExactConvTranspose2d


class _ExactConv2d(nn.Conv2d):
    def forward(self, features: Tensor) -> Tensor:
        """As the base class, never in TF32."""
        return _convolution(self, features, transposed=False)


class _ExactConvTranspose2d(nn.ConvTranspose2d):
    def forward(self, features: Tensor, output_size: list[int] | None = None) -> Tensor:
        """As the base class, never in TF32."""
        return _convolution(self, features, transposed=True)


def _convolution(layer: nn.Conv2d | nn.ConvTranspose2d, features: Tensor, *, transposed: bool) -> Tensor:
    where = (list(layer.stride), list(layer.padding), list(layer.dilation), transposed, list(layer.output_padding))
    choices = (False, False, True, False)  # benchmark, deterministic, cuDNN, TF32
    result: Tensor = torch.ops.aten._convolution.default(
        features, layer.weight, layer.bias, *where, layer.groups, *choices
    )
    return result
