"""The figure of faithfulness: a projection that is measured where it acts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("cv2")

from figures import faithful, render
from figures.footage import Degradation

from vs_tecogan.weights import save_model

from .test_measured import cache, clips  # noqa: F401 - fixtures

if TYPE_CHECKING:
    from vs_tecogan.weights import Model


def test_a_faithful_result_is_closer_to_its_source(
    clips: Path,  # noqa: F811
    make_model: object,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Would catch a row that shows the plain model twice, and a source of another phase."""
    monkeypatch.setattr(render, "CACHE", tmp_path / "kept")
    monkeypatch.setattr(faithful, "FRAMES", 3)
    monkeypatch.setattr(faithful, "SIZE", (24, 32))
    model: Model = make_model()  # type: ignore[operator]
    path = tmp_path / "tiny.safetensors"
    save_model(path, model.generator, model.card)
    free, close = (faithful.distance(clips, f"{path}{mark}", Degradation()) for mark in ("", faithful.FAITHFUL))
    assert close["source"] < 0.8 * free["source"]
    assert close["within"] < free["within"]
    assert set(faithful.timed([str(path)], 1)) == {str(path), f"{path}{faithful.FAITHFUL}"}
