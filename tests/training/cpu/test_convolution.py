"""Convolutions trained through the extension are torch's, only computed differently."""

import pytest
import torch
from torch import nn

from vs_tecogan.networks.perceptual import VGG16
from vs_tecogan.ops import native
from vs_tecogan.training.cpu.convolution import FastConvolution, accelerate_features

from ..conftest import vgg16_state

needs_native = pytest.mark.skipif(not native.available(), reason="the native extension is not built")


@needs_native
@pytest.mark.parametrize("channels", [(64, 64), (121, 64), (64, 112), (5, 3)])
@pytest.mark.parametrize("relu", [False, True])
def test_same_output_and_gradients(channels: tuple[int, int], relu: bool) -> None:
    """Would catch channels of the padding that leak in or out, a kernel not turned, a gradient past the ReLU."""
    torch.manual_seed(0)
    plain = nn.Conv2d(*channels, 3, padding=1)
    features = torch.randn(2, channels[0], 9, 7).requires_grad_()
    weight = torch.randn(2, channels[1], 9, 7)
    results = []
    for layer in (nn.Sequential(plain, nn.ReLU() if relu else nn.Identity()), FastConvolution(plain, relu=relu)):
        output = layer(features)
        results.append((output, *torch.autograd.grad((output * weight).sum(), (features, plain.weight, plain.bias))))
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4 * float(a.detach().abs().max()))


@needs_native
def test_kernels_follow_the_weights() -> None:
    """Would catch a layer that goes on with the kernels of before a step; a fused Adam counts no version up."""
    torch.manual_seed(0)
    plain = nn.Conv2d(8, 8, 3, padding=1)
    fast = FastConvolution(plain, relu=False)
    features = torch.randn(1, 8, 8, 8)
    optimiser = torch.optim.Adam(plain.parameters(), 0.05, fused=True)
    for _ in range(3):
        fast(features).square().sum().backward()
        optimiser.step()
        torch.testing.assert_close(fast(features), plain(features), rtol=1e-3, atol=1e-3)


@needs_native
def test_features_of_a_frozen_network_and_their_gradient() -> None:
    """Would catch a ReLU that is lost or done twice, a layer that is left out, and gradients of frozen weights."""
    state = vgg16_state()
    plain, fast = VGG16(state).freeze(), VGG16(state).freeze()
    accelerate_features(fast)
    assert sum(isinstance(layer, FastConvolution) for layer in fast.trunk) == 9
    images = torch.rand(1, 3, 38, 32).requires_grad_()
    results = []
    for network in (plain, fast):
        layers = network.features(images)
        (gradient,) = torch.autograd.grad(sum(layer.square().mean() for layer in layers), images)
        results.append((*layers, gradient))
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-3 * float(a.detach().abs().max()))
