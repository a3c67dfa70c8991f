"""The training-time transposed convolution is the ordinary one, only its bias gradient is computed differently."""

import pytest
import torch

from vs_tecogan.networks import Generator, GeneratorSpec
from vs_tecogan.training.deconvolution import Deconvolution, accelerate


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_same_output_and_gradients(kind: torch.dtype) -> None:
    """Would catch a lost stride, padding or bias, and a wrong sum in the backward pass."""
    torch.manual_seed(0)
    plain = torch.nn.ConvTranspose2d(8, 8, 3, 2, 1, output_padding=1)
    fast = Deconvolution(plain)
    image = torch.rand(2, 8, 6, 7)
    weight = torch.rand(2, 8, 12, 14)
    results = []
    for layer in (plain, fast):
        with torch.autocast("cpu", kind, enabled=kind != torch.float32):
            output = layer(image)
        gradients = torch.autograd.grad((output.float() * weight).sum(), (plain.weight, plain.bias))
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
