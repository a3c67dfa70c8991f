"""LongVideoGAN in training: samples, what the discriminator sees, steps that learn, a run from nothing to a model."""

from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch

from vs_tecogan.errors import TrainingError
from vs_tecogan.networks import LongVideo
from vs_tecogan.training.config import Config, check
from vs_tecogan.training.data.clips import ClipSize, smoke_footage
from vs_tecogan.training.data.diffaug import stretch_time
from vs_tecogan.training.data.opened import needs_store, open_store
from vs_tecogan.training.data.samples import SampleIndex
from vs_tecogan.training.objectives import objective_of
from vs_tecogan.training.objectives.clip_scores import compare_clips, generated
from vs_tecogan.training.objectives.long_video import LongVideoGan
from vs_tecogan.training.run.checkpoint import load, pick
from vs_tecogan.training.run.export import export
from vs_tecogan.training.run.loop import train
from vs_tecogan.weights import load_model

from ..conftest import batch_of, make_store, options, pan

CPU = torch.device("cpu")
CLIPS = (
    "--set architecture=long-video video_height=8 video_width=8 time_levels=1 space_levels=1 style_width=8 "
    "filters=4 diffaug=[] noise_channels=2 shortest=4 longest=20 d_channels=4 clip_length=16 clip_pool=2 "
    "clip_refresh=2 --channels 4 --frames 8"
)


def settings(more: str = "") -> Config:
    return options(f"{CLIPS} {more}")


def test_a_sample_is_a_function_of_its_index() -> None:
    """Would catch samples that depend on what was made before: a run that goes on would differ."""
    one, other = (LongVideoGan(settings(), CPU).dataset(open_store(settings())) for _ in range(2))
    for iteration in (0, 3, 9):
        one[SampleIndex(iteration, 0, 8)]
    for a, b in zip(one[SampleIndex(5, 1, 8)], other[SampleIndex(5, 1, 8)], strict=True):
        assert torch.equal(a, b)
    real, latents = other[SampleIndex(5, 1, 8)]
    assert real.shape == (8, 8, 8, 3) and real.dtype == torch.uint8 and latents.shape[1] == 8
    assert not torch.equal(latents, other[SampleIndex(5, 0, 8)][1])


def test_footage_of_a_store_and_of_smoke(tmp_path: Path) -> None:
    """Would catch pictures that are squeezed, clips of another size, and clips that are too short without a word."""
    folder = make_store(tmp_path / "store", {"c": pan(20, 32, 48)})
    config = settings(f"--store {folder} --set footage=store")
    check(config, 1)
    real, _ = LongVideoGan(config, CPU).dataset(open_store(config))[SampleIndex(0, 0, 8)]
    assert real.shape == (8, 8, 8, 3) and float(real.float().std()) > 10
    short = make_store(tmp_path / "short", {"c": pan(8, 32, 48)})
    config = settings(f"--store {short} --set footage=store")
    with pytest.raises(TrainingError, match="longest has 8"):
        LongVideoGan(config, CPU).dataset(open_store(config))
    assert needs_store(settings("--set footage=store")) and not needs_store(settings())
    smoke = smoke_footage(1, ClipSize(frames=4, height=8, width=16))(3)
    assert smoke.shape == (4, 8, 16, 3) and smoke.dtype == np.uint8


def test_time_is_stretched_around_the_middle() -> None:
    """Would catch a stretch that shifts, and one that goes the other way."""
    clips = torch.arange(8.0).reshape(1, 8, 1).repeat(3, 1, 2)
    seen = stretch_time(clips, 4, torch.tensor([1.0, 2.0, 0.5]))
    assert seen[:, :, 0].tolist() == [[2, 3, 4, 5], [0.5, 2.5, 4.5, 6.5], [2.75, 3.25, 3.75, 4.25]]


def test_what_the_discriminator_sees() -> None:
    """Would catch an augmentation of one side alone, or other frames than the settings say."""
    config = settings("--set diffaug=['translation','cutout'] time_stretch=[0.5,2.0]")
    check(config, 1)
    objective = LongVideoGan(config, CPU)
    batch = batch_of(objective, 8, objective.config.data.batch)
    assert batch.real.shape[1] == 16 == objective.source
    assert objective.seen(batch.real).shape[1] == 8
    metrics = objective.step(batch)
    assert {"discriminator", "generator", "d_real", "d_fake"} <= metrics.keys()


def test_training_separates_and_follows() -> None:
    """Would catch a loss of the wrong sign, and a step that moves the other network's weights."""
    config = settings("--d-lr 5e-3 --lr 0 --ema 0.8 --set r1_weight=0.1 penalty_every=4")
    objective = LongVideoGan(config, CPU)
    batch, g = batch_of(objective, 8, objective.config.data.batch), deepcopy(objective.generator.state_dict())
    history = [objective.step(batch) for _ in range(12)]
    assert history[-1]["d_real"] > history[0]["d_real"] and history[-1]["d_fake"] < history[0]["d_fake"]
    assert ["r1" in metrics for metrics in history[:5]] == [True, False, False, False, True]
    assert all(torch.equal(g[key], value) for key, value in objective.generator.state_dict().items())
    objective.config = settings("--d-lr 0 --lr 5e-3 --ema 0.8")
    objective.optimiser, objective.d_optimiser = (
        objective.optimiser_of(net.parameters(), rate)
        for net, rate in ((objective.generator, 5e-3), (objective.discriminator, 0.0))
    )
    history = [objective.step(batch) for _ in range(12)]
    assert history[-1]["generator"] < history[0]["generator"]
    assert objective.average is not None and not torch.equal(objective.average.grey, g["grey"])


def test_a_run_goes_on_and_becomes_a_model(tmp_path: Path) -> None:
    """Would catch a state that is not kept, and a model that the filter cannot open."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    common = "--ema 0.9 --iterations 4"
    train(settings(common), whole)
    train(settings(common.replace("4", "2")), parts)
    train(settings(common), parts, load(pick(parts, last=True)))
    first, second = (load(pick(run, last=True))["objective"] for run in (whole, parts))
    for key, value in first["average"].items():
        assert torch.equal(value, second["average"][key])
    card = export(whole, tmp_path / "model.safetensors", last=True)
    assert "8x8" in card.description and "skies" in card.data
    network = load_model(tmp_path / "model.safetensors").network
    assert isinstance(network, LongVideo)
    assert generated(network, 1, 0, 8).shape == (8, 8, 8, 3)


def test_scores_know_the_footage_itself() -> None:
    """Would catch scores of the wrong set."""
    config = settings()
    objective = objective_of(config, CPU)
    assert isinstance(objective, LongVideoGan)
    values = objective.validator(open_store(config))
    clips = [generated(objective.generator, seed, 0, 8) for seed in (1, 2, 3)]
    same = compare_clips(clips, clips)
    assert same.distance == pytest.approx(0, abs=1e-4) and same.similarity == same.real_similarity
    assert callable(values)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("--frames 9", "multiple of 8"),
        ("--frames 8 0:4", "one number"),
        ("--set diffaug=['grain']", "expected some of"),
        ("--set clip_length=4", "samples need 8"),
        ("--set time_levels=9", "expected 1 to 6"),
        ("--discriminator ds", "its own"),
        ("--precision bf16", "fp32"),
        ("--store somewhere", "set footage to store"),
    ],
)
def test_what_cannot_be_is_refused(wrong: str, words: str) -> None:
    """Would catch settings that are ignored, or fail after hours."""
    with pytest.raises(TrainingError, match=words):
        check(settings(wrong), 1)
