"""The CUDA kernels: they compile for every architecture without a device, and equal the references on one."""

import importlib.util
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from vs_tecogan.ops import backward_warp, cuda, space_to_depth
from vs_tecogan.ops.native import Grid

from .test_native import SIZES, UPSAMPLERS, noise

NETWORK = [
    f"{name}_{suffix}"
    for name in ("recur", "interleave", "skip_add", "double_size")
    for suffix in ("f32", "f16", "bf16")
]
COLOUR = [f"{name}_{suffix}" for name in ("from_yuv", "to_yuv") for suffix in ("u8", "u16")]
needs_device = pytest.mark.skipif(not cuda.available(), reason="no CUDA device with CuPy")


@pytest.mark.skipif(importlib.util.find_spec("cupy") is None, reason="CuPy is not installed")
@pytest.mark.parametrize("architecture", ["sm_75", "sm_86", "sm_89", "sm_90", "sm_100", "sm_120"])
def test_every_kernel_compiles(architecture: str) -> None:
    """A kernel that only fails on a user's card."""
    binary = cuda.compile_kernels(architecture)
    for name in NETWORK + COLOUR:
        assert name.encode() in binary


HARNESS = r"""
#define VST_NAMESPACE vst_check
#include "color.h"
#include "resample.h"
#include <cstdio>
#include <vector>
using namespace vst_check;
int main(int argc, char** argv) {
  int h, w, sx, sy, cx, cy;
  YuvFormat f;
  if (scanf("%d %d %d %d %d %d %f %f %f %f %f %f %f", &h, &w, &sx, &sy, &cx, &cy, &f.kr, &f.kb, &f.luma_offset,
            &f.luma_span, &f.chroma_zero, &f.chroma_span, &f.peak) != 13) return 1;
  std::vector<float> rgb(3 * h * w), back(3 * h * w);
  for (float& v : rgb) if (scanf("%f", &v) != 1) return 1;
  const int ch = h >> sy, cw = w >> sx;
  std::vector<unsigned short> y(h * w), u(ch * cw), v(ch * cw);
  for (int i = 0; i < ch * cw; ++i)
    rgb_cell(rgb.data(), h, w, i / cw, i % cw, sx, sy, cx, cy, f, y.data(), u.data(), v.data());
  for (auto* p : {&y, &u, &v}) for (int code : *p) printf("%d ", code);
  for (int i = 0; i < h * w; ++i) {
    float out[3];
    yuv_pixel(y.data(), u.data(), v.data(), h, w, i / w, i % w, sx, sy, cx, cy, f, out);
    for (int c = 0; c < 3; ++c) back[c * h * w + i] = out[c];
  }
  for (float value : back) printf("%.6f ", value);
  for (int i = 0; i < 16 * h * w; ++i)
    printf("%.6f ", upsample_at(rgb.data(), h, w, i / (4 * w), i % (4 * w), argc - 1, 4));
}
"""


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The per-pixel headers, exactly as the kernels call them, as a program for this machine."""
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("no C++ compiler")
    folder = tmp_path_factory.mktemp("harness")
    (folder / "check.cpp").write_text(HARNESS, encoding="utf-8")
    program = folder / "check"
    options = ["-std=c++17", f"-I{cuda.source_folder()}", "-o", str(program), str(folder / "check.cpp")]
    subprocess.run([compiler, *options], check=True)
    return program


@pytest.mark.parametrize("grid", list(Grid))
@pytest.mark.parametrize(("shift_x", "shift_y"), [(1, 1), (1, 0), (0, 0)])
@pytest.mark.parametrize(("bits", "limited"), [(8, True), (10, True), (16, False)])
def test_shared_arithmetic(harness: Path, grid: Grid, shift_x: int, shift_y: int, bits: int, limited: bool) -> None:
    """Colour conversion off by a code value, chroma misplaced, or the kernels' enlargement on another grid."""
    h, w, unit = 8, 12, 1 << (bits - 8)
    ramp = np.linspace(0.1, 0.9, w, dtype=np.float32)
    rgb = np.stack([np.tile(ramp, (h, 1)), np.tile(ramp[::-1], (h, 1)), np.tile(ramp * 0.5, (h, 1))])
    peak = (1 << bits) - 1
    offset, span, chroma = (16 * unit, 219 * unit, 224 * unit) if limited else (0, peak, peak)
    header = [h, w, shift_x, shift_y, 0, shift_y, 0.2126, 0.0722, offset, span, 128 * unit, chroma, peak]
    numbers = " ".join(map(str, [*header, *rgb.ravel()]))
    run = subprocess.run([harness, *["x"] * int(grid)], input=numbers, capture_output=True, text=True, check=True)
    values = np.array(run.stdout.split(), dtype=np.float64)
    cells = (h >> shift_y) * (w >> shift_x)
    luma, u, v = values[: h * w], values[h * w : h * w + cells], values[h * w + cells : h * w + 2 * cells]
    expected = 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2]
    assert np.abs(luma.reshape(h, w) - (expected * span + offset)).max() <= 0.51
    blue, red = (rgb[2] - expected) / 1.8556, (rgb[0] - expected) / 1.5748
    for plane, difference in ((u, blue), (v, red)):
        # left-sited chroma lies on the even columns; the ramps are linear, so away from the border 1 2 1 keeps them
        wanted = difference[:: 1 << shift_y, :: 1 << shift_x] * chroma + 128 * unit
        inner = slice(1, None) if shift_x else slice(None)
        assert np.abs(plane.reshape(wanted.shape)[:, inner] - wanted[:, inner]).max() <= 0.52
    back = values[h * w + 2 * cells : h * w + 2 * cells + 3 * h * w].reshape(3, h, w)
    inner = slice(2, -2) if shift_x else slice(None)
    assert np.abs(back - rgb)[:, :, inner].max() < 2.5 / 219 / unit
    large = values[-16 * h * w :].reshape(4 * h, 4 * w)
    reference = UPSAMPLERS[grid](torch.from_numpy(rgb[None, :1].copy()), 4)[0, 0].numpy()
    np.testing.assert_allclose(large, reference, atol=2e-6)


@pytest.mark.gpu
@needs_device
@pytest.mark.parametrize("dtype", list(cuda.SUFFIXES))
@pytest.mark.parametrize("grid", list(Grid))
@pytest.mark.parametrize("size", SIZES)
def test_kernels_equal_references(size: tuple[int, int], grid: Grid, dtype: torch.dtype) -> None:
    """Any difference between the device's results and the torch references."""
    h, w = size
    lr, previous = noise(1, 3, h, w), noise(1, 3, 4 * h, 4 * w, seed=1)
    flow = (noise(1, 2, h, w, seed=2) - 0.5) * 6
    upsample, tolerance = UPSAMPLERS[grid], 3e-3 if dtype == torch.float32 else 1e-2
    warped = space_to_depth(backward_warp(previous, upsample(flow * 4, 4)), 4)
    mine = cuda.recurrent_input(lr.cuda(), previous.cuda(), flow.cuda(), scale=4, grid=grid, dtype=dtype)
    torch.testing.assert_close(mine.float().cpu(), torch.cat((lr, warped), dim=1), atol=tolerance, rtol=0)
    both = cuda.interleave(lr.cuda(), lr.flip(1).cuda(), dtype=dtype)
    assert torch.equal(both.cpu(), torch.cat((lr, lr.flip(1)), dim=1).to(dtype))
    residual = (previous - 0.5).to(dtype).cuda().permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    out = cuda.skip_add(residual, lr.cuda(), scale=4, grid=grid)
    torch.testing.assert_close(out.cpu(), residual.float().cpu() + upsample(lr, 4), atol=1e-5, rtol=0)
    if grid != Grid.BICUBIC_LEGACY:
        features = noise(h, w, 32).to(dtype)[None].permute(0, 3, 1, 2)
        doubled = cuda.double_size(features.cuda(), grid=grid)
        torch.testing.assert_close(doubled.float().cpu(), upsample(features.float(), 2), atol=tolerance, rtol=0)
