"""Every kind of clip through the filter: same kind out, and flat colours as zimg's bicubic would leave them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import vapoursynth as vs

from vs_tecogan import tecogan
from vs_tecogan.weights import Model

from .conftest import ClipMaker

FORMATS = [
    "GRAY8", "GRAY10", "GRAY16", "GRAYH", "GRAYS",
    "RGB24", "RGB30", "RGB48", "RGBH", "RGBS",
    "YUV420P8", "YUV420P10", "YUV420P16", "YUV420PS",
    "YUV422P8", "YUV422P10", "YUV444P8", "YUV444P16", "YUV444PH", "YUV444PS",
    "YUV410P8", "YUV411P8", "YUV440P8",
]  # fmt: skip


def patches(core: vs.Core, name: str, matrix: int) -> vs.VideoNode:
    """Frames of one colour each, in limited and in full range: black, white, grey and two colours."""
    form = core.get_video_format(getattr(vs, name))
    colours = [(0, 0, 0), (1, 1, 1), (0.5, 0.5, 0.5), (0.8, 0.3, 0.1), (0.15, 0.35, 0.75)]
    kind = {} if form.color_family == vs.RGB else {"matrix": matrix}
    frames = []
    for full, colour in itertools.product((0, 1), colours):
        rgb = core.std.BlankClip(format=vs.RGBS, width=16, height=16, length=1, color=colour)
        frames.append(rgb.resize.Bicubic(format=form.id, range=full, **kind))
    return core.std.Splice(frames).std.RemoveFrameProps(["_Primaries", "_Transfer"])


@pytest.mark.parametrize("name", FORMATS)
def test_flat_colours(core: vs.Core, skip_model: Model, name: str) -> None:
    """Catches any tint, shift or range error: integer formats must match zimg's bicubic to the last bit, tags too."""
    clip = patches(core, name, 9)
    out = tecogan(clip, skip_model, device="cpu", precision="fp32", warmup=0, restart=1, scene_change=False)
    scaled = clip.resize.Bicubic(clip.width * 4, clip.height * 4)
    assert (out.format.id, out.width, out.height) == (clip.format.id, 64, 64)
    for ours, zimg in zip(out.frames(), scaled.frames(), strict=True):
        for plane in range(clip.format.num_planes):
            difference = np.asarray(ours[plane]).astype(np.float64) - np.asarray(zimg[plane]).astype(np.float64)
            assert np.abs(difference).max() <= (0 if clip.format.sample_type == vs.INTEGER else 1e-3)
        for tag in ("_Matrix", "_Range"):
            if clip.format.color_family == vs.YUV:
                assert ours.props[tag] == zimg.props[tag]


@pytest.mark.parametrize("name", FORMATS)
def test_moving_pictures(make_clip: ClipMaker, tiny_model: Model, name: str) -> None:
    """The filter must do the same to every format: what the RGBS clip gives, up to that format's own precision.

    Of integers, single codes may differ by one where float32's rounding decides: up to 0.2 %, 2 % of 16 bit samples.
    """
    form = getattr(vs, name)
    options = {"device": "cpu", "precision": "fp32", "restart": 0, "warmup": 0, "scene_change": False}
    clip = make_clip(form, 24, 16, 3, _Matrix=1) if name.startswith("YUV") else make_clip(form, 24, 16, 3)
    clip = clip.std.SetFrameProps(_Range=int(name.startswith("RGB")))
    rgb = clip.resize.Bicubic(format=vs.RGBS, resample_filter_uv="spline36")
    expected = tecogan(rgb, tiny_model, **options).resize.Bicubic(
        format=form,
        resample_filter_uv="spline36",
        range=int(name.startswith("RGB")),
        **({} if name.startswith("RGB") else {"matrix": 1}),
    )
    integer = clip.format.sample_type == vs.INTEGER
    wrong = samples = 0
    for ours, theirs in zip(tecogan(clip, tiny_model, **options).frames(), expected.frames(), strict=True):
        for plane in range(ours.format.num_planes):
            a, b = (np.asarray(frame[plane]).astype(np.float64) for frame in (ours, theirs))
            assert np.abs(a - b).max() <= (1 if integer else 2e-3)
            wrong, samples = wrong + int((np.abs(a - b) > 0.5).sum()), samples + a.size
    assert wrong <= samples * (0.02 if clip.format.bits_per_sample == 16 else 0.002), (wrong, samples)


def test_grey_is_the_mean_of_equal_planes(make_clip: ClipMaker, tiny_model: Model) -> None:
    """GRAY goes through the network as three equal planes: catches a plane left empty."""
    options = {"device": "cpu", "precision": "fp32", "restart": 0, "warmup": 0, "scene_change": False}
    grey = make_clip(vs.GRAYS, 16, 12, 3).std.RemoveFrameProps("_Matrix")
    rgb = vs.core.std.ShufflePlanes(grey, [0, 0, 0], vs.RGB)
    luma = tecogan(rgb, tiny_model, **options).resize.Bicubic(format=vs.GRAYS, matrix=1)
    for ours, theirs in zip(tecogan(grey, tiny_model, **options).frames(), luma.frames(), strict=True):
        np.testing.assert_allclose(np.asarray(ours[0]), np.asarray(theirs[0]), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "width", "height"),
    [("YUV420P8", 2, 2), ("YUV422P10", 2, 1), ("YUV411P8", 4, 1), ("YUV410P8", 4, 4), ("YUV440P8", 1, 2),
     ("YUV444P8", 1, 1), ("GRAY8", 1, 1), ("RGB24", 3, 1), ("RGBH", 1, 5)],
)  # fmt: skip
def test_smallest_frames(core: vs.Core, skip_model: Model, name: str, width: int, height: int) -> None:
    """The smallest frame of each subsampling: chroma of one sample must survive both conversions."""
    blank = core.std.BlankClip(format=getattr(vs, name), width=width, height=height, length=3)
    middle = [0.5] * 3 if blank.format.sample_type == vs.FLOAT else [1 << blank.format.bits_per_sample - 1] * 3
    clip = core.std.BlankClip(blank, color=middle[: blank.format.num_planes])
    frame = tecogan(clip, skip_model, device="cpu", matrix="709").get_frame(2)
    assert (frame.width, frame.height) == (4 * width, 4 * height)
    for plane in range(blank.format.num_planes):
        assert np.all(np.asarray(frame[plane]) == middle[plane])
