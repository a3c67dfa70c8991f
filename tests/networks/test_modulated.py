"""Layers of style-based generators: held against a plain convolution of each sample's own weights."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from vs_tecogan.networks.modulated import EqualConv, EqualLinear, Mapping, MinibatchDeviation, ModulatedConv


def plain(layer: ModulatedConv, features: Tensor, style: Tensor) -> Tensor:
    """One frame at a time, with the weights that its style makes: as published."""
    scales = layer.affine(style)
    weight = layer.conv.weight * layer.conv.gain * scales.reshape(1, -1, *(1,) * (features.dim() - 2))
    weight = weight * torch.rsqrt(weight.square().flatten(1).sum(1) + 1e-8).reshape(-1, *(1,) * (features.dim() - 1))
    return (F.conv2d if features.dim() == 4 else F.conv3d)(features, weight, padding=layer.conv.padding)


def test_modulation_is_that_of_the_weights() -> None:
    """Would catch scales of the wrong axis, or a demodulation that forgets the style."""
    torch.manual_seed(0)
    layer = ModulatedConv(3, 5, 3, 7)
    features, styles = torch.randn(2, 3, 6, 6), torch.randn(2, 7)
    for n in range(2):
        expected = plain(layer, features[n : n + 1], styles[n : n + 1])
        torch.testing.assert_close(layer(features, styles)[n : n + 1], expected, atol=1e-5, rtol=1e-4)


def test_styles_for_each_frame() -> None:
    """Would catch a frame that is scaled by another one's style."""
    torch.manual_seed(0)
    layer = ModulatedConv(3, 5, (1, 3, 3), 7, dimensions=3)
    features, styles = torch.randn(2, 3, 4, 6, 6), torch.randn(2, 4, 7)
    result = layer(features, styles)
    for t in range(4):
        expected = plain(layer, features[:1, :, t : t + 1], styles[:1, t])
        torch.testing.assert_close(result[:1, :, t : t + 1], expected, atol=1e-5, rtol=1e-4)
    whole = ModulatedConv(3, 5, 3, 7, dimensions=3)
    torch.testing.assert_close(whole(features, styles[:, 0])[:1], plain(whole, features[:1], styles[:1, 0]),
                               atol=1e-5, rtol=1e-4)  # fmt: skip


@pytest.mark.parametrize("rate", [1.0, 0.01])
@torch.no_grad()
def test_variance_is_kept(rate: float) -> None:
    """Would catch a gain that is missing, or one that is applied twice."""
    torch.manual_seed(0)
    assert float(EqualLinear(256, 256, rate=rate)(torch.randn(64, 256)).std()) == pytest.approx(1, rel=0.1)
    assert float(EqualConv(64, 64)(torch.randn(2, 64, 16, 16))[..., 1:-1, 1:-1].std()) == pytest.approx(1, rel=0.15)
    assert float(Mapping(64, 64, 2)(100 * torch.randn(64, 64)).square().mean()) == pytest.approx(1, rel=0.5)


def test_deviation_tells_equal_samples() -> None:
    """Would catch a channel that is not zero where all pictures are equal, or groups that mix."""
    layer = MinibatchDeviation(4)
    assert float(layer(torch.ones(8, 2, 4, 4))[:, 2].abs().max()) < 1e-3
    features = torch.randn(6, 2, 4, 4)
    result = layer(features)
    assert result.shape == (6, 3, 4, 4), "6 has no group of 4: groups of 3"
    torch.testing.assert_close(result[0, 2], result[2, 2])
    assert not torch.equal(result[0, 2], result[1, 2])
