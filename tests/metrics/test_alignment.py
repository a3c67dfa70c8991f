"""Why scores are low: a result that is late, mirrored, shifted, or of another clip."""

import json

import cv2
import numpy as np
import pytest

from vs_tecogan.metrics.alignment import AlignmentObserver, alignment
from vs_tecogan.metrics.sources import pair_up
from vs_tecogan.metrics.suite import Options, measure
from vs_tecogan.metrics.tables import as_json, text_table

from .conftest import Frames, Write, moving, noisy, texture

COUNT = 9


def scene(first: int, seed: int = 0) -> Frames:
    """A square that crosses a moving texture: no shift of the whole picture undoes another moment."""
    frames = moving(COUNT + 3, 96, 160, (1, 0), seed)[first : first + COUNT]
    patch = texture(40, 40, 99)
    for number, frame in enumerate(frames, first):
        frame[30:70, 8 * number : 8 * number + 40] = patch
    return frames


def moved(frames: Frames, x: float) -> Frames:
    matrix = np.array([[1, 0, x], [0, 1, 0]], np.float32)
    return [cv2.warpAffine(f, matrix, (f.shape[1], f.shape[0]), borderMode=cv2.BORDER_REPLICATE) for f in frames]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("the same", ""),
        ("noisy and soft", ""),
        ("late", "2 frames late"),
        ("early", "1 frame early"),
        ("mirrored", "mirrored left to right"),
        ("turned", "turned by half a turn"),
        ("moved", "shifted by +1."),
        ("other", "of another picture"),
    ],
)
def test_what_is_wrong_is_said(kind: str, said: str) -> None:
    """Would catch a wrong pair without a hint, and a sound one that is suspected."""
    truth = scene(2)
    result = {
        "the same": lambda: truth,
        "noisy and soft": lambda: [cv2.GaussianBlur(f, (0, 0), 1.2) for f in noisy(truth)],
        "late": lambda: scene(0),
        "early": lambda: scene(3),
        "mirrored": lambda: [np.ascontiguousarray(f[:, ::-1]) for f in truth],
        "turned": lambda: [np.ascontiguousarray(f[::-1, ::-1]) for f in truth],
        "moved": lambda: moved(truth, 1.5),
        "other": lambda: scene(2, seed=55),
    }[kind]()
    words = alignment(result, truth).words()
    assert words.startswith(said)
    assert bool(words) == bool(said)


def test_a_still_clip_is_neither_late_nor_early() -> None:
    """Would catch a guess where every moment looks alike, or a single frame that ends in an error."""
    still = [texture(96, 160)] * COUNT
    assert alignment(noisy(still, seed=3), still).words() == ""
    assert alignment(still[:1], still[:1]).words() == ""
    flat = [np.full((96, 160, 3), 90, np.uint8)] * COUNT
    observer = AlignmentObserver(COUNT)
    for number, frame in enumerate(flat):
        observer.frame(number, frame, frame, {})
    assert not observer.words() or "another picture" in observer.words()


def test_evaluation_tells_it(write: Write) -> None:
    """Would catch 22 dB without a hint in table and JSON."""
    write("r/a", scene(0))
    write("r/b", noisy(scene(2)))
    write("t/a", scene(2))
    root = write("t/b", scene(2)).parents[1]
    write("u/a", scene(0))
    pairs = pair_up([root / "u" / "a", root / "r" / "b"], [root / "t" / "a", root / "t" / "b"])
    outcome = measure(pairs, Options(protocol="plain", metrics=("psnr",)))
    assert outcome.misaligned == {"a": "2 frames late"}
    assert "a: the result looks 2 frames late" in text_table(outcome)
    assert json.loads(as_json(outcome))["misaligned"] == {"a": "2 frames late"}
