"""The device's colour conversion against zimg's, in the kernels' own arithmetic, emulated here and on a device.

Stated tolerance: 1e-6 in RGB of [0, 1]. Integer planes differ by at most one code value, and only where float32's
rounding decides: in at most 0.2 % of samples up to 10 bits, and 2 % of 16 bit samples. Float planes: 1e-6, half: one
rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
import torch
import vapoursynth as vs

from vs_tecogan.colour.coding import LINEAR_MATRICES, SAMPLES, Coding, chroma_taps
from vs_tecogan.colour.tags import coding_of, read_tags
from vs_tecogan.colour.zimg import Colour
from vs_tecogan.engine.cuda.pictures import Converter, drain, fill, nbytes
from vs_tecogan.ops import cuda
from vs_tecogan.ops.cuda import Kernels

from ..ops.emulation import device_kernels, emulated_kernels

needs_device = pytest.mark.skipif(not cuda.available(), reason="no CUDA device with CuPy")
FORMATS = [
    "YUV420P8", "YUV422P8", "YUV444P8", "YUV440P8", "YUV411P8", "YUV410P8", "YUV420P10", "YUV422P12", "YUV444P16",
    "YUV420P16", "YUV420PH", "YUV420PS", "YUV444PS", "RGB24", "RGB30", "RGB48", "RGBH", "GRAY8", "GRAY12", "GRAYH",
    "GRAYS",
]  # fmt: skip
SIZES = [(16, 24), (4, 4), (36, 60)]


@pytest.fixture(
    params=[
        pytest.param(emulated_kernels, id="emulated"),
        pytest.param(device_kernels, id="device", marks=[pytest.mark.gpu, needs_device]),
    ]
)
def kernels(request: pytest.FixtureRequest) -> Kernels:
    """The kernels, emulated, and on a device where there is one."""
    make: Callable[[], Kernels] = request.param
    return make()


def named(core: vs.Core, name: str) -> vs.VideoFormat:
    """A format by name, those without a preset included."""
    if hasattr(vs, name):
        return core.get_video_format(getattr(vs, name))
    return core.query_video_format(vs.YUV if name.startswith("YUV") else vs.GRAY, vs.FLOAT, 16, *_shifts(name))


def _shifts(name: str) -> tuple[int, int]:
    return (1, 1) if "420" in name else (0, 0)


def noise(core: vs.Core, form: vs.VideoFormat, height: int, width: int, **props: int) -> vs.VideoNode:
    """Every kind of sample, legal and not; floats up to a tenth beyond their range."""
    blank = core.std.BlankClip(format=form.id, width=width, height=height, length=1)

    def paint(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        frame, rng = f.copy(), np.random.default_rng(7)
        for plane in range(form.num_planes):
            view = np.asarray(frame[plane])
            if form.sample_type == vs.INTEGER:
                view[...] = rng.integers(0, 1 << form.bits_per_sample, view.shape)
            else:
                centre = 0.0 if plane and form.color_family == vs.YUV else 0.5
                view[...] = rng.uniform(centre - 0.6, centre + 0.6, view.shape)
        return frame

    return blank.std.ModifyFrame(blank, paint).std.SetFrameProps(**props)


def cases(form: vs.VideoFormat) -> list[dict[str, int]]:
    """Properties to try: all matrices on one siting, all sitings on one matrix, both ranges."""
    if form.color_family != vs.YUV:
        return [{"_Range": full} for full in (0, 1)]
    sitings = range(6) if form.subsampling_w or form.subsampling_h else [0]
    kinds = [*product(sorted(LINEAR_MATRICES), [0]), *product([1], sitings)]
    return [{"_Matrix": m, "_ChromaLocation": s, "_Range": full} for (m, s), full in product(kinds, (0, 1))]


def planes_of(frame: vs.VideoFrame) -> list[np.ndarray]:
    return [np.asarray(frame[plane]) for plane in range(frame.format.num_planes)]


def coding(frame: vs.VideoFrame) -> Coding:
    tags = read_tags(frame.props, frame.format)
    found = coding_of(frame.format, tags)
    assert found is not None
    return found


def to_rgb(kernels: Kernels, frame: vs.VideoFrame, *, clamp: bool = False) -> np.ndarray:
    """A frame's planes, converted by the kernels."""
    how = coding(frame)
    packed = torch.zeros(nbytes(how, frame.height, frame.width), dtype=torch.uint8)
    fill(packed, planes_of(frame), how)
    rgb = torch.full((1, 3, frame.height, frame.width), torch.nan, device=kernels.device)
    Converter(kernels).to_rgb(packed.to(kernels.device), how, rgb, clamp=clamp)
    return rgb[0].cpu().numpy()


def from_rgb(kernels: Kernels, rgb: np.ndarray, frame: vs.VideoFrame) -> list[np.ndarray]:
    """An RGB image in the coding of ``frame``, by the kernels."""
    how, (height, width) = coding(frame), rgb.shape[1:]
    packed = torch.full((nbytes(how, height, width),), 0xAA, dtype=torch.uint8, device=kernels.device)
    shape = Converter.scratch_shape(how, height, width)
    scratch = None if shape is None else torch.full(shape, torch.nan, device=kernels.device)
    image = torch.from_numpy(rgb[None].copy()).to(kernels.device)
    Converter(kernels).from_rgb(image, how, packed, scratch)
    planes = [np.zeros(sizes, SAMPLES[how.sample]) for sizes in how.plane_shapes(height, width)]
    drain(packed.cpu(), planes, how)
    return planes


@pytest.mark.parametrize("name", FORMATS)
def test_to_rgb_is_zimgs(core: vs.Core, kernels: Kernels, name: str) -> None:
    """Chroma sited, filtered or mirrored otherwise; a matrix, range or offset that is not the host's."""
    form = named(core, name)
    for (height, width), props in product(SIZES, cases(form)):
        clip = noise(core, form, height, width, **props)
        colour = Colour(clip=clip, matrix=None, log=[].append)
        expected = np.stack(planes_of(colour.to_rgb().get_frame(0)))
        mine = to_rgb(kernels, clip.get_frame(0))
        assert np.abs(mine - expected).max() <= 1e-6, (props, height, width)


@pytest.mark.parametrize("name", FORMATS)
def test_from_rgb_is_zimgs(core: vs.Core, kernels: Kernels, name: str) -> None:
    """The way back: another kernel or siting when chroma shrinks, RGB clamped before the matrix, ties rounded up."""
    form = named(core, name)
    wrong = samples = 0
    for (height, width), props in product(SIZES, cases(form)):
        clip = noise(core, form, height, width, **props)
        rgb = core.std.BlankClip(format=vs.RGBS, width=width, height=height, length=1)
        image = np.random.default_rng(9).uniform(-0.2, 1.2, (3, height, width)).astype(np.float32)

        def paint(n: int, f: vs.VideoFrame, image: np.ndarray = image) -> vs.VideoFrame:
            frame = f.copy()
            for plane in range(3):
                np.asarray(frame[plane])[...] = image[plane]
            return frame

        upscaled = rgb.std.ModifyFrame(rgb, paint)
        expected = planes_of(Colour(clip=clip, matrix=None, log=[].append).from_rgb(upscaled).get_frame(0))
        for mine, plane in zip(from_rgb(kernels, image, clip.get_frame(0)), expected, strict=True):
            assert mine.shape == plane.shape and mine.dtype == plane.dtype
            difference = np.abs(mine.astype(np.float64) - plane.astype(np.float64))
            half = form.bits_per_sample == 16
            tolerance = 1 if form.sample_type == vs.INTEGER else 1e-3 if half else 1e-6
            assert difference.max() <= tolerance, (props, height, width)
            wrong, samples = wrong + int((difference > 1e-6).sum()), samples + difference.size
    assert wrong <= samples * (0.02 if form.bits_per_sample == 16 else 0.002), (wrong, samples)


@pytest.mark.parametrize("name", ["YUV420P8", "YUV444P8", "RGB24", "GRAY8", "YUV444P10"])
def test_round_trip(core: vs.Core, kernels: Kernels, name: str) -> None:
    """A level that drifts on the way there and back, which a recurrence would show at once in flat areas."""
    form = named(core, name)
    for props in cases(form):
        frame = noise(core, form, 8, 12, **props).get_frame(0)
        back = from_rgb(kernels, to_rgb(kernels, frame), frame)
        planes = planes_of(frame)[:1] if form.subsampling_w else planes_of(frame)
        for mine, plane in zip(back, planes, strict=False):
            np.testing.assert_array_equal(mine, plane)


def test_floats_are_clamped_as_rgb(core: vs.Core, kernels: Kernels) -> None:
    """Out of range and NaN samples of float clips, which would stay in the state for ever."""
    frame = core.std.BlankClip(format=vs.RGBS, width=4, height=1, length=1).get_frame(0).copy()
    for plane in range(3):
        np.asarray(frame[plane])[...] = [-0.5, 0.25, 7.0, np.nan]
    np.asarray(frame[0])[0, 3] = np.inf
    clean = to_rgb(kernels, frame, clamp=True)
    np.testing.assert_array_equal(clean, [[[0, 0.25, 1, 1]], [[0, 0.25, 1, 0]], [[0, 0.25, 1, 0]]])
    as_is = to_rgb(kernels, frame)
    np.testing.assert_array_equal(as_is, np.stack(planes_of(frame)))


def test_integers_take_no_nan(core: vs.Core, kernels: Kernels) -> None:
    """NaN as an integer is whatever the machine makes of it."""
    frame = core.std.BlankClip(format=vs.RGB24, width=2, height=1, length=1).get_frame(0)
    planes = from_rgb(kernels, np.array([[[np.nan, np.inf]], [[-np.inf, 0.5]], [[2.0, -3.0]]], np.float32), frame)
    assert [plane.ravel().tolist() for plane in planes] == [[0, 255], [0, 128], [255, 0]]


def test_taps_are_weights() -> None:
    """Weights that do not sum to one would shift colours; taps outside the plane would read other memory."""
    for shift, location, size, enlarge in product((1, 2), range(6), (4, 12, 64), (False, True)):
        how = Coding(family="yuv", sample="u8", bits=8, shift_x=shift, shift_y=shift, location=location)
        for taps in chroma_taps(how, size, size, enlarge=enlarge):
            assert taps is not None
            source = size >> shift if enlarge else size
            assert taps.left.min() >= 0 and taps.left.max() + taps.count <= source
            np.testing.assert_allclose(taps.weight.sum(axis=1), 1, atol=1e-6)
    assert chroma_taps(Coding(family="rgb", sample="u8", bits=8), 4, 4, enlarge=True) == (None, None)


def test_what_only_zimg_converts(core: vs.Core) -> None:
    """A matrix that needs linear light, sent to the device with coefficients that it does not have."""
    clip = core.std.BlankClip(format=vs.YUV444P16, width=4, height=4, length=1)
    for matrix in (10, 12, 13, 14):
        frame = clip.std.SetFrameProps(_Matrix=matrix).get_frame(0)
        tags = read_tags(frame.props, frame.format)
        assert coding_of(frame.format, tags) is None
        with pytest.raises(ValueError, match="no fixed coefficients"):
            Coding(family="yuv", sample="u16", bits=16, matrix=matrix)
