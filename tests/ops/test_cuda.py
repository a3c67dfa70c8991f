"""The CUDA kernels: they compile for every architecture, and equal the references, emulated here and on a device."""

import importlib.util
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from vs_tecogan.networks.generator import mirror_indices
from vs_tecogan.ops import backward_warp, cuda, space_to_depth
from vs_tecogan.ops.cuda import SUFFIXES, Kernels
from vs_tecogan.ops.cuda_source import signatures, source
from vs_tecogan.ops.native import Grid

from .emulation import device_kernels, emulated_kernels, emulator
from .test_native import SIZES, UPSAMPLERS, noise

needs_device = pytest.mark.skipif(not cuda.available(), reason="no CUDA device with CuPy")
PLACES = [
    pytest.param(emulated_kernels, id="emulated"),
    pytest.param(device_kernels, id="device", marks=[pytest.mark.gpu, needs_device]),
]
DTYPES = list(SUFFIXES)


@pytest.mark.skipif(importlib.util.find_spec("cupy") is None, reason="CuPy is not installed")
@pytest.mark.parametrize("architecture", ["sm_75", "sm_86", "sm_89", "sm_90", "sm_100", "sm_120"])
def test_every_kernel_compiles(architecture: str) -> None:
    """A kernel that only fails on a user's card."""
    binary = cuda.compile_kernels(architecture)
    names = signatures(source())
    assert {f"recur_{suffix}" for suffix in SUFFIXES.values()} <= set(names)
    for name in names:
        assert name.encode() in binary


def test_source_is_whole() -> None:
    """A header left out, or named by a path: CuPy's cache would miss its changes, spaces in the path break it."""
    text = source()
    assert '#include "' not in text and "upsample_at(" in text and "sample_position(" in text
    assert text.count("struct Sample {") == 1


def test_source_that_cannot_be_read_is_refused() -> None:
    """A kernel outside the macros would escape the check of its arguments."""
    with pytest.raises(ValueError, match="outside"):
        signatures(source() + 'extern "C" __global__ void other(int a) {}\n')


@pytest.fixture(params=PLACES)
def kernels(request: pytest.FixtureRequest) -> Kernels:
    """The kernels, emulated, and on a device where there is one."""
    make: Callable[[], Kernels] = request.param
    return make()


def last(image: torch.Tensor) -> torch.Tensor:
    """The same values in channels_last memory, whatever the sizes."""
    return image.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("grid", list(Grid))
@pytest.mark.parametrize("size", SIZES)
def test_frame_kernels(kernels: Kernels, size: tuple[int, int], grid: Grid, dtype: torch.dtype) -> None:
    """Any difference between the kernels that read or write states and the torch references."""
    h, w = size
    place = kernels.device
    lr, previous = noise(1, 3, h, w), noise(1, 3, 4 * h, 4 * w, seed=1)
    flow = (noise(1, 2, h, w, seed=2) - 0.5) * 6
    upsample, tolerance = UPSAMPLERS[grid], 3e-3 if dtype == torch.float32 else 1e-2
    warped = space_to_depth(backward_warp(previous, upsample(flow * 4, 4)), 4)
    mine = kernels.recurrent_input(lr.to(place), previous.to(place), flow.to(place), scale=4, grid=grid, dtype=dtype)
    torch.testing.assert_close(mine.float().cpu(), torch.cat((lr, warped), dim=1), atol=tolerance, rtol=0)
    residual, bias = last((previous - 0.5).to(dtype)), torch.tensor([0.1, -0.2, 0.3])
    arguments = residual.to(place), bias.to(place), lr.to(place)
    out = kernels.skip_add(*arguments, scale=4, grid=grid)
    expected = residual.float() + bias[:, None, None]
    torch.testing.assert_close(out.cpu(), expected + upsample(lr, 4), atol=1e-5, rtol=0)
    torch.testing.assert_close(kernels.skip_add(*arguments, scale=4, grid=None).cpu(), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_inputs_keep_their_padding(kernels: Kernels, dtype: torch.dtype) -> None:
    """Channels beyond the image's must stay zero, and the first frame's recurrent channels must not be the last's."""
    lr, previous, flow = noise(1, 3, 5, 7), noise(1, 3, 10, 14, seed=1), torch.zeros(1, 2, 5, 7)
    lr, previous, flow = (x.to(kernels.device) for x in (lr, previous, flow))
    padded = last(torch.zeros(1, 16, 5, 7, dtype=dtype)).to(kernels.device)
    exact = kernels.recurrent_input(lr, previous, flow, scale=2, grid=Grid.BILINEAR_LEGACY, dtype=dtype)
    kernels.recurrent_input(lr, previous, flow, scale=2, grid=Grid.BILINEAR_LEGACY, dtype=dtype, out=padded)
    assert torch.equal(padded[:, :15], exact) and not padded[:, 15].any()
    kernels.recurrent_input(lr, None, None, scale=2, grid=Grid.BILINEAR_LEGACY, dtype=dtype, out=padded)
    assert torch.equal(padded[:, :3], lr.to(dtype)) and not padded[:, 3:].any()
    pair = last(torch.zeros(1, 8, 5, 7, dtype=dtype)).to(kernels.device)
    kernels.interleave(lr, lr.flip(1), dtype=dtype, out=pair)
    assert torch.equal(pair[:, :6], torch.cat((lr, lr.flip(1)), dim=1).to(dtype)) and not pair[:, 6:].any()
    assert torch.equal(kernels.interleave(lr, lr.flip(1), dtype=dtype), pair[:, :6])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 3, 8, 64])
def test_finish(kernels: Kernels, channels: int, dtype: torch.dtype) -> None:
    """Bias of the wrong channel, a residual forgotten, an activation on the wrong side, elements missed at the end."""
    values, residual = (last((noise(1, channels, 5, 7, seed=s) - 0.5).to(dtype)) for s in (0, 1))
    bias = noise(channels, seed=2) - 0.5
    for slope, other in ((0.0, None), (0.2, None), (1.0, residual), (0.0, residual)):
        total = values.float() + bias[:, None, None] + (0 if other is None else other.float())
        expected = torch.where(total > 0, total, slope * total).to(dtype)
        target = values.clone().to(kernels.device)
        given = None if other is None else other.to(kernels.device)
        result = kernels.finish(target, bias.to(kernels.device), slope=slope, residual=given)
        assert result is target
        torch.testing.assert_close(result.cpu(), expected, atol=1e-6, rtol=1e-6 if dtype == torch.float32 else 8e-3)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("grid", [Grid.BILINEAR_LEGACY, Grid.BILINEAR_CENTRED])
@pytest.mark.parametrize("size", SIZES)
def test_double_size(kernels: Kernels, size: tuple[int, int], grid: Grid, dtype: torch.dtype) -> None:
    """FNet's enlargement on another grid, or before its bias and activation."""
    features, bias = last((noise(1, 16, *size) - 0.5).to(dtype)), noise(16, seed=1) - 0.5
    expected = UPSAMPLERS[grid](F.leaky_relu(features.float() + bias[:, None, None], 0.2), 2)
    doubled = kernels.double_size(features.to(kernels.device), bias.to(kernels.device), slope=0.2, grid=grid)
    torch.testing.assert_close(doubled.float().cpu(), expected, atol=1e-5 if dtype == torch.float32 else 1e-2, rtol=0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("repeat_edge", [False, True])
@pytest.mark.parametrize("target", [(8, 16), (5, 3), (15, 23), (9, 40)])
def test_flow_head(kernels: Kernels, target: tuple[int, int], repeat_edge: bool, dtype: torch.dtype) -> None:
    """A flow cropped or mirrored otherwise than the published dialects do, or in the wrong unit."""
    features, bias = last((noise(1, 2, 8, 16) - 0.5).to(dtype)), torch.tensor([0.2, -0.1])
    out = torch.full((1, 2, *target), torch.nan, device=kernels.device)
    result = kernels.flow_head(
        features.to(kernels.device), bias.to(kernels.device), out, repeat_edge=repeat_edge, limit=24.0
    )
    expected = 24 * torch.tanh(features.float() + bias[:, None, None])
    for axis, length in zip((2, 3), target, strict=True):
        expected = expected.narrow(axis, 0, min(length, expected.shape[axis]))
        indices = mirror_indices(expected.shape[axis], length, repeat_edge=repeat_edge)
        expected = expected.index_select(axis, torch.tensor(indices))
    torch.testing.assert_close(result.cpu(), expected, atol=1e-4, rtol=0)


def test_half_arithmetic() -> None:
    """The emulation's conversions: all halves come back, floats round as numpy rounds them, large ones saturate."""
    kernels, bits = emulated_kernels(), np.arange(1 << 16, dtype=np.uint16)
    halves = bits.view(np.float16)
    finite = halves[np.isfinite(halves)]
    values = torch.from_numpy(finite.copy()).view(1, 1, 1, -1)
    kernels.finish(values, torch.zeros(1), slope=1.0)
    np.testing.assert_array_equal(values.numpy().ravel(), finite)
    random = np.random.default_rng(0).normal(0, 10.0 ** np.random.default_rng(1).integers(-7, 6, 9999))
    frame = torch.from_numpy(random[: 3 * 3333].astype(np.float32)).view(1, 3, 1, 3333)
    mine = kernels.interleave(frame, frame, dtype=torch.float16)[:, :3]
    expected = frame.numpy().clip(-65504, 65504).astype(np.float16)
    np.testing.assert_array_equal(mine.numpy(), expected)


def test_what_kernels_would_misread_is_refused() -> None:
    """Wrong shapes, types, layouts, devices and alignment would read other memory in silence."""
    kernels, lr = emulated_kernels(), noise(1, 3, 4, 4)
    features, bias = last(noise(1, 8, 4, 4)), torch.zeros(8)
    for call in (
        lambda: kernels.interleave(lr, noise(1, 3, 4, 5), dtype=torch.float32),
        lambda: kernels.interleave(lr, lr.double(), dtype=torch.float32),
        lambda: kernels.interleave(lr, lr.transpose(2, 3), dtype=torch.float32),
        lambda: kernels.interleave(lr, lr, dtype=torch.float64),
        lambda: kernels.interleave(lr, lr.to("meta"), dtype=torch.float32),
        lambda: kernels.finish(noise(1, 8, 4, 4), bias, slope=0.0),
        lambda: kernels.finish(features, torch.zeros(7), slope=0.0),
        lambda: kernels.finish(last(noise(1, 1, 4, 5))[..., 1:, :], torch.zeros(1), slope=0.0),
        lambda: kernels.double_size(last(noise(1, 12, 4, 4)), torch.zeros(12), slope=0.0, grid=Grid.BILINEAR_LEGACY),
        lambda: kernels.double_size(features, bias, slope=0.0, grid=Grid.BICUBIC_LEGACY),
        lambda: kernels.launch("finish_f32", 8, 1 << 16),
        lambda: kernels.launch("finish_f32", 8, 1, features.to("meta")),
    ):
        with pytest.raises(ValueError, match="expected"):
            call()


def test_arguments_of_other_types_are_noticed() -> None:
    """The emulation itself: it must fail where an argument is missing or of another size than declared."""
    kernels, features, bias = emulated_kernels(), last(noise(1, 8, 4, 4)), torch.zeros(8)
    for arguments in (
        (features, bias, None, 0.0, np.int64(128)),
        (features, bias, None, 0.0, 128, 8),
        (features, bias, 0, 0.0, np.int64(128), 8),
        (features, bias, None, 0, np.int64(128), 8),
    ):
        with pytest.raises(AssertionError, match="finish_f32"):
            kernels.launch("finish_f32", 16, 1, *arguments)
    assert set(emulator().signatures) == set(signatures(source()))
