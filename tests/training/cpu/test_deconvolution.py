"""The training-time layers at HR size are the ordinary ones, only computed differently."""

import pytest
import torch

from vs_tecogan.networks import Generator, GeneratorSpec
from vs_tecogan.ops import native
from vs_tecogan.training.cpu.deconvolution import Deconvolution, NarrowConvolution, accelerate


@pytest.mark.parametrize("channels", [8, 64])
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_same_output_and_gradients(kind: torch.dtype, channels: int) -> None:
    """Would catch a lost stride, padding, bias or ReLU, and a wrong sum in the backward pass, torch's and our own."""
    torch.manual_seed(0)
    plain = torch.nn.ConvTranspose2d(channels, channels, 3, 2, 1, output_padding=1)
    fast = Deconvolution(plain)
    image = torch.rand(2, channels, 6, 7)
    weight = torch.rand(2, channels, 12, 14)
    results = []
    for layer in (plain, fast):
        with torch.autocast("cpu", kind, enabled=kind != torch.float32):
            output = layer(image).relu()
        gradients = torch.autograd.grad((output.float() * weight).sum(), (plain.weight, plain.bias))
        results.append((output.float(), *gradients))
    tolerance = 1e-5 if kind == torch.float32 else 2e-2
    for a, b in zip(*results, strict=True):
        assert a.dtype == b.dtype
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.skipif(not native.available(), reason="the native extension is not built")
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_narrow_convolution(kind: torch.dtype) -> None:
    """Would catch mirrored kernels, borders that leak between samples, or a gradient that misses one of the three."""
    torch.manual_seed(0)
    plain = torch.nn.Conv2d(16, 3, 3, padding=1)
    fast = NarrowConvolution(plain)
    image = torch.rand(2, 16, 6, 7).requires_grad_()
    weight = torch.rand(2, 3, 6, 7)
    results = []
    for layer in (plain, fast):
        with torch.autocast("cpu", kind, enabled=kind != torch.float32):
            output = layer(image)
        gradients = torch.autograd.grad((output.float() * weight).sum(), (image, plain.weight, plain.bias))
        results.append((output.float(), *gradients))
    tolerance = 1e-5 if kind == torch.float32 else 2e-2
    for a, b in zip(*results, strict=True):
        assert a.dtype == b.dtype
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def test_state_dict_keeps_its_keys() -> None:
    """Would catch checkpoints that the filter cannot open."""
    generator = Generator(GeneratorSpec(blocks=1, channels=8))
    before = {key: value.clone() for key, value in generator.state_dict().items()}
    accelerate(generator)
    after = generator.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[key], before[key]) for key in before)
    assert sum(isinstance(m, Deconvolution) for m in generator.modules()) == 2
