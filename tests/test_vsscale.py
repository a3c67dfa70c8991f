"""The filter as a scaler of vs-jetpack, by the lines of ``docs/script.md``; skipped where that is not installed."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import vapoursynth as vs

from .conftest import REPOSITORY, ClipMaker

pytest.importorskip("vsscale", reason="vs-jetpack is not installed: pip install vsjetpack vapoursynth-resize2")


@pytest.fixture(scope="module")
def scaler() -> Any:
    """What the page's lines make."""
    if not hasattr(vs.core, "resize2"):
        pytest.skip("vskernels needs a plugin: pip install vapoursynth-resize2")
    page = (REPOSITORY / "docs" / "script.md").read_text(encoding="utf-8")
    lines = re.search(r"## vs-jetpack.*?```python\n(.*?)```", page, re.DOTALL)
    assert lines
    names: dict[str, Any] = {}
    exec(f"import vapoursynth as vs\nfrom vs_tecogan import tecogan\ncore = vs.core\n{lines[1]}", names)
    return names["scaler"]


@pytest.mark.parametrize("form", [vs.YUV420P8, vs.YUV444P16, vs.GRAYS, vs.RGBS])
def test_sizes(form: int, scaler: Any, make_clip: ClipMaker) -> None:
    """Would catch a format that comes back as another, and a size that is the model's instead of that asked for."""
    clip = make_clip(vs.RGBS, width=32, height=24, length=2)
    clip = clip.resize.Bicubic(format=form, **({} if form == vs.RGBS else {"matrix": 1}))
    for shown, size in (
        (scaler.scale(clip, 100, 80), (100, 80)),
        (scaler.scale(clip, 128, 96, (0.5, 0.25)), (128, 96)),
        (scaler.supersample(clip, 2.0), (64, 48)),
    ):
        assert (shown.width, shown.height, shown.format.id) == (*size, form)
        shown.get_frame(1).close()


def test_position(scaler: Any) -> None:
    """Would catch a picture that lies elsewhere than another scaler's: the models have a grid of their own."""
    y, x = np.mgrid[:24, :32]
    blank = vs.core.std.BlankClip(format=vs.GRAYS, width=32, height=24, length=1, keep=True)

    def spot(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        frame = f.copy()
        np.asarray(frame[0])[...] = 0.2 + 0.5 * np.exp(-((x - 14.0) ** 2 + (y - 11.0) ** 2) / 16)
        return frame

    def centre(clip: vs.VideoNode) -> tuple[float, float]:
        with clip.get_frame(0) as frame:
            light = np.clip(np.asarray(frame[0], dtype=float) - 0.25, 0, None)
        rows, columns = np.mgrid[: light.shape[0], : light.shape[1]]
        return float((light * columns).sum() / light.sum()), float((light * rows).sum() / light.sum())

    clip = blank.std.ModifyFrame(blank, spot)
    assert centre(scaler.scale(clip, 128, 96)) == pytest.approx(centre(clip.resize.Spline36(128, 96)), abs=0.1)


def test_rescale(scaler: Any, make_clip: ClipMaker) -> None:
    """Would catch a scaler that vs-jetpack's own tools cannot call."""
    if not hasattr(vs.core, "descale"):
        pytest.skip("Rescale needs a plugin: pip install vapoursynth-descale")
    from vskernels import Bilinear
    from vsscale import Rescale

    native = make_clip(vs.RGBS, width=32, height=24, length=2).resize.Bicubic(format=vs.GRAYS, matrix=1)
    shown = Rescale(native.resize.Bilinear(64, 48), 24, Bilinear, upscaler=scaler, width=32).upscale
    assert (shown.width, shown.height) == (64, 48)
    shown.get_frame(1).close()
