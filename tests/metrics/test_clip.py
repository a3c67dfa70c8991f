"""Metrics as frame properties in VapourSynth."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from vs_tecogan.metrics import clip as clips
from vs_tecogan.metrics import evaluate_pair
from vs_tecogan.metrics.clip import picture_of, rgb24

if TYPE_CHECKING:
    import vapoursynth as vs

    from tests.conftest import ClipMaker

pytest.importorskip("cv2")


def pair(make_clip: ClipMaker, core: vs.Core) -> tuple[vs.VideoNode, vs.VideoNode]:
    """A result and its reference, 8-bit YUV."""
    import vapoursynth as vs

    truth = make_clip(vs.YUV420P8, 112, 96, 8)
    return truth.std.BoxBlur(hradius=2), truth


@pytest.mark.parametrize("protocol", ["plain", "official"])
def test_properties_are_the_numbers_of_evaluate(make_clip: ClipMaker, core: vs.Core, protocol: str) -> None:
    """Another conversion, neighbour or crop than `evaluate` uses."""
    result, truth = pair(make_clip, core)
    measured = clips.tdiff(
        clips.tof(clips.psnr(result, truth, protocol=protocol), truth, protocol=protocol), protocol=protocol
    )
    scores = evaluate_pair(
        *([picture_of(f) for f in rgb24(c).frames()] for c in (result, truth)), protocol=protocol, jobs=2
    )
    names = {"psnr": "PSNRY", "ssim": "SSIMY", "tof": "TOF", "tdiff": "TDiff"}
    props = [dict(frame.props) for frame in measured.frames()]
    for key, name in names.items():
        curve = scores.curves[key]
        assert [props[n][name] for n in curve.frames] == pytest.approx(list(curve.values), rel=1e-6), key
    assert not {"TOF", "TDiff"} & props[0].keys()


def test_any_order(make_clip: ClipMaker, core: vs.Core) -> None:
    """State that one request leaves for the next."""
    result, truth = pair(make_clip, core)

    def ask(order: list[int]) -> dict[int, tuple[float, float]]:
        node = clips.tdiff(clips.tof(result, truth))
        return {n: (node.get_frame(n).props["TOF"], node.get_frame(n).props["TDiff"]) for n in order}

    assert ask([7, 2, 5, 1, 3, 6, 4]) == ask([1, 2, 3, 4, 5, 6, 7])


def test_pixels_pass_through(make_clip: ClipMaker, core: vs.Core) -> None:
    """Output converted to RGB, or properties lost."""
    result, truth = pair(make_clip, core)
    result = result.std.SetFrameProps(Kept=3)
    with clips.psnr(result, truth).get_frame(4) as after, result.get_frame(4) as before:
        assert after.format.id == before.format.id
        assert after.props["Kept"] == 3
        for plane in range(3):
            np.testing.assert_array_equal(np.asarray(after[plane]), np.asarray(before[plane]))


def test_equal_clips(make_clip: ClipMaker, core: vs.Core) -> None:
    """Infinity that a property cannot hold, or motion that differs from itself."""
    _, truth = pair(make_clip, core)
    with clips.tof(clips.psnr(truth, truth), truth).get_frame(3) as frame:
        assert frame.props["PSNRY"] == math.inf
        assert frame.props["TOF"] == 0


def test_mismatched_clips(make_clip: ClipMaker, core: vs.Core) -> None:
    """A failure at some frame, or at none, where the script could say so at once."""
    import vapoursynth as vs

    result, truth = pair(make_clip, core)
    with pytest.raises(vs.Error, match="psnr: clip has 112x96, reference 56x96"):
        clips.psnr(result, truth.std.Crop(left=56))
    with pytest.raises(vs.Error, match="tof: clip has 8 frames, reference 5 frames"):
        clips.tof(result, truth[:5])
    with pytest.raises(vs.Error, match="psnr: clip runs at 24 fps, reference at 50"):
        clips.psnr(truth, truth.std.AssumeFPS(fpsnum=50), protocol="plain")
    with pytest.raises(vs.Error, match="psnr: a NoneType came; give video clips"):
        clips.psnr(None, truth)
    with pytest.raises(vs.Error, match="protocol 'x'; give"):
        clips.psnr(truth, truth, protocol="x")
    with pytest.raises(vs.Error, match="tdiff: the official protocol's crop"):
        clips.tdiff(result.std.Crop(top=60), protocol="official")


def test_without_opencv(monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch twenty lines of traceback at the first frame instead of one when the script is read."""
    import vapoursynth as vs

    monkeypatch.setitem(sys.modules, "cv2", None)
    blank = vs.core.std.BlankClip(format=vs.RGB24, width=16, height=16, length=2)
    for function, given in ((clips.psnr, (blank, blank)), (clips.tof, (blank, blank)), (clips.tdiff, (blank,))):
        with pytest.raises(vs.Error, match=r"OpenCV is missing: pip install opencv-python-headless$"):
            function(*given)
