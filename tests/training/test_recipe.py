"""Recipes: the shipped ones are consistent, a tiny one runs to its model, is resumed, and is planned."""

import re
import sys
import tomllib
from argparse import ArgumentParser
from pathlib import Path

import pytest
import torch

from vs_tecogan.cli import train as command
from vs_tecogan.cli.common import guarded
from vs_tecogan.errors import TrainingError
from vs_tecogan.networks import SourceSpec
from vs_tecogan.networks.longvideo import LongVideoSpec
from vs_tecogan.training.config import Config, merge
from vs_tecogan.training.config.long_video_check import long_video_spec
from vs_tecogan.training.data.opened import makes_its_own
from vs_tecogan.training.objectives.source_networks import motion_spec
from vs_tecogan.training.recipe import find_recipe, read_recipe, recipes_folder, settings
from vs_tecogan.training.run import checkpoint
from vs_tecogan.weights import load_model, shipped_models

TINY = """
description = "a tiny model"
licence = "CC0"
weights = { adversarial = 0.75, regression = 0.25 }
half = false

[[stage]]
name = "regression"
presets = ["frvsr-modern"]
seconds = 0.5

[stage.data]
batch = 2
frames = 3
crop = 16
workers = 0
[stage.model]
blocks = 1
channels = 8
[stage.flow]
flow_pretraining = 0
[stage.optimiser]
lr = 1e-3
[stage.loop]
iterations = 3
precision = "fp32"
eval_every = 0
log_every = 1
tensorboard = false
threads = 1
device = "cpu"

[[stage]]
name = "adversarial"
init = "regression"

[stage.data]
batch = 2
frames = 3
crop = 16
workers = 0
[stage.model]
blocks = 1
channels = 8
[stage.objective]
discriminator = "dst"
[stage.loop]
iterations = 2
eval_every = 0
log_every = 1
tensorboard = false
threads = 1
device = "cpu"
"""


def train(words: str) -> int:
    parser = ArgumentParser()
    command.add_arguments(parser)
    args = parser.parse_args(words.split())
    return guarded(lambda: command.run(args))


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """The file of the tiny recipe."""
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


def test_every_shipped_model_has_a_recipe() -> None:
    """Would catch a model that nobody can rebuild, a stage that the trainer refuses, and another architecture."""
    for card in shipped_models():
        recipe = find_recipe(card.name)
        last = settings(next(s for s in recipe.stages if s.name in recipe.weights), {})
        if isinstance(card.spec, SourceSpec):
            made = long_video_spec(last) if isinstance(card.spec, LongVideoSpec) else motion_spec(last)
            assert card.spec == made, card.name
        else:
            assert (last.model.scale, last.model.blocks) == (card.spec.scale, card.spec.blocks), card.name
        assert recipe.stages[0].init == "", "a recipe begins with nothing"


def test_recipes_use_settings_that_differ_from_their_presets() -> None:
    """Would catch a recipe whose settings repeat what the preset says: the reader looks for what is special."""
    for path in recipes_folder().glob("*.toml"):
        for table in tomllib.loads(path.read_text())["stage"]:
            stage = next(s for s in read_recipe(path).stages if s.name == table["name"])
            base = Config()
            for preset in stage.presets:
                base = merge(base, tomllib.loads((recipes_folder() / "presets" / f"{preset}.toml").read_text()), preset)
            for name, values in stage.tables.items():
                for key, value in values.items():
                    stated = tuple(value) if isinstance(value, list) else value
                    assert getattr(getattr(base, name), key) != stated, f"{path.stem}, {stage.name}: {key}"


def test_tiny_recipe_from_nothing_to_a_model(tiny: Path, store: Path, tmp_path: Path) -> None:
    """Would catch a stage that does not begin with the one before, other parts, and work that is done twice."""
    out = tmp_path / "out"
    words = f"--recipe {tiny} --store {store} --out {out}"
    assert train(words) == 0
    first, second, model = (
        load_model(out / f"{name}.safetensors") for name in ("01-regression", "02-adversarial", "tiny")
    )
    assert (model.card.name, model.card.description, model.card.licence) == ("tiny", "a tiny model", "CC0")
    assert model.card.training == "recipe tiny, iterations by stage: regression 3, adversarial 2"
    parts = (m.generator.state_dict() for m in (first, second, model))
    for a, b, mixed in zip(*(p.values() for p in parts), strict=True):
        torch.testing.assert_close(mixed, 0.25 * a + 0.75 * b)
    state = checkpoint.load(checkpoint.find(out / "02-adversarial"))
    assert Path(state["config"]["model"]["init"]).name == "02-adversarial-init.safetensors"
    before = {path: path.stat().st_mtime_ns for path in out.glob("*/checkpoints/*.pt")}
    assert train(words) == 0
    assert before == {path: path.stat().st_mtime_ns for path in out.glob("*/checkpoints/*.pt")}


def test_interrupted_recipe_goes_on(tiny: Path, store: Path, tmp_path: Path) -> None:
    """Would catch a stage that begins anew, or another model than that of an unbroken run."""
    words = f"--recipe {tiny} --store {store} --out"
    assert train(f"{words} {tmp_path}/whole") == 0
    for _ in range(8):  # each session ends after an iteration
        assert train(f"{words} {tmp_path}/broken --minutes 1e-9") == 0
        if (tmp_path / "broken" / "tiny.safetensors").exists():
            break
    whole, broken = (load_model(tmp_path / run / "tiny.safetensors").generator for run in ("whole", "broken"))
    for a, b in zip(whole.state_dict().values(), broken.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_plan(tiny: Path, store: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Would catch a plan that trains, hides a stage, or makes up a time."""
    assert train(f"--recipe {tiny} --dry-run") == 0
    output = capfd.readouterr().err
    assert "1. regression: 3 iterations from nothing, 0.00 hours (0.50 s per iteration, stated)" in output
    assert "2. adversarial: 2 iterations from 1 regression, time unknown" in output
    assert "tiny.safetensors = 0.75 adversarial + 0.25 regression" in output
    assert train(f"--recipe {tiny} --dry-run --store {store} --out {tmp_path}/out") == 0
    assert capfd.readouterr().err.count("s per iteration, measured") == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("dry", [False, True])
@pytest.mark.parametrize(
    ("need", "message"),
    [
        ("[stage.data]\nstill_prob = 0.5\nframes = 3\ncrop = 16", "stage last: .* no still .*prepare --stills"),
        ("[stage.objective]\nperceptual_weight = 0.2", "stage last: .*--perceptual-net FILE: torchvision's VGG19"),
        ('[stage.objective]\nperceptual_net = "none.pth"', "stage last: perceptual_net: none.pth does not exist"),
        ("[stage.data]\nframes = 50", "stage last: .* has 50 frames"),
    ],
)
def test_what_the_last_stage_lacks_is_said_first(
    tiny: Path, store: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    need: str, message: str, dry: bool,
) -> None:  # fmt: skip
    """Would catch a recipe that trains for hours and then finds no photographs, or a loss that it leaves out."""
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.setitem(sys.modules, "torchvision.models", None)
    tiny.write_text(f'{TINY}\n[[stage]]\nname = "last"\n{need}\n')
    out = tmp_path / "out"
    words = f"--recipe {tiny} --store {store} --out {out} {'--dry-run' if dry else ''}"
    assert train(words) == 2
    assert re.search(message, capfd.readouterr().err)
    assert not out.exists()


def test_store_is_asked_for_before_an_interrupted_stage_goes_on(
    tiny: Path, store: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Would catch a stage that ends, by the store in its checkpoint, before the next one says that it has none."""
    words = f"--recipe {tiny} --out {tmp_path}/out"
    assert train(f"{words} --store {store} --minutes 1e-9") == 0
    capfd.readouterr()
    assert train(words) == 2
    assert "stage adversarial: no data: give --store" in capfd.readouterr().err


def test_recipes_say_how_their_data_are_prepared() -> None:
    """Would catch a recipe whose stages need photographs that its comment does not ask for."""
    for path in recipes_folder().glob("*.toml"):
        if makes_its_own(settings(read_recipe(path).stages[0], {})):
            continue  # it makes its own data
        (line,) = [line for line in path.read_text().splitlines() if line.startswith("# Data: vs-tecogan prepare")]
        assert "--downscale 1" in line, path.name
        stills = any(settings(stage, {}).data.still_prob > 0 for stage in read_recipe(path).stages)
        assert stills == ("--stills" in line), path.name


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "adversarial"\n', 'name = "regression"\n', "a name of its own"),
        ('init = "regression"', "init = { other = 1.0 }", "other, which is no earlier stage"),
        ("adversarial = 0.75", "late = 0.75", "weights of late"),
        ("lr = 1e-3", "rate = 1e-3", "unknown option 'rate'"),
        ("half = false", "halve = false", "expected description"),
        ("batch = 2", "batch = 0", "batch 0; expected at least 1"),
    ],
)
def test_faulty_recipes(tiny: Path, old: str, new: str, message: str) -> None:
    """Each is refused before anything starts."""
    tiny.write_text(TINY.replace(old, new))
    with pytest.raises(TrainingError, match=message):
        read_recipe(tiny)
