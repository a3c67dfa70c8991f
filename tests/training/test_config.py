"""Settings: files, command line, presets and what is refused."""

import argparse
from pathlib import Path

import pytest

from vs_tecogan.errors import TrainingError
from vs_tecogan.training.config import (
    Config,
    add_options,
    check,
    convert,
    curriculum_steps,
    from_arguments,
    load,
    merge,
)
from vs_tecogan.training.config import options as fields_of

from .conftest import options

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def test_field_names_are_unique() -> None:
    """Would catch two tables with one name, whose command-line options would collide."""
    names = [name for _, name, _, _ in fields_of()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("preset", sorted(CONFIGS.glob("*.toml")), ids=lambda p: p.stem)
def test_presets_load_and_are_consistent(preset: Path) -> None:
    """Would catch a preset that the trainer refuses."""
    check(load(preset), 1)


def test_published_preset_has_the_published_values() -> None:
    """The values of runGan.py case 3, as the reference lists them."""
    config = load(CONFIGS / "tecogan-published.toml")
    data, objective, optimiser = config.data, config.objective, config.optimiser
    assert (data.batch, data.frames, data.crop, data.moving_share) == (4, 10, 32, 0.3)
    assert (config.model.blocks, config.loop.iterations, config.degradation.blur_sigma) == (16, 500_000, 1.5)
    weights = (objective.content_weight, objective.warp_weight, objective.ping_pong_weight)
    assert weights == (1, 1, 0.5)
    assert (objective.perceptual_weight, objective.adversarial_weight, objective.feature_weight) == (0.2, 0.01, 1)
    assert (objective.gate, objective.gate_decay, objective.normalisation, objective.penalty) == (
        0.4,
        0.99,
        "batch",
        "l2",
    )
    assert (optimiser.lr, optimiser.d_lr, optimiser.beta1, optimiser.beta2, optimiser.ema) == (
        5e-5,
        5e-5,
        0.9,
        0.999,
        0,
    )


def test_every_field_is_an_option() -> None:
    """Would catch a field that the command line cannot override, by setting each to a value of its type."""
    parser = argparse.ArgumentParser()
    add_options(parser)
    for table, name, kind, _ in fields_of():
        default = getattr(getattr(Config(), table), name)
        flag = f"--{name.replace('_', '-')}"
        if kind is bool:
            words, value = [f"--no-{name.replace('_', '-')}" if default else flag], not default
        elif kind in (int, float):
            words, value = [flag, "3"], kind(3)
        elif kind is str:
            words, value = [flag, "x"], "x"
        elif isinstance(default, tuple):
            words, value = (
                [flag, "1", "2"],
                tuple(convert([1.0, 2.0], kind, "")) if name.startswith(("real", "zoom", "soft")) else None,
            )
            if name == "milestones":
                value = (1, 2)
            if name == "curriculum":
                value = ("1", "2")
        else:
            other = next(choice for choice in kind.__args__ if choice != default)
            words, value = [flag, other], other
        config = merge(Config(), from_arguments(parser.parse_args(words)), "test")
        assert getattr(getattr(config, table), name) == value, name


def test_command_line_overrides_file_and_file_overrides_default(tmp_path: Path) -> None:
    """Would catch an argparse default that silently beats the file."""
    (tmp_path / "a.toml").write_text("[data]\nbatch = 8\nframes = 7\n")
    config = load(tmp_path / "a.toml")
    assert (config.data.batch, config.data.frames, config.data.crop) == (8, 7, 32)
    assert options("--frames 5").data.frames == 5
    assert options("--ping-pong").objective.ping_pong
    assert not options("--no-ping-pong").objective.ping_pong


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[data]\nbatchsize = 3\n", r"unknown option 'batchsize' in \[data\]"),
        ("[loop]\nbatch = 3\n", r"unknown option 'batch' in \[loop\]; it belongs to \[data\]"),
        ("[trainer]\nx = 1\n", r"unknown table \[trainer\]"),
        ("batch = 3\n", "unknown table"),
        ("data = 3\n", "outside a table"),
        ("[data]\nbatch = 'four'\n", "batch = 'four'; expected int"),
        ("[data]\nbatch = true\n", "batch = True; expected int"),
        ("[optimiser]\nschedule = 'linear'\n", "expected one of constant, steps, cosine"),
        ("[optimiser]\nmilestones = 5\n", "expected a list"),
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
        ("--flow-crop 20", 1, "flow_crop 20"),
        ("--crop 8 --checkerboard-weight 1", 1, "at least 16"),
        ("--crop 24 --discriminator dst", 1, "multiple of 64"),
        ("--frames 1", 1, "at least 2 frames"),
        ("--frames 2 --discriminator dst", 1, "at least 3 frames"),
        ("--discriminator dst --accumulate 2", 1, "batch normalisation in D"),
        ("--burn-in=-1", 1, "burn_in -1"),
        ("--curriculum 5:4", 1, "iteration 0"),
        ("--curriculum 0-4", 1, "entries like 5000:7"),
        ("--synthetic-share 8", 1, "synthetic_share 8.0; expected a share"),
        ("--perceptual-phases 0", 1, "expected 1 to 16"),
        ("--detail-share 80", 1, "detail_share 80.0; expected a share"),
        ("--zoom 0.5", 1, "expected two factors"),
        ("--zoom 0.5 1.5", 1, "up to 1"),
        ("--zoom 0 0.5", 1, "above 0"),
        ("--flow-pretraining 9 --flow-batch 9", 2, "multiple of the 2 processes"),
        ("--flow-reach 30", 1, "FNet's limit"),
        ("--flow-from 0", 1, "flow_from 0.0; expected up to 16"),
        ("--flow-rounds 9", 1, "flow_rounds 9; expected 0 to 8"),
        ("--flow-rounds -2", 1, "flow_rounds -2; expected 0 to 8, or -1"),
        ("--soft-share 2", 1, "soft_share 2.0; expected a share"),
        ("--soft-sigma 2 1", 1, "the smaller first"),
        ("--real-blur 2 1", 1, "lowest and highest"),
        ("--real-blur 0 2", 1, "two sigmas above 0"),
        ("--precision fp16 --r1-weight 1", 1, "overflows"),
        ("--r1-weight 1 --r1-every 0", 1, "r1_every 0; expected at least 1"),
    ],
)
def test_contradictions(words: str, world: int, message: str) -> None:
    """Each is refused before anything starts."""
    with pytest.raises(TrainingError, match=message):
        check(options(words), world)


@pytest.mark.parametrize(
    "words",
    [
        *("--seed=-1", "--workers=-1", "--threads=-1", "--blocks=-1", "--eval-frames=0", "--eval-frames=-1"),
        *(f"--blur-sigma={value}" for value in ("0", "-1", "nan", "inf")),
        *(f"--{name}={value}" for name in ("beta1", "beta2", "ema") for value in ("-1", "1", "nan")),
        *(f"--{name}={value}" for name in ("lr", "clip", "epsilon", "d-lr") for value in ("-1", "nan")),
        *("--lr=inf", "--perceptual-weight=-1"),
    ],
)  # fmt: skip
def test_values_out_of_range(words: str) -> None:
    """Would catch a value that ends in an internal error or trains NaN: one line names the option and the range."""
    name = words.split("=")[0].removeprefix("--").replace("-", "_")
    with pytest.raises(TrainingError, match=rf"^{name} \S+; expected [^\n]+$"):
        check(options(words), 1)


@pytest.mark.parametrize(
    "words",
    [
        *("--checkpoint-minutes inf", "--clip inf", "--gate inf", "--gate=-1"),
        *("--flow-rounds=-1", "--lr 0", "--ema 0", "--workers 0"),
    ],
)
def test_values_that_mean_off(words: str) -> None:
    """Would catch a range that refuses the value by which something is switched off."""
    check(options(words), 1)


def test_curriculum() -> None:
    """Would catch entries used out of order."""
    assert curriculum_steps(options("--curriculum 5:7 0:4")) == ((0, 4), (5, 7))
    assert curriculum_steps(options("--frames 9")) == ((0, 9),)
