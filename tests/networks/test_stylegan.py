"""Image generator, motion and walk: shapes, what a seed means, components that are exact, steps that are bounded."""

import pytest
import torch
from torch import Tensor

from vs_tecogan.networks import MotionSpec, StyleGenerator, StyleSpec, VideoGenerator
from vs_tecogan.networks.motion import principal_components
from vs_tecogan.networks.patches import ContrastDiscriminator, InformationHead, PatchDiscriminator
from vs_tecogan.networks.stylegan import StyleDiscriminator
from vs_tecogan.networks.walk import CHUNK, Walk

IMAGE = StyleSpec(size=16, widths=(8, 8, 4), latent=6, layers=2)


def video(*, residual: bool = True, head: float = 1.0) -> VideoGenerator:
    """A generator whose components are the axes of w, and whose motion goes somewhere."""
    torch.manual_seed(3)
    network = VideoGenerator(MotionSpec(image=IMAGE, components=4, hidden=5, residual=residual)).eval()
    network.motion.basis.copy_(torch.eye(6)[:4])
    network.motion.deviation.copy_(torch.tensor([1.0, 0.5, 0.25, 0.125]))
    torch.nn.init.normal_(network.motion.head.weight, std=head)
    return network.requires_grad_(False)


def test_pictures_and_truncation() -> None:
    """Would catch a size that its widths do not give, or a truncation the wrong way round."""
    torch.manual_seed(0)
    network = StyleGenerator(IMAGE)
    assert network(torch.randn(3, 6), network.noise(3)).shape == (3, 3, 16, 16)
    assert [n.shape[-1] for n in network.noise(1)] == [4, 8, 8, 16, 16]
    w = network.mapping(torch.randn(2, 6))
    torch.testing.assert_close(network.truncated(w, 1.0), w)
    torch.testing.assert_close(network.truncated(w, 0.0), network.centre.expand(2, -1))
    assert StyleDiscriminator(3, IMAGE.widths)(torch.randn(4, 3, 16, 16)).shape == (4,)


@torch.no_grad()
def test_noise_counts() -> None:
    """Would catch noise that is never added once its gain is learned."""
    torch.manual_seed(0)
    network, z = StyleGenerator(IMAGE), torch.randn(1, 6)
    for layer in network.layers:
        layer.noise_gain.fill_(0.5)  # type: ignore[union-attr,operator]
    assert not torch.equal(network(z, network.noise(1)), network(z, network.noise(1)))
    assert torch.equal(network(z), network(z))


@pytest.mark.parametrize("fields", [{"size": 48}, {"widths": (8, 8)}, {"widths": (8, 8, 0)}, {"latent": 0}])
def test_shapes_that_cannot_be(fields: dict[str, int]) -> None:
    """Would catch a damaged card that makes a network of any size."""
    with pytest.raises(ValueError, match="expected"):
        StyleSpec(**({"size": 16, "widths": (8, 8, 4)} | fields))  # type: ignore[arg-type]


def test_components_are_those_of_numpy_and_orthonormal() -> None:
    """Would catch directions by rows instead of columns, the least important ones, or variances for deviations."""
    torch.manual_seed(0)
    codes = torch.randn(4000, 5, dtype=torch.float64) * torch.tensor([3, 0.1, 2, 1, 0.5]) + 7
    mean, product = codes.mean(0), codes.T @ codes / len(codes)
    basis, deviation = principal_components(mean, product, 3)
    torch.testing.assert_close(basis @ basis.T, torch.eye(3, dtype=torch.float64))
    torch.testing.assert_close(deviation, (codes @ basis.T).std(0, correction=0))
    assert basis.abs().argmax(1).tolist() == [0, 2, 3] and bool((deviation.diff() < 0).all())


def test_steps_are_bounded() -> None:
    """Would catch a step longer than lambda deviations, or one outside the components."""
    network = video(head=100.0)
    codes, states = network.walk(torch.randn(2, 6), torch.randn(2, 9, 6), 0.2)
    steps = codes.diff(dim=1).abs()
    assert codes.shape == (2, 10, 6) and states.shape == (2, 9, 10)
    assert bool((steps[..., :4] <= 0.2 * network.motion.deviation + 1e-6).all())
    assert float(steps[..., 0].max()) > 0.19 and not steps[..., 4:].any()


def test_codes_that_stand_alone() -> None:
    """Would catch an ablation that still adds up."""
    codes, _ = video(residual=False, head=100.0).walk(torch.randn(1, 6), torch.randn(1, 40, 6), 0.2)
    assert float(codes[0, 1:, 0].abs().max()) <= 2.0001


def frames(walk: Walk, *numbers: int) -> Tensor:
    return torch.cat([walk.pictures(range(n, n + 1)) for n in numbers])


def test_frame_zero_is_the_content() -> None:
    """Would catch a motion that changes the first picture, or contents that share one."""
    network = video()
    first = Walk(network, 1, 1).pictures(range(1))
    assert torch.equal(first, Walk(network, 1, 2).pictures(range(1)))
    assert not torch.equal(first, Walk(network, 2, 1).pictures(range(1)))
    one, two = Walk(network, 1, 1), Walk(network, 1, 2)
    assert not torch.equal(frames(one, 5), frames(two, 5))


def test_any_order_and_any_length() -> None:
    """Would catch a frame that depends on what was asked for before, across the border of a chunk too."""
    network = video()
    walk, linear = Walk(network, 1, 2), Walk(network, 1, 2).codes(range(CHUNK + 4))
    for number in (CHUNK + 2, 3, CHUNK - 1):
        assert torch.equal(walk.codes(range(number, number + 1))[0], linear[number])
    assert torch.equal(frames(walk, 9, 3), Walk(network, 1, 2).pictures(range(3, 10, 6)).flip(0))


def test_mix_of_two_motions() -> None:
    """Would catch ends that are not the two motions, or noise that fades in the middle."""
    network = video()
    assert torch.equal(frames(Walk(network, 1, 2, other=(3, 0.0)), 9), frames(Walk(network, 1, 2), 9))
    torch.testing.assert_close(frames(Walk(network, 1, 2, other=(3, 1.0)), 9), frames(Walk(network, 1, 3), 9))
    mixed = Walk(network, 1, 2, other=(3, 0.5))
    assert float(mixed._noise_of(0).std()) == pytest.approx(1, abs=0.05)


def test_a_walk_turns_back() -> None:
    """Would catch codes that leave for ever, a jump where they turn, or a content that is folded itself."""
    network = video()
    torch.nn.init.zeros_(network.motion.head.weight)
    network.motion.head.bias.fill_(100.0)  # always onwards
    far = Walk(network, 1, 1, reach=float("inf")).codes(range(400))
    near = Walk(network, 1, 1, reach=2.0).codes(range(400))
    torch.testing.assert_close(near[0], far[0])
    bound = torch.maximum(2 * network.motion.deviation, far[0, :4].abs())
    assert bool((near[:, :4].abs() <= bound + 1e-5).all()) and float(far[-1, 0]) > 70
    assert bool((near.diff(dim=0)[:, :4].abs() <= 0.2 * network.motion.deviation + 1e-4).all())


def test_judges() -> None:
    """Would catch towers of another number, features that are not of length 1, a head of the wrong width."""
    logits = PatchDiscriminator(6, 4, 3)(torch.randn(1, 6, 8, 16, 16))
    assert len(logits) == 2 and all(part.shape[:2] == (1, 1) for part in logits)
    assert len(PatchDiscriminator(6, 4, 2)(torch.randn(1, 6, 16, 16))) == 2
    decision, features = ContrastDiscriminator((8, 8, 4), 5)(torch.randn(3, 3, 16, 16))
    assert decision.shape == (3,)
    torch.testing.assert_close(features.norm(dim=1), torch.ones(3))
    assert InformationHead(5, 6)(torch.zeros(2, 9, 10)).shape == (2, 9, 6)
