"""What the filter makes of pictures, kept in build/figures, so that metrics can be computed again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import vapoursynth as vs

import vs_tecogan
from vs_tecogan.files import partial_file
from vs_tecogan.metrics.bicubic import bicubic
from vs_tecogan.weights import find_model, load_model

from .footage import Degradation, Pictures, low_resolution, pictures
from .record import ROOT, file_hash, weights_hash

CACHE = ROOT / "build" / "figures"
BICUBIC = "bicubic"
"""The models' own skip connection alone."""
ORIGINAL = "original"


def clip_of(frames: npt.NDArray[Any], form: int = vs.RGB24) -> vs.VideoNode:
    """(T, H, W, 3) as a clip: RGB24 of bytes, RGBS of floats."""
    count, height, width = frames.shape[:3]
    blank = vs.core.std.BlankClip(format=form, width=width, height=height, length=count, keep=True)

    def show(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        frame = f.copy()
        for plane in range(3):
            np.asarray(frame[plane])[...] = frames[n, ..., plane]
        return frame

    return blank.std.ModifyFrame(blank, show)


def frames_of(clip: vs.VideoNode) -> npt.NDArray[Any]:
    """A clip as (T, H, W, 3)."""
    return np.stack([np.dstack([np.asarray(f[plane]) for plane in range(3)]) for f in clip.frames(close=True)])


def upscale(low: Pictures, model: str, **options: Any) -> Pictures:
    """The filter's output with the options of a user who gives none, in float32, on the CPU."""
    clip = vs_tecogan.tecogan(clip_of(low), model, **{"device": "cpu", "precision": "fp32"} | options)
    return frames_of(clip)


def upscale_once(low: Pictures, model: str) -> Pictures:
    """As :func:`upscale`, kept."""
    key = ("upscaled", vs_tecogan.__version__, hashlib.sha256(low.tobytes()).hexdigest(), low.shape, model_key(model))
    return kept(key, lambda: upscale(low, model))


def scale_of(model: str) -> int:
    """How much larger a model's output is."""
    return int(load_model(model).card.spec.scale)


def rendered(path: Path, frames: int, scale: int, model: str, degradation: Degradation) -> Pictures:
    """A clip's first frames, made small by the degradation and large again, at the clip's own size.

    :param model: a model, BICUBIC or ORIGINAL.
    """
    if model == ORIGINAL:
        return pictures(path, frames)
    weights = model if model == BICUBIC else model_key(model)
    key = (vs_tecogan.__version__, path.name, file_hash(path), frames, scale, weights, degradation.codec)

    def make() -> Pictures:
        truth = pictures(path, frames)
        low = low_resolution(truth, scale, degradation)
        large = np.stack([bicubic(one, scale) for one in low]) if model == BICUBIC else upscale(low, model)
        return large[:, : truth.shape[1], : truth.shape[2]]

    return kept(key, make)


def kept(key: Iterable[object], make: Callable[[], Pictures]) -> Pictures:
    """What ``make`` made for this key the last time, or now."""
    path = kept_path(key).with_suffix(".npy")
    if not path.is_file():
        CACHE.mkdir(parents=True, exist_ok=True)
        with partial_file(path) as partial, partial.open("wb") as file:
            np.save(file, make())
    return np.asarray(np.load(path, mmap_mode="r"))


def kept_values[T](key: Iterable[object], make: Callable[[], T]) -> T:
    """As :func:`kept`, for numbers and text: a measurement that was interrupted goes on where it was."""
    path = kept_path((vs_tecogan.__version__, *key)).with_suffix(".json")
    if not path.is_file():
        CACHE.mkdir(parents=True, exist_ok=True)
        data = json.dumps(make())
        with partial_file(path) as partial:
            partial.write_text(data)
    value: T = json.loads(path.read_text())
    return value


def model_key(model: str) -> str:
    """What tells the weights of a model from others."""
    return weights_hash(find_model(model))


def kept_path(key: Iterable[object]) -> Path:
    """Where something is kept; without a suffix."""
    return CACHE / hashlib.sha256(repr(tuple(key)).encode()).hexdigest()[:24]
