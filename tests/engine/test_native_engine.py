"""What the fast engines add to the plain one: bands, fused layers, the device."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from vs_tecogan.degrade import blur_down_picture
from vs_tecogan.engine import create_engine
from vs_tecogan.engine.cpu.layers import Conv, Deconv, fused_operators
from vs_tecogan.engine.cuda.bands import in_bands
from vs_tecogan.luma import luma
from vs_tecogan.networks import Dialect, GeneratorSpec, SRNet
from vs_tecogan.ops import cuda, native

from .runtimes import device_engine, torch_engine
from .test_engine import frames, real_frames, run, tiny_model

needs_native = pytest.mark.skipif(not native.available(), reason=f"native extension {native.describe()}")


def features(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(*shape, generator=generator).to(dtype).contiguous(memory_format=torch.channels_last)


@needs_native
@pytest.mark.parametrize("dialect", [Dialect.BD, Dialect.TF, Dialect.BI])
@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("dtype", native.FLOATS)
def test_bands_equal_the_whole(dialect: Dialect, scale: int, dtype: torch.dtype) -> None:
    """A row lost, doubled or padded with zeros where two bands meet."""
    from vs_tecogan.engine.cpu.tail import DeconvTail

    torch.manual_seed(2)
    net = SRNet(GeneratorSpec(scale=scale, blocks=0, channels=32, dialect=dialect)).eval()
    for height in (1, 2, 3, 11):
        maps, lr = features(1, 32, height, 9, dtype=dtype), torch.rand(1, 3, height, 9)
        with torch.inference_mode():
            whole = DeconvTail(net, dtype, band_rows=1000)(maps, lr)
            expected = net.to(dtype).upsample(maps).float() if dtype == torch.float32 else whole
            for rows in (2, 3, 7):
                banded = DeconvTail(net, dtype, band_rows=rows)(maps, lr)
                torch.testing.assert_close(banded, whole, atol=1e-5 if dtype == torch.float32 else 2e-3, rtol=0)
            if dtype == torch.float32:
                from vs_tecogan.networks.srnet import image_upsampler

                skip = image_upsampler(dialect)(lr, scale)
                torch.testing.assert_close(whole, expected + skip, atol=2e-5, rtol=0)


def test_in_bands() -> None:
    """The halo cut at the wrong place, or padding inside the image."""
    image = torch.rand(1, 2, 13, 6)
    weight = torch.rand(2, 2, 3, 3)

    def operator(x: torch.Tensor) -> torch.Tensor:
        return F.conv2d(F.interpolate(x, scale_factor=2), weight, padding=1)

    for rows in (1, 4, 50):
        output = torch.full((1, 2, 26, 12), torch.nan)
        in_bands(operator, image, output, rows=rows, halo=2, scale=2)
        torch.testing.assert_close(output, operator(image))


def test_the_log_says_that_native_code_is_missing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A filter that is slow, and nobody knows why: the line has to come when the engine is made, once."""
    monkeypatch.setattr(native, "available", lambda: False)
    create_engine(tiny_model(), device="cpu", precision="fp32")
    assert caplog.text.count("running without native code") == 1


def test_layers_without_fused_operators(monkeypatch: pytest.MonkeyPatch) -> None:
    """A torch that no longer offers the fused convolutions: the plain way must give the same picture."""
    if fused_operators(torch.float32) is None:
        pytest.skip("this torch has no fused convolutions to compare with")
    conv, deconv = torch.nn.Conv2d(16, 16, 3, padding=1), torch.nn.ConvTranspose2d(16, 16, 3, 2, 1, 1)
    maps, target = features(1, 16, 5, 7), features(1, 16, 5, 7) * 2
    results = []
    for fused in (True, False):
        if not fused:
            monkeypatch.setattr("vs_tecogan.engine.cpu.layers.fused_operators", lambda _: None)
        with torch.inference_mode():
            leaky = Conv(conv, torch.float32, "leaky_relu")(maps)
            added = Conv(conv, torch.float32, "relu").add_to(target.clone(), maps)
            up = Deconv(deconv, torch.float32)(maps, first=False, last=False, overlap=False)
        results.append((leaky, added, up))
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)
    assert (results[0][1] >= 0).all() and (results[0][0] < 0).any()


@pytest.mark.parametrize("supported", [True, False])
def test_bf16_goes_to_onednn_only_where_it_takes_it(supported: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """CPUs with AVX2 alone, most desktops among them, on which oneDNN raises at the first bfloat16 layer."""
    monkeypatch.setattr("vs_tecogan.engine.cpu.layers._takes_bf16", lambda _: supported)
    plain = fused_operators(torch.float32)
    assert fused_operators(torch.bfloat16) is (plain if supported else None)


def test_bf16_costs_little_on_real_video(shared: Path) -> None:
    """bf16 that costs more than 0.05 dB of Y-PSNR against fp32, on the shipped model and a real clip."""
    pytest.importorskip("cv2")
    from vs_tecogan.weights import load_model

    truth = [image[:256, :256] for image in real_frames(shared, 5)]
    lows = [blur_down_picture(np.rint(image * 255).astype(np.uint8), 4).astype(np.float32) / 255 for image in truth]
    clip = [[np.ascontiguousarray(image[..., c]) for c in range(3)] for image in lows]
    model = load_model("recurrent-4x")

    def psnr(precision: str) -> float:
        outputs = run(create_engine(model, device="cpu", precision=precision), clip)
        pairs = zip(outputs, truth, strict=True)
        levels = [(luma(out.clip(0, 1), channels=-3, peak=1), luma(t, peak=1)) for out, t in pairs]
        return float(np.mean([10 * np.log10(255**2 / np.mean((a - b) ** 2)) for a, b in levels]))

    assert abs(psnr("fp32") - psnr("bf16")) < 0.05


@pytest.mark.gpu
@pytest.mark.skipif(not cuda.available(), reason="no CUDA device with CuPy")
@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("size", [(17, 23), (7, 5), (64, 96)])
def test_cuda_engine_equals_the_plain_one(dialect: Dialect, size: tuple[int, int]) -> None:
    """A captured graph that reads or writes the wrong buffers, or a stream that does not wait."""
    model, clip = tiny_model(dialect), frames(5, *size)
    expected = run(torch_engine(model.generator), clip)
    for precision, tolerance in (("fp32", 2e-3), ("fp16", 0.03)):
        outputs = run(device_engine(model.generator, precision), clip)
        for a, b in zip(outputs, expected, strict=True):
            np.testing.assert_allclose(a, b, atol=tolerance, rtol=0)
