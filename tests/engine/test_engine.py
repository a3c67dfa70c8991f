"""Engines: the choice of device and precision, exactness, and what a state is."""

import itertools
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from vs_tecogan.colour.coding import Coding
from vs_tecogan.engine import Engine, State, create_engine, resolve_device, resolve_precision
from vs_tecogan.errors import EngineError
from vs_tecogan.hardware import has_native_bf16
from vs_tecogan.networks import Dialect, Generator, GeneratorSpec
from vs_tecogan.video.read import video_frames
from vs_tecogan.weights import Model, ModelCard

from .runtimes import torch_engine


def tiny_model(dialect: Dialect = Dialect.BD, scale: int = 4, flow_rounds: int = 0) -> Model:
    torch.manual_seed(3)
    spec = GeneratorSpec(scale=scale, blocks=1, dialect=dialect, flow_rounds=flow_rounds)
    return Model(Generator(spec).eval(), ModelCard(name="tiny", spec=spec))


def moving_model(flow_rounds: int) -> Model:
    """The same weights for any number of rounds, with flows of pixels."""
    model = tiny_model(flow_rounds=flow_rounds)
    for parameter in model.generator.fnet.flow[-1].parameters():
        parameter.data *= 20
    return model


def frames(count: int, height: int = 17, width: int = 23) -> list[list[np.ndarray]]:
    """Random RGB frames, as strided views like those of a video frame."""
    padded = np.random.default_rng(5).random((count, 3, height, width + 9), dtype=np.float32)
    return [[plane[:, :width] for plane in frame] for frame in padded]


def real_frames(shared: Path, count: int) -> list[np.ndarray]:
    """The first frames of an evaluation clip, (H, W, 3) float32 in [0, 1]; skips where there is none."""
    clips = sorted((shared / "data" / "eval").glob("*.mkv"))
    if not clips:
        pytest.skip(f"no evaluation clips in {shared / 'data' / 'eval'}")
    return [frame.astype(np.float32) / 255 for frame in itertools.islice(video_frames(clips[0]), count)]


def run(engine: Engine, clip: list[list[np.ndarray]]) -> list[np.ndarray]:
    height, width = clip[0][0].shape
    state, outputs = engine.zero_state(height, width), []
    for planes in clip:
        state = engine.step(state, planes)
        out = np.full((3, height * engine.scale, width * engine.scale), np.nan, np.float32)
        engine.read(state, list(out))
        outputs.append(out)
    return outputs


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("scale", [2, 4])
def test_fp32_equals_the_plain_network(dialect: Dialect, scale: int) -> None:
    """The engine is the network, frame by frame: whatever is fused or packed must not change the picture."""
    model, clip = tiny_model(dialect, scale), frames(4)
    lr = torch.from_numpy(np.stack([np.stack(planes) for planes in clip]))[None]
    with torch.inference_mode():
        expected = model.generator(lr)[0][0].numpy()
    for out, reference in zip(run(create_engine(model, device="cpu", precision="fp32"), clip), expected, strict=True):
        np.testing.assert_allclose(out, reference, atol=1e-4, rtol=0)


@pytest.mark.parametrize("size", [(17, 23), (5, 3)])
@pytest.mark.parametrize("kind", ["chosen", "torch"])
def test_refined_flow_equals_the_plain_network(kind: str, size: tuple[int, int]) -> None:
    """An engine that does not refine whatever the model says, or refines against frames in lower precision."""
    model, clip = moving_model(2), frames(4, *size)
    engine = create_engine(model, device="cpu", precision="fp32") if kind == "chosen" else torch_engine(model.generator)
    lr = torch.from_numpy(np.stack([np.stack(planes) for planes in clip]))[None]
    with torch.inference_mode():
        expected = model.generator(lr)[0][0].numpy()
        once = moving_model(0).generator(lr)[0][0].numpy()
    outputs = run(engine, clip)
    for out, reference in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(out, reference, atol=1e-3, rtol=0)
    if size == (17, 23):  # flow is small where there is little to see
        assert np.abs(np.stack(outputs) - once).max() > 0.01


@pytest.mark.parametrize("kind", ["chosen", "torch"])
def test_refined_flow_in_bf16(kind: str) -> None:
    """A flow or frame of another type than the refinement takes."""
    model, clip = moving_model(2), frames(3)
    engine = create_engine(model, device="cpu", precision="bf16")
    outputs = run(engine if kind == "chosen" else torch_engine(model.generator, "bf16"), clip)
    assert np.isfinite(np.stack(outputs)).all()


@pytest.mark.parametrize("size", [(1, 1), (2, 5), (8, 8), (9, 31)])
def test_bf16_is_close(size: tuple[int, int]) -> None:
    """bf16 convolutions stay within a few 8-bit levels of fp32 on random weights, at every odd size."""
    model, clip = tiny_model(), frames(3, *size)
    exact = run(create_engine(model, device="cpu", precision="fp32"), clip)
    for a, b in zip(run(create_engine(model, device="cpu", precision="bf16"), clip), exact, strict=True):
        assert np.abs(a - b).max() < 0.05


def test_states_are_values() -> None:
    """Stepping twice from one state gives the same bits, and leaves the state as it was."""
    engine, clip = create_engine(tiny_model(), device="cpu"), frames(3)
    state = engine.step(engine.step(engine.zero_state(17, 23), clip[0]), clip[1])
    ((hr,),) = state.memories
    assert state.lr is not None
    before = state.lr.clone(), hr.clone()
    first, second = engine.step(state, clip[2]), engine.step(state, clip[2])
    assert torch.equal(state.lr, before[0]) and torch.equal(hr, before[1])
    assert torch.equal(first.memories[0][0], second.memories[0][0])


def test_input_memory_is_not_kept() -> None:
    """VapourSynth reuses frame memory: overwriting the planes after a step must not reach into the state."""
    engine, clip = create_engine(tiny_model(), device="cpu", precision="fp32"), frames(2)
    expected = run(engine, clip)[1]
    first = [plane.copy() for plane in clip[0]]
    state = engine.step(engine.zero_state(17, 23), first)
    for plane in first:
        plane[...] = 7
    out = np.empty_like(expected)
    engine.read(engine.step(state, clip[1]), list(out))
    np.testing.assert_array_equal(out, expected)


def test_same_bits_on_any_thread() -> None:
    """A step called from another thread gives the same bits."""
    engine, clip = create_engine(tiny_model(), device="cpu"), frames(2)
    expected, results = run(engine, clip)[1], []
    worker = threading.Thread(target=lambda: results.append(run(engine, clip)[1]))
    worker.start()
    worker.join()
    np.testing.assert_array_equal(results[0], expected)


def test_sizes() -> None:
    """Memory that is not counted, a zero state that gives a picture."""
    engine, clip = create_engine(tiny_model(), device="cpu"), frames(1)
    zero = engine.zero_state(17, 23)
    state = engine.step(zero, clip[0])
    assert engine.nbytes(zero) == 0
    assert engine.nbytes(state) >= 17 * 23 * 3 * 4 * 16
    with pytest.raises(ValueError, match="zero state"):
        engine.read(zero, list(np.empty((3, 68, 92), np.float32)))
    assert isinstance(state, State)


@pytest.mark.parametrize("kind", ["chosen", "torch"])
def test_clamping(kind: str) -> None:
    """Samples out of range or NaN let into the network where clamping is asked for, or clamped where it is not."""
    model, clip = tiny_model(), frames(1)[0]
    engine = create_engine(model, device="cpu", precision="fp32") if kind == "chosen" else torch_engine(model.generator)
    wild = [plane.copy() for plane in clip]
    wild[0][2, 3], wild[1][4, 5], wild[2][6, 7], wild[2][0, 0] = 1.5, -0.5, np.nan, np.inf
    state = engine.step(engine.zero_state(17, 23), wild, clamp=True)
    assert state.lr is not None
    lr = state.lr[0]
    assert [float(x) for x in (lr[0, 2, 3], lr[1, 4, 5], lr[2, 6, 7], lr[2, 0, 0])] == [1, 0, 0, 1]
    plain = engine.step(engine.zero_state(17, 23), wild).lr
    assert plain is not None and float(plain[0, 0, 2, 3]) == 1.5


def test_a_coding_that_an_engine_does_not_read_is_refused() -> None:
    """Bytes read as floats."""
    coding, engine = Coding(family="rgb", sample="u8", bits=8), create_engine(tiny_model(), device="cpu")
    assert not engine.reads_coded
    with pytest.raises(ValueError, match="expected RGBS"):
        engine.step(engine.zero_state(8, 8), [np.zeros((8, 8), np.uint8)] * 3, coding)


def test_choices() -> None:
    """Auto precision follows the hardware; wrong names and missing devices are refused with what was given."""
    assert resolve_precision("cpu", "auto")[0] == ("bf16" if has_native_bf16() else "fp32")
    assert resolve_device("cpu") == "cpu"
    for device in ("gpu", "cuda:x", "", "CPU"):
        with pytest.raises(EngineError, match="is not known"):
            resolve_device(device)
    for precision, words in (("fp8", "is not known"), ("fp16", "no fast half")):
        with pytest.raises(EngineError, match=words):
            resolve_precision("cpu", precision)
    if not torch.cuda.is_available():
        assert resolve_device(None) == "cpu"
        with pytest.raises(EngineError, match="finds no CUDA device"):
            create_engine(tiny_model(), device="cuda")
