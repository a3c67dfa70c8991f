"""Minimal filtering against torch's direct convolution."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from vs_tecogan.ops import native
from vs_tecogan.ops.winograd import kernel_gradient, transform_kernel, turned, winograd_conv

pytestmark = pytest.mark.skipif(not native.available(), reason="the native extension is not built")

LEVELS = range(len(native.levels())) if native.available() else [0]


def _features(n: int, height: int, width: int, channels: int = 64) -> torch.Tensor:
    return torch.randn(n, channels, height, width).contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("level", LEVELS)
@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 3), height=st.integers(1, 30), width=st.integers(1, 30))
def test_as_torch(level: int, n: int, height: int, width: int) -> None:
    """Would catch tiles over the border or into the next sample, and blocks that leave out their last tiles."""
    torch.manual_seed(n * 1000 + height * 30 + width)
    features, weight, bias = _features(n, height, width), torch.randn(128, 64, 3, 3), torch.randn(128)
    expected = F.conv2d(features.double(), weight.double(), bias.double(), padding=1)
    found = winograd_conv(features, transform_kernel(weight), bias, level=level)
    # sums of 576 products of about 1: 24 is their deviation
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=24 * 1e-4)


@pytest.mark.parametrize("size", [(1, 1, 1), (2, 5, 7), (1, 8, 13)])
def test_the_readable_twin(size: tuple[int, int, int]) -> None:
    """Would catch a twin that is no convolution, or that takes what follows the convolution in another order."""
    torch.manual_seed(0)
    features, weight, bias = _features(*size), torch.randn(64, 64, 3, 3), torch.randn(64)
    other, mask = _features(*size), _features(*size)
    direct = F.conv2d(features, weight, bias, padding=1)
    twin = winograd_conv(features, transform_kernel(weight), bias, impl="torch")
    torch.testing.assert_close(twin, direct, rtol=0, atol=5e-3)
    rest = {"addend": other, "relu": True, "mask": mask}
    twin, mine = (winograd_conv(features, transform_kernel(weight), bias, **rest, impl=k) for k in ("torch", "native"))
    torch.testing.assert_close(mine, twin, rtol=0, atol=5e-3)
    one, two = (kernel_gradient(features, other, impl=k) for k in ("torch", "native"))
    torch.testing.assert_close(one, two, rtol=1e-4, atol=5e-3)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("size", [(1, 1, 1), (2, 5, 7), (1, 40, 44)])
def test_gradients_as_torch(size: tuple[int, int, int], level: int) -> None:
    """Would catch a kernel not turned for the gradient to the input, and one to the weights without some tiles."""
    torch.manual_seed(0)
    features, weight = _features(*size).requires_grad_(), torch.randn(128, 64, 3, 3, requires_grad=True)
    gradient = _features(*size, channels=128)
    expected = torch.autograd.grad(F.conv2d(features, weight, padding=1), (features, weight), gradient)
    found = (
        winograd_conv(gradient, transform_kernel(turned(weight)), level=level),
        kernel_gradient(features, gradient, level=level),
    )
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-4 * max(float(b.std(correction=0)), 1.0))


@pytest.mark.parametrize("level", LEVELS)
def test_what_follows_the_convolution(level: int) -> None:
    """Would catch a ReLU before the sum, or a mask by the wrong sign."""
    torch.manual_seed(0)
    features, weight, bias = _features(2, 6, 9), torch.randn(64, 64, 3, 3), torch.randn(64)
    kernel, other = transform_kernel(weight), _features(2, 6, 9)
    plain = winograd_conv(features, kernel, level=level)
    with_bias = plain + bias.view(1, -1, 1, 1)
    torch.testing.assert_close(winograd_conv(features, kernel, bias, relu=True, level=level), with_bias.relu())
    both = winograd_conv(features, kernel, bias, addend=other, relu=True, level=level)
    torch.testing.assert_close(both, (with_bias + other).relu())
    masked = winograd_conv(features, kernel, mask=other, level=level)
    assert torch.equal(masked, torch.where(other > 0, plain, 0.0))
    into = other.clone(memory_format=torch.channels_last)
    assert winograd_conv(features, kernel, bias, addend=into, relu=True, output=into, level=level) is into
    assert torch.equal(into, both)


@pytest.mark.parametrize("threads", [2, 3, 5])
def test_same_bits_for_any_number_of_threads(threads: int) -> None:
    """Would catch threads that share out a sum, or memory for the transforms that two of them write."""
    torch.manual_seed(0)
    features, gradient, kernel = _features(2, 61, 70), _features(2, 61, 70), transform_kernel(torch.randn(64, 64, 3, 3))
    for run in (
        lambda count: winograd_conv(features, kernel, threads=count),
        lambda count: kernel_gradient(features, gradient, threads=count),
    ):
        assert torch.equal(run(1), run(threads))


def test_refuses_what_it_would_misread() -> None:
    """Would catch a kernel of other channels, or planes, read as channels-last features."""
    assert native.takes_wide(torch.randn(64, 128, 3, 3))
    assert not native.takes_wide(torch.randn(64, 51, 3, 3))
    assert not native.takes_wide(torch.randn(64, 64, 1, 1))
    kernel = transform_kernel(torch.randn(64, 64, 3, 3))
    with pytest.raises(ValueError, match="expected \\(36, 128, O\\)"):
        winograd_conv(_features(1, 4, 4, 128), kernel)
    with pytest.raises(ValueError, match="not contiguous"):
        winograd_conv(torch.randn(1, 64, 4, 4), kernel)
    with pytest.raises(ValueError, match="bias is"):
        winograd_conv(_features(1, 4, 4), kernel, torch.randn(3))
