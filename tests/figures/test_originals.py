"""The sheets of real files."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2")

from figures import originals
from PIL import Image


def test_a_sheet_shows_the_same_part_at_both_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a part of another place, another frame, and a model in the wrong column."""
    spot = originals.Spot(frame=20, x=8, y=4)
    film = np.zeros((originals.FRAMES, 60, 80, 3), np.uint8)
    film[-1, spot.y : spot.y + originals.HEIGHT, spot.x : spot.x + originals.WIDTH] = 90
    asked: list[tuple[int, int]] = []

    def frames(_: Path, count: int, first: int) -> np.ndarray:
        asked.append((count, first))
        return film

    monkeypatch.setattr(originals, "pictures", frames)
    monkeypatch.setattr(originals, "upscale_once", lambda low, _: 2 * low.repeat(4, axis=1).repeat(4, axis=2))
    page = np.asarray(Image.open(io.BytesIO(originals.sheet(Path("a.mp4"), spot, ["m"]))))
    assert asked == [(originals.FRAMES, 21 - originals.FRAMES)]
    width, height = originals.WIDTH * 4, originals.HEIGHT * 4
    assert page.shape == (2 * height + originals.GAP, 2 * width + originals.GAP, 3)
    for row in (height // 2, height + originals.GAP + height // 2):
        assert page[row, width // 2].tolist() == [90] * 3
        assert page[row, width + originals.GAP + width // 2].tolist() == [180] * 3


def test_doubled_is_what_halved_takes_back() -> None:
    """Would catch sizes that are shown blurred."""
    picture = np.random.default_rng(1).integers(0, 256, (6, 8, 3), np.uint8)
    assert np.array_equal(originals.halved(originals.doubled(picture)), picture)
