"""tempoGAN's networks: published sizes, both dimensions, pixel order, and what a place depends on."""

from typing import get_args

import pytest
import torch
from torch.nn import functional

from vs_tecogan.networks.tempogan import FieldNames, FluidDiscriminator, FluidSpec, FluidSR, interleave


def test_the_published_generator_has_the_published_number_of_parameters() -> None:
    """Would catch a block of another width: density and velocity in 2-D make 604 k weights and biases."""
    network = FluidSR(FluidSpec(design="published"))
    counted = sum(p.numel() for name, p in network.named_parameters() if "norms" not in name)
    assert counted == 604_366
    assert [len(list(block.norms.parameters())) for block in network.blocks] == [6, 6, 6, 0]


def test_the_published_discriminators() -> None:
    """Would catch other strides or widths: a tile of 64 is 8 high before the dense layer."""
    ds = FluidDiscriminator(2, 2, side=64)
    logits, layers = ds(torch.rand(3, 2, 64, 64))
    assert logits.shape == (3, 1)
    assert [tuple(x.shape[1:]) for x in layers] == [(32, 32, 32), (64, 16, 16), (128, 8, 8), (256, 8, 8)]
    logits, _ = FluidDiscriminator(3, 3, width=0.1)(torch.rand(1, 3, 16, 16, 16))
    assert logits.shape == (1, 1, 2, 2, 2)


@pytest.mark.parametrize("design", ["published", "coarse"])
@pytest.mark.parametrize("inputs", get_args(FieldNames))
@pytest.mark.parametrize("dimensions", [2, 3])
def test_shapes(dimensions: int, inputs: FieldNames, design: str) -> None:
    """Would catch a network that some choice of inputs or dimensions breaks."""
    spec = FluidSpec(dimensions=dimensions, inputs=inputs, design=design, blocks=1, channels=4)  # type: ignore[arg-type]
    network = FluidSR(spec).eval()
    sides = (2, 3, 2)[:dimensions]
    with torch.no_grad():
        out = network(torch.rand(2, spec.input_channels, *sides))
    assert out.shape == (2, 1, *(4 * side for side in sides))
    assert out.min() >= 0


@pytest.mark.parametrize("design", ["published", "coarse"])
def test_a_place_depends_on_its_reach_alone(design: str) -> None:
    """Would catch a reach that is too small, whose tiles would show seams."""
    spec = FluidSpec(design=design, blocks=2, channels=4)  # type: ignore[arg-type]
    network = FluidSR(spec).eval().requires_grad_(False)
    for parameter in network.parameters():
        parameter.abs_()  # no ReLU hides what comes through
    fields = torch.rand(1, 3, 9, 40, generator=torch.Generator().manual_seed(1))
    other = fields.clone()
    other[..., 20 + spec.reach :] += 1
    with torch.no_grad():
        before, after = network(fields), network(other)
    assert torch.equal(before[..., :84], after[..., :84])
    assert not torch.equal(before, after)


def test_interleaving_in_three_dimensions() -> None:
    """Would catch an order of axes other than PixelShuffle's: a volume one deep is a picture."""
    flat = torch.rand(2, 8, 3, 5)
    torch.testing.assert_close(interleave(flat, 2), functional.pixel_shuffle(flat, 2))
    fine = interleave(torch.arange(8.0).reshape(1, 8, 1, 1, 1), 2)
    assert torch.equal(fine[0, 0], torch.arange(8.0).reshape(2, 2, 2))
