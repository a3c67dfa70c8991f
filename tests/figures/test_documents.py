"""The numbers of the documents: markers are filled from the figures' JSON, and the documents hold nothing else."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
import torch
from figures import record
from figures.documents import FigureError, documents, fill, problems
from figures.record import ROOT, Figure, folder_of, load, load_all, made_by
from figures.tables import Column, Table
from safetensors.torch import save_file

TABLE = Table(
    corner="model",
    columns={
        "psnr": Column(label="dB"),
        "gain": Column(label="gain", signed=True),
        "lpips": Column(label="L", digits=3),
    },
    rows={
        "bicubic": {"psnr": 27.944, "gain": None, "lpips": 0.4},
        "ours": {"psnr": 30.026, "gain": 2.082, "lpips": 0.3},
        "same": {"psnr": float("inf"), "gain": 0.0, "lpips": 0.0},
    },
    labels={"ours": "**ours**"},
    note="Six clips.",
)
FIGURES = {"quality": Figure(name="quality", tables={"4x": TABLE}, made={})}


def test_documents_hold_what_was_measured() -> None:
    """Would catch a number in README, docs or a card that no command measured, or measured with older weights."""
    assert list(problems(load_all(folder_of(ROOT)), ROOT)) == []
    assert len(documents(ROOT)) > 5


def test_table_is_filled_with_the_rows_and_columns_asked_for() -> None:
    """Would catch rows in another order, wrong rounding, a lost sign, or a table that is filled twice."""
    text = "a\n<!-- table:quality.4x rows=ours,bicubic columns=psnr,gain -->\nold\n<!-- /table -->\nb\n"
    filled = fill(text, FIGURES)
    assert "| model | dB | gain |\n|---|---:|---:|\n| **ours** | 30.03 | +2.08 |\n| bicubic | 27.94 | – |\n" in filled
    assert "old" not in filled and "*Six clips. Not measured yet.*\n<!-- /table -->\nb\n" in filled
    assert fill(filled, FIGURES) == filled
    assert "Six clips" not in fill("<!-- table:quality.4x note=no -->\n<!-- /table -->", FIGURES)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("quality.4x.ours.psnr", "30.03"),
        ("quality.4x.same.psnr", "∞"),
        ("quality.4x.bicubic.gain", "–"),
        ("quality.4x.ours.psnr - quality.4x.bicubic.psnr", "2.08"),
        ("quality.4x.ours.psnr - quality.4x.bicubic.psnr :+.1f", "+2.1"),
        ("quality.4x.ours.lpips / quality.4x.bicubic.lpips - 1 :.0%", "-25%"),
    ],
)
def test_values_in_sentences(expression: str, text: str) -> None:
    """Would catch another row's value, or a difference of rounded numbers."""
    assert fill(f"x <!-- value:{expression} -->0<!-- /value --> y", FIGURES) == (
        f"x <!-- value:{expression} -->{text}<!-- /value --> y"
    )


@pytest.mark.parametrize(
    "marker",
    [
        "<!-- value:speed.4x.ours.psnr -->0<!-- /value -->",
        "<!-- value:quality.2x.ours.psnr -->0<!-- /value -->",
        "<!-- value:quality.4x.theirs.psnr -->0<!-- /value -->",
        "<!-- value:quality.4x.ours.ssim -->0<!-- /value -->",
        "<!-- value:quality.4x.ours.psnr + __import__ -->0<!-- /value -->",
        "<!-- value:quality.4x.ours.psnr -->0",
        "<!-- table:quality.4x rows=theirs -->\n<!-- /table -->",
        "<!-- table:quality.4x row=ours -->\n<!-- /table -->",
    ],
)
def test_markers_of_nothing_are_errors(marker: str) -> None:
    """Would catch a misspelt marker that silently keeps its old number."""
    with pytest.raises(FigureError):
        fill(marker, FIGURES)


def test_a_changed_number_is_found(tmp_path: Path) -> None:
    """Would catch a check that passes whatever the documents say."""
    readme = tmp_path / "README.md"
    readme.write_text("\n<!-- value:quality.4x.ours.psnr -->30.03<!-- /value -->\n")
    assert list(problems(FIGURES, tmp_path)) == []
    readme.write_text("\n<!-- value:quality.4x.ours.psnr -->30.30<!-- /value -->\n")
    (found,) = problems(FIGURES, tmp_path)
    assert found.startswith("README.md:2: ") and "30.30" in found and "30.03" in found


def test_a_typed_number_is_found(tmp_path: Path) -> None:
    """Would catch a measured number that somebody types into a sentence, where no command ever makes it again."""
    readme = tmp_path / "README.md"
    marked = "<!-- table:quality.4x -->\n<!-- /table -->\nby <!-- value:quality.4x.ours.psnr --><!-- /value --> dB"
    readme.write_text(fill(marked, FIGURES))
    assert list(problems(FIGURES, tmp_path)) == []
    readme.write_text(fill(marked, FIGURES) + ", 0.3 dB more, 40 frames")
    (found,) = problems(FIGURES, tmp_path)
    assert "'0.3 dB' is typed" in found


def test_changed_weights_and_plots_are_found(tmp_path: Path) -> None:
    """Would catch figures of a model that has been trained on, has gone, or whose plot was made by another run."""
    made = made_by("x", ["recurrent-4x"])
    whole = Figure(name="a", tables={}, made={"4x": made, "a.svg": made}, plots={"a.svg": "0"})
    (found,) = problems({"a": whole}, tmp_path)
    assert "a.svg" in found
    for models in ({"recurrent-4x": "0"}, {"gone-4x": "0"}, {"tecogan-4x": "0"}):
        old = Figure(name="a", tables={}, made={"4x": type(made)(**vars(made) | {"models": models})})
        (found,) = problems({"a": old}, tmp_path)
        assert "anew" in found


def test_json_keeps_everything(tmp_path: Path) -> None:
    """Would catch a value, a label or a digit that does not come back, or JSON with bare infinities."""
    made = {"4x": made_by("x", ["recurrent-4x"], settings={"frames": 40})}
    figure = Figure(name="quality", tables={"4x": TABLE}, made=made)
    back = load(figure.save(tmp_path))
    assert back.made == figure.made and back.tables["4x"].markdown() == TABLE.markdown()
    assert "Infinity" not in (tmp_path / "quality.json").read_text()


def test_every_figure_can_be_asked_for(command: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """Would catch a figure whose module is gone or imports what is not there, or an option that nobody knows."""
    for name in command.NAMES:
        with pytest.raises(SystemExit) as end:
            command.main([name, "--help"])
        assert end.value.code == 0 and f"figures.py {name}" in capsys.readouterr().out
    assert command.main(["scheduler", "memory", "--modle", "x"]) == 2
    assert "--modle x: no option of scheduler, memory" in capsys.readouterr().err


def test_other_weights_of_the_same_shape_cost_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch times measured anew for nothing, qualities that are not, and times of another network that stay."""
    from figures import documents

    weights = {"w": torch.zeros(2, 3)}
    shipped = tmp_path / "m.safetensors"
    monkeypatch.setattr(record, "find_model", lambda _: shipped)
    monkeypatch.setattr(documents, "find_model", lambda _: shipped)
    save_file(weights, shipped, {"scale": "4"})
    made = record.made_by("x", models=["m"], graphs=["m"])
    figure = record.Figure(name="busy", tables={}, made={"t": made})
    assert list(documents._outdated(figure, tmp_path)) == []
    save_file({"w": torch.ones(2, 3)}, shipped, {"scale": "4"})
    assert list(documents._outdated(figure, tmp_path)) == ["busy: measured with other weights of m; measure it anew"]
    for other, card in (({"w": torch.ones(3, 2)}, {"scale": "4"}), ({"w": torch.ones(2, 3)}, {"scale": "2"})):
        save_file(other, shipped, card)
        assert "busy: measured with other shape of m; measure it anew" in documents._outdated(figure, tmp_path)


def test_command_writes_what_was_measured(command: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a run whose JSON, plot or document is not that of its own numbers."""
    (tmp_path / "docs/figures").mkdir(parents=True)
    readme = tmp_path / "README.md"
    readme.write_text("<!-- value:memory.4x.ours.psnr --><!-- /value -->\n<!-- table:memory.4x -->\n<!-- /table -->\n")
    found = record.Found(tables={"4x": TABLE}, settings={"a": 1}, models=["recurrent-4x"], plots={"a.svg": b"<svg/>"})
    monkeypatch.setattr("figures.memory.measure", lambda _: found)
    assert command.main(["memory"], tmp_path) == 0
    text = readme.read_text()
    assert "-->30.03<!-- /value -->" in text and "*Six clips. Made by `scripts/figures.py memory` on " in text
    assert (tmp_path / "docs/figures/a.svg").read_bytes() == b"<svg/>"
    assert command.main(["--check"], tmp_path) == 0
    # A run that measures another table leaves this one, with its origin.
    record.record("memory", "x", record.Found(tables={"2x": TABLE}, settings={}), tmp_path / "docs/figures")
    both = load(tmp_path / "docs/figures/memory.json")
    assert set(both.tables) == {"4x", "2x"} and both.made["4x"].settings == {"a": 1} and both.made["2x"].models == {}
    readme.write_text(text.replace("27.94", "28.94"))
    assert command.main(["--check"], tmp_path) == 1
    assert command.main(["--write"], tmp_path) == 0 and readme.read_text() == text
