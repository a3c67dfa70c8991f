"""What a run can begin with: published dialects as they are, and other runs."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from vs_tecogan.errors import TrainingError
from vs_tecogan.networks import Dialect, Generator, GeneratorSpec
from vs_tecogan.training.data.samples import SampleIndex
from vs_tecogan.training.data.store import Store
from vs_tecogan.training.objectives import objective_of
from vs_tecogan.training.objectives.networks import load_init, with_init
from vs_tecogan.training.run import checkpoint
from vs_tecogan.training.run.export import export
from vs_tecogan.weights import ModelCard, load_model, save_model

from ..conftest import TINY, options
from ..run.test_run import train

CPU = torch.device("cpu")


def published(path: Path, dialect: Dialect) -> Path:
    torch.manual_seed(5)
    spec = GeneratorSpec(scale=4, blocks=1, channels=16, dialect=dialect)
    save_model(path, Generator(spec), ModelCard(name=path.stem, spec=spec))
    return path


@pytest.mark.parametrize("dialect", [Dialect.TF, Dialect.EGVSR, Dialect.BI])
def test_a_published_dialect_trains_as_it_is(store: Path, tmp_path: Path, dialect: Dialect) -> None:
    """Would catch another graph in training than in the file: its outputs, and what comes out after no step."""
    file = published(tmp_path / f"{dialect}.safetensors", dialect)
    degradation = "bi" if dialect is Dialect.BI else "bd"
    words = f"--channels 16 --init {file} --degradation {degradation} --lr 1e-4"
    config = with_init(options(words))
    assert config.model.dialect == dialect
    objective = objective_of(config, CPU)
    original = load_model(file).generator
    assert objective.network.spec == original.spec  # type: ignore[union-attr]
    data = objective.dataset(Store(store))
    items = tuple(part[None] for part in data[SampleIndex(0, 0, 3)])
    batch = objective.to_batch(items)
    with torch.no_grad():
        outputs, _ = objective.generator(batch.lr)  # type: ignore[union-attr]
        expected = original.step(batch.lr[:, 0])
        for t in range(1, 3):
            expected = original.step(batch.lr[:, t], batch.lr[:, t - 1], expected)
    torch.testing.assert_close(outputs[:, 2], expected, atol=2e-5, rtol=1e-4)
    before = [p.clone() for p in objective.network.parameters()]
    assert np.isfinite(objective.step(batch)["content"])
    moved = [not torch.equal(a, b) for a, b in zip(before, objective.network.parameters(), strict=True)]
    assert all(moved)


def test_a_fine_tuned_file_keeps_its_dialect(store: Path, tmp_path: Path) -> None:
    """Would catch a run of the command that writes another graph than it trained, or that a resume changes."""
    file = published(tmp_path / "official.safetensors", Dialect.TF)
    words = f"{TINY} --channels 16 --init {file} --discriminator dst --store {store} --iterations 1"
    assert train(f"{words} --lr 0 --out {tmp_path}/run") == 0
    card = export(tmp_path / "run", tmp_path / "mine.safetensors")
    assert card.spec.dialect is Dialect.TF
    assert "starting from official.safetensors" in card.training
    for key, value in load_model(tmp_path / "mine.safetensors").generator.state_dict().items():
        assert torch.equal(value, load_model(file).generator.state_dict()[key]), key
    file.unlink()
    assert train(f"--resume {tmp_path}/run --iterations 2") == 0


def test_a_run_is_an_init(store: Path, tmp_path: Path) -> None:
    """Would catch "holds no tensors" for the folder or the checkpoint that a user has at hand."""
    run = tmp_path / "run"
    assert train(f"{TINY} --ema 0.9 --store {store} --iterations 2 --out {run}") == 0
    newest = checkpoint.find(run)
    average = checkpoint.load(newest)["objective"]["average"]
    for init in (run, newest):
        for key, value in load_init(str(init)).state_dict().items():
            assert torch.equal(value, average[key])
    assert train(f"{TINY} --init {run} --store {store} --iterations 1 --out {tmp_path}/next") == 0
    with pytest.raises(TrainingError, match="holds no checkpoint"):
        load_init(str(tmp_path))


def test_an_init_of_the_other_grid_is_refused(tmp_path: Path) -> None:
    """Would catch a model for centred LR that is trained 1.5 pixels beside it."""
    file = published(tmp_path / "bi.safetensors", Dialect.BI)
    with pytest.raises(TrainingError, match="--degradation bi or pairs-centred"):
        with_init(options(f"--channels 16 --init {file}"))
    file = published(tmp_path / "tf.safetensors", Dialect.TF)
    with pytest.raises(TrainingError, match="--degradation bd, realistic or pairs"):
        with_init(options(f"--channels 16 --init {file} --degradation bi"))
    config = options("")
    assert with_init(config) == replace(config, model=replace(config.model, flow_rounds=0))


def test_the_init_is_evaluated_first(store: Path, tmp_path: Path) -> None:
    """Would catch a fine-tuned model that is exported although it is worse than what it began with."""
    file = published(tmp_path / "init.safetensors", Dialect.BD)
    words = f"{TINY.replace('--eval-every 0', '--eval-every 2')} --channels 16 --init {file} --lr 1e-1 --warmup 1"
    run = tmp_path / "run"
    assert train(f"{words} --set eval_frames=6 --store {store} --iterations 2 --out {run}") == 0
    with (run / "metrics.csv").open(encoding="utf-8") as stream:
        scores = {row["iteration"]: row["eval_psnr"] for row in csv.DictReader(stream) if row["eval_psnr"]}
    assert scores.keys() == {"0", "2"}
    assert float(scores["2"]) < float(scores["0"])
    export(run, tmp_path / "mine.safetensors")
    for key, value in load_model(tmp_path / "mine.safetensors").generator.state_dict().items():
        assert torch.equal(value, load_model(file).generator.state_dict()[key]), key


def test_fine_tuning_needs_an_init(store: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Would catch the preset for fine-tuning that trains from nothing, beside a flow network of random weights."""
    words = f"--config fine-tune {TINY} --store {store} --iterations 1 --out {tmp_path}/run"
    assert train(words) == 2
    assert "for a model that goes on; give --init" in capfd.readouterr().err
    assert train(f"{words} --set architecture=frvsr") == 2
    assert "freezes a flow network of random weights; give --init" in capfd.readouterr().err
    assert not (tmp_path / "run").exists()
