"""tempoGAN in training: what each network sees, published values, steps that learn, a run from nothing to a model."""

from copy import deepcopy
from pathlib import Path

import pytest
import torch

from vs_tecogan.networks import FluidSR
from vs_tecogan.training.config import Config, load
from vs_tecogan.training.data.opened import open_store
from vs_tecogan.training.data.samples import SampleIndex
from vs_tecogan.training.objectives import objective_of
from vs_tecogan.training.objectives.base import NotFiniteError
from vs_tecogan.training.objectives.smoke_scores import compare, held_out_smoke, plain
from vs_tecogan.training.objectives.tempogan import SmokeBatch, TempoGan, move_to_middle
from vs_tecogan.training.rates import learning_rate
from vs_tecogan.training.recipe import find_preset, read_recipe, run_recipe
from vs_tecogan.training.run.export import export
from vs_tecogan.training.run.loop import train
from vs_tecogan.weights import load_model

from ..conftest import options

CPU = torch.device("cpu")
SMOKE = "--set architecture=tempogan grid=32 pool=1 sim_frames=4 sim_start=[4,6] log_every=1 --crop 4"


def settings(more: str = "") -> Config:
    return options(f"{SMOKE} {more}")


def batch_of(config: Config) -> SmokeBatch:
    samples = objective_of(config, CPU).dataset(open_store(config))
    items = [samples[SampleIndex(0, k, 3)] for k in range(config.data.batch)]
    return SmokeBatch(torch.stack([i[0] for i in items]), torch.stack([i[1] for i in items]))


def test_published_preset_has_the_published_values() -> None:
    """The values of ``example_run_training.py`` and the defaults of ``tempoGAN.py``."""
    config = load(find_preset("tempogan-published"))
    smoke, optimiser = config.smoke, config.optimiser
    assert (config.data.batch, config.data.crop, config.model.scale) == (16, 16, 4)
    assert (smoke.l1_weight, smoke.spatial_weight, smoke.tempo_weight, smoke.runs) == (5, 1, 1, 2)
    assert smoke.layer_weights == (-1e-5,) * 4 and smoke.sample_scale == (0.85, 1.15)
    assert (optimiser.lr, optimiser.d_lr, smoke.beta1, optimiser.beta2, optimiser.ema) == (2e-4, 2e-4, 0.5, 0.999, 0)
    assert config.loop.iterations == 40_000
    rates = [learning_rate(optimiser, k, 40_000) for k in (0, 19_999, 20_000, 30_000, 40_000)]
    assert rates[:3] == [1, 1, 1]
    assert rates[3] == pytest.approx(0.05 + 0.95 * 0.5**1.1)
    assert rates[4] == pytest.approx(0.05)


def test_published_step() -> None:
    """Would catch a published setting that a step cannot do: two runs, dense layers, layer losses, middle frames."""
    tiny = settings("--discriminator dsdt --set design=published runs=2 dense=true middle_only=true "
                    "layer_weights=[-1e-5,-1e-5,-1e-5,-1e-5] discriminator_width=0.1 beta1=0.5 --batch 3")  # fmt: skip
    objective = TempoGan(tiny, CPU)
    batch = batch_of(tiny)
    assert len(objective.view("ds", batch, batch.high)) == 3
    assert len(objective.view("dt", batch, batch.high)) == 1, "a third as many triplets as tiles"
    metrics = objective.step(batch)
    assert metrics["layers"] < 0
    assert {"adversarial_ds", "adversarial_dt", "discriminator_ds", "discriminator_dt"} <= metrics.keys()


def moving() -> SmokeBatch:
    """A bar that moves a coarse cell, four fine ones, a step to the right; the middle velocity is nonsense."""
    high, low = torch.zeros(1, 3, 1, 16, 32), torch.zeros(1, 3, 3, 4, 8)
    for k in range(3):
        high[0, k, 0, 6:9, 8 + 4 * k : 12 + 4 * k] = 1
    low[:, :, 1] = 1.0
    low[:, 1, 1:] = 9.0
    return SmokeBatch(low, high)


def test_what_moves_with_its_velocity_stands_still_for_dt() -> None:
    """Would catch frames moved the wrong way, by the other frame's velocity, or in coarse cells."""
    batch = moving()
    moved = move_to_middle(batch.high[:, :, 0], batch.low[:, :, 1:], 4)
    for k in range(3):
        torch.testing.assert_close(moved[:, k], batch.high[:, 1, 0])


def test_ds_sees_the_coarse_density_of_its_frame() -> None:
    """Would catch a condition of another frame, or a velocity in its place."""
    config = settings("--discriminator ds")
    objective, batch = TempoGan(config, CPU), batch_of(config)
    seen = objective.view("ds", batch, batch.high)
    assert seen.shape == (6, 2, 16, 16)
    torch.testing.assert_close(seen[4, 0, ::4, ::4], batch.low[1, 1, 0])
    torch.testing.assert_close(seen[4, 1], batch.high[1, 1, 0])


@pytest.mark.parametrize("variant", ["none", "ds", "dsdt"])
def test_training_lowers_l1(variant: str) -> None:
    """Would catch a gradient of the wrong sign, and a network that no step reaches; the average follows."""
    config = settings(f"--discriminator {variant} --lr 3e-3 --ema 0.8")
    objective, batch = TempoGan(config, CPU), batch_of(config)
    assert objective.average is not None
    before = deepcopy(objective.average.state_dict())
    history = [objective.step(batch)["l1"] for _ in range(25)]
    assert history[-1] < 0.9 * history[0]
    assert any(not torch.equal(before[key], value) for key, value in objective.average.state_dict().items())


def test_each_side_moves_its_own_weights() -> None:
    """Would catch a generator's step that moves a discriminator, or one of D that moves the generator."""
    config = settings("--discriminator dsdt --d-lr 0")
    objective, batch = TempoGan(config, CPU), batch_of(config)
    d, g = deepcopy(objective.discriminators.state_dict()), deepcopy(objective.generator.state_dict())
    objective.step(batch)
    assert all(torch.equal(d[key], value) for key, value in objective.discriminators.state_dict().items())
    assert any(not torch.equal(g[key], value) for key, value in objective.generator.state_dict().items())
    config = settings("--discriminator dsdt --lr 0")
    objective = TempoGan(config, CPU)
    g = deepcopy(objective.generator.state_dict())
    objective.step(batch)
    assert all(torch.equal(g[key], value) for key, value in objective.generator.state_dict().items())


@pytest.mark.parametrize(("advect", "change"), [("true", 0.0), ("false", 2 * 24 / 512)])
def test_the_squared_change_is_that_of_what_moved(advect: str, change: float) -> None:
    """Would catch the ablation L2-t on frames that were not moved, or on one pair of the two."""
    batch = moving()
    objective = TempoGan(settings(f"--set tempo_l2_weight=1 advect={advect}"), CPU)
    assert float(objective.terms(batch, batch.high)["tempo_l2"]) == pytest.approx(change, abs=1e-6)


def test_a_batch_that_is_not_finite_changes_nothing() -> None:
    """Would catch weights that are lost to one bad sample."""
    config = settings("--discriminator dsdt")
    objective, batch = TempoGan(config, CPU), batch_of(config)
    before = deepcopy(objective.generator.state_dict())
    batch.high[0, 0, 0, 0, 0] = float("nan")
    with pytest.raises(NotFiniteError):
        objective.step(batch)
    assert all(torch.equal(before[key], value) for key, value in objective.generator.state_dict().items())


def test_a_state_goes_on_as_if_never_stopped() -> None:
    """Would catch an optimiser, discriminator or average that is not part of the state."""
    config = settings("--discriminator dsdt --ema 0.9")
    batch, one = batch_of(config), TempoGan(config, CPU)
    one.step(batch)
    other = TempoGan(config, CPU)
    other.load_state_dict(deepcopy(one.state_dict()))
    for objective in (one, other):
        objective.step(batch)
    for a, b in zip(one.network.parameters(), other.network.parameters(), strict=True):
        assert torch.equal(a, b)


def test_scores_of_the_truth_itself() -> None:
    """Would catch a share of detail or a change that is not 1 for the truth, and a blur that is called detailed."""
    smokes = held_out_smoke([5], grid=32, dimensions=2, scale=4, frames=4, start=10)
    perfect = compare([s.high[:, :1] for s in smokes], smokes, 4)
    assert (perfect.detail, perfect.change) == (pytest.approx(1), pytest.approx(1))
    assert perfect.psnr > 100
    blurred = compare(plain(smokes, 4), smokes, 4)
    assert blurred.detail < 0.5 and blurred.change < 1 and blurred.psnr < 40


def test_a_run_ends_as_a_model(tmp_path: Path) -> None:
    """Would catch a loop, an evaluation, a card or a file that knows video alone."""
    config = settings("--discriminator dsdt --iterations 2 --eval-every 2 --ema 0.9 --set eval_frames=3")
    assert train(config, tmp_path / "run")
    card = export(tmp_path / "run", tmp_path / "m.safetensors")
    model = load_model(tmp_path / "m.safetensors")
    assert isinstance(model.network, FluidSR) and model.card == card
    assert card.description.startswith("tempoGAN") and "own solver" in card.data
    again = settings(f"--init {tmp_path / 'm.safetensors'}")
    for a, b in zip(TempoGan(again, CPU).generator.parameters(), model.network.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_recipe_of_smoke_needs_no_store(tmp_path: Path) -> None:
    """Would catch stages that ask for footage, and weights of smoke that no stage can begin with."""
    tables = """
[stage.model]
architecture = "tempogan"
blocks = 1
channels = 4
[stage.data]
crop = 4
batch = 1
workers = 0
[stage.smoke]
grid = 32
pool = 1
sim_frames = 3
sim_start = [1, 2]
[stage.loop]
iterations = 1
eval_every = 0
tensorboard = false
device = "cpu"
precision = "fp32"
"""
    path = tmp_path / "tiny.toml"
    path.write_text(
        f'[[stage]]\nname = "a"\n{tables}[[stage]]\nname = "b"\n{tables}[stage.objective]\ndiscriminator = "ds"\n'
    )
    made = run_recipe(read_recipe(path), {}, tmp_path / "out")
    assert made is not None and isinstance(load_model(made).network, FluidSR)
