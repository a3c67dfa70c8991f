"""A network with a strength: what it begins as, and that a fixed strength is a plain network."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from vs_tecogan.networks.recurrent import RecurrentSpec, RecurrentSR
from vs_tecogan.onnx import step_of
from vs_tecogan.weights import ModelCard, load_model, save_model

SPEC = RecurrentSpec(channels=8, blocks=2, strength=True)


def conditioned() -> RecurrentSR:
    """A network whose strength matters."""
    torch.manual_seed(3)
    network = RecurrentSR(SPEC, impl="torch").eval().requires_grad_(False)
    for part in (network.strength.gain, network.strength.shift):
        part.copy_(0.5 * torch.randn_like(part))
    return network


def run(network: RecurrentSR, strength: Tensor | None = None, frames: int = 2) -> Tensor:
    """Pictures of a few random frames, two chains at a time."""
    clip = torch.rand(2, frames, 9, 4, 6, generator=torch.Generator().manual_seed(1))
    state, pictures = network.initial_state(2, 4, 6), []
    with torch.no_grad():
        for t in range(frames):
            picture, state = network(clip[:, t], state, None, strength)
            pictures.append(picture)
    return torch.stack(pictures)


@pytest.mark.parametrize("strength", [0.0, 0.4, 1.0])
def test_a_fixed_strength_is_a_plain_network(strength: float) -> None:
    """Would catch a strength folded into other weights than it acts on, and one that leaves out the state."""
    network = conditioned()
    given = run(network, torch.full((2,), strength))
    plain = network.at_strength(strength)
    assert plain.spec == replace(SPEC, strength=False)
    torch.testing.assert_close(run(plain), given, atol=1e-5, rtol=1e-4)
    assert float((given - run(network, torch.full((2,), 0.7))).abs().max()) > 1e-3


def test_each_sample_has_its_own_strength() -> None:
    """Would catch one strength for a whole batch."""
    network = conditioned()
    both = run(network, torch.tensor([0.0, 1.0]))
    torch.testing.assert_close(both[:, 0], run(network, torch.zeros(2))[:, 0])
    torch.testing.assert_close(both[:, 1], run(network)[:, 1])


def test_a_fresh_strength_does_nothing() -> None:
    """Would catch a start that throws away what the weights of init know."""
    torch.manual_seed(0)
    network = RecurrentSR(SPEC, impl="torch").eval()
    torch.testing.assert_close(run(network, torch.zeros(2)), run(network, torch.ones(2)))


def test_gradients_reach_gain_and_shift() -> None:
    """Would catch a condition that is never learned."""
    network = conditioned().requires_grad_(True)
    clip = torch.rand(2, 9, 9, 11, generator=torch.Generator().manual_seed(1))
    network(clip, network.initial_state(2, 9, 11), None, torch.tensor([0.3, 1.0]))[0].square().mean().backward()
    for part in (network.strength.gain, network.strength.shift):
        assert part.grad is not None
        assert int((part.grad != 0).sum()) > 12


def test_weights_say_that_they_take_a_strength(tmp_path: Path) -> None:
    """Would catch a file, with a card or bare, that is opened as a plain network."""
    network = conditioned()
    save_model(tmp_path / "own.safetensors", network, ModelCard(name="own", spec=SPEC))
    torch.save(network.state_dict(), tmp_path / "bare.pth")
    for name in ("own.safetensors", "bare.pth"):
        opened = load_model(tmp_path / name).network
        assert isinstance(opened, RecurrentSR)
        assert opened.spec == SPEC
        opened.impl = "torch"
        torch.testing.assert_close(run(opened), run(network))


def test_export_takes_the_full_strength() -> None:
    """Would catch a graph with inputs that no runtime fills."""
    step = step_of(conditioned())
    assert isinstance(step, RecurrentSR)
    assert not step.spec.strength
    torch.testing.assert_close(run(step), run(conditioned()), atol=1e-5, rtol=1e-4)


def test_without_a_strength() -> None:
    """Would catch a plain network that pretends, and a trunk that has no branches."""
    with pytest.raises(ValueError, match="takes no strength"):
        RecurrentSR(replace(SPEC, strength=False)).at_strength(0.5)
    with pytest.raises(ValueError, match="residual"):
        replace(SPEC, residual=False)
