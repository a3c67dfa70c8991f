"""Stores whose targets follow a stronger network: where its pixels lie, and what of it is taken."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("cv2")

import cv2
from teach import Options, on_corner_grid, target_of, teach

from vs_tecogan.errors import TrainingError
from vs_tecogan.training.data.store import Store

from ..training.conftest import make_store

Pixels = npt.NDArray[np.uint8]


def middles(low: Pixels) -> Pixels:
    """A teacher that takes pixels to lie in the middle of what they stand for, as networks for pictures do."""
    size = (4 * low.shape[2], 4 * low.shape[1])
    return np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_CUBIC) for frame in low])


def ramp(frames: int, height: int, width: int) -> Pixels:
    """Brighter by one level a pixel to the right, and by another one a pixel down."""
    y, x = np.mgrid[:height, :width]
    return np.repeat((x + y)[None, ..., None], frames, axis=0).repeat(3, axis=3).astype(np.uint8)


def test_a_teachers_pictures_lie_where_the_originals_do() -> None:
    """Would catch a shift the wrong way, or none: targets would then move by up to three pixels."""
    original = ramp(2, 96, 128)
    inner = (slice(None), slice(12, -12), slice(12, -12))
    found = on_corner_grid(middles(np.ascontiguousarray(original[:, ::4, ::4])))
    np.testing.assert_allclose(found[inner].astype(int), original[inner].astype(int), atol=1)


def test_colours_are_the_originals_and_details_the_teachers() -> None:
    """Would catch the two changing places: then the target is the original, and nothing is taught."""
    original = np.full((1, 64, 64, 3), 120, np.uint8)
    stripes = np.where(np.arange(64) % 2, 90, 70).astype(np.uint8)
    teacher = np.broadcast_to(stripes[None, None, :, None], (1, 64, 64, 3))
    found = target_of(np.ascontiguousarray(teacher), original, 4.0)[0, 20:44, 20:44].astype(int)
    assert abs(found.mean() - 120) < 1
    assert np.ptp(found[0, :, 0]) == 20


@pytest.mark.parametrize("holdout", [False, True])
def test_a_store_is_taught_once(tmp_path: Path, holdout: bool) -> None:
    """Would catch parts of LR and HR that do not belong together, held-out clips in it, and clips taught twice."""
    film = ramp(9, 96, 128)
    low = np.ascontiguousarray(film[:, ::4, ::4])
    make_store(tmp_path / "store", {"film": film}, made=(low, low))
    make_store(tmp_path / "store", {"other": film}, split="val", made=(low, low))
    seen: list[tuple[int, ...]] = []

    def teacher(low: Pixels) -> Pixels:
        seen.append(low.shape)
        return middles(low)

    store, out, options = Store(tmp_path / "store"), tmp_path / "taught", Options(frames=4, side=20, holdout=holdout)
    list(teach(store, out, options, "middles", teacher))
    assert seen == [(4, 20, 20, 3)] * (1 + holdout)
    taught = Store(out)
    (clip,) = taught.clips("train")
    assert (clip.frames, clip.height, clip.width) == (4, 80, 80)
    inner = (slice(None), slice(12, -12), slice(12, -12))
    np.testing.assert_allclose(
        np.asarray(taught.hr(clip)[:, ::4, ::4], int)[:, 3:-3, 3:-3], np.asarray(taught.lr(clip), int)[:, 3:-3, 3:-3],
        atol=1,
    )  # fmt: skip
    assert np.ptp(taught.hr(clip)[inner]) > 50
    list(teach(store, out, options, "middles", teacher))
    assert len(seen) == 1 + holdout
    with pytest.raises(TrainingError, match="other settings"):
        list(teach(store, out, options, "another", teacher))


def test_a_store_without_low_resolution_is_refused(tmp_path: Path) -> None:
    """Would catch an error of Python's, and targets of another scale."""
    make_store(tmp_path / "store", {"film": ramp(9, 96, 128)})
    with pytest.raises(TrainingError, match="holds no low resolution"):
        list(teach(Store(tmp_path / "store"), tmp_path / "taught", Options(), "middles", middles))
