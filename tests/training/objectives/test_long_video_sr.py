"""LongVideoGAN's second stage in training: samples, what each network sees, steps, a run from nothing to a model."""

from copy import deepcopy
from pathlib import Path

import pytest
import torch

from vs_tecogan.errors import TrainingError
from vs_tecogan.networks import LongVideoSR
from vs_tecogan.training.config import Config, check
from vs_tecogan.training.data.opened import open_store
from vs_tecogan.training.data.samples import SampleIndex
from vs_tecogan.training.objectives import long_video_sr
from vs_tecogan.training.objectives.long_video_sr import LongVideoSrGan, change_condition, reduced
from vs_tecogan.training.run.checkpoint import load, pick
from vs_tecogan.training.run.export import export
from vs_tecogan.training.run.loop import train
from vs_tecogan.weights import load_model

from ..conftest import batch_of, options

CPU = torch.device("cpu")
SKIES = (
    "--set architecture=long-video-sr video_height=4 video_width=6 sr_widths=[4,3,2] sr_layers=1 reach=1 latent=4 "
    "mapping_layers=1 widths=[4,4,4] diffaug=[] clip_length=6 clip_pool=2 clip_refresh=2 --crop 4 --frames 3 --scale 4"
)


def settings(more: str = "") -> Config:
    return options(f"{SKIES} {more}")


def test_samples_are_crops_with_frames_around_them() -> None:
    """Would catch crops of another size, the same crop every time, and samples that depend on those before."""
    config = settings()
    check(config, 1)
    one, other = (LongVideoSrGan(config, CPU).dataset(open_store(config)) for _ in range(2))
    real, z = one[SampleIndex(3, 0, 5)]
    assert real.shape == (5, 16, 16, 3) and z.shape == (4,)
    one[SampleIndex(0, 1, 5)]
    assert torch.equal(other[SampleIndex(3, 0, 5)][0], real)
    assert not torch.equal(one[SampleIndex(3, 1, 5)][0], real)


def test_the_condition_is_left_out_nine_times_of_ten() -> None:
    """Would catch a discriminator that always sees the small frames, or other frames, or never any."""
    objective = LongVideoSrGan(settings("--set condition_prob=0.1"), CPU)
    torch.manual_seed(1)
    small, large = torch.rand(400, 3, 3, 4, 4) + 1, torch.rand(400, 3, 3, 16, 16)
    seen = objective.seen(small, large)
    assert seen.shape == (400, 18, 16, 16)
    assert torch.equal(seen[:, 9:], large.flatten(1, 2))
    kept = seen[:, :9].abs().amax((1, 2, 3)) > 0
    assert 20 <= int(kept.sum()) <= 60
    means = torch.nn.functional.avg_pool2d(seen[kept, :9], 16)[:, :, 0, 0]
    assert torch.allclose(means, small[kept].mean((3, 4)).flatten(1), atol=0.1)


def test_the_discriminator_sees_pairs_changed_alike() -> None:
    """Would catch augmentation that parts the large frames from the small ones."""
    objective = LongVideoSrGan(settings("--set condition_prob=1 diffaug=['translation','cutout']"), CPU)
    small = torch.full((8, 3, 3, 4, 4), 0.5)
    seen = objective.seen(small, torch.full((8, 3, 3, 16, 16), 0.5))
    assert torch.allclose(seen, seen[:, :1].expand(-1, 18, -1, -1), atol=1e-5) and float(seen.std()) > 0.1


def test_small_frames_are_changed_at_random() -> None:
    """Would catch changes that differ from frame to frame, and ones that come with the wrong probability."""
    torch.manual_seed(2)
    small = torch.rand(64, 2, 3, 8, 8)
    small[:, 1] = small[:, 0]
    assert torch.allclose(change_condition(small, 0.0, 0.5, 0.5), small, atol=1e-5)
    moved = change_condition(small, 0.5, 0.0, 0.1)
    assert torch.allclose(moved[:, 0], moved[:, 1], atol=1e-5)
    assert 16 < int(((moved - small).abs().amax((1, 2, 3, 4)) > 1e-3).sum()) < 48
    noise = change_condition(small, 1.0, 0.1, 0.0) - small
    assert not torch.allclose(noise[:, 0], noise[:, 1]) and 0.07 < float(noise.std()) < 0.13


def test_a_step_moves_both_networks() -> None:
    """Would catch a loss of the wrong sign, a network that stands still, and R1 at the wrong time."""
    config = settings("--d-lr 5e-3 --lr 0 --ema 0.8 --set r1_weight=0.1 penalty_every=4")
    objective = LongVideoSrGan(config, CPU)
    batch, g = batch_of(objective, 5), deepcopy(objective.generator.state_dict())
    batch.real[:, ::2] *= -1  # flicker, so that real segments differ from smooth ones
    history = [objective.step(batch) for _ in range(12)]
    assert history[-1]["discriminator"] < history[0]["discriminator"]
    assert ["r1" in metrics for metrics in history[:5]] == [True, False, False, False, True]
    assert "pixel" not in history[0]
    assert all(torch.equal(g[key], value) for key, value in objective.generator.state_dict().items())
    objective = LongVideoSrGan(settings("--d-lr 0 --lr 5e-3 --ema 0.8"), CPU)
    d = deepcopy(objective.discriminator.state_dict())
    history = [objective.step(batch) for _ in range(12)]
    assert history[-1]["generator"] < history[0]["generator"]
    assert all(torch.equal(d[key], value) for key, value in objective.discriminator.state_dict().items())
    assert objective.average is not None and not torch.equal(objective.average.grey, g["grey"])


def test_pixels_are_compared_where_that_is_asked_for() -> None:
    """Would catch a reconstruction loss against other frames than those that are enlarged."""
    config = settings("--lr 5e-3 --d-lr 0 --set pixel_weight=100 momentum=0.9 condition_change_prob=0")
    objective = LongVideoSrGan(config, CPU)
    batch = batch_of(objective, 5)
    history = [objective.step(batch)["pixel"] for _ in range(20)]
    assert history[-1] < history[0]
    with torch.no_grad():
        made = objective.generator(reduced(batch.real, 4), batch.z)
    wanted = float((made - batch.real[:, 1:4]).abs().mean())
    assert wanted * 100 == pytest.approx(objective.step(batch)["pixel"], rel=1e-4)


def test_a_run_goes_on_and_becomes_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a state that is not kept, random numbers that start anew, and a card that forgets the shape."""
    monkeypatch.setattr(long_video_sr, "VALIDATION_CLIPS", 3)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    common = "--ema 0.9 --iterations 4"
    train(settings(f"{common} --eval-every 4"), whole)
    train(settings(common.replace("4", "2")), parts)
    train(settings(common), parts, load(pick(parts, last=True)))
    first, second = (load(pick(run, last=True))["objective"] for run in (whole, parts))
    for key, value in first["average"].items():
        assert torch.equal(value, second["average"][key])
    card = export(whole, tmp_path / "model.safetensors", last=True)
    assert "second stage" in card.description and "skies" in card.data and card.scores.keys() == {"psnr", "distance"}
    loaded = load_model(tmp_path / "model.safetensors")
    assert loaded.card == card and isinstance(loaded.network, LongVideoSR) and loaded.network.spec.reach == 1
    start = LongVideoSrGan(settings(f"--init {tmp_path / 'model.safetensors'}"), CPU)
    assert torch.equal(start.generator.grey, loaded.network.grey)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("--frames 3 0:4", "one number"),
        ("--crop 8", "widths"),
        ("--scale 2", "enlarge 4 times"),
        ("--set sr_widths=[4]", "2 to 5"),
        ("--set video_height=3", "lower crop"),
        ("--set clip_length=4", "samples need 5"),
        ("--set diffaug=['grain']", "expected some of"),
        ("--set time_stretch=[0.5,2.0]", "first stage"),
        ("--discriminator ds", "its own"),
        ("--precision bf16", "fp32"),
        ("--store somewhere", "set footage to store"),
    ],
)
def test_what_cannot_be_is_refused(wrong: str, words: str) -> None:
    """Would catch settings that are ignored, or fail after hours."""
    with pytest.raises(TrainingError, match=words):
        check(settings(wrong), 1)
