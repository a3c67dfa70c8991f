"""The CPU engine's coded output against zimg's, on every instruction set of this machine.

Stated tolerance: that of test_coding.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
import vapoursynth as vs

from vs_tecogan import tecogan
from vs_tecogan.colour.coding import SAMPLES, Coding
from vs_tecogan.colour.zimg import HOST_RGB, Colour
from vs_tecogan.engine.cpu.device import PictureWriter, layout_of
from vs_tecogan.ops import native
from vs_tecogan.ops.planes import pack_picture
from vs_tecogan.weights import Model

from ..ops.emulation import emulated_kernels
from .test_coding import FORMATS, cases, coding, from_rgb, named, noise, planes_of

pytestmark = pytest.mark.skipif(not native.available(), reason=f"native extension {native.describe()}")
SIZES = [(16, 24), (4, 4), (36, 60), (28, 268)]
"""Of which the last is several vectors wide, borders aside, on any instruction set."""


def colourful(height: int, width: int) -> np.ndarray:
    """RGB out of range on both sides."""
    return np.random.default_rng(9).uniform(-0.2, 1.2, (3, height, width)).astype(np.float32)


def padded(how: Coding, height: int, width: int) -> list[np.ndarray]:
    """Planes whose rows lie apart, as VapourSynth's do, with a mark in the gap."""
    shapes = how.plane_shapes(height, width)
    return [np.full((rows, columns + 5), 77, SAMPLES[how.sample])[:, :columns] for rows, columns in shapes]


def written(image: np.ndarray, how: Coding, *, level: int = 0) -> list[np.ndarray]:
    """The image, coded by the extension."""
    planes = padded(how, *image.shape[1:])
    PictureWriter().write(torch.from_numpy(image[None].copy()), planes, how, level=level)
    assert all((plane.base[:, plane.shape[1] :] == 77).all() for plane in planes if plane.base is not None)
    return planes


@pytest.mark.parametrize("name", FORMATS)
def test_is_zimgs(core: vs.Core, name: str) -> None:
    """Another kernel, siting, matrix or range; vectors that disagree with the borders beside them."""
    form = named(core, name)
    tolerance = 1.0 if form.sample_type == vs.INTEGER else 1e-3 if form.bits_per_sample == 16 else 1e-6
    wrong = samples = 0
    for (height, width), props in product(SIZES, cases(form)):
        clip, image = noise(core, form, height, width, **props), colourful(height, width)
        rgb = core.std.BlankClip(format=vs.RGBS, width=width, height=height, length=1)

        def paint(n: int, f: vs.VideoFrame, image: np.ndarray = image) -> vs.VideoFrame:
            frame = f.copy()
            for plane in range(3):
                np.asarray(frame[plane])[...] = image[plane]
            return frame

        expected = planes_of(
            Colour(clip=clip, matrix=None, log=[].append).from_rgb(rgb.std.ModifyFrame(rgb, paint)).get_frame(0)
        )
        for level in range(len(native.levels())):
            for mine, plane in zip(written(image, coding(clip.get_frame(0)), level=level), expected, strict=True):
                difference = np.abs(mine.astype(np.float64) - plane.astype(np.float64))
                assert difference.max() <= tolerance, (props, height, width, level)
                wrong, samples = wrong + int((difference > 1e-6).sum()), samples + difference.size
    assert wrong <= samples * (0.02 if form.bits_per_sample == 16 else 0.002), (wrong, samples)


@pytest.mark.parametrize("name", ["YUV420P8", "YUV411P8", "YUV440P8", "YUV422P12", "YUV420PH", "RGB48", "GRAY8"])
def test_is_the_devices(core: vs.Core, name: str) -> None:
    """The readable twin, csrc/color.h run pixel by pixel: the two write the same picture."""
    form = named(core, name)
    for props in cases(form)[::5]:
        frame, image = noise(core, form, 36, 68, **props).get_frame(0), colourful(36, 68)
        for mine, twin in zip(written(image, coding(frame)), from_rgb(emulated_kernels(), image, frame), strict=True):
            if form.sample_type == vs.INTEGER:
                assert (np.abs(mine.astype(np.int64) - twin) <= 1).all()
                assert (mine != twin).mean() < 0.002
            else:
                np.testing.assert_allclose(mine, twin, atol=1e-3)


def test_threads_share_out_rows() -> None:
    """A picture that depends on the number of threads, or rows that nobody writes."""
    how = Coding(family="yuv", sample="u16", bits=16, shift_x=1, shift_y=1)
    image = torch.from_numpy(colourful(70, 46)[None].copy())
    results = []
    for threads in (1, 2, 3, 7):
        planes = padded(how, 70, 46)
        pack_picture(image, planes, layout_of(how, 70, 46), threads=threads)
        results.append(planes)
    for other in results[1:]:
        for mine, first in zip(other, results[0], strict=True):
            np.testing.assert_array_equal(mine, first)


def test_integers_take_no_nan() -> None:
    """NaN as an integer is whatever the machine makes of it; also in chroma, where it spreads by the filter."""
    image = colourful(16, 48)
    image[:, 3, 5] = np.nan
    for level in range(len(native.levels())):
        luma, *_ = written(image, Coding(family="yuv", sample="u8", bits=8, shift_x=1, shift_y=1), level=level)
        assert luma[3, 5] == 0
        red, _, _ = written(
            np.full((3, 2, 40), np.nan, np.float32), Coding(family="rgb", sample="u8", bits=8), level=level
        )
        assert not red.any()


def test_wrong_planes_are_refused() -> None:
    """Planes of another size or type, which the extension would write beyond."""
    how, image = Coding(family="yuv", sample="u8", bits=8, shift_x=1, shift_y=1), torch.zeros(1, 3, 8, 8)
    good = [np.zeros(shape, np.uint8) for shape in how.plane_shapes(8, 8)]
    fixed = np.zeros((8, 8), np.uint8)
    fixed.flags.writeable = False
    for bad in (
        [good[0], good[0], good[2]], good[:2], [good[0].astype(np.uint16), *good[1:]],
        [np.zeros((8, 16), np.uint8)[:, ::2], *good[1:]], [fixed, *good[1:]],
    ):  # fmt: skip
        with pytest.raises((ValueError, BufferError)):
            PictureWriter().write(image, bad, how)
    with pytest.raises(ValueError, match="image"):
        pack_picture(torch.zeros(1, 3, 8, 9), good, layout_of(how, 8, 8))


@pytest.mark.parametrize("name", ["YUV420P8", "YUV444P16", "RGB24", "GRAY8", "YUV422P10", "YUV420PS"])
def test_the_filter_writes_what_zimg_would(core: vs.Core, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame of another picture, properties that zimg would set otherwise, or a clip that falls back unnoticed."""
    form, full = named(core, name), int(name.startswith("RGB"))
    blank = core.std.BlankClip(format=vs.RGBS, width=24, height=16, length=3)

    def paint(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        frame = f.copy()
        for plane in range(3):  # mild: the other way in clamps RGB beyond [0, 1], as those of a float clip
            np.asarray(frame[plane])[...] = np.random.default_rng(3 * n + plane).uniform(0.4, 0.6, (16, 24))
        return frame

    options = {} if full else {"matrix": 1}
    clip = blank.std.ModifyFrame(blank, paint).resize.Bicubic(format=form.id, **options)
    clip = clip.std.SetFrameProps(Foo=5, _Range=full)
    calls: list[Coding] = []
    write = PictureWriter.write

    def noted(self: PictureWriter, image: torch.Tensor, planes: list[np.ndarray], how: Coding) -> None:
        calls.append(how)
        write(self, image, planes, how)

    monkeypatch.setattr(PictureWriter, "write", noted)
    colour = Colour(clip=clip, matrix=None, log=[].append)
    plain = {"device": "cpu", "precision": "fp32", "scene_change": False}
    expected = colour.from_rgb(tecogan(colour.to_rgb(), **plain))
    tolerance = 1 if form.sample_type == vs.INTEGER else 1e-5
    wrong = samples = 0
    for mine, zimgs in zip(tecogan(clip, **plain).frames(), expected.frames(), strict=True):
        assert dict(mine.props) == dict(zimgs.props)
        assert HOST_RGB not in mine.props
        for a, b in zip(planes_of(mine), planes_of(zimgs), strict=True):
            difference = np.abs(a.astype(np.float64) - b.astype(np.float64))
            assert difference.max() <= tolerance
            wrong, samples = wrong + int((difference > tolerance / 2).sum()), samples + difference.size
    assert wrong <= 0.02 * samples
    assert len(calls) == 3


def test_tiled_frames_are_written_as_they_are_coded(
    core: vs.Core, skip_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large frames that lose the extension's colour conversion: joined as RGBS and converted by the resizer."""
    form = core.get_video_format(vs.YUV420P8)
    clip = noise(core, form, 72, 80, _Matrix=1, _Range=0)
    written_as: list[str] = []
    write = PictureWriter.write

    def noted(self: PictureWriter, image: torch.Tensor, planes: list[np.ndarray], how: Coding) -> None:
        written_as.append(how.sample)
        write(self, image, planes, how)

    monkeypatch.setattr(PictureWriter, "write", noted)
    plain = {"device": "cpu", "precision": "fp32", "scene_change": False}
    whole, tiled = (tecogan(clip, skip_model, **plain, tile=tile).get_frame(0) for tile in (None, (72, 68)))
    assert written_as == ["u8", "u8"]
    for a, b in zip(planes_of(whole), planes_of(tiled), strict=True):
        assert np.abs(a.astype(int) - b).max() <= 1
