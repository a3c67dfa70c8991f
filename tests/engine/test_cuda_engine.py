"""The CUDA engine: its numbers on emulated kernels, its bookkeeping on queues that run late; all of it on a device."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vs_tecogan.colour.coding import PLAIN, Coding
from vs_tecogan.engine import State, create_engine
from vs_tecogan.engine.cuda.device import AHEAD
from vs_tecogan.engine.cuda.frvsr import CudaFrvsr
from vs_tecogan.engine.cuda.network import TAIL_HALO, BareConv
from vs_tecogan.engine.cuda.pictures import Converter, nbytes
from vs_tecogan.engine.cuda.runtime import STAGING_DEPTH, Queue
from vs_tecogan.engine.runner import NetworkEngine
from vs_tecogan.networks import Dialect, Generator, GeneratorSpec
from vs_tecogan.ops import cuda
from vs_tecogan.weights import Model, generator_from_tensorflow, load_model

from ..golden import OFFICIAL, PUBLISHED, Variant, state_dict, tensorflow_variables, vectors
from .runtimes import LazyRuntime, device_engine, emulated_engine, torch_engine
from .test_engine import frames, moving_model, run, tiny_model

needs_device = pytest.mark.skipif(not cuda.available(), reason="no CUDA device with CuPy")
SIZES = [(17, 23), (7, 5), (1, 1), (8, 30), (40, 24)]

EngineMaker = Callable[..., NetworkEngine]


def emulated(model: Model, precision: str = "fp32", **options: Any) -> NetworkEngine:
    return emulated_engine(model.generator, precision, **options)


def on_device(model: Model, precision: str = "fp32", **options: Any) -> NetworkEngine:
    return device_engine(model.generator, precision, **options)


PLACES = [
    pytest.param(emulated, id="emulated"),
    pytest.param(on_device, id="device", marks=[pytest.mark.gpu, needs_device]),
]


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(params=PLACES)
def make(request: pytest.FixtureRequest) -> EngineMaker:
    """Makes the engine, emulated, and on a device where there is one."""
    maker: EngineMaker = request.param
    return maker


def output(engine: NetworkEngine, state: State) -> np.ndarray:
    assert state.lr is not None
    height, width = (engine.scale * side for side in state.lr.shape[2:])
    planes = np.full((3, height, width), np.nan, np.float32)
    engine.read(state, list(planes))
    return planes


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("size", SIZES)
def test_equals_the_plain_network(make: EngineMaker, dialect: Dialect, size: tuple[int, int]) -> None:
    """A kernel in the wrong place, a bias lost on the way, flow padded otherwise, a buffer read too early."""
    model, clip = tiny_model(dialect), frames(4, *size)
    expected = run(torch_engine(model.generator), clip)
    for mine, reference in zip(run(make(model), clip), expected, strict=True):
        np.testing.assert_allclose(mine, reference, atol=2e-4, rtol=0)


@pytest.mark.parametrize("size", [(17, 23), (5, 3)])
def test_refined_flow(make: EngineMaker, size: tuple[int, int]) -> None:
    """Flow refined against frames that are not there yet, or those of another step."""
    model, clip = moving_model(2), frames(4, *size)
    expected = run(torch_engine(model.generator), clip)
    outputs = run(make(model), clip)
    for mine, reference in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(mine, reference, atol=1e-3, rtol=0)
    once = run(torch_engine(moving_model(0).generator), clip)
    if size == (17, 23):  # flow is small where there is little to see
        assert np.abs(np.stack(outputs) - np.stack(once)).max() > 0.01


@pytest.mark.parametrize("variant", [*PUBLISHED, None], ids=lambda variant: variant.file if variant else OFFICIAL)
def test_golden_vectors(make: EngineMaker, variant: Variant | None, tmp_path: Path) -> None:
    """A published network that runs otherwise than where it was published."""
    path = tmp_path / "G_iter1.pth"
    if variant is None:
        model = replace(tiny_model(), network=generator_from_tensorflow(tensorflow_variables()))
    else:
        torch.save(state_dict(variant), path)
        model = load_model(path)
    arrays = vectors(variant.file if variant else OFFICIAL)
    for mine, expected in zip(run(make(model), [list(frame) for frame in arrays["lr"]]), arrays["out"], strict=True):
        np.testing.assert_allclose(mine, expected, atol=5e-4, rtol=0)


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize(("precision", "tolerance"), [("bf16", 0.06), ("fp16", 0.01)])
def test_half_precision_is_close(make: EngineMaker, precision: str, tolerance: float, scale: int) -> None:
    """Half floats that reach into flow, warp, skip or state, or overflow."""
    model, clip = tiny_model(scale=scale), frames(4)
    expected = run(torch_engine(model.generator), clip)
    for mine, reference in zip(run(make(model, precision), clip), expected, strict=True):
        assert np.abs(mine - reference).max() < tolerance


def test_any_number_of_channels() -> None:
    """Channels padded to multiples of eight that leak into the picture."""
    torch.manual_seed(0)
    for dialect, channels in ((Dialect.BD, 12), (Dialect.TF, 20), (Dialect.EGVSR, 16)):
        generator = Generator(GeneratorSpec(blocks=2, channels=channels, dialect=dialect)).eval()
        model, clip = replace(tiny_model(), network=generator), frames(3, 9, 10)
        expected = run(torch_engine(generator), clip)
        for mine, reference in zip(run(emulated(model), clip), expected, strict=True):
            np.testing.assert_allclose(mine, reference, atol=2e-4, rtol=0)


def test_bands_join(monkeypatch: pytest.MonkeyPatch) -> None:
    """A halo too small for what an output row depends on."""
    assert TAIL_HALO == 1
    for dialect in Dialect:
        model, clip = tiny_model(dialect), frames(2, 37, 11)
        whole = run(emulated(model), clip)
        with monkeypatch.context() as patch:
            patch.setattr("vs_tecogan.engine.cuda.network.TAIL_BYTES", 1)
            banded = run(emulated(model), clip)
        for a, b in zip(banded, whole, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5, rtol=0)


def test_states_outlive_later_steps(make: EngineMaker) -> None:
    """A graph's output buffer handed out as a state: the next replay would change it under the scheduler's feet."""
    engine, clip = make(tiny_model()), frames(6)
    states = [engine.zero_state(17, 23)]
    for planes in clip:
        states.append(engine.step(states[-1], planes))
    late = [output(engine, state) for state in states[1:]]  # all queued before the first is read
    for mine, reference in zip(late, run(make(tiny_model()), clip), strict=True):
        np.testing.assert_array_equal(mine, reference)
    again = engine.step(states[2], clip[2])  # from a state in the middle, after others
    np.testing.assert_array_equal(output(engine, again), late[2])
    first = engine.step(engine.zero_state(17, 23), clip[0])  # no trace of the last flow or warp
    np.testing.assert_array_equal(output(engine, first), late[0])
    np.testing.assert_array_equal(output(engine, states[6]), late[5])


def test_fetches_may_be_read_late_and_in_any_order(make: EngineMaker) -> None:
    """A pinned buffer given to a second download before the first was read, by whichever thread."""
    engine, clip = make(tiny_model()), frames(6)
    state, waits = engine.zero_state(17, 23), []
    outputs = [np.empty((3, 68, 92), np.float32) for _ in clip]
    for planes, out in zip(clip, outputs, strict=True):
        state = engine.step(state, planes)
        waits.append(engine.begin_read(state, list(out)))
    for k in (3, 0, 5):
        waits[k]()
    rest = threading.Thread(target=lambda: [waits[k]() for k in (1, 2, 4)])
    rest.start()
    rest.join()
    for mine, reference in zip(outputs, run(make(tiny_model()), clip), strict=True):
        np.testing.assert_array_equal(mine, reference)


def test_input_planes_may_be_reused_at_once(make: EngineMaker) -> None:
    """VapourSynth frees a frame's memory when the step returns, which is before the device has read anything."""
    engine, clip = make(tiny_model()), frames(5)
    state, scratch = engine.zero_state(17, 23), [np.empty((17, 23), np.float32) for _ in range(3)]
    for planes in clip:
        for mine, plane in zip(scratch, planes, strict=True):
            mine[...] = plane
        state = engine.step(state, scratch)
        for mine in scratch:
            mine[...] = np.nan
    np.testing.assert_array_equal(output(engine, state), run(make(tiny_model()), clip)[-1])


def test_coded_pictures(make: EngineMaker) -> None:
    """Planes of bytes that do not reach the network as the same picture given in floats, or come back elsewhere."""
    engine, rng = make(tiny_model()), np.random.default_rng(3)
    rgb = Coding(family="rgb", sample="u8", bits=8, full_range=True)
    codes = [rng.integers(0, 256, (3, 18, 24), np.uint8) for _ in range(3)]
    plain, coded = engine.zero_state(18, 24), engine.zero_state(18, 24)
    for picture in codes:
        plain = engine.step(plain, list(picture.astype(np.float32) / np.float32(255)))
        coded = engine.step(coded, list(picture), rgb)
    np.testing.assert_allclose(output(engine, coded), output(engine, plain), atol=1e-5)
    back = [np.zeros((72, 96), np.uint8) for _ in range(3)]
    engine.read(coded, back, rgb)
    expected = np.rint(np.clip(output(engine, coded) * np.float32(255), 0, 255))
    assert np.abs(np.stack(back) - expected).max() <= 1
    assert (np.stack(back) != expected).mean() < 1e-3
    with pytest.raises(ValueError, match="expected"):
        engine.step(coded, list(codes[0].astype(np.uint16)), rgb)
    assert engine.reads_coded and engine.writes_coded


def test_two_engines_do_not_mix(make: EngineMaker) -> None:
    """Buffers, graphs or streams shared between engines: two filters in one script."""
    models = tiny_model(), tiny_model(Dialect.TF)
    clip = frames(4)
    apart = [run(make(model), clip) for model in models]
    engines = [make(model) for model in models]
    states = [engine.zero_state(17, 23) for engine in engines]
    for k, planes in enumerate(clip):
        states = [engine.step(state, planes) for engine, state in zip(engines, states, strict=True)]
        for engine, state, outputs in zip(engines, states, apart, strict=True):
            np.testing.assert_array_equal(output(engine, state), outputs[k])


def test_sizes_take_turns(make: EngineMaker) -> None:
    """Graphs of two sizes, as tiles of a frame have, that write into each other's memory."""
    engine = make(tiny_model())
    clips = [frames(3, 17, 23), frames(3, 24, 9)]
    apart = [run(make(tiny_model()), clip) for clip in clips]
    states = [engine.zero_state(*clip[0][0].shape) for clip in clips]
    for k in range(3):
        for index, clip in enumerate(clips):
            states[index] = engine.step(states[index], clip[k])
            np.testing.assert_array_equal(output(engine, states[index]), apart[index][k])


def test_memory_is_counted(make: EngineMaker) -> None:
    """As for the other engines: states that claim no memory, a picture before the first step."""
    engine = make(tiny_model())
    zero = engine.zero_state(17, 23)
    state = engine.step(zero, frames(1)[0])
    assert engine.nbytes(zero) == 0 and engine.nbytes(state) == 17 * 23 * 3 * 4 * 17
    with pytest.raises(ValueError, match="zero state"):
        engine.read(zero, list(np.empty((3, 68, 92), np.float32)))


def test_tiles(make: EngineMaker) -> None:
    """Tiles whose memories or buffers mix, joined elsewhere than on the device, or from images not there yet."""
    model = tiny_model(scale=2)
    clip = frames(3, 90, 80)
    expected = run(torch_engine(model.generator, tile=(70, 70)), clip)
    for mine, reference in zip(run(make(model, tile=(70, 70)), clip), expected, strict=True):
        np.testing.assert_allclose(mine, reference, atol=2e-4, rtol=0)


def test_tiles_take_coded_pictures(make: EngineMaker) -> None:
    """Large frames that lose the device's own colour conversion, or chroma converted tile by tile, with seams."""
    model, coding = tiny_model(scale=2), Coding(family="yuv", sample="u8", bits=8, shift_x=1, shift_y=1)
    rng = np.random.default_rng(1)
    codes = [rng.integers(16, 236, shape, np.uint8) for shape in coding.plane_shapes(90, 80)]
    outputs = []
    for tile in ((70, 70), (96, 96)):
        engine = make(model, tile=tile)
        state = engine.step(engine.step(engine.zero_state(90, 80), codes, coding), codes, coding)
        planes = [np.zeros(shape, np.uint8) for shape in coding.plane_shapes(180, 160)]
        engine.read(state, planes, coding)
        outputs.append(planes)
        assert len(state.memories) == (4 if tile == (70, 70) else 1)
    for mine, whole in zip(*outputs, strict=True):
        assert np.abs(mine.astype(int) - whole).mean() < 0.5 and whole.any()


def test_steps_wait_for_nothing() -> None:
    """A step or a fetch that waits for the device would keep the next frame from being prepared meanwhile."""
    runtime = LazyRuntime()
    engine = emulated(tiny_model(), runtime=runtime)
    state = engine.step(engine.zero_state(17, 23), frames(1)[0])  # captures, once
    engine.read(state, list(np.empty((3, 68, 92), np.float32)))
    assert runtime.captured == 2
    state = engine.step(state, frames(2)[1])
    engine.begin_read(state, list(np.empty((3, 68, 92), np.float32)))
    assert not any(runtime.reached(runtime.mark(queue)) for queue in Queue)
    assert runtime.captured == 2


def test_steps_do_not_run_ahead_for_ever() -> None:
    """Requests of many threads, each queueing its step and holding its state, would fill the device's memory."""
    engine, clip = emulated(tiny_model(), runtime=(runtime := LazyRuntime())), frames(3 * AHEAD)
    state, states = engine.zero_state(17, 23), []
    for planes in clip:
        state = engine.step(state, planes)
        states.append(state)
        assert sum(not runtime.reached(state.ready) for state in states) == min(len(states), AHEAD)


def test_memory_of_other_queues_is_kept() -> None:
    """Memory freed while another stream still reads it is given to the next tensor by torch's allocator."""
    runtime = LazyRuntime()
    engine = emulated(tiny_model(), runtime=runtime)
    state = engine.step(engine.zero_state(17, 23), frames(1)[0])
    engine.begin_read(state, list(np.empty((3, 68, 92), np.uint8)), Coding(family="rgb", sample="u8", bits=8))
    assert (Queue.DOWNLOAD, state.memories[0][0].data_ptr()) in runtime.used
    assert any(queue is Queue.COMPUTE for queue, _ in runtime.used)  # the raw picture


def test_constants_lie_in_the_queue_that_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights and tables in another stream's memory: freed with the engine, it is overwritten under queued steps."""
    runtime, seen = LazyRuntime(), []

    def note(kind: type, name: str) -> None:
        original = getattr(kind, name)

        def noting(*arguments: object, **options: object) -> object:
            seen.append((kind, runtime.running))
            return original(*arguments, **options)

        monkeypatch.setattr(kind, name, noting)

    note(BareConv, "__init__")
    note(Converter, "_to_device")
    engine = emulated(tiny_model(), runtime=runtime)
    assert set(seen) == {(BareConv, Queue.COMPUTE)}
    seen.clear()
    coding = Coding(family="yuv", sample="u8", bits=8, shift_x=1, shift_y=1)
    picture = [np.zeros(shape, np.uint8) for shape in coding.plane_shapes(8, 8)]
    state = engine.step(engine.zero_state(8, 8), picture, coding)
    runtime.finish(runtime.mark(Queue.COMPUTE))
    assert seen == 5 * [(Converter, Queue.COMPUTE)]
    seen.clear()
    engine.read(state, [np.empty(shape, np.uint8) for shape in coding.plane_shapes(32, 32)], coding)
    assert seen == 5 * [(Converter, Queue.DOWNLOAD)]


def test_pinned_memory_is_bounded() -> None:
    """A pinned buffer for each frame would fill the machine's memory."""
    runtime = LazyRuntime()
    engine, clip = emulated(tiny_model(), runtime=runtime), frames(9)
    state = engine.zero_state(17, 23)
    for planes in clip:
        state = engine.step(state, planes)
        output(engine, state)
    size = nbytes(PLAIN, 17, 23)
    assert runtime.pinned_bytes <= STAGING_DEPTH * size + 16 * size


def test_without_graphs() -> None:
    """A driver that refuses to capture must cost speed, not the picture."""
    clip = frames(3)
    expected = run(emulated(tiny_model()), clip)
    plain = run(emulated(tiny_model(), runtime=LazyRuntime(fail_captures=True)), clip)
    np.testing.assert_array_equal(np.stack(plain), np.stack(expected))


@pytest.mark.parametrize("fail_captures", [False, True])
def test_engine_goes_when_nobody_holds_it(fail_captures: bool) -> None:
    """A cycle of references: each reload of a script would keep the last one's memory on the device."""
    engine = emulated(tiny_model(), runtime=LazyRuntime(fail_captures=fail_captures))
    run(engine, frames(2))
    gc.collect()
    gc.disable()
    try:
        alive = weakref.ref(engine)
        del engine
        assert alive() is None
    finally:
        gc.enable()


def test_out_of_memory_is_survived_once(caplog: pytest.LogCaptureFixture) -> None:
    """Memory that graphs hold is given back and the step repeated; then the user is told what to do, in one line."""
    runtime, clip = LazyRuntime(), frames(3)
    engine = emulated(tiny_model(), runtime=runtime)
    expected = run(emulated(tiny_model()), clip)
    state = engine.step(engine.step(engine.zero_state(17, 23), clip[0]), clip[1])
    runtime.full = 1
    state = engine.step(state, clip[2])
    np.testing.assert_array_equal(output(engine, state), expected[2])
    assert runtime.trimmed
    line = "tecogan: cpu ran out of memory at frames of 23x17; going on without CUDA graphs for a while, slower"
    assert caplog.messages == [line]
    runtime.full = 2
    with pytest.raises(MemoryError, match=r"^cpu has too little free memory for frames of 23x17; give tile=.*$"):
        engine.step(state, clip[2])
    np.testing.assert_array_equal(output(engine, engine.step(engine.zero_state(17, 23), clip[0])), expected[0])


def test_graphs_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """One short moment without memory, of another program's say, that leaves a film of hours without graphs."""
    monkeypatch.setattr("vs_tecogan.engine.cuda.plans.FIRST_PAUSE", 6)
    runtime, clip = LazyRuntime(), frames(12)
    engine, state, captured = emulated(tiny_model(), runtime=runtime), State(None, ()), []
    for k, planes in enumerate(clip):
        runtime.full = int(k in (2, 6))
        state = engine.step(state, planes)
        captured.append(runtime.captured)
    # two plans a frame: the sixth after the first time has a graph again, and the twelfth after the second
    assert captured == [2, 2, 2, 2, 3, 4, 4, 4, 4, 4, 4, 5]
    np.testing.assert_array_equal(output(engine, state), run(emulated(tiny_model()), clip)[-1])


@pytest.mark.gpu
@needs_device
def test_same_bits_every_time() -> None:
    """An algorithm chosen by timing, or one that adds in any order: two engines must agree to the bit."""
    for precision in ("fp16", "bf16", "fp32"):
        model, clip = tiny_model(), frames(4, 120, 67)
        once, again = (np.stack(run(on_device(model, precision), clip)) for _ in range(2))
        np.testing.assert_array_equal(once, again)


@pytest.mark.gpu
@needs_device
def test_graphs_give_what_single_launches_give(caplog: pytest.LogCaptureFixture) -> None:
    """A captured step that differs from the same step run launch by launch, or one that could not be captured."""
    model, clip = tiny_model(), frames(4, 64, 96)
    plain = on_device(model, "fp16")
    assert isinstance(plain._network, CudaFrvsr)
    plain._network.release()
    np.testing.assert_array_equal(np.stack(run(on_device(model, "fp16"), clip)), np.stack(run(plain, clip)))
    assert "without a CUDA graph" not in caplog.text


@pytest.mark.gpu
@needs_device
def test_engines_on_threads_at_once(caplog: pytest.LogCaptureFixture) -> None:
    """Captures under way in two threads, which fail each other, and memory that garbage collection frees meanwhile."""
    clip = frames(6, 48, 64)
    expected = run(on_device(tiny_model(), "fp16"), clip)
    results: list[list[np.ndarray]] = []

    def work() -> None:
        results.append(run(on_device(tiny_model(), "fp16"), clip))
        gc.collect()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 3 and "without a CUDA graph" not in caplog.text
    for result in results:
        np.testing.assert_array_equal(np.stack(result), np.stack(expected))


@pytest.mark.gpu
@needs_device
def test_last_device_of_several() -> None:
    """A stream, kernel or graph made on the first device where another was asked for."""
    device = f"cuda:{torch.cuda.device_count() - 1}"
    clip = frames(3)
    run(on_device(tiny_model()), clip)
    engine = device_engine(tiny_model().generator, device=device)
    np.testing.assert_allclose(
        np.stack(run(engine, clip)), np.stack(run(torch_engine(tiny_model().generator), clip)), atol=2e-4
    )


@pytest.mark.gpu
@needs_device
def test_create_engine_takes_the_kernels() -> None:
    """Torch's own operators taken in silence on a machine where the kernels work."""
    engine = create_engine(tiny_model(), device="cuda")
    assert engine.precision == "fp16"
    assert engine.reads_coded
