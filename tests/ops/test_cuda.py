"""The CUDA kernels: they compile for every architecture, and equal the references, emulated here and on a device."""

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from vs_tecogan.ops import cuda
from vs_tecogan.ops.bias_act import bias_act
from vs_tecogan.ops.cuda import SUFFIXES, Kernels
from vs_tecogan.ops.cuda_source import signatures, source
from vs_tecogan.ops.double_size import double_size
from vs_tecogan.ops.flow_head import flow_head
from vs_tecogan.ops.interleave import interleave
from vs_tecogan.ops.recurrent_input import recurrent_input
from vs_tecogan.ops.resample import Grid
from vs_tecogan.ops.skip_add import skip_add

from .emulation import device_kernels, emulated_kernels, emulator
from .test_native import SIZES, noise

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


def test_a_kernel_cache_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A home that is read-only, or no folder: CuPy's traceback in place of a filter."""
    monkeypatch.setenv("CUPY_CACHE_IN_MEMORY", "0")
    monkeypatch.setenv("CUPY_CACHE_DIR", str(tmp_path / "cache"))
    cuda.keep_kernels_in_memory_where_unwritable()
    assert os.environ["CUPY_CACHE_IN_MEMORY"] == "0" and not caplog.records
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("CUPY_CACHE_DIR", str(tmp_path / "file" / "cache"))
    cuda.keep_kernels_in_memory_where_unwritable()
    assert os.environ["CUPY_CACHE_IN_MEMORY"] == "1"
    assert len(caplog.records) == 1 and "CUPY_CACHE_DIR=FOLDER" in caplog.text


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
    tolerance = 3e-3 if dtype == torch.float32 else 1e-2
    expected = recurrent_input(lr, previous, flow, scale=4, grid=grid, impl="torch")
    frames = lr.to(place), previous.to(place), flow.to(place)
    mine = recurrent_input(*frames, scale=4, grid=grid, dtype=dtype, impl=kernels)
    torch.testing.assert_close(mine.float().cpu(), expected, atol=tolerance, rtol=0)
    residual, bias = last((previous - 0.5).to(dtype)), torch.tensor([0.1, -0.2, 0.3])
    for skip in (grid, None):
        out = skip_add(residual.to(place), bias.to(place), lr.to(place), scale=4, grid=skip, impl=kernels)
        expected = skip_add(residual, bias, lr, scale=4, grid=skip, impl="torch")
        torch.testing.assert_close(out.cpu(), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_inputs_keep_their_padding(kernels: Kernels, dtype: torch.dtype) -> None:
    """Channels beyond the image's must stay zero, and the first frame's recurrent channels must not be the last's."""
    lr, previous, flow = noise(1, 3, 5, 7), noise(1, 3, 10, 14, seed=1), torch.zeros(1, 2, 5, 7)
    lr, previous, flow = (x.to(kernels.device) for x in (lr, previous, flow))
    padded = last(torch.zeros(1, 16, 5, 7, dtype=dtype)).to(kernels.device)
    exact = recurrent_input(lr, previous, flow, scale=2, grid=Grid.BILINEAR_LEGACY, dtype=dtype, impl=kernels)
    recurrent_input(lr, previous, flow, scale=2, grid=Grid.BILINEAR_LEGACY, dtype=dtype, out=padded, impl=kernels)
    assert torch.equal(padded[:, :15], exact) and not padded[:, 15].any()
    recurrent_input(lr, None, None, scale=2, grid=Grid.BILINEAR_LEGACY, dtype=dtype, out=padded, impl=kernels)
    assert torch.equal(padded[:, :3], lr.to(dtype)) and not padded[:, 3:].any()
    pair = last(torch.zeros(1, 8, 5, 7, dtype=dtype)).to(kernels.device)
    interleave([lr, lr.flip(1)], dtype=dtype, out=pair, impl=kernels)
    assert torch.equal(pair[:, :6], torch.cat((lr, lr.flip(1)), dim=1).to(dtype)) and not pair[:, 6:].any()
    assert torch.equal(interleave([lr, lr.flip(1)], dtype=dtype, impl=kernels), pair[:, :6])


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
        result = bias_act(target, bias.to(kernels.device), slope=slope, residual=given, impl=kernels)
        assert result is target
        torch.testing.assert_close(result.cpu(), expected, atol=1e-6, rtol=1e-6 if dtype == torch.float32 else 8e-3)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("grid", [Grid.BILINEAR_LEGACY, Grid.BILINEAR_CENTRED])
@pytest.mark.parametrize("size", SIZES)
def test_double_size(kernels: Kernels, size: tuple[int, int], grid: Grid, dtype: torch.dtype) -> None:
    """FNet's enlargement on another grid, or before its bias and activation."""
    features, bias = last((noise(1, 16, *size) - 0.5).to(dtype)), noise(16, seed=1) - 0.5
    expected = double_size(features.float(), bias, slope=0.2, grid=grid, impl="torch")
    doubled = double_size(features.to(kernels.device), bias.to(kernels.device), slope=0.2, grid=grid, impl=kernels)
    torch.testing.assert_close(doubled.float().cpu(), expected, atol=1e-5 if dtype == torch.float32 else 1e-2, rtol=0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("repeat_edge", [False, True])
@pytest.mark.parametrize("target", [(8, 16), (5, 3), (15, 23), (9, 40)])
def test_flow_head(kernels: Kernels, target: tuple[int, int], repeat_edge: bool, dtype: torch.dtype) -> None:
    """A flow cropped or mirrored otherwise than the published dialects do, or in the wrong unit."""
    features, bias = last((noise(1, 2, 8, 16) - 0.5).to(dtype)), torch.tensor([0.2, -0.1])
    out, expected = (torch.full((1, 2, *target), torch.nan, device=place) for place in (kernels.device, "cpu"))
    how = {"repeat_edge": repeat_edge, "limit": 24.0}
    result = flow_head(features.to(kernels.device), bias.to(kernels.device), out, **how, impl=kernels)
    flow_head(features, bias, expected, **how, impl="torch")
    torch.testing.assert_close(result.cpu(), expected, atol=1e-4, rtol=0)


def test_half_arithmetic() -> None:
    """The emulation's conversions: all halves come back, floats round as numpy rounds them, large ones saturate."""
    kernels, bits = emulated_kernels(), np.arange(1 << 16, dtype=np.uint16)
    halves = bits.view(np.float16)
    finite = halves[np.isfinite(halves)]
    values = torch.from_numpy(finite.copy()).view(1, 1, 1, -1)
    bias_act(values, torch.zeros(1), slope=1.0, impl=kernels)
    np.testing.assert_array_equal(values.numpy().ravel(), finite)
    random = np.random.default_rng(0).normal(0, 10.0 ** np.random.default_rng(1).integers(-7, 6, 9999))
    frame = torch.from_numpy(random[: 3 * 3333].astype(np.float32)).view(1, 3, 1, 3333)
    mine = interleave([frame, frame], dtype=torch.float16, impl=kernels)[:, :3]
    expected = frame.numpy().clip(-65504, 65504).astype(np.float16)
    np.testing.assert_array_equal(mine.numpy(), expected)


def test_what_kernels_would_misread_is_refused() -> None:
    """Wrong shapes, types, layouts, devices and alignment would read other memory in silence."""
    kernels, lr = emulated_kernels(), noise(1, 3, 4, 4)
    features, bias = last(noise(1, 8, 4, 4)), torch.zeros(8)
    for call in (
        lambda: interleave([lr, noise(1, 3, 4, 5)], dtype=torch.float32, impl=kernels),
        lambda: interleave([lr, lr.double()], dtype=torch.float32, impl=kernels),
        lambda: interleave([lr, lr.transpose(2, 3)], dtype=torch.float32, impl=kernels),
        lambda: interleave([lr, lr], dtype=torch.float64, impl=kernels),
        lambda: interleave([lr, lr.to("meta")], dtype=torch.float32, impl=kernels),
        lambda: bias_act(noise(1, 8, 4, 4), bias, slope=0.0, impl=kernels),
        lambda: bias_act(features, torch.zeros(7), slope=0.0, impl=kernels),
        lambda: bias_act(last(noise(1, 1, 4, 5))[..., 1:, :], torch.zeros(1), slope=0.0, impl=kernels),
        lambda: double_size(
            last(noise(1, 12, 4, 4)), torch.zeros(12), slope=0.0, grid=Grid.BILINEAR_LEGACY, impl=kernels
        ),
        lambda: double_size(features, bias, slope=0.0, grid=Grid.BICUBIC_LEGACY, impl=kernels),
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
