"""RecurrentSR in training: windows, burn-in, one step, a run that goes on, and what cannot be asked of it."""

from copy import deepcopy
from pathlib import Path

import pytest
import torch

from vs_tecogan.errors import TrainingError
from vs_tecogan.networks import RecurrentSR
from vs_tecogan.training.config import check
from vs_tecogan.training.data.store import Store
from vs_tecogan.training.objectives import objective_of
from vs_tecogan.training.objectives.base import NotFiniteError
from vs_tecogan.training.objectives.recurrent import Recurrent, roll_out_recurrent, run_chain
from vs_tecogan.training.objectives.rollout import SequenceBatch
from vs_tecogan.training.objectives.tecogan import RecurrentTecoGan
from vs_tecogan.training.run.export import export
from vs_tecogan.training.run.loop import train
from vs_tecogan.weights import load_model

from ..conftest import options
from .test_frvsr import CPU, batch_of, moved, weights

ARCHITECTURE = "--set architecture=recurrent --penalty charbonnier"


def network() -> RecurrentSR:
    return Recurrent(options(ARCHITECTURE), CPU).generator


def test_a_chain_is_the_network_frame_by_frame() -> None:
    """Would catch a window that is shifted, wraps around at the ends, or a state that is lost."""
    net, lr = network(), torch.rand(2, 4, 3, 16, 16)
    state, expected = net.initial_state(2, 16, 16), []
    for before, now, after in ((0, 0, 1), (0, 1, 2), (1, 2, 3), (2, 3, 3)):
        picture, state = net(torch.cat((lr[:, before], lr[:, now], lr[:, after]), 1), state)
        expected.append(picture)
    with torch.no_grad():
        torch.testing.assert_close(run_chain(net, lr)[0], torch.stack(expected, 1))
        torch.testing.assert_close(run_chain(net, lr, burn_in=2)[0], torch.stack(expected[2:], 1))


def test_a_ping_pong_rollout() -> None:
    """Would catch a way back that starts from another frame, or flows that lead the wrong way round."""
    net, lr, hr = network(), torch.rand(1, 5, 3, 16, 16), torch.rand(1, 5, 3, 64, 64)
    with torch.no_grad():
        rollout = roll_out_recurrent(net, SequenceBatch(lr, hr, burn_in=2), mirrored=True)
        order = [0, 1, 2, 3, 4, 3, 2]
        expected, _ = run_chain(net, lr[:, order], burn_in=2)
    torch.testing.assert_close(rollout.lr, lr[:, order[2:]])
    torch.testing.assert_close(rollout.hr, hr[:, order[2:]])
    torch.testing.assert_close(rollout.outputs, expected)
    assert rollout.flows.shape == (1, 4, 2, 16, 16)
    torch.testing.assert_close(rollout.flows[:, 0], net.estimate_flow(lr[:, 2], lr[:, 3]))
    torch.testing.assert_close(rollout.flows[:, 3], net.estimate_flow(lr[:, 3], lr[:, 2]))


@pytest.mark.parametrize("discriminator", ["ds", "dsdt", "dst"])
def test_texture(discriminator: str, store: Path) -> None:
    """Would catch a discriminator that the network does not hear, one that is not trained, and a state that is lost."""
    words = f"{ARCHITECTURE} --crop 16 --frames 3 --ping-pong-weight 0.5 --discriminator {discriminator} --set gate=0"
    config = options(f"{words} --store {store} --lr 1e-3")
    check(config, 1)
    objective = objective_of(config, CPU)
    assert isinstance(objective, RecurrentTecoGan)
    before = weights(objective.generator), weights(objective.discriminators)
    batch = batch_of(config, store)
    metrics = objective.step(batch)
    terms = {f"{kind}_{name}" for kind in ("adversarial", "feature") for name in objective.discriminators.networks}
    assert terms | {"content", "ping_pong", "discriminator"} <= metrics.keys() and "warp" not in metrics
    assert moved(objective.generator, before[0]) and moved(objective.discriminators, before[1])
    again = objective_of(config, CPU)
    again.load_state_dict(objective.state_dict())
    assert float(again.step(batch)["total"]) == float(objective.step(batch)["total"])


def test_no_gradient_flows_into_the_burn_in() -> None:
    """Would catch a burn-in that costs memory and time as trained frames do."""
    net, lr = network(), torch.rand(1, 4, 3, 16, 16)
    run_chain(net, lr, burn_in=2)[0].sum().backward()
    part = [p.grad.clone() for p in net.parameters() if p.grad is not None]
    net.zero_grad()
    run_chain(net, lr)[0].sum().backward()
    assert any(not torch.allclose(a, p.grad) for a, p in zip(part, net.parameters(), strict=True) if p.grad is not None)


@pytest.mark.parametrize("optimiser", ["adam", "muon"])
def test_training_lowers_the_loss(store: Path, optimiser: str) -> None:
    """Would catch a gradient of the wrong sign or a head that no step reaches; the average follows."""
    config = options(f"{ARCHITECTURE} --optimiser {optimiser} --lr 2e-3 --ema 0.9")
    objective = objective_of(config, CPU)
    assert isinstance(objective, Recurrent)
    assert objective.average is not None
    before = weights(objective.average)
    batch = batch_of(config, store)
    history = [objective.step(batch)["content"] for _ in range(30)]
    assert history[-1] < 0.97 * history[0]
    assert moved(objective.average, before)
    assert objective.iteration == 30


def test_a_batch_that_is_not_finite_changes_nothing(store: Path) -> None:
    """Would catch weights that are lost to one bad sample."""
    config = options(ARCHITECTURE)
    objective, batch = Recurrent(config, CPU), batch_of(config, store)
    before = weights(objective.generator)
    batch.hr[0, 0, 0, 0, 0] = float("nan")
    with pytest.raises(NotFiniteError):
        objective.step(batch)
    assert not moved(objective.generator, before)


def test_a_state_goes_on_as_if_never_stopped(store: Path) -> None:
    """Would catch an optimiser or average that is not part of the state."""
    config = options(f"{ARCHITECTURE} --optimiser muon --lr 1e-3 --ema 0.9")
    batch, one = batch_of(config, store), Recurrent(config, CPU)
    one.step(batch)
    other = Recurrent(config, CPU)
    other.load_state_dict(deepcopy(one.state_dict()))
    for objective in (one, other):
        objective.step(batch)
    for a, b in zip(one.network.parameters(), other.network.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_run_ends_as_a_model(store: Path, tmp_path: Path) -> None:
    """Would catch a loop, an evaluation or a card that knows FRVSR alone."""
    config = options(f"{ARCHITECTURE} --store {store} --iterations 2 --ema 0.9 --eval-every 2 --eval-store {store}")
    assert train(config, tmp_path / "run")
    card = export(tmp_path / "run", tmp_path / "m.safetensors")
    model = load_model(tmp_path / "m.safetensors")
    assert isinstance(model.network, RecurrentSR)
    assert model.card == card
    assert "psnr" in card.scores
    again = options(f"{ARCHITECTURE} --init {tmp_path / 'm.safetensors'} --flow-rounds 2")
    for a, b in zip(Recurrent(again, CPU).generator.parameters(), model.network.parameters(), strict=True):
        assert torch.equal(a, b)


def test_its_validation_needs_no_flow_network(store: Path) -> None:
    """Would catch an evaluation that asks the network for a flow of its own."""
    config = options(f"{ARCHITECTURE} --eval-store {store}")
    objective = Recurrent(config, CPU)
    validate = objective.validator(Store(store))
    assert validate is not None
    result = validate(0)
    assert result.score is not None
    assert result.score == pytest.approx(result.values["bicubic"], abs=1.0)


@pytest.mark.parametrize("wish", ["--degradation bi", "--flow-pretraining 10", "--set teacher_forcing_prob=0.5"])
def test_what_it_does_not_do_is_refused(wish: str) -> None:
    """Would catch a setting that is silently ignored."""
    with pytest.raises(TrainingError, match="recurrent"):
        check(options(f"{ARCHITECTURE} {wish}"), 1)
