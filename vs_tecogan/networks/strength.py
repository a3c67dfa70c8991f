"""One network for a range of strengths: from keeping a source's grain and faults to cleaning them.

Each residual branch of the trunk has a gain and a shift per channel that grow with the strength. At a fixed strength
both are part of the weights of a plain convolution: a conditioned network costs nothing more, and every engine runs it
as it runs any other.
"""

import torch
from torch import Tensor, nn

FULL = 1.0
"""Strength of a model where none is asked for: as far as it was trained to clean."""


class StrengthCondition(nn.Module):
    """Gains and shifts of the first convolution and of each residual branch; both begin as nothing.

    :param blocks:   residual blocks.
    :param channels: of the trunk.
    """

    def __init__(self, blocks: int, channels: int) -> None:
        super().__init__()
        self.channels = channels
        # Flat: an optimiser of matrices would take a table for one.
        self.gain = nn.Parameter(torch.zeros((blocks + 1) * channels))
        self.shift = nn.Parameter(torch.zeros((blocks + 1) * channels))

    def forward(self, features: Tensor, place: int, strength: Tensor) -> Tensor:
        """``features * (1 + strength * gain) + strength * shift`` at a place: 0 is the first convolution.

        :param features: (N, channels, H, W).
        :param strength: (N,), 0 to 1.
        """
        given = strength.to(features.dtype)[:, None]
        gain, shift = (given * part.to(features.dtype) for part in self._at(place))
        return features * (1 + gain)[..., None, None] + shift[..., None, None]

    @torch.no_grad()
    def fold(self, layer: nn.Conv2d, place: int, strength: float) -> None:
        """Make a convolution give what :meth:`forward` makes of its output."""
        assert layer.bias is not None
        gain, shift = (strength * part.to(layer.weight) for part in self._at(place))
        layer.weight.mul_((1 + gain)[:, None, None, None])
        layer.bias.mul_(1 + gain).add_(shift)

    def _at(self, place: int) -> tuple[Tensor, Tensor]:
        part = slice(place * self.channels, (place + 1) * self.channels)
        return self.gain[part], self.shift[part]
