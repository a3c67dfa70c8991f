"""The figure of sources of every sharpness."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

pytest.importorskip("cv2")

from figures import sharpness

from .test_measured import cache, clips  # noqa: F401 - fixtures


@pytest.mark.usefixtures("cache")
def test_figure(clips: Path, tiny_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """Would catch a blur that is the same in every column, and one that is no blur."""
    monkeypatch.setattr(sharpness, "FRAMES", 3)
    found = sharpness.measure(argparse.Namespace(clips=clips, models=[str(tiny_file)]))
    table = found.tables["sigma"]
    assert list(table.rows) == ["bicubic", str(tiny_file)]
    assert list(table.columns) == ["sigma-8", "sigma-11", "sigma-15", "sigma-19"]
    for row in table.rows.values():
        assert len({round(float(value), 3) for value in row.values()}) == 4  # type: ignore[arg-type]
        assert all(10 < float(value) < 60 for value in row.values())  # type: ignore[arg-type]
