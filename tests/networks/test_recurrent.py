"""RecurrentSR: shapes, cost, what a fresh network gives, and that its state carries what it should."""

import pytest
import torch
from torch import Tensor, nn

from vs_tecogan.networks.recurrent import Alignment, RecurrentSpec, RecurrentSR
from vs_tecogan.ops import depth_to_space, native, space_to_depth, upsample_bicubic

SPECS = [
    RecurrentSpec(scale=4, channels=8, blocks=1, alignment=Alignment.NONE),
    RecurrentSpec(scale=2, channels=8, blocks=2, ahead=0),
    RecurrentSpec(scale=4, channels=8, blocks=1, residual=False),
]


def network(spec: RecurrentSpec, seed: int = 0) -> RecurrentSR:
    torch.manual_seed(seed)
    return RecurrentSR(spec, impl="torch").eval()


def window(spec: RecurrentSpec, height: int, width: int, seed: int = 1) -> Tensor:
    return torch.rand(2, 3 * spec.window, height, width, generator=torch.Generator().manual_seed(seed))


def counted(net: RecurrentSR, frames: Tensor, state: Tensor) -> float:
    """Multiplications of all convolutions for each LR pixel, thousands, by hooks."""
    total = 0

    def hook(layer: nn.Module, _: object, output: Tensor) -> None:
        nonlocal total
        assert isinstance(layer, nn.Conv2d)
        total += layer.weight.numel() * output.shape[0] * output.shape[2] * output.shape[3]

    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(hook)
    with torch.no_grad():
        net(frames, state)
    return total / (frames.shape[0] * frames.shape[2] * frames.shape[3]) / 1000


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("size", [(1, 1), (9, 14)])
def test_a_step(spec: RecurrentSpec, size: tuple[int, int]) -> None:
    """Would catch wrong shapes, a picture and a state that tell of different outputs, features below zero."""
    net = network(spec)
    state = net.initial_state(2, *size)
    assert not bool(state.any())
    frames = window(spec, *size)
    with torch.no_grad():
        for _ in range(2):
            picture, state = net(frames, state)
    assert picture.shape == (2, 3, spec.scale * size[0], spec.scale * size[1])
    assert state.shape == (2, spec.state_channels, *size)
    torch.testing.assert_close(depth_to_space(state[:, spec.channels :], spec.scale), picture)
    assert float(state[:, : spec.channels].min()) >= 0
    assert float(state[:, : spec.channels].max()) > 0


@pytest.mark.parametrize("spec", SPECS)
def test_cost(spec: RecurrentSpec) -> None:
    """Would catch a cost that is told wrongly: budgets of sizes rest on it."""
    net = network(spec)
    frames = window(spec, 6, 7)
    assert counted(net, frames, net.initial_state(2, 6, 7)) == pytest.approx(spec.kilo_macs)


def test_sizes_keep_their_budgets() -> None:
    """Would catch a size that grows: S at most 560, M at most 1,100 thousand multiplications for each LR pixel."""
    for scale in (2, 4):
        assert RecurrentSpec(scale=scale, blocks=5).kilo_macs <= 560
        assert RecurrentSpec(scale=scale, blocks=10).kilo_macs <= 1100


def test_a_fresh_network_is_near_the_skip_and_has_no_grid() -> None:
    """Would catch a head without ICNR: the cell's pixels must begin alike, so that no pattern has to be unlearnt."""
    spec = RecurrentSpec(channels=16, blocks=2)
    net = network(spec)
    frames = window(spec, 16, 16)
    with torch.no_grad():
        picture, _ = net(frames, net.initial_state(2, 16, 16))
    residual = picture - upsample_bicubic(frames[:, 3:6], 4)
    assert float(residual.square().mean()) < 0.1 * float(picture.square().mean())
    cells = space_to_depth(residual, 4).unflatten(1, (16, 3))
    torch.testing.assert_close(cells, cells[:, :1].expand_as(cells), atol=1e-5, rtol=0)


def test_the_state_follows_motion() -> None:
    """Would catch a state warped by the wrong flow or sign: a panned chain must equal the pan of a still chain."""
    spec = RecurrentSpec(channels=8, blocks=1)
    net = network(spec)
    frames = window(spec, 40, 48)
    state = torch.rand(2, spec.state_channels, 40, 48)
    flow = torch.zeros(2, 4, 40, 48)
    with torch.no_grad():
        still, _ = net(frames, state, flow)
        # The past lies 3 pixels further right and 2 further down; the next frame 1 further left.
        parts = [frames[:, :3].roll((2, 3), (2, 3)), frames[:, 3:6], frames[:, 6:].roll(-1, 3)]
        flow[:, 0], flow[:, 1], flow[:, 2] = 3, 2, -1
        moved, _ = net(torch.cat(parts, 1), state.roll((2, 3), (2, 3)), flow)
    inner = (..., slice(40, -40), slice(40, -40))
    torch.testing.assert_close(moved[inner], still[inner], atol=2e-4, rtol=0)


def test_without_alignment_no_flow_is_used() -> None:
    """Would catch a network without alignment that warps all the same."""
    net = network(SPECS[0])
    frames, state = window(SPECS[0], 8, 8), torch.rand(2, SPECS[0].state_channels, 8, 8)
    with torch.no_grad():
        torch.testing.assert_close(net(frames, state)[0], net(frames, state, torch.full((2, 4, 8, 8), 3.0))[0])


@pytest.mark.skipif(not native.available(), reason="the native extension is not built")
def test_training_computes_what_inference_does() -> None:
    """Would catch operators of training (products, the extension) that differ from torch's own."""
    spec = SPECS[1]
    net = network(spec)
    frames, state = window(spec, 12, 13), torch.rand(2, spec.state_channels, 12, 13)
    with torch.no_grad():
        flow = net.flow(frames)
        plain = net(frames, state, flow)
        net.impl = "auto"
        fast = net.train()(frames, state, flow)
    for a, b in zip(plain, fast, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"scale": 3}, "scale 3"),
        ({"ahead": 2}, "ahead 2"),
        ({"channels": 0}, "channels=0"),
        ({"blocks": -1}, "blocks=-1"),
    ],
)
def test_specs_that_make_no_sense(options: dict[str, int], match: str) -> None:
    """Would catch a damaged card that is built all the same."""
    with pytest.raises(ValueError, match=match):
        RecurrentSpec(**options)  # type: ignore[arg-type]
