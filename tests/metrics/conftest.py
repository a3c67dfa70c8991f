"""Small moving pictures with texture, and files made of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

Frames = list[np.ndarray]
Write = Callable[[str, Frames], Path]


def texture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Smooth colour noise over most of 0 to 255."""
    cv2 = pytest.importorskip("cv2")
    noise = np.random.default_rng(seed).normal(size=(height, width, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2.5)
    return np.rint(np.clip(128 + smooth * (60 / smooth.std()), 0, 255)).astype(np.uint8)


def moving(length: int, height: int = 96, width: int = 112, step: tuple[int, int] = (2, 1), seed: int = 0) -> Frames:
    """A window that moves over a texture by whole pixels, (x, y) a frame."""
    big = texture(height + step[1] * length, width + step[0] * length, seed)
    return [np.ascontiguousarray(big[step[1] * n :, step[0] * n :][:height, :width]) for n in range(length)]


def noisy(frames: Frames, amount: int = 6, seed: int = 1) -> Frames:
    """The frames with independent noise of up to ``amount`` levels."""
    rng = np.random.default_rng(seed)
    return [
        np.clip(f.astype(int) + rng.integers(-amount, amount + 1, f.shape), 0, 255).astype(np.uint8) for f in frames
    ]


@pytest.fixture
def truth() -> Frames:
    """Eight frames of 112x96."""
    return moving(8)


@pytest.fixture
def result(truth: Frames) -> Frames:
    """A noisy copy."""
    return noisy(truth)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """``write("a/b", frames)`` makes a folder of PNG images."""
    cv2 = pytest.importorskip("cv2")

    def save(name: str, frames: Frames) -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True)
        for n, frame in enumerate(frames):
            cv2.imwrite(str(folder / f"frame{n}.png"), frame[..., ::-1])
        return folder

    return save
