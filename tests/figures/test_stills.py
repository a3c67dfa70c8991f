"""The figure of pictures that stand still."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2")

from figures import stills

from .test_measured import cache, clips  # noqa: F401 - fixtures


def test_drawn_pictures_have_hard_edges() -> None:
    """Would catch pictures that are empty, soft, or of another size."""
    for title, picture in stills.drawn().items():
        assert picture.shape == (stills.SIDE, stills.SIDE, 3) and picture.dtype == np.uint8, title
        assert np.abs(np.diff(picture.astype(int), axis=1)).max() > 100, title


def test_a_picture_that_flickers_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch frames that are compared with themselves, and unsigned differences."""
    large = np.zeros((stills.LATE + 1, 4, 4, 3), np.uint8)
    large[1::2] = 3
    monkeypatch.setattr(stills, "upscale", lambda *_, **__: large)
    assert stills.changes(large[0], "m") == {"flicker": 3, "change": 0}


@pytest.mark.usefixtures("cache")
def test_figure(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """Would catch a picture that is left out, and footage that no filter takes."""
    for name, value in {"EARLY": 1, "LATE": 2, "SIDE": 12}.items():
        monkeypatch.setattr(stills, name, value)
    found = stills.measure(argparse.Namespace(clips=clips, models=["recurrent-small-2x"]))
    rows = found.tables["rest"].rows
    assert [row["picture"] for row in rows.values()] == [*stills.drawn(), stills.FOOTAGE]
    assert all(float(row["flicker"]) >= 0 for row in rows.values())  # type: ignore[arg-type]
