"""LongVideoGAN's second stage: each frame from its own window, at any size."""

import pytest
import torch

from vs_tecogan.networks.longvideo_sr import LongVideoSR, LongVideoSRSpec, enlarge_bicubic

TINY = {"widths": (4, 3, 2), "layers": 1, "latent": 4, "mapping_layers": 1, "reach": 1}


def network(**other: object) -> LongVideoSR:
    torch.manual_seed(1)
    net = LongVideoSR(LongVideoSRSpec(**(TINY | other))).eval()
    for weight in (net.colours.conv.weight, *(layer.conv.affine.weight for layer in net.layers)):
        torch.nn.init.normal_(weight)
    return net


@pytest.mark.parametrize(("other", "size"), [({}, (24, 40)), ({"widths": (3, 2)}, (12, 20)), ({"layers": 2}, (24, 40))])
@torch.no_grad()
def test_frames_are_enlarged_one_by_one(other: dict[str, object], size: tuple[int, int]) -> None:
    """Would catch a state that goes from frame to frame, a window off by one, and a size that is fixed."""
    net, small = network(**other), torch.randn(2, 6, 3, 6, 10)
    z = torch.randn(2, 4)
    whole = net(small, z)
    assert whole.shape == (2, 4, 3, *size)
    for n in (3, 0, 2):
        assert torch.allclose(net(small[:, n : n + 3], z)[:, 0], whole[:, n], atol=1e-5)
    for place in range(3):  # the whole window is seen, and nothing outside it
        changed = small.clone()
        changed[:, place] += 1
        moved = (net(changed, z) - whole).abs().amax((0, 2, 3, 4)) > 1e-6
        assert moved.tolist() == [n <= place <= n + 2 for n in range(4)]


@torch.no_grad()
def test_the_small_frames_go_into_every_layer() -> None:
    """Would catch a layer that sees features alone, as those of other generators do."""
    net = network(layers=2)
    assert [layer.conv.conv.weight.shape[1] for layer in net.layers] == [9, 13, 13, 12, 12, 11]
    assert [layer.doubles for layer in net.layers] == [False, False, True, False, True, False]


@torch.no_grad()
def test_the_latent_changes_detail_and_belongs_to_a_seed() -> None:
    """Would catch a latent that does nothing, and one that differs from call to call."""
    net, small = network(), torch.randn(1, 3, 3, 6, 6)
    assert torch.equal(net.latent(5), net.latent(5)) and not torch.equal(net.latent(5), net.latent(6))
    assert not torch.allclose(net(small, net.latent(5)[None]), net(small, net.latent(6)[None]), atol=1e-4)


@torch.no_grad()
def test_a_skip_adds_to_the_middle_frame() -> None:
    """Would catch a skip from another frame of the window, and one off the grid."""
    net, small, z = network(), torch.randn(1, 3, 3, 6, 6), torch.randn(1, 4)
    fresh = LongVideoSR(net.spec)
    assert torch.equal(fresh(small, z)[:, 0], enlarge_bicubic(small[:, 1], 4)), "training begins at bicubic"
    plain = network(skip=False)
    plain.load_state_dict(net.state_dict())
    assert torch.allclose(net(small, z) - plain(small, z), enlarge_bicubic(small[:, 1], 4)[:, None], atol=1e-5)
    ramp = torch.arange(8.0).expand(1, 1, 8, 8)
    inner = enlarge_bicubic(ramp, 4)[0, 0, 0].reshape(8, 4).mean(1)
    assert inner[2:6].tolist() == pytest.approx([2, 3, 4, 5], abs=1e-4)


@pytest.mark.parametrize(
    "wrong", [{"widths": (4,)}, {"widths": (4, 9999)}, {"reach": 99}, {"layers": 0}, {"latent": 0}]
)
def test_impossible_shapes_are_refused(wrong: dict[str, object]) -> None:
    """Would catch a damaged card that takes all memory."""
    with pytest.raises(ValueError, match="expected"):
        LongVideoSRSpec(**(TINY | wrong))
