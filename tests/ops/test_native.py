"""The CPU extension against the torch references, on every instruction set of this machine."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from vs_tecogan.ops import backward_warp, native, space_to_depth, upsample_bicubic
from vs_tecogan.ops.double_size import double_size
from vs_tecogan.ops.interleave import interleave
from vs_tecogan.ops.narrow_conv import narrow_conv, pack_narrow_weight
from vs_tecogan.ops.planes import read_planes, write_planes
from vs_tecogan.ops.recurrent_input import recurrent_input
from vs_tecogan.ops.resample import Grid, upsample

pytestmark = pytest.mark.skipif(not native.available(), reason=f"native extension {native.describe()}")

LEVELS = range(len(native.levels())) if native.available() else range(0)
SIZES = [(1, 1), (1, 7), (5, 1), (3, 4), (9, 17), (13, 131), (8, 256)]


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def strided(height: int, width: int) -> list[np.ndarray]:
    """Planes as VapourSynth hands them out: rows padded to 64 bytes."""
    pitch = (width + 15) // 16 * 16 + 16
    return [np.full((height, pitch), 7, np.float32)[:, :width] for _ in range(3)]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("size", SIZES)
def test_warp_equals_reference(size: tuple[int, int], level: int) -> None:
    """Wrong borders, swapped flow channels or a block boundary handled wrongly."""
    image, flow = noise(2, 3, *size), (noise(2, 2, *size, seed=1) - 0.5) * 30
    # The reference maps positions to [-1, 1] and back, which costs up to 1e-4 of a pixel in 256.
    torch.testing.assert_close(
        backward_warp(image, flow, impl="native", level=level),
        backward_warp(image, flow, impl="torch"),
        atol=2e-4,
        rtol=0,
    )


def test_warp_of_integer_flow_is_exact() -> None:
    """A rounding error at whole positions, where bilinear sampling must copy."""
    image = noise(1, 3, 12, 20)
    flow = torch.zeros(1, 2, 12, 20)
    flow[:, 0], flow[:, 1] = 3, -2
    warped = backward_warp(image, flow, impl="native")
    assert torch.equal(warped[:, :, 2:, :17], image[:, :, :10, 3:])
    assert torch.equal(warped[:, :, 0, 17:], image[:, :, 0, -1:].expand(1, 3, 3))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("size", [(1, 1), (1, 6), (9, 17), (12, 40)])
def test_warp_gradients(size: tuple[int, int], level: int) -> None:
    """A wrong backward pass, also where positions are clamped at the border."""
    image, flow = noise(2, 4, *size), (noise(2, 2, *size, seed=1) - 0.5) * 9
    weight = noise(2, 4, *size, seed=2)
    results = []
    for impl in ("native", "torch"):
        a, b = image.clone().requires_grad_(), flow.clone().requires_grad_()
        (backward_warp(a, b, impl=impl, level=level) * weight).sum().backward()
        results.append((a.grad, b.grad))
    for mine, reference in zip(*results, strict=True):
        assert mine is not None and reference is not None
        torch.testing.assert_close(mine, reference, atol=1e-4, rtol=1e-4)


def test_warp_numerical_gradient() -> None:
    """Reference and native agreeing on something that is no derivative."""
    image, flow = noise(1, 2, 6, 7), noise(1, 2, 6, 7, seed=3) * 0.8 + 0.1
    flow.requires_grad_()
    loss = backward_warp(image, flow, impl="native").square().sum()
    loss.backward()
    assert flow.grad is not None
    step = torch.zeros_like(flow)
    step[0, 1, 2, 3] = 1e-2
    with torch.no_grad():
        up, down = (backward_warp(image, flow + k * step, impl="native").double().square().sum() for k in (1, -1))
    assert abs((up - down) / 2e-2 - flow.grad[0, 1, 2, 3]) < 1e-3


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("grid", list(Grid))
@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("size", SIZES)
def test_recurrent_input(size: tuple[int, int], scale: int, grid: Grid, level: int) -> None:
    """Channel order, grid of the flow, its multiplication by the scale, the borders."""
    h, w = size
    lr, previous = noise(1, 3, h, w), noise(1, 3, h * scale, w * scale, seed=1)
    flow = (noise(1, 2, h, w, seed=2) - 0.5) * 6
    large = upsample(flow * scale, scale, grid)
    expected = torch.cat((lr, space_to_depth(backward_warp(previous, large, impl="torch"), scale)), dim=1)
    mine = recurrent_input(lr, previous, flow, scale=scale, grid=grid, level=level, impl="native")
    assert mine.permute(0, 2, 3, 1).is_contiguous()
    torch.testing.assert_close(mine, expected, atol=3e-3, rtol=0)  # positions near 1000 pixels: see the warp above
    assert (mine - expected).abs().mean() < 2e-5
    half = recurrent_input(lr, previous, flow, scale=scale, grid=grid, dtype=torch.bfloat16, level=level, impl="native")
    assert torch.equal(half, mine.to(torch.bfloat16))


def smooth_flow(height: int, width: int, reach: float) -> Tensor:
    """Flow in pixels as networks give it: neighbours move alike."""
    coarse = (noise(1, 2, height // 6 + 2, width // 6 + 2, seed=5) - 0.5) * 2 * reach
    return F.interpolate(coarse, size=(height, width), mode="bicubic", align_corners=True)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    ("scale", "grid"), [(4, Grid.BICUBIC_LEGACY), (2, Grid.BILINEAR_LEGACY), (4, Grid.BILINEAR_CENTRED)]
)
@pytest.mark.parametrize("reach", [0, 1, 4, 30])
def test_recurrent_input_of_smooth_flow(reach: float, scale: int, grid: Grid, level: int) -> None:
    """Windows of neighbouring cells: a column or row too few, clamped wrongly, or one where cells lie too far apart."""
    h, w = 21, 37
    lr, previous, flow = noise(1, 3, h, w), noise(1, 3, h * scale, w * scale, seed=1), smooth_flow(h, w, reach)
    expected = space_to_depth(backward_warp(previous, upsample(flow * scale, scale, grid), impl="torch"), scale)
    mine = recurrent_input(lr, previous, flow, scale=scale, grid=grid, level=level, impl="native")
    torch.testing.assert_close(mine, torch.cat((lr, expected), dim=1), atol=2e-4, rtol=0)
    half = recurrent_input(lr, previous, flow, scale=scale, grid=grid, dtype=torch.bfloat16, level=level, impl="native")
    assert torch.equal(half, mine.to(torch.bfloat16))


@pytest.mark.parametrize("level", LEVELS)
def test_flow_that_is_no_number_stays_within_the_image(level: int) -> None:
    """A read outside the image: positions that are not finite must give some sample of it."""
    flow = smooth_flow(12, 40, 2)
    flow[0, 0, 3, 5], flow[0, 1, 4, 6], flow[0, 0, 5, 9], flow[0, 1, 8] = torch.nan, torch.inf, -torch.inf, 1e30
    image = noise(1, 3, 12, 40) + 1
    for result in (
        backward_warp(image, flow, level=level, impl="native"),
        recurrent_input(
            image, noise(1, 3, 48, 160) + 1, flow, scale=4, grid=Grid.BILINEAR_LEGACY, level=level, impl="native"
        ),
    ):
        assert result.min() >= 0.99 and result.max() <= 2.01


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("reach", [0, 3, 25])
@pytest.mark.parametrize("size", [(21, 32), (40, 83)])
def test_warp_of_smooth_flow(size: tuple[int, int], reach: float, level: int) -> None:
    """As above, for the warp alone with any number of channels."""
    image, flow = noise(1, 5, *size), smooth_flow(*size, reach)
    mine = backward_warp(image, flow, level=level, impl="native")
    torch.testing.assert_close(mine, backward_warp(image, flow, impl="torch"), atol=1e-4, rtol=0)


def test_recurrent_input_of_the_zero_state() -> None:
    """The first frame reading memory that nothing was written to."""
    lr = noise(1, 3, 5, 6)
    mine = recurrent_input(lr, None, None, scale=4, grid=Grid.BICUBIC_LEGACY, impl="native")
    assert torch.equal(mine[:, :3], lr)
    assert not mine[:, 3:].any()


@pytest.mark.parametrize("level", LEVELS)
def test_interleave(level: int) -> None:
    """Planes in the wrong order; bfloat16 rounded otherwise than by torch."""
    a, b = noise(1, 3, 7, 33), noise(1, 3, 7, 33, seed=1)
    both = torch.cat((a, b), dim=1)
    for dtype in native.FLOATS:
        assert torch.equal(interleave([a, b], dtype=dtype, level=level, impl="native"), both.to(dtype))
        assert torch.equal(interleave([a, b], dtype=dtype, impl="torch"), both.to(dtype))


NARROW = [(64, 3, 61), (64, 3, 33), (64, 2, 98), (32, 2, 24), (20, 3, 9), (64, 3, 1), (5, 2, 2)]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("dtype", native.FLOATS)
@pytest.mark.parametrize(("inputs", "outputs", "width"), NARROW)
def test_narrow_conv(inputs: int, outputs: int, width: int, dtype: torch.dtype, level: int) -> None:
    """Taps, padding at each border, remainders of the vector width; spans of columns that overlap or leave gaps."""
    rows = (noise(1, inputs, 6, width) - 0.5).to(dtype).contiguous(memory_format=torch.channels_last)
    rows = rows.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    weight, bias = (noise(outputs, inputs, 3, 3, seed=1) - 0.5).to(dtype), noise(outputs, seed=2)
    expected = F.conv2d(rows.double(), weight.double(), bias.double(), padding=1).float()
    mine = torch.empty(1, outputs, 6, width)
    narrow_conv(rows, pack_narrow_weight(weight, dtype), bias, mine, level=level, impl="native")
    torch.testing.assert_close(mine, expected, atol=3e-5, rtol=1e-5)


@pytest.mark.parametrize("dtype", native.FLOATS)
def test_narrow_conv_in_bands(dtype: torch.dtype) -> None:
    """Bands that differ, by a bit, from the whole image, and a skip on the wrong row."""
    features = noise(20, 40, 64).sub(0.5).to(dtype)[None].permute(0, 3, 1, 2)
    weight, bias = pack_narrow_weight(noise(3, 64, 3, 3, seed=1) - 0.5, dtype), noise(3)
    skip = noise(1, 3, 5, 10)
    whole, banded = torch.empty(1, 3, 20, 40), torch.empty(1, 3, 20, 40)
    narrow_conv(features, weight, bias, whole, skip=skip, impl="native")
    row, above = 0, None
    for start, stop in ((0, 2), (2, 7), (7, 8), (8, 16), (16, 20)):
        rows = features[:, :, start:stop]
        row += narrow_conv(
            rows, weight, bias, banded, above=above, first_row=row, bottom=stop == 20, skip=skip, impl="native"
        )
        above = features[:, :, stop - 2 : stop]
    assert row == 20
    assert torch.equal(whole, banded)
    row, above, twin = 0, None, torch.empty(1, 3, 20, 40)
    for start, stop in ((0, 2), (2, 7), (7, 20)):
        rows, how = features[:, :, start:stop], {"above": above, "bottom": stop == 20, "skip": skip}
        row += narrow_conv(rows, weight, bias, twin, first_row=row, **how, impl="torch")
        above = features[:, :, stop - 2 : stop]
    torch.testing.assert_close(whole, twin, atol=3e-5, rtol=1e-5)
    plain = torch.empty(1, 3, 20, 40)
    narrow_conv(features, weight, bias, plain, impl="native")
    torch.testing.assert_close(whole, plain + upsample_bicubic(skip, 4), atol=1e-6, rtol=0)


@pytest.mark.parametrize("level", LEVELS)
def test_planes_round_trip(level: int) -> None:
    """Strides ignored, NaN or infinities let through, a write outside the image."""
    source = strided(5, 19)
    for plane, values in zip(source, noise(3, 5, 19).numpy(), strict=True):
        plane[...] = values
    source[0][0, 0], source[1][2, 3], source[2][4, 18] = np.nan, np.inf, -np.inf
    assert torch.equal(
        read_planes(source, level=level, impl="native").nan_to_num(2),
        torch.from_numpy(np.stack(source))[None].nan_to_num(2),
    )
    image = read_planes(source, clamp=True, level=level, impl="native")
    assert (image[0, 0, 0, 0], image[0, 1, 2, 3], image[0, 2, 4, 18]) == (0, 1, 0)
    assert torch.equal(read_planes(source, clamp=True, impl="torch"), image)
    target = strided(5, 19)
    write_planes(image, target, level=level, impl="native")
    assert np.array_equal(np.stack(target), image[0].numpy())
    assert all((p.base[:, 19:] == 7).all() for p in target)
    twin = strided(5, 19)
    write_planes(image, twin, impl="torch")
    assert np.array_equal(np.stack(twin), np.stack(target))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("grid", [Grid.BILINEAR_LEGACY, Grid.BILINEAR_CENTRED])
@pytest.mark.parametrize("size", SIZES)
def test_double_size(size: tuple[int, int], grid: Grid, level: int) -> None:
    """FNet's inner upsampling on the wrong grid."""
    for dtype, tolerance in ((torch.float32, 1e-6), (torch.bfloat16, 4e-3)):
        features = noise(*size, 32).to(dtype)[None].permute(0, 3, 1, 2)
        mine = double_size(features, grid=grid, level=level, impl="native")
        torch.testing.assert_close(mine.float(), upsample(features.float(), 2, grid), atol=tolerance, rtol=0)


def test_bits_do_not_depend_on_threads() -> None:
    """A sum whose order depends on how the work was shared out."""
    image, flow = noise(2, 3, 40, 70), (noise(2, 2, 40, 70, seed=1) - 0.5) * 20
    lr, previous = noise(1, 3, 40, 70), noise(1, 3, 160, 280)
    results = []
    for threads in (1, 2, 5):
        a, b = image.clone().requires_grad_(), flow.clone().requires_grad_()
        warped = backward_warp(a, b, threads=threads, impl="native")
        warped.square().sum().backward()
        assert a.grad is not None and b.grad is not None
        recur = recurrent_input(
            lr,
            previous,
            flow[:1],
            scale=4,
            grid=Grid.BICUBIC_LEGACY,
            threads=threads,
            dtype=torch.bfloat16,
            impl="native",
        )
        results.append((warped.detach(), a.grad, b.grad, recur))
    assert all(torch.equal(x, y) for other in results[1:] for x, y in zip(results[0], other, strict=True))


def test_wrong_arguments_are_refused() -> None:
    """Addresses handed to C++ unchecked: a crash instead of an error."""
    lr = noise(1, 3, 4, 4)
    with pytest.raises(ValueError, match="flow is"):
        backward_warp(lr, noise(1, 2, 4, 5), impl="native")
    with pytest.raises(ValueError, match="not contiguous"):
        interleave([noise(1, 4, 4, 3).permute(0, 3, 1, 2)], impl="native")
    with pytest.raises(ValueError, match="plane 1"):
        write_planes(
            lr,
            [np.zeros((4, 4), np.float32), np.zeros((4, 5), np.float32), np.zeros((4, 4), np.float32)],
            impl="native",
        )
    with pytest.raises(ValueError, match="do not lie"):
        narrow_conv(
            noise(1, 4, 4, 32).permute(0, 3, 1, 2), noise(3, 9, 32), noise(3), torch.empty(1, 3, 2, 4), impl="native"
        )


def test_a_machine_without_the_extension_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow run without a word on why, or advice for another system."""
    assert native.missing() is None
    monkeypatch.setattr(native, "available", lambda: False)
    for system, tool in (("Windows", "Visual Studio"), ("Darwin", "xcode-select"), ("Linux", "g++")):
        monkeypatch.setattr("platform.system", lambda name=system: name)
        line = native.missing()
        assert line is not None and "without native code" in line and tool in line and "\n" not in line


@pytest.mark.skipif(not torch.backends.openmp.is_available(), reason="this torch has no OpenMP")
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="GNU's OpenMP")
def test_the_team_is_torchs() -> None:
    """A second OpenMP runtime, or threads of its own beside torch's."""
    assert "torch's OpenMP threads" in native.describe()
    runtimes = {line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "/libgomp" in line}
    assert len(runtimes) <= 1


@pytest.mark.skipif(not torch.backends.openmp.is_available(), reason="this torch has no OpenMP")
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="GNU's OpenMP")
def test_the_team_is_torchs_where_torch_hides_it() -> None:
    """Threads of its own beside torch's on ARM: its builds of torch load their OpenMP runtime for themselves alone."""
    code = "import ctypes; ctypes.RTLD_GLOBAL = ctypes.RTLD_LOCAL; from vs_tecogan.ops.native import describe"
    words = [sys.executable, "-c", f"{code}; print(describe())"]
    assert "torch's OpenMP threads" in subprocess.run(words, capture_output=True, text=True, check=True).stdout


def test_no_openmp_library_is_needed() -> None:
    """A wheel that works only where libgomp is installed."""
    assert b"libgomp" not in Path(native.location()).read_bytes()


RESTING = """
import os
from vs_tecogan.ops import native
before = len(os.listdir("/proc/self/task"))
native.rest_while_waiting()
native.rest_while_waiting()
print(len(os.listdir("/proc/self/task")) - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts threads in /proc")
@pytest.mark.skipif((os.cpu_count() or 1) > 64, reason="left as it is on large machines")
def test_waiting_threads_rest() -> None:
    """Threads that spin beside an encoder: GNU's OpenMP lets them sleep only where they are more than processors."""
    plain = {key: value for key, value in os.environ.items() if key not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    more = []
    for env in (plain, {**plain, "OMP_WAIT_POLICY": "active"}):
        run = subprocess.run([sys.executable, "-c", RESTING], capture_output=True, text=True, check=True, env=env)
        more.append(int(run.stdout))
    assert more[0] > len(os.sched_getaffinity(0)) and more[1] == 0
