"""The training-time residual blocks are the ordinary ones, only computed differently."""

import pytest
import torch

from vs_tecogan.networks import Generator, GeneratorSpec
from vs_tecogan.networks.srnet import ResidualBlock
from vs_tecogan.ops import native
from vs_tecogan.training.cpu.residual import FastResidualBlock, accelerate_blocks

needs_native = pytest.mark.skipif(not native.available(), reason="the native extension is not built")


@needs_native
@pytest.mark.parametrize("size", [(8, 8), (6, 7), (1, 13)])
def test_same_output_and_gradients(size: tuple[int, int]) -> None:
    """Would catch a kernel not turned, a bias or the skip left out, a gradient past the ReLU, tiles across samples."""
    torch.manual_seed(0)
    plain = ResidualBlock(64)
    features = torch.randn(3, 64, *size).requires_grad_()
    weight = torch.randn(3, 64, *size)
    results = []
    for block in (plain, FastResidualBlock(plain)):
        output = block(features)
        results.append((output, *torch.autograd.grad((output * weight).sum(), (features, *plain.parameters()))))
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4 * float(a.detach().abs().max()))


@needs_native
def test_kernels_follow_the_weights() -> None:
    """Would catch a block that goes on with the kernels of before a step; a fused Adam counts no version up."""
    torch.manual_seed(0)
    plain = ResidualBlock(64)
    fast = FastResidualBlock(plain)
    features = torch.randn(1, 64, 8, 8)
    optimisers = torch.optim.SGD(plain.parameters(), 1e-5), torch.optim.Adam(plain.parameters(), 0.05, fused=True)
    for change in (lambda: None, *(optimiser.step for optimiser in optimisers)):
        fast(features).square().sum().backward()
        change()
        torch.testing.assert_close(fast(features), plain(features), rtol=1e-3, atol=1e-3)
    other = ResidualBlock(64)
    plain.load_state_dict(other.state_dict())
    torch.testing.assert_close(fast(features), other(features), rtol=1e-3, atol=1e-3)


@needs_native
def test_first_block_needs_no_gradient_of_its_input() -> None:
    """Would catch a backward pass that insists on it."""
    block = FastResidualBlock(ResidualBlock(64))
    block(torch.randn(1, 64, 8, 8)).sum().backward()
    assert all(p.grad is not None for p in block.parameters())


def test_other_types_run_as_before() -> None:
    """Would catch float32 kernels given bfloat16 features, and channels that they cannot take."""
    block = FastResidualBlock(ResidualBlock(64))
    with torch.autocast("cpu", torch.bfloat16):
        assert block.conv[0](torch.randn(1, 64, 8, 8)).dtype == torch.bfloat16
        block(torch.randn(1, 64, 8, 8)).sum().backward()
    narrow = Generator(GeneratorSpec(blocks=1, channels=8)).srnet.resblocks
    accelerate_blocks(narrow)
    assert type(narrow[0]) is ResidualBlock


@needs_native
def test_state_dict_keeps_its_keys() -> None:
    """Would catch checkpoints that the filter cannot open."""
    generator = Generator(GeneratorSpec(blocks=2))
    before = list(generator.state_dict())
    accelerate_blocks(generator.srnet.resblocks)
    assert list(generator.state_dict()) == before
    assert all(isinstance(block, FastResidualBlock) for block in generator.srnet.resblocks)
