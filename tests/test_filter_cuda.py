"""The filter over an engine that takes frames as they are coded, against the filter that converts on the host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import vapoursynth as vs

from vs_tecogan.colour.coding import Coding
from vs_tecogan.colour.tags import TAGS, Tags
from vs_tecogan.colour.zimg import Colour
from vs_tecogan.engine import Engine
from vs_tecogan.engine.adapter import EngineRecurrence
from vs_tecogan.engine.cuda.device import CudaDevice
from vs_tecogan.engine.thread import EngineThread
from vs_tecogan.filter import _build, tecogan
from vs_tecogan.ops import cuda
from vs_tecogan.recurrence.api import Schedule
from vs_tecogan.weights import Model

from .conftest import ClipMaker
from .engine.runtimes import device_engine, emulated_engine, torch_engine

needs_device = pytest.mark.skipif(not cuda.available(), reason="no CUDA device with CuPy")
EngineMaker = Callable[..., Engine]


def emulated(model: Model, **options: Any) -> Engine:
    return emulated_engine(model.generator, **options)


def on_device(model: Model, **options: Any) -> Engine:
    return device_engine(model.generator, **options)


@pytest.fixture(
    params=[
        pytest.param(emulated, id="emulated"),
        pytest.param(on_device, id="device", marks=[pytest.mark.gpu, needs_device]),
    ]
)
def make_engine(request: pytest.FixtureRequest) -> EngineMaker:
    """Makes the engine, emulated, and on a device where there is one."""
    make: EngineMaker = request.param
    return make


pytestmark = pytest.mark.usefixtures("one_thread")


def upscale(clip: vs.VideoNode, engine: Engine, **options: Any) -> vs.VideoNode:
    schedule = Schedule(restart=options.pop("restart", 0), warmup=options.pop("warmup", 0), **options)
    return _build(clip, engine, EngineThread(), "tiny", scene_change=False, matrix=None, schedule=schedule)


def planes(frame: vs.VideoFrame) -> list[np.ndarray]:
    return [np.asarray(frame[plane]).astype(np.float64) for plane in range(frame.format.num_planes)]


def assert_same(mine: vs.VideoNode, host: vs.VideoNode, tolerance: float) -> None:
    """Equal formats and properties, and pixels equal but for rounding."""
    assert (mine.format.id, mine.width, mine.height) == (host.format.id, host.width, host.height)
    for ours, theirs in zip(mine.frames(), host.frames(), strict=True):
        assert dict(ours.props) == dict(theirs.props)
        for a, b in zip(planes(ours), planes(theirs), strict=True):
            assert np.abs(a - b).max() <= tolerance


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [
        ("YUV420P8", 1), ("YUV422P10", 1), ("YUV444P16", 40), ("YUV420PS", 1e-3), ("YUV444PS", 1e-3), ("RGB24", 1),
        ("RGB48", 40), ("RGBH", 2e-3), ("RGBS", 1e-3), ("GRAY8", 1), ("GRAY16", 40), ("GRAYS", 1e-3),
    ],
)  # fmt: skip
def test_formats(
    make_clip: ClipMaker, make_engine: EngineMaker, tiny_model: Model, name: str, tolerance: float
) -> None:
    """Pixels or properties that depend on where the conversion is done."""
    yuv = {"_Matrix": 9, "_ChromaLocation": 2} if name.startswith("YUV") else {}
    for props in ({**yuv, "_Range": 0, "user": 3}, {**yuv, "_Range": 1, "_Transfer": 16, "_Primaries": 9}):
        clip = make_clip(getattr(vs, name), 20, 16, 2, **props)
        mine = upscale(clip, make_engine(tiny_model))
        assert_same(mine, upscale(clip, torch_engine(tiny_model.generator)), tolerance)


def test_untagged_and_odd_tags(make_clip: ClipMaker, make_engine: EngineMaker, tiny_model: Model) -> None:
    """A guessed matrix not written, an older range property misread, reserved tags lost."""
    yuv = make_clip(vs.YUV420P8, 20, 16, 1).std.RemoveFrameProps(["_Matrix", "_Range", "_ChromaLocation"])
    odd = make_clip(vs.RGB24, 20, 16, 1).std.SetFrameProps(_Matrix=1, _Transfer=0, _Primaries=3)
    with pytest.warns(DeprecationWarning):
        older = make_clip(vs.GRAY8, 20, 16, 1).std.RemoveFrameProps("_Range").std.SetFrameProps(_ColorRange=0)
    for clip in (yuv, odd, older):
        assert_same(upscale(clip, make_engine(tiny_model)), upscale(clip, torch_engine(tiny_model.generator)), 1)


def test_mixed_tags(make_clip: ClipMaker, make_engine: EngineMaker, tiny_model: Model) -> None:
    """A conversion chosen once for the clip; and frames in between that only zimg converts (ICtCp)."""
    clip = make_clip(vs.YUV420P10, 20, 16, 5)
    kinds = [
        {"_Matrix": 1},
        {"_Matrix": 14, "_Transfer": 16, "_Primaries": 9},
        {"_Matrix": 6, "_Range": 1},
        {},
        {"_Matrix": 10, "_Transfer": 14, "_Primaries": 9},
    ]
    parts = [clip[k].std.SetFrameProps(**kind) if kind else clip[k] for k, kind in enumerate(kinds)]
    mixed = vs.core.std.Splice(parts)
    assert_same(upscale(mixed, make_engine(tiny_model)), upscale(mixed, torch_engine(tiny_model.generator)), 1)


def test_any_order_gives_the_same_frames(make_clip: ClipMaker, make_engine: EngineMaker, tiny_model: Model) -> None:
    """States or pinned buffers reused while a later request still needs them."""
    clip = make_clip(vs.YUV420P8, 20, 16, 12, _Matrix=1)
    linear = [planes(frame) for frame in upscale(clip, make_engine(tiny_model), restart=5, warmup=2).frames()]
    again = upscale(clip, make_engine(tiny_model), restart=5, warmup=2, memory=1)
    order = np.random.default_rng(2).permutation(12).tolist()
    futures = [(n, again.get_frame_async(n)) for n in order + order[::-1]]
    for n, future in futures:
        for a, b in zip(planes(future.result()), linear[n], strict=True):
            np.testing.assert_array_equal(a, b)


def test_repeats_are_held(make_clip: ClipMaker, make_engine: EngineMaker, tiny_model: Model) -> None:
    """A repeated frame that runs the network again, or a frame with new meaning taken for a repeat."""
    one = make_clip(vs.YUV420P8, 20, 16, 1, _Matrix=1)
    clip = vs.core.std.Splice([one, one, one.std.SetFrameProps(_Matrix=9), one])
    frames = list(upscale(clip, make_engine(tiny_model)).frames())
    for a, b in zip(planes(frames[0]), planes(frames[1]), strict=True):
        np.testing.assert_array_equal(a, b)
    host = list(upscale(clip, torch_engine(tiny_model.generator)).frames())
    for mine, theirs in zip(frames, host, strict=True):
        assert all(np.abs(a - b).max() <= 1 for a, b in zip(planes(mine), planes(theirs), strict=True))


def test_repeats_are_told_bit_for_bit(core: vs.Core, make_engine: EngineMaker, tiny_model: Model) -> None:
    """NaN not equal to itself, one sample or one tag overlooked; a state that claims no memory."""
    clip = core.std.BlankClip(format=vs.YUV444PS, width=9, height=8, length=1).std.SetFrameProps(_Matrix=1)
    engine = make_engine(tiny_model)
    colour = Colour(clip=clip, matrix=None, log=[].append, reads=True, writes=True)
    recurrence = EngineRecurrence(engine, EngineThread(), colour, clamp=True, props={})
    frame = colour.to_coded().get_frame(0).copy()
    np.asarray(frame[1])[2, 3] = np.nan
    zero = recurrence.zero(frame)
    assert not recurrence.is_repeat(zero, frame) and recurrence.nbytes(zero) == 0
    shown = recurrence.step(zero, frame)
    same, sample, tag = frame.copy(), frame.copy(), frame.copy()
    np.asarray(sample[2])[7, 8] = 1e-30
    tag.props[TAGS] = replace(Tags.carried(tag.props), matrix=9).as_prop()
    assert [recurrence.is_repeat(shown, other) for other in (same, sample, tag)] == [True, False, False]
    assert recurrence.nbytes(shown) == 9 * 8 * 3 * 4 * 18
    assert np.isfinite(np.asarray(recurrence.write(shown, frame)[1])).all()


def test_bad_frames_fail_alone(make_clip: ClipMaker, make_engine: EngineMaker, tiny_model: Model) -> None:
    """An interlaced frame upscaled in silence because nothing on the host looked at it."""
    clip = make_clip(vs.YUV420P8, 20, 16, 3, _Matrix=1)
    mixed = vs.core.std.Splice([clip[0], clip[1].std.SetFrameProps(_FieldBased=2), clip[2]])
    out = upscale(mixed, make_engine(tiny_model))
    out.get_frame(0)
    with pytest.raises(vs.Error, match=r"tecogan: frame 1: _FieldBased=2"):
        out.get_frame(1)


def test_tiled_frames_are_converted_on_the_device(
    make_clip: ClipMaker, make_engine: EngineMaker, tiny_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large frames that take another way than small ones: converted by the host, slowly, and as floats over the bus."""
    clip, taken = make_clip(vs.YUV420P8, 80, 72, 2, _Matrix=1), []
    load = CudaDevice.load

    def noting(self: CudaDevice, planes: list[np.ndarray], coding: Coding, *, clamp: bool) -> Any:
        taken.append(coding.sample)
        return load(self, planes, coding, clamp=clamp)

    monkeypatch.setattr(CudaDevice, "load", noting)
    expected = upscale(clip, torch_engine(tiny_model.generator, tile=(70, 70)))
    assert_same(upscale(clip, make_engine(tiny_model, tile=(70, 70))), expected, 1)
    assert taken == ["u8", "u8"]


@pytest.mark.gpu
@needs_device
def test_the_filter_takes_the_device(make_clip: ClipMaker, tiny_model: Model) -> None:
    """The whole filter on its own device, at its own precision, against the CPU."""
    clip = make_clip(vs.YUV420P8, 64, 48, 6, _Matrix=1)
    mine = tecogan(clip, tiny_model, device="cuda", scene_change=False)
    host = tecogan(clip, tiny_model, device="cpu", precision="fp32", scene_change=False)
    assert_same(mine, host, 2)
