"""LongVideoGAN's first stage: chunks are parts of the whole, at any shape."""

import pytest
import torch

from vs_tecogan.networks.longvideo import (
    LongVideo,
    LongVideoDiscriminator,
    LongVideoSpec,
    Steps,
    double_time,
    halve_time,
)

TINY = {"height": 8, "width": 16, "channels": 2, "space_levels": 2, "time_levels": 2, "style": 8, "filters": 6,
        "noise_channels": 2, "shortest": 5, "longest": 40}  # fmt: skip


def network(**other: int) -> LongVideo:
    torch.manual_seed(1)
    return LongVideo(LongVideoSpec(**(TINY | other))).eval()


@pytest.mark.parametrize("shape", [{}, {"time_levels": 3, "space_levels": 1}, {"time_levels": 1, "space_levels": 3}])
@torch.no_grad()
def test_chunks_equal_the_whole(shape: dict[str, int]) -> None:
    """Would catch padding in time, a stage that begins at another phase, and a window that is too short."""
    net = network(**shape)
    whole = net(net.latents(7, -16, 64)[None], -16, 64)
    assert whole.shape == (1, 64, 3, 8, 16)
    assert float(whole.diff(dim=1).abs().mean()) > 1e-3, "something moves"
    for first, count in ((-16, 8), (0, 16), (16, 32), (5, 3)):
        part = net(net.latents(7, first, count)[None], first, count)
        assert torch.allclose(part, whole[:, first + 16 : first + 16 + count], atol=1e-5)


@torch.no_grad()
def test_frames_depend_on_what_the_window_says_alone() -> None:
    """Would catch a window that is wider than need be: every frame would cost more."""
    net = network()
    span = net.window(8, 8)
    latents = net.latents(7, 8, 8)[None]
    assert latents.shape[1] == span.end - span.first
    before = net(latents, 8, 8)
    for place in (0, -1):
        changed = latents.clone()
        changed[:, place] += 5
        assert not torch.equal(net(changed, 8, 8), before)


@torch.no_grad()
def test_loops_are_steady() -> None:
    """Would catch a seam: a loop of a whole number of steps is the same from wherever it is computed."""
    net = network()
    loop = net(net.latents(7, 0, 48, period=24)[None], 0, 48)
    assert torch.allclose(loop[:, :24], loop[:, 24:], atol=1e-5)


def test_time_is_halved_and_doubled_in_place() -> None:
    """Would catch a shift of half a step, which adds up over the stages."""
    line = torch.arange(-6.0, 15.0)
    halved, span = halve_time(line[None, :, None], Steps(-6, 15))
    assert halved[0, :, 0].tolist() == pytest.approx([2 * n for n in range(span.first, span.end)])
    wanted = Steps(-3, 8)
    need = wanted.halved()
    steps = 2 * torch.arange(float(need.first), float(need.end))
    doubled = double_time(steps.reshape(1, 1, -1, 1, 1), need.first, wanted)
    assert doubled.flatten().tolist() == pytest.approx(list(range(-3, 8)))


def test_discriminator_sees_time() -> None:
    """Would catch a discriminator that looks at frames one by one, and one that does not compare samples."""
    torch.manual_seed(2)
    judge = LongVideoDiscriminator(16, 8, 8, 4)
    clips = torch.randn(4, 16, 3, 8, 8)
    logits = judge(clips)
    assert logits.shape == (4, 1)
    assert not torch.allclose(judge(clips[:, torch.randperm(16)]), logits, atol=1e-3)
    assert not torch.allclose(judge(clips[:1].expand(4, -1, -1, -1, -1))[:1], logits[:1], atol=1e-4)


@pytest.mark.parametrize("wrong", [{"width": 18}, {"time_levels": 9}, {"shortest": 50}, {"filters": 0}])
def test_impossible_shapes_are_refused(wrong: dict[str, int]) -> None:
    """Would catch a damaged card that takes all memory."""
    with pytest.raises(ValueError, match="expected"):
        LongVideoSpec(**(TINY | wrong))
