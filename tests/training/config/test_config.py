"""Settings: files, command line, presets and what is refused."""

import argparse
from pathlib import Path

import pytest

from vs_tecogan.cli import train as command
from vs_tecogan.errors import TrainingError
from vs_tecogan.training.config import Config, add_options, check, frame_steps, from_arguments, load, merge
from vs_tecogan.training.config import options as fields_of
from vs_tecogan.training.objectives.optimiser import BETA1
from vs_tecogan.training.objectives.tecogan import GATE_DECAY

from ..conftest import options

PRESETS = Path(__file__).resolve().parents[3] / "recipes" / "presets"


def test_field_names_are_unique() -> None:
    """Would catch two tables with one name, whose command-line options would collide."""
    names = [item.name for _, item in fields_of()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("preset", sorted(PRESETS.glob("*.toml")), ids=lambda p: p.stem)
def test_presets_load_and_are_consistent(preset: Path) -> None:
    """Would catch a preset that the trainer refuses."""
    check(load(preset), 1)


def test_published_preset_has_the_published_values() -> None:
    """The values of runGan.py case 3, as the reference lists them."""
    config = load(PRESETS / "tecogan-published.toml")
    data, objective, optimiser = config.data, config.objective, config.optimiser
    assert (data.batch, data.frames, data.crop, data.moving_first_frame_prob) == (4, ("10",), 32, 0.3)
    assert (config.model.blocks, config.loop.iterations, config.degradation.quantise) == (16, 500_000, False)
    assert objective.ping_pong_weight == 0.5
    assert (objective.perceptual_weight, objective.adversarial_weight, objective.feature_weight) == (0.2, 0.01, 1)
    assert (objective.gate, objective.normalisation, objective.penalty) == (0.4, "batch", "l2")
    assert (optimiser.lr, optimiser.d_lr, optimiser.beta2, optimiser.ema) == (5e-5, 5e-5, 0.999, 0)
    assert (GATE_DECAY, BETA1) == (0.99, 0.9)


def test_every_field_can_be_set_from_the_command_line() -> None:
    """Would catch a field that neither an option nor --set reaches, by setting each to a value of its type."""
    parser = argparse.ArgumentParser()
    add_options(parser)
    for table, item in fields_of():
        kind, flag, default = item.type, f"--{item.name.replace('_', '-')}", item.default
        if kind is bool:
            words, value = [f"--no-{flag[2:]}" if default else flag], not default
        elif kind in (int, float):
            words, value = [flag, "3"], kind(3)  # type: ignore[operator]
        elif kind is str:
            words, value = [flag, "x"], "x"
        elif isinstance(default, tuple):
            words, value = [flag, "1", "2"], tuple(kind.__args__[0](x) for x in (1, 2))  # type: ignore[union-attr]
        else:
            other = next(choice for choice in kind.__args__ if choice != default)  # type: ignore[union-attr]
            words, value = [flag, other], other
        text = {bool: str(value).lower(), str: "x"}.get(kind, value)  # type: ignore[arg-type]
        text = list(value) if isinstance(value, tuple) else text
        for given in ([] if item.metadata["file_only"] else [words], [["--set", f"{item.name}={text}"]]):
            for line in given:
                config = merge(Config(), from_arguments(parser.parse_args(line)), "test")
                assert getattr(getattr(config, table), item.name) == value, line


def test_the_command_has_about_fifty_options() -> None:
    """Would catch options that come back: who adds one should ask what a recipe needs."""
    parser = argparse.ArgumentParser(add_help=False)
    command.add_arguments(parser)
    assert len(parser._actions) <= 50
    titles = [group.title for group in parser._action_groups]
    assert {"[data]", "[model]", "[objective]", "[optimiser]", "[loop]"} <= set(titles)


def test_command_line_overrides_file_and_file_overrides_default(tmp_path: Path) -> None:
    """Would catch an argparse default that silently beats the file."""
    (tmp_path / "a.toml").write_text("[data]\nbatch = 8\nframes = 7\n")
    config = load(tmp_path / "a.toml")
    assert (config.data.batch, config.data.frames, config.data.crop) == (8, ("7",), 32)
    assert options("--frames 5").data.frames == ("5",)
    assert options("--quantise").degradation.quantise
    assert not options("--no-quantise").degradation.quantise


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[data]\nbatchsize = 3\n", r"unknown option 'batchsize' in \[data\]"),
        ("[loop]\nbatch = 3\n", r"unknown option 'batch' in \[loop\]; it belongs to \[data\]"),
        ("[trainer]\nx = 1\n", r"unknown table \[trainer\]"),
        ("batch = 3\n", "outside a table"),
        ("data = 3\n", "outside a table"),
        ("[data]\nbatch = 'four'\n", "batch = 'four'; expected int"),
        ("[data]\nbatch = true\n", "batch = True; expected int"),
        ("[optimiser]\nschedule = 'linear'\n", "expected one of constant, cosine"),
        ("[data]\nrandom_scale = 'small'\n", "random_scale = 'small'; expected float"),
        ("[data\n", "not TOML"),
    ],
)
def test_bad_files(tmp_path: Path, text: str, message: str) -> None:
    """Would catch a misspelt option that is ignored: the run would be another than was asked for."""
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(TrainingError, match=message):
        load(tmp_path / "bad.toml")


@pytest.mark.parametrize(
    ("words", "world", "message"),
    [
        ("--scale 3", 1, "scale 3"),
        ("--batch 3", 2, "cannot be divided"),
        ("--crop 20", 1, "multiple of 8"),
        ("--set flow_crop=20", 1, "flow_crop 20"),
        ("--crop 8 --checkerboard-weight 1", 1, "at least 16"),
        ("--crop 24 --discriminator dst", 1, "multiple of 64"),
        ("--frames 1", 1, "at least 2 frames"),
        ("--frames 2 --discriminator dst", 1, "at least 3 frames"),
        ("--frames 2 --set discriminator=dst-projected normalisation=none", 1, "at least 3 frames"),
        ("--discriminator projected", 1, "set spectral or none"),
        ("--burn-in=-1", 1, "burn_in -1; expected at least 0"),
        ("--frames 5:4", 1, "iteration 0"),
        ("--frames 0-4", 1, "entries like 5000:7"),
        ("--set synthetic_prob=8", 1, "synthetic_prob 8; expected at least 0 and at most 1"),
        ("--set perceptual_phases=0", 1, "expected at least 1 and at most 16"),
        ("--random-scale 0.5", 1, "expected two numbers"),
        ("--random-scale 0.5 1.5", 1, "at most 1"),
        ("--random-scale 0 0.5", 1, "above 0"),
        ("--flow-rounds 9", 1, "flow_rounds 9; expected at least -1 and at most 8"),
        ("--flow-rounds -2", 1, "flow_rounds -2; expected at least -1"),
        ("--set random_blur_prob=2", 1, "random_blur_prob 2; expected at least 0 and at most 1"),
        ("--set blur_sigma=[2,1]", 1, "the lowest and the highest"),
        ("--set blur_sigma=[0,2]", 1, "blur_sigma 0; expected above 0"),
        ("--precision fp16 --set r1_weight=1", 1, "overflows"),
    ],
)
def test_contradictions(words: str, world: int, message: str) -> None:
    """Each is refused before anything starts."""
    with pytest.raises(TrainingError, match=message):
        check(options(words), world)


@pytest.mark.parametrize(
    "words",
    [
        *("--seed=-1", "--workers=-1", "--threads=-1", "--blocks=-1", "--set eval_frames=0", "--set keep=-1"),
        *(f"--set {name}={value}" for name in ("beta2", "ema") for value in ("-1", "1", "nan")),
        *(f"--set {name}={value}" for name in ("lr", "clip", "d_lr") for value in ("-1", "nan")),
        *("--lr=inf", "--perceptual-weight=-1"),
    ],
)  # fmt: skip
def test_values_out_of_range(words: str) -> None:
    """Would catch a value that ends in an internal error or trains NaN: one line names the option and the range."""
    name = words.split("=")[0].removeprefix("--set ").removeprefix("--").replace("-", "_")
    with pytest.raises(TrainingError, match=rf"^{name} \S+; expected [^\n]+$"):
        check(options(words), 1)


@pytest.mark.parametrize(
    "words",
    [
        *("--set checkpoint_minutes=inf", "--set clip=inf", "--set gate=inf", "--set gate=0"),
        *("--flow-rounds=-1", "--lr 0", "--ema 0", "--workers 0"),
    ],
)
def test_values_that_mean_off(words: str) -> None:
    """Would catch a range that refuses the value by which something is switched off."""
    check(options(words), 1)


def test_curriculum() -> None:
    """Would catch entries used out of order."""
    assert frame_steps(options("--frames 5:7 0:4")) == ((0, 4), (5, 7))
    assert frame_steps(options("--frames 9")) == ((0, 9),)
