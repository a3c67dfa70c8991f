"""Beginning from another model's weights: what is kept, what is new, and that all of it can learn."""

import pytest
import torch

from vs_tecogan.errors import TrainingError
from vs_tecogan.networks import Dialect, Generator, GeneratorSpec, RecurrentSpec, RecurrentSR
from vs_tecogan.ops import space_to_depth
from vs_tecogan.training.objectives.losses import content_loss
from vs_tecogan.training.objectives.transplant import regroup, transplant, transplant_recurrent


def test_grown_generator_is_the_same_function_and_can_learn() -> None:
    """10 to 16 blocks: same output at first, and gradients reach the new weights (zero-filling both kills them)."""
    torch.manual_seed(0)
    small, large = (Generator(GeneratorSpec(blocks=n, channels=8)) for n in (1, 3))
    transplant(small, large)
    lr = torch.rand(1, 3, 3, 16, 16)
    torch.testing.assert_close(small(lr)[0], large(lr)[0])
    optimiser = torch.optim.Adam(large.parameters(), lr=1e-3)
    for _ in range(2):
        optimiser.zero_grad()
        content_loss(large(lr)[0], torch.zeros(1, 3, 3, 64, 64), "l2").backward()
        optimiser.step()
    for block in large.srnet.resblocks[1:]:
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in block.parameters())


def test_transplant_refuses_other_architectures() -> None:
    """Would catch weights of another grid or width being loaded in part."""
    target = Generator(GeneratorSpec(blocks=1, channels=8))
    for spec in (GeneratorSpec(blocks=1, channels=16), GeneratorSpec(blocks=1, channels=8, dialect=Dialect.BI)):
        with pytest.raises(TrainingError, match="its architecture is"):
            transplant(Generator(spec), target)
    with pytest.raises(TrainingError, match="it has 2 blocks"):
        transplant(Generator(GeneratorSpec(blocks=2, channels=8)), target)


@pytest.mark.parametrize(("old", "new"), [(4, 2), (2, 4)])
def test_regrouped_kernel_answers_alike(old: int, new: int) -> None:
    """A past that is flat within LR pixels gives the same features; catches a wrong channel order of the cells."""
    torch.manual_seed(0)
    kernel = torch.rand(5, 3 + 3 * old * old, 3, 3) - 0.5
    lr, past = torch.rand(1, 3, 9, 7), torch.rand(1, 3, 9, 7)

    def answer(kernel: torch.Tensor, scale: int) -> torch.Tensor:
        enlarged = past.repeat_interleave(scale, 2).repeat_interleave(scale, 3)
        return torch.nn.functional.conv2d(torch.cat((lr, space_to_depth(enlarged, scale)), 1), kernel, padding=1)

    torch.testing.assert_close(answer(regroup(kernel, old, new), new), answer(kernel, old))


def test_regrouping_keeps_the_places_of_offsets() -> None:
    """Offset (dy, dx) of a 4x cell belongs to (dy // 2, dx // 2) of a 2x cell, each colour to itself."""
    kernel = torch.zeros(1, 51, 3, 3)
    kernel[0, 3 + 3 * (4 * 3 + 1) + 2] = 1  # blue at (3, 1)
    small = regroup(kernel, 4, 2)
    assert small[0].sum(dim=(1, 2)).nonzero().flatten().tolist() == [3 + 3 * (2 * 1 + 0) + 2]


@pytest.mark.parametrize(("old", "new"), [(4, 2), (2, 4)])
def test_between_scales_the_motion_and_the_body_are_kept(old: int, new: int) -> None:
    """Flow is the source's exactly, the enlargement is fresh, and gradients reach all of it."""
    torch.manual_seed(0)
    source, target = (Generator(GeneratorSpec(blocks=n, channels=8, scale=s)) for n, s in ((1, old), (2, new)))
    fresh = target.srnet.conv_out.weight.clone()
    transplant(source, target)
    pair = torch.rand(2, 1, 3, 16, 16)
    torch.testing.assert_close(target.fnet(pair[0], pair[1]), source.fnet(pair[0], pair[1]))
    torch.testing.assert_close(target.srnet.resblocks[0].state_dict(), source.srnet.resblocks[0].state_dict())
    torch.testing.assert_close(target.srnet.conv_out.weight, fresh)
    output = target(torch.rand(1, 3, 3, 16, 16))[0]
    content_loss(output, torch.zeros_like(output), "l2").backward()
    for name, parameter in target.srnet.named_parameters():
        if "resblocks.1.conv.0" not in name:  # behind the zero convolution of a new block, at the very first step
            assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def recurrent(**changes: int) -> RecurrentSR:
    return RecurrentSR(RecurrentSpec(**({"channels": 8, "blocks": 2} | changes)))


def test_more_blocks_of_a_recurrent_network_change_nothing_at_first() -> None:
    """Would catch blocks in another order, and new ones that are not the identity."""
    torch.manual_seed(0)
    small, large = recurrent(), recurrent(blocks=5)
    transplant_recurrent(small, large)
    frames, state = torch.rand(1, 9, 12, 16), torch.rand(1, small.spec.state_channels, 12, 16)
    for a, b in zip(small(frames, state), large(frames, state), strict=True):
        torch.testing.assert_close(a, b)


def test_fewer_blocks_keep_the_ends_of_the_trunk() -> None:
    """Would catch a trunk that loses its last block, whose output the last layer was trained for."""
    large, small = recurrent(blocks=10), recurrent(blocks=5)
    transplant_recurrent(large, small)
    for new, old in enumerate((0, 2, 4, 7, 9)):
        for a, b in zip(small.trunk[new].parameters(), large.trunk[old].parameters(), strict=True):
            assert torch.equal(a, b)


def test_a_strength_goes_with_its_blocks() -> None:
    """Would catch gains of another block, and new blocks whose strength is not nothing."""
    torch.manual_seed(0)
    middle = recurrent(strength=True, blocks=3)
    for part in middle.strength.parameters():
        torch.nn.init.normal_(part)
    large, small = recurrent(strength=True, blocks=5), recurrent(strength=True)
    transplant_recurrent(middle, large)
    frames, state = torch.rand(1, 9, 12, 16), torch.rand(1, middle.spec.state_channels, 12, 16)
    for a, b in zip(middle(frames, state), large(frames, state), strict=True):
        torch.testing.assert_close(a, b)
    transplant_recurrent(middle, small)
    assert torch.equal(small.strength.gain.view(3, 8), middle.strength.gain.view(4, 8)[[0, 1, 3]])


def test_another_scale_keeps_the_pixels_that_both_have() -> None:
    """Would catch cells in another order: pixel (y, x) of 2x is pixel (2y, 2x) of 4x, where the state is flat."""
    torch.manual_seed(0)
    four, two = recurrent(), recurrent(scale=2)
    transplant_recurrent(four, two)
    frames, width = torch.rand(1, 9, 10, 12), four.spec.channels
    features, last = torch.rand(1, width, 10, 12), torch.rand(1, 3, 10, 12)
    large, small = (
        net(frames, torch.cat((features, last.repeat(1, net.spec.scale**2, 1, 1)), 1), torch.zeros(1, 4, 10, 12))
        for net in (four, two)
    )
    torch.testing.assert_close(small[0], large[0][:, :, ::2, ::2])
    torch.testing.assert_close(small[1][:, :width], large[1][:, :width])


def test_recurrent_transplant_refuses_other_widths() -> None:
    """Would catch weights of another width being loaded in part."""
    with pytest.raises(TrainingError, match="its architecture is"):
        transplant_recurrent(recurrent(channels=16), recurrent())
