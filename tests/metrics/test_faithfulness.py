"""Faithfulness: results that are their source, and results that are not."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from vs_tecogan.degrade import blur_down_picture
from vs_tecogan.errors import MetricsError
from vs_tecogan.faithful import back_projection
from vs_tecogan.metrics.faithfulness import faithfulness
from vs_tecogan.metrics.sources import pair_up
from vs_tecogan.metrics.suite import Options, measure

from .conftest import texture


def folder(path: Path, pictures: list[np.ndarray]) -> Path:
    path.mkdir()
    for k, picture in enumerate(pictures):
        cv2.imwrite(str(path / f"{k:03d}.png"), picture[..., ::-1])
    return path


def test_the_original_is_faithful_to_what_was_made_of_it() -> None:
    """Would catch another kernel or place than the published one: the rest is the rounding of the files."""
    truth = texture(96, 128)
    source = blur_down_picture(truth, 4)
    mean, _ = faithfulness(truth, source, back_projection(4, "corner"))
    assert mean < 0.6
    shifted, _ = faithfulness(np.roll(truth, 2, axis=1), source, back_projection(4, "corner"))
    assert shifted > 3 * mean
    brighter, within = faithfulness(np.clip(truth, 0, 245) + 10, source, back_projection(4, "corner"))
    assert brighter == pytest.approx(10, abs=1.5)
    assert brighter < within < 16


def test_it_is_measured_beside_the_others(tmp_path: Path) -> None:
    """Would catch a source whose frames are held against other moments, and a column that nobody asked for."""
    truth = [np.roll(texture(64, 64), 5 * k, axis=0) for k in range(3)]
    sources = [blur_down_picture(picture, 4) for picture in truth]
    paths = folder(tmp_path / "out", truth), folder(tmp_path / "truth", truth), folder(tmp_path / "lr", sources)
    keys = ("psnr", "faithful", "within")
    outcome = measure(pair_up([paths[0]], [paths[1]], [paths[2]]), Options(protocol="plain", metrics=keys))
    assert outcome.keys == keys
    assert outcome.averages[""].result.frames["faithful"] < 0.8
    without = measure(pair_up([paths[0]], [paths[1]]), Options(protocol="plain", metrics=keys))
    assert without.keys == ("psnr",)
    assert "--source" in without.not_measured["faithful"]


def test_sources_that_do_not_fit_are_named(tmp_path: Path) -> None:
    """Would catch a comparison with another clip."""
    result, other = folder(tmp_path / "out", [texture(64, 64)]), folder(tmp_path / "lr", [texture(20, 16)])
    with pytest.raises(MetricsError, match="expected 2 or 4 times the size"):
        measure(pair_up([result], [], [other]), Options(protocol="plain", metrics=("faithful",)))
