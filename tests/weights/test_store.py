"""Opening weight files: what is good loads, what is bad says why in one line and never runs code."""

import json
import os
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from vs_tecogan.errors import WeightsError
from vs_tecogan.networks import Alignment, Dialect, Generator, GeneratorSpec, RecurrentSpec, RecurrentSR
from vs_tecogan.weights import ModelCard, generator_from_tensorflow, load_model, save_model, shipped_models
from vs_tecogan.weights.store import RETIRED


def tiny_state(**overrides: int) -> dict[str, torch.Tensor]:
    return dict(Generator(GeneratorSpec(blocks=1, **overrides)).state_dict())


def assert_refused(path: Path | str, words: str) -> None:
    """Refused with one line that contains ``words``."""
    with pytest.raises(WeightsError, match=words) as caught:
        load_model(path)
    assert str(caught.value).isprintable() and len(str(caught.value)) <= 500


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("half", [False, True])
def test_own_format_round_trip(dialect: Dialect, half: bool, tmp_path: Path) -> None:
    """Spec, card and weights come back as they were written; half precision loses only rounding."""
    torch.manual_seed(1)
    generator = Generator(GeneratorSpec(blocks=2, dialect=dialect, flow_rounds=2 if half else 0))
    card = ModelCard(name="m", spec=generator.spec, data="own video", licence="CC0", scores={"psnr": 30.5})
    save_model(tmp_path / "m.safetensors", generator, card, half=half)
    model = load_model(tmp_path / "m.safetensors")
    assert model.card == card
    for key, value in generator.state_dict().items():
        torch.testing.assert_close(model.generator.state_dict()[key], value, rtol=1e-3 if half else 0, atol=1e-6)
    assert list(tmp_path.iterdir()) == [tmp_path / "m.safetensors"]


RECURRENT = [
    RecurrentSpec(channels=8, blocks=2, flow_rounds=3),
    RecurrentSpec(scale=2, channels=8, blocks=1, ahead=0, residual=False, alignment=Alignment.NONE),
]


@pytest.mark.parametrize("spec", RECURRENT)
def test_recurrent_round_trip(spec: RecurrentSpec, tmp_path: Path) -> None:
    """Would catch an entry of the recurrent network's card that is not written, not read, or read as FRNet's."""
    torch.manual_seed(1)
    network = RecurrentSR(spec)
    card = ModelCard(name="m", spec=spec, data="own video", licence="CC0")
    save_model(tmp_path / "m.safetensors", network, card)
    model = load_model(tmp_path / "m.safetensors")
    assert model.card == card
    assert isinstance(model.network, RecurrentSR)
    assert not model.network.training
    for key, value in network.state_dict().items():
        assert torch.equal(model.network.state_dict()[key], value)
    with pytest.raises(WeightsError, match="RecurrentSR; expected FRVSR"):
        _ = model.generator


@pytest.mark.parametrize("residual", [True, False])
def test_a_recurrent_state_dict_without_a_card(residual: bool, tmp_path: Path) -> None:
    """Would catch scale, channels, blocks, trunk or look-ahead read wrongly off the shapes."""
    spec = RecurrentSpec(scale=2, channels=8, blocks=3, residual=residual, ahead=0)
    torch.save({"params_ema": dict(RecurrentSR(spec).state_dict())}, tmp_path / "m.pth")
    assert load_model(tmp_path / "m.pth").network.spec == spec


def test_a_damaged_recurrent_card(tmp_path: Path) -> None:
    """Would catch a card of a future architecture that is opened as one of today's."""
    network = RecurrentSR(RECURRENT[0])
    words = ModelCard(name="m", spec=network.spec).metadata()
    for entry, value in {"architecture": "transformer", "trunk": "dense", "alignment": "deformable"}.items():
        save_file(dict(network.state_dict()), tmp_path / "m.safetensors", metadata=words | {entry: value})
        assert_refused(tmp_path / "m.safetensors", "card is damaged")


@pytest.mark.parametrize("wrapper", [None, "state_dict", "params", "params_ema"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_wrapped_state_dicts(wrapper: str | None, prefix: str, tmp_path: Path) -> None:
    """Checkpoints of the usual trainers open as they are."""
    state = {prefix + key: value for key, value in tiny_state().items()}
    torch.save(state if wrapper is None else {wrapper: state, "step": 3}, tmp_path / "m.pth")
    assert load_model(tmp_path / "m.pth").generator.spec == GeneratorSpec(blocks=1, dialect=Dialect.BI)


def test_names_and_paths(tmp_path: Path) -> None:
    """A name nobody ships, a missing file, a folder and a strange suffix are told apart."""
    assert_refused("no-such-model", "not known; shipped models")
    assert_refused(tmp_path / "missing.pth", "does not exist")
    assert_refused(tmp_path, "is a directory")
    (tmp_path / "m.bin").write_bytes(b"x")
    assert_refused(tmp_path / "m.bin", "suffix")


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
@pytest.mark.parametrize("content", [b"", b"\x00" * 300, os.urandom(5000), b"not a checkpoint"])
def test_random_bytes(suffix: str, content: bytes, tmp_path: Path) -> None:
    """Garbage is refused, whatever it looks like."""
    path = tmp_path / f"m.{suffix}"
    path.write_bytes(content)
    assert_refused(path, "is no whole|something other|holds")


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.99])
@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_truncated(suffix: str, keep: float, tmp_path: Path) -> None:
    """A half-copied file is refused."""
    path = tmp_path / f"m.{suffix}"
    if suffix == "pth":
        torch.save(tiny_state(), path)
    else:
        generator = Generator(GeneratorSpec(blocks=1))
        save_model(path, generator, ModelCard(name="m", spec=generator.spec))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    assert_refused(path, "is no whole|something other")


class Payload:
    """Pickles into a call that leaves a mark."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_code_in_a_pickle_does_not_run(how: str, tmp_path: Path) -> None:
    """A pickle that calls a function is refused and the function is not called."""
    path, mark = tmp_path / "m.pth", tmp_path / "ran"
    if how == "torch":
        torch.save({"srnet.conv_in.0.weight": Payload(mark)}, path)
    else:
        path.write_bytes(pickle.dumps(Payload(mark)))
    assert_refused(path, "something other|is no whole")
    assert not mark.exists()


def test_other_architectures(tmp_path: Path) -> None:
    """State dicts of other networks, incomplete, misshapen, diverged ones: each says what is wrong."""
    path = tmp_path / "m.pth"
    for state, words in (
        ({"conv_first.weight": torch.zeros(64, 3, 3, 3)}, "not a TecoGAN"),
        ({"discriminator_block.block1.0.weight": torch.zeros(64, 64, 4, 4)}, "discriminator"),
        ({key: value for key, value in tiny_state().items() if "encoder2" not in key}, "encoder2.0.weight is missing"),
        (tiny_state() | {"fnet.flow.2.weight": torch.zeros(3, 32, 3, 3)}, "shape"),
        (tiny_state() | {"extra.weight": torch.zeros(1)}, "extra.weight is not part"),
        (tiny_state() | {"srnet.conv_out.bias": torch.full((3,), float("nan"))}, "NaN"),
        (tiny_state() | {"srnet.conv_out.bias": torch.full((3,), 1e300, dtype=torch.float64)}, "infinity"),
        (tiny_state() | {"srnet.conv_out.bias": torch.zeros(3, dtype=torch.int32)}, "is int32.*expected dense float16"),
        (tiny_state() | {"srnet.conv_out.bias": torch.zeros(3).to_sparse()}, "sparse_coo.*expected dense"),
        ([1, 2], "holds a list"),
        ({}, "no tensors"),
    ):
        torch.save(state, path)
        assert_refused(path, words)


@pytest.mark.parametrize(("field", "words"), [("blocks", "blocks=10000000"), ("channels", "channels=10000000")])
def test_cards_of_giants(field: str, words: str, tmp_path: Path) -> None:
    """Would catch a card whose numbers cost hours or all memory before anybody looks at the tensors."""
    from safetensors.torch import save_file

    metadata = ModelCard(name="m", spec=GeneratorSpec(blocks=1)).metadata() | {field: "10000000"}
    save_file(tiny_state(), str(tmp_path / "m.safetensors"), metadata=metadata)
    with pytest.raises(WeightsError, match=words):
        load_model(tmp_path / "m.safetensors")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"channels": "1000000000"}, "channels=1000000000"),
        ({"scores": "[" * 100_000}, "RecursionError"),
        ({"scores": '{"psnr": 1' + "0" * 400 + "}"}, "OverflowError"),
        ({"scores": '{"' + "x" * 200_000 + '": 1}'}, "scores of 200007 characters"),
        ({"scale": "four\x1b[2J"}, r"four\\\\x1b"),
    ],
    ids=["channels", "nested", "overflow", "long", "control"],
)
def test_hostile_cards(change: dict[str, str], words: str, tmp_path: Path) -> None:
    """Would catch a card that ends in a traceback, or whose text a terminal obeys."""
    metadata = ModelCard(name="m", spec=GeneratorSpec(blocks=1)).metadata() | change
    save_file(tiny_state(), str(tmp_path / "m.safetensors"), metadata=metadata)
    assert_refused(tmp_path / "m.safetensors", words)


def test_words_of_a_card_are_printable(tmp_path: Path) -> None:
    """Would catch a name that clears the screen of whoever lists it."""
    metadata = ModelCard(name="red\x1b[31m\x07", spec=GeneratorSpec(blocks=1), data="a\nb" + "x" * 5000).metadata()
    save_file(tiny_state(), str(tmp_path / "m.safetensors"), metadata=metadata)
    card = load_model(tmp_path / "m.safetensors").card
    assert card.name == r"red\x1b[31m\x07"
    assert card.data.isprintable() and len(card.data) < 600


@pytest.mark.parametrize("name", ["~nosuchuser/x.pth", "x" * 5000, "x" * 300 + ".pth", "a\0b.pth", "\x1b[31m.pth"])
def test_hostile_names(name: str) -> None:
    """Would catch a name that ends in a traceback, or is repeated at its full length."""
    assert_refused(name, "^model")


def test_stretched_tensors(tmp_path: Path) -> None:
    """Would catch a file of a few bytes that unfolds to terabytes: strides of 0 that pretend a shape."""
    one, path = torch.zeros(1), tmp_path / "m.pth"
    wide = {key: one.expand([10**6 if n == 64 else n for n in value.shape]) for key, value in tiny_state().items()}
    for state, words in (
        (wide, "channels=1000000"),
        (tiny_state() | {"srnet.conv_out.bias": one.expand(3)}, "holds fewer numbers than its shape"),
    ):
        torch.save(state, path)
        assert_refused(path, words)


def test_packed_zeros(tmp_path: Path) -> None:
    """Would catch a deflate bomb: unpacked, this file of 500 kB holds 520 MiB."""
    torch.save({"a": torch.zeros(10)}, tmp_path / "plain.pth")
    path = tmp_path / "bomb.pth"
    with zipfile.ZipFile(tmp_path / "plain.pth") as plain, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bomb:
        for entry in plain.infolist():
            with bomb.open(entry.filename, "w") as file:
                if not entry.filename.endswith("data/0"):
                    file.write(plain.read(entry))
                    continue
                for _ in range(520):
                    file.write(bytes(1 << 20))
    assert_refused(path, "holds 520 MiB; expected")


def test_larger_than_any_model(tmp_path: Path) -> None:
    """Would catch reading a disk image that somebody named .safetensors."""
    for suffix in ("pth", "safetensors"):
        path = tmp_path / f"m.{suffix}"
        with path.open("wb") as file:
            file.truncate(4 << 30)
        assert_refused(path, "holds 4096 MiB; expected")


def test_too_many_tensors(tmp_path: Path) -> None:
    """Would catch a file of a million empty tensors, which took 25 s and 1 GB before it was refused."""
    table = json.dumps({f"t{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(100_000)})
    (tmp_path / "m.safetensors").write_bytes(len(table).to_bytes(8, "little") + table.encode() + bytes(8))
    with zipfile.ZipFile(tmp_path / "m.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("m/data.pkl", bytes(6 << 20))
    for suffix in ("safetensors", "pth"):
        assert_refused(tmp_path / f"m.{suffix}", "MiB to name its tensors; expected")


def test_files_from_before_flow_was_refined(tmp_path: Path) -> None:
    """Would catch older models that no longer open, or run other than they were trained."""
    from safetensors.torch import save_file

    generator = Generator(GeneratorSpec(blocks=1))
    metadata = ModelCard(name="m", spec=generator.spec).metadata()
    assert metadata.pop("flow_rounds") == "0"
    save_file(dict(generator.state_dict()), str(tmp_path / "m.safetensors"), metadata=metadata)
    assert load_model(tmp_path / "m.safetensors").generator.spec == generator.spec


def test_damaged_card(tmp_path: Path) -> None:
    """A file of a future format, or with a scale that is no number, is refused instead of guessed at."""
    from safetensors.torch import save_file

    generator = Generator(GeneratorSpec(blocks=1))
    good = ModelCard(name="m", spec=generator.spec).metadata()
    for change, words in (
        ({"format": "vs_tecogan/99"}, "update"),
        ({"scale": "four"}, "damaged"),
        ({"flow_rounds": "9"}, "damaged"),
    ):
        save_file(dict(generator.state_dict()), str(tmp_path / "m.safetensors"), metadata=good | change)
        assert_refused(tmp_path / "m.safetensors", words)


def test_incomplete_tensorflow() -> None:
    """A TensorFlow checkpoint without a generator names the first missing variable."""
    with pytest.raises(WeightsError, match="generator/generator_unit/input_stage"):
        generator_from_tensorflow({})


def test_retired_models_name_their_successors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch an old script that only reads "not known", a successor that is gone too, and a user's own file that
    is refused for its name."""
    shipped = {card.name for card in shipped_models()}
    monkeypatch.chdir(tmp_path)
    for gone, successor in RETIRED.items():
        assert gone not in shipped and successor in shipped
        assert_refused(gone, f"'{gone}' is no longer shipped; take '{successor}'")
        torch.save(tiny_state(), f"{gone}.pth")
        assert load_model(f"{gone}.pth").card.name == gone


def test_shipped_models_open() -> None:
    """Every shipped model is whole, has a card with data and licence, and is what its name says."""
    for card in shipped_models():
        model = load_model(card.name)
        assert model.card == card
        assert card.data and card.licence and card.scores
        scale = getattr(model.network.spec, "scale", None)  # a source of video has none
        assert scale in (None, 1) or card.name.endswith(f"-{scale}x")
