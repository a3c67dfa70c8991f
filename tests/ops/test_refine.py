"""Flow refined against the frames: what it finds, what it leaves, and that the extension does the same."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from vs_tecogan.networks import Generator, GeneratorSpec
from vs_tecogan.ops import backward_warp, native, refine
from vs_tecogan.ops.refine import AWAY, refine_flow

needs_native = pytest.mark.skipif(not native.available(), reason=f"native extension {native.describe()}")
LEVELS = range(len(native.levels())) if native.available() else range(0)
INNER = (..., slice(12, -12), slice(12, -12))


def texture(height: int, width: int, seed: int = 0) -> Tensor:
    """(1, 3, height, width) in [0, 1] with detail of three pixels and more."""
    generator = torch.Generator().manual_seed(seed)
    layers = (torch.rand(1, 3, height // k + 2, width // k + 2, generator=generator) for k in (3, 9))
    return sum(F.interpolate(x, (height, width), mode="bicubic") for x in layers).clamp(0, 2) / 2  # type: ignore[union-attr]


def constant(x: float, y: float, height: int, width: int) -> Tensor:
    return torch.tensor([x, y], dtype=torch.float32).view(1, 2, 1, 1).expand(1, 2, height, width).contiguous()


def error(flow: Tensor, truth: Tensor) -> float:
    return float((flow - truth)[INNER].norm(dim=1).mean())


@pytest.mark.parametrize("shift", [(0.0, 0.0), (2.3, -1.6), (-5.5, 4.25)])
def test_fractions_of_a_pixel_are_found(shift: tuple[float, float]) -> None:
    """Would catch steps of the wrong sign, axis or size: an estimate 0.8 pixels off ends within 0.06."""
    previous, truth = texture(64, 72), constant(*shift, 64, 72)
    current = refine.bicubic_warp(previous, truth)
    start = truth + constant(0.6, -0.5, 64, 72)
    refined = refine_flow(previous, current, start, 2, impl="torch")
    assert error(start, truth) == pytest.approx(0.78, abs=0.01)
    assert error(refined, truth) < 0.06
    assert error(refine_flow(previous, current, start, 1, impl="torch"), truth) < 0.2


def test_borders_of_what_moves_are_found() -> None:
    """Would catch a choice among neighbours that takes the worse one, or averages all."""
    behind, front = texture(80, 80, 1), texture(80, 80, 2)
    inside = torch.zeros(1, 1, 80, 80)
    inside[..., 24:56, 24:56] = 1
    truth = torch.where(inside > 0, constant(3, 2, 80, 80), constant(-2, 0, 80, 80))
    # The front is at its own place in the current frame and has come from (3, 2) further on.
    current = torch.where(inside > 0, front, behind)
    previous = torch.where(inside.roll((2, 3), (2, 3)) > 0, front.roll((2, 3), (2, 3)), behind.roll((0, -2), (2, 3)))
    start = F.avg_pool2d(F.pad(truth, (5,) * 4, mode="replicate"), 11, 1)  # as one that computes at an eighth
    refined = refine_flow(previous, current, start, 2, impl="torch")
    assert error(refined, truth) < 0.5 * error(start, truth)


def test_flat_areas_keep_their_flow() -> None:
    """Would catch steps where nothing is to be seen: noise of a level must not turn into motion."""
    grey = torch.full((1, 3, 40, 48), 0.5)
    noise = (torch.rand(2, 3, 40, 48, generator=torch.Generator().manual_seed(0)) - 0.5) / 255
    flow = constant(4, -3, 40, 48)
    refined = refine_flow(grey + noise[:1], grey + noise[1:], flow, 2, impl="torch")
    assert (refined - flow).abs().max() < 0.15


def test_no_round_changes_nothing() -> None:
    """Would catch a flow of published weights that is touched."""
    flow = torch.randn(1, 2, 9, 11)
    assert torch.equal(refine_flow(texture(9, 11), texture(9, 11, 1), flow, 0, impl="torch"), flow)
    if native.available():
        assert torch.equal(refine_flow(texture(9, 11), texture(9, 11, 1), flow, 0, impl="native"), flow)


def test_cubic_warp_of_integer_flow_is_exact() -> None:
    """Would catch taps off by one, and channels of the flow that change places."""
    image = texture(20, 24)
    moved = refine.bicubic_warp(image, constant(3, -2, 20, 24))
    torch.testing.assert_close(moved[..., 4:, :18], image[..., 2:-2, 3:21], atol=1e-4, rtol=0)


@needs_native
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 1), (3, 4), (9, 17), (20, 131), (40, 64)])
@pytest.mark.parametrize("reach", [1.0, 40.0])
def test_extension_equals_reference(size: tuple[int, int], reach: float, level: int) -> None:
    """Wrong borders or windows, another constant, pairs of a batch that mix, flow far outside the picture."""
    generator = torch.Generator().manual_seed(3)
    previous = torch.cat((texture(*size), texture(*size, seed=1)))
    current = previous.roll(1, 3) + torch.rand(2, 3, *size, generator=generator) / 100
    flow = (torch.rand(2, 2, *size, generator=generator) - 0.5) * 2 * reach
    expected = refine_flow(previous, current, flow, 1, impl="torch")
    # Powers of small differences make much of rounding, in positions far away most.
    tolerance = 1e-3 if reach == 1 else 0.02
    torch.testing.assert_close(
        refine_flow(previous, current, flow, 1, level=level, impl="native"), expected, atol=tolerance, rtol=0
    )
    torch.testing.assert_close(refine_flow(previous, current, flow, 1), expected, atol=tolerance, rtol=0)


@needs_native
@pytest.mark.parametrize("level", LEVELS)
def test_extension_gives_the_same_bits_on_any_number_of_threads(level: int) -> None:
    """Would catch a row that reads what another thread is writing."""
    previous, current = texture(67, 90), texture(67, 90, 1)
    flow = torch.randn(1, 2, 67, 90, generator=torch.Generator().manual_seed(5)) * 3
    kept = flow.clone()
    results = [refine_flow(previous, current, flow, 3, threads=n, level=level, impl="native") for n in (1, 2, 5)]
    assert all(torch.equal(results[0], other) for other in results[1:])
    assert torch.equal(flow, kept)


@needs_native
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e30])
def test_extension_survives_flow_that_is_no_number(value: float, level: int) -> None:
    """Would catch reads outside the picture, which end a process."""
    refine_flow(texture(30, 33), texture(30, 33, 1), torch.full((1, 2, 30, 33), value), 2, level=level, impl="native")


def test_the_generator_follows_its_spec() -> None:
    """Would catch a spec that nobody reads, and a refinement that cuts FNet off from its gradient."""
    torch.manual_seed(0)
    plain = Generator(GeneratorSpec(blocks=1))
    refining = Generator(GeneratorSpec(blocks=1, flow_rounds=2))
    refining.load_state_dict(plain.state_dict())
    previous, current = texture(24, 32), backward_warp(texture(24, 32), constant(0.7, 0.3, 24, 32))
    alone = plain.estimate_flow(previous, current)
    flow = refining.estimate_flow(previous, current)
    torch.testing.assert_close(flow, refine_flow(previous, current, alone, 2), atol=1e-5, rtol=0)
    assert (flow - alone).abs().max() > 0.1
    weight = refining.fnet.flow[-1].weight
    (straight,) = torch.autograd.grad((flow * alone.detach()).sum(), [weight])
    (own,) = torch.autograd.grad((alone * alone.detach()).sum(), [plain.fnet.flow[-1].weight])
    torch.testing.assert_close(straight, own)


@pytest.mark.parametrize("rounds", [-1, 9])
def test_spec_refuses_rounds(rounds: int) -> None:
    """Would catch a damaged file that keeps a machine busy."""
    with pytest.raises(ValueError, match=f"flow_rounds={rounds}; expected 0 to 8"):
        GeneratorSpec(flow_rounds=rounds)


def test_neighbours_are_as_far_as_said() -> None:
    """Would catch a shift of the wrong sign or length."""
    values = torch.arange(15.0).view(1, 1, 1, 15).expand(1, 1, 9, 15)
    assert refine._shift(values, 0, AWAY)[0, 0, 0].tolist() == [min(k + AWAY, 14) for k in range(15)]
    assert refine._shift(values, AWAY, -AWAY)[0, 0, 0].tolist() == [max(k - AWAY, 0) for k in range(15)]
