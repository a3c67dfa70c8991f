"""Averages of models: weights lie where the share says, the card says so, what cannot be averaged is refused."""

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vs_tecogan.cli import main
from vs_tecogan.errors import WeightsError
from vs_tecogan.networks import Dialect, Generator, GeneratorSpec
from vs_tecogan.weights import Model, ModelCard, interpolate, load_model, save_model


def drawn(seed: int, name: str, **spec: object) -> Model:
    """A small model of random weights."""
    torch.manual_seed(seed)
    generator = Generator(GeneratorSpec(**({"blocks": 1, "channels": 8} | spec)))  # type: ignore[arg-type]
    card = ModelCard(name=name, spec=generator.spec, data="own video", licence="CC0", scores={"psnr": 30.5})
    return Model(generator.eval().requires_grad_(False), card)


@settings(deadline=None, max_examples=15)
@given(st.floats(0, 1))
def test_weights_lie_at_the_share(share: float) -> None:
    """Would catch a share taken of the wrong model, and layers left out of the average."""
    first, second = drawn(1, "a"), drawn(2, "b")
    mixed = interpolate(first, second, share, name="m").generator.state_dict()
    for key, own in first.generator.state_dict().items():
        torch.testing.assert_close(mixed[key], (1 - share) * own + share * second.generator.state_dict()[key])


def test_ends_are_the_models_themselves_and_stay_untouched() -> None:
    """Would catch an average that writes into its parents' weights, or is off by rounding at its ends."""
    first, second = drawn(1, "a"), drawn(2, "b")
    for share, parent, again in ((0, first, drawn(1, "a")), (1, second, drawn(2, "b"))):
        mixed = interpolate(first, second, share).generator.state_dict()
        for key, value in again.generator.state_dict().items():
            assert torch.equal(mixed[key], value)
            assert torch.equal(parent.generator.state_dict()[key], value)


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_shares_outside_are_refused(share: float) -> None:
    """Would catch extrapolation by a slip of the keyboard."""
    with pytest.raises(WeightsError, match="outside 0 to 1"):
        interpolate(drawn(1, "a"), drawn(2, "b"), share)


@pytest.mark.parametrize("other", [{"blocks": 2}, {"channels": 16}, {"scale": 2}, {"dialect": Dialect.BI}])
def test_other_architectures_are_refused(other: dict[str, object]) -> None:
    """Would catch weights of one graph averaged into another that happens to have the same shapes."""
    with pytest.raises(WeightsError, match="architectures") as caught:
        interpolate(drawn(1, "a"), drawn(2, "b", **other), 0.5)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("share", "rounds"), [(0, 0), (0.3, 0), (0.5, 3), (1, 3)])
def test_refined_flow_is_no_other_architecture(share: float, rounds: int) -> None:
    """Would catch shipped models that cannot be averaged, and ends that refine unlike the models themselves."""
    mixed = interpolate(drawn(1, "a"), drawn(2, "b", flow_rounds=3), share)
    assert (mixed.generator.spec.flow_rounds, mixed.card.spec.flow_rounds) == (rounds, rounds)


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file opens, its card names both parents and claims no scores, and nothing is written to stdout."""
    for model in (drawn(1, "a"), drawn(2, "b")):
        save_model(tmp_path / f"{model.card.name}.safetensors", model.generator, model.card)
    first, second, output = (str(tmp_path / f"{name}.safetensors") for name in "abm")
    assert main(["interpolate", first, second, "0.85", output]) == 0
    assert Path(output).stat().st_size < 0.6 * Path(first).stat().st_size
    said = capsys.readouterr()
    assert (said.out, "0.15 x a + 0.85 x b" in said.err) == ("", True)
    card = load_model(output).card
    assert (card.name, card.description, dict(card.scores)) == ("m", "weights averaged: 0.15 x a + 0.85 x b", {})
    assert (card.data, card.licence) == ("own video", "CC0")


def test_command_keeps_what_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Would catch a model written over without being asked, one of the parents even."""
    model = drawn(1, "a")
    path = tmp_path / "a.safetensors"
    save_model(path, model.generator, model.card)
    before = path.read_bytes()
    words = ["interpolate", str(path), str(path), "0.5", str(path)]
    assert main(words) == 2
    assert "exists; give another name, or -y" in capsys.readouterr().err
    assert path.read_bytes() == before
    assert main([*words, "-y", "--full"]) == 0
    assert path.stat().st_size >= len(before) * 0.9


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("none.safetensors recurrent-real-4x 0.5 m.safetensors", "does not exist"),
        ("recurrent-real-4x recurrent-small-2x 0.5 m.safetensors", "architectures"),
        ("recurrent-texture-4x recurrent-4x 2 m.safetensors", "outside 0 to 1"),
        ("recurrent-texture-4x recurrent-4x 0.5 m.pth", "ends in .safetensors"),
        ("recurrent-texture-4x recurrent-4x 0.5 absent/m.safetensors", "cannot write"),
        ("recurrent-texture-4x recurrent-4x half m.safetensors", "SHARE"),
    ],
)
def test_command_refuses_in_one_line(
    words: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Would catch a traceback, or a file left behind, for input that cannot be used."""
    monkeypatch.chdir(tmp_path)
    assert main(["interpolate", *words.split()]) == 2
    assert expected in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
