"""Our own transposed convolution and its gradients against torch's."""

import pytest
import torch
import torch.nn.functional as F

from vs_tecogan.ops import native
from vs_tecogan.ops.deconv import deconv_backward, deconv_relu, pack_kernel

pytestmark = pytest.mark.skipif(not native.available(), reason="the native extension is not built")

LEVELS = range(len(native.levels())) if native.available() else [0]
MARGINS = [((1, 1), (1, 1)), ((1, 1), (0, 1)), ((2, 1), (1, 1)), ((0, 0), (0, 0)), ((1, 0), (0, 0)), ((2, 0), (1, 0))]


def _features(n: int, height: int, width: int, channels: int = 64) -> torch.Tensor:
    return torch.randn(n, channels, height, width).contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("size", [(1, 2, 2), (2, 5, 7), (1, 3, 1), (3, 4, 26)])
@pytest.mark.parametrize(("padding", "extra"), MARGINS)
def test_as_torch(size: tuple[int, int, int], padding: tuple[int, int], extra: tuple[int, int], level: int) -> None:
    """Would catch a tap beyond the image, rows of another sample, a group that mixes columns with other sources."""
    torch.manual_seed(0)
    features, weight, bias = _features(*size), torch.randn(64, 128, 3, 3), torch.randn(128)
    expected = F.conv_transpose2d(features, weight, bias, 2, padding, extra).relu()
    found = deconv_relu(features, pack_kernel(weight), bias, padding, extra, level=level)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    twin = deconv_relu(features, pack_kernel(weight), bias, padding, extra, impl="torch")
    torch.testing.assert_close(twin, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("size", [(1, 1, 1), (2, 5, 7), (3, 4, 26)])
def test_gradients_as_torch(size: tuple[int, int, int], level: int) -> None:
    """Would catch a tap read above or left of the image, and a sum that leaves out a row or sample."""
    torch.manual_seed(0)
    features, weight = _features(*size).requires_grad_(), torch.randn(64, 128, 3, 3, requires_grad=True)
    result = F.conv_transpose2d(features, weight, None, 2, 1, 1)
    gradient = torch.randn_like(result).contiguous(memory_format=torch.channels_last)
    expected = torch.autograd.grad(result, (features, weight), gradient)
    found = deconv_backward(features, weight, gradient, level=level)
    twin = deconv_backward(features, weight, gradient, impl="torch")
    for a, b, c in zip(found, expected, twin, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-3)
        torch.testing.assert_close(c, b, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("threads", [2, 3, 5])
def test_same_bits_for_any_number_of_threads(threads: int) -> None:
    """Would catch threads that share out a sum."""
    torch.manual_seed(0)
    features, weight, bias = _features(2, 9, 11), torch.randn(64, 64, 3, 3), torch.randn(64)
    gradient = _features(2, 18, 22)
    results = []
    for count in (1, threads):
        output = deconv_relu(features, pack_kernel(weight), bias, (1, 1), (1, 1), threads=count)
        results.append((output, *deconv_backward(features, weight, gradient, threads=count)))
    for a, b in zip(*results, strict=True):
        assert a is not None
        assert torch.equal(a, b)


def test_refuses_what_it_would_misread() -> None:
    """Would catch a kernel of other channels, or planes, read as channels-last features."""
    kernel, bias = pack_kernel(torch.randn(64, 64, 3, 3)), torch.randn(64)
    with pytest.raises(ValueError, match="expected \\(9, 128, O\\)"):
        deconv_relu(_features(1, 4, 4, 128), kernel, bias, (1, 1), (1, 1))
    with pytest.raises(ValueError, match="not contiguous"):
        deconv_relu(torch.randn(1, 64, 4, 4), kernel, bias, (1, 1), (1, 1))
