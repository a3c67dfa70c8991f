"""The figure of what adapting to a film gains."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from figures import adapt

from vs_tecogan.training.adapt import Adaptation


def test_what_was_not_kept_has_gained_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch films that share a folder, minutes that are lost, and a gain of the wrong sign."""
    asked = []

    def adapted(film: Path, out: Path, options: adapt.AdaptOptions) -> Adaptation:
        asked.append((film.name, out, options.minutes, options.model))
        after = 30.5 if film.stem == "a" else 30.0
        return Adaptation(before=30.0, after=after, iterations=7, model=tmp_path if film.stem == "a" else None)

    monkeypatch.setattr(adapt, "adapt", adapted)
    films = [tmp_path / "a.mkv", tmp_path / "b.mkv"]
    table = adapt.measure(argparse.Namespace(films=films, model="recurrent-4x", minutes=2.0)).tables["films"]
    assert [(name, minutes, model) for name, _, minutes, model in asked] == [
        ("a.mkv", 2, "recurrent-4x"),
        ("b.mkv", 2, "recurrent-4x"),
    ]
    assert len({out for _, out, _, _ in asked}) == 2
    assert [table.text(row, "gain") for row in table.rows] == ["+0.50", "+0.00"]
