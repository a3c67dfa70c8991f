"""RecurrentSR in the engines: the network's own arithmetic, whole and in tiles, with and without look-ahead."""

import numpy as np
import pytest
import torch
from torch import Tensor

from vs_tecogan.colour.coding import PLAIN
from vs_tecogan.engine import create_engine
from vs_tecogan.engine.cpu.recurrent import cubic_kernel
from vs_tecogan.engine.device import Device
from vs_tecogan.engine.runner import NetworkEngine
from vs_tecogan.engine.torch import TorchFrvsr
from vs_tecogan.networks import Alignment, RecurrentSpec, RecurrentSR
from vs_tecogan.ops import depth_to_space, upsample_bicubic
from vs_tecogan.weights import Model, ModelCard

from .runtimes import LazyRuntime, emulated_engine, torch_engine
from .test_engine import frames, tiny_model

SPECS = [
    RecurrentSpec(channels=8, blocks=1),
    RecurrentSpec(scale=2, channels=64, blocks=1),
    RecurrentSpec(channels=8, blocks=1, residual=False, ahead=0),
    RecurrentSpec(channels=8, blocks=1, alignment=Alignment.NONE),
]


def recurrent_model(spec: RecurrentSpec) -> Model:
    torch.manual_seed(2)
    network = RecurrentSR(spec, impl="torch").eval()
    # A fresh network's picture is nearly the skip: give its past and its trunk a say.
    network.conv_out.weight.data *= 3
    return Model(network, ModelCard(name="tiny", spec=spec))


def moving(count: int, height: int, width: int) -> list[list[np.ndarray]]:
    """A picture that slides by a pixel and a half a frame, as float32 RGB planes."""
    wide = torch.rand(1, 3, height // 3 + 20, width // 3 + 20, generator=torch.Generator().manual_seed(4))
    large = torch.nn.functional.interpolate(wide, scale_factor=6, mode="bicubic")[0].clamp(0, 1)
    starts = [3 * k for k in range(count)]
    return [
        [np.ascontiguousarray(p[k : k + 2 * height : 2, k : k + 2 * width : 2]) for p in large.numpy()] for k in starts
    ]


def run(engine: NetworkEngine, clip: list[list[np.ndarray]]) -> np.ndarray:
    """A chain of all frames, each seeing the next."""
    height, width = clip[0][0].shape
    state, outputs = engine.zero_state(height, width), []
    for planes, after in zip(clip, [*clip[1:], None], strict=True):
        state = engine.step(state, planes, following=None if after is None else (after, PLAIN))
        out = np.full((3, height * engine.scale, width * engine.scale), np.nan, np.float32)
        engine.read(state, list(out))
        outputs.append(out)
    return np.stack(outputs)


def straight(network: RecurrentSR, clip: list[list[np.ndarray]]) -> np.ndarray:
    """The same by the network's own forward."""
    images = [torch.from_numpy(np.stack(planes))[None] for planes in clip]
    state, outputs = network.initial_state(1, *images[0].shape[2:]), []
    for k, image in enumerate(images):
        window: list[Tensor] = [images[max(k - 1, 0)], image, images[min(k + 1, len(images) - 1)]]
        with torch.inference_mode():
            picture, state = network(torch.cat(window[: network.spec.window], dim=1), state)
        outputs.append(picture[0].numpy())
    return np.stack(outputs)


def engine_of(kind: str, model: Model) -> NetworkEngine:
    """An engine on the CPU: chosen for it, of torch's operators, or CUDA's on emulated kernels."""
    if kind == "chosen":
        engine = create_engine(model, device="cpu", precision="fp32")
        assert isinstance(engine, NetworkEngine)
        return engine
    return torch_engine(model.network) if kind == "torch" else emulated_engine(model.network)


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("kind", ["chosen", "torch", "emulated"])
@pytest.mark.parametrize("size", [(26, 31), (3, 2)])
def test_fp32_equals_the_plain_network(spec: RecurrentSpec, kind: str, size: tuple[int, int]) -> None:
    """Would catch channels in another order, a flow or frame of the wrong side, a memory that is not warped."""
    model, clip = recurrent_model(spec), moving(4, *size)
    assert isinstance(model.network, RecurrentSR)
    engine = engine_of(kind, model)
    expected = straight(model.network, clip)
    out = run(engine, clip)
    # Refinements of the extension and of torch part where a choice among neighbours is a close one.
    assert float(np.quantile(np.abs(out - expected), 0.98)) < 2e-3
    np.testing.assert_allclose(out[0], expected[0], atol=1e-3, rtol=0) if kind == "torch" else None


def test_look_ahead_is_used() -> None:
    """Would catch an engine that lets the next frame fall, or one that looks at it where the model does not."""
    clip = moving(3, 20, 24)
    for spec in (SPECS[0], SPECS[2]):
        engine = create_engine(recurrent_model(spec), device="cpu", precision="fp32")
        assert engine.ahead == spec.ahead
        zero = engine.zero_state(20, 24)
        states = [engine.step(zero, clip[0], following=after) for after in (None, (clip[2], PLAIN))]
        different = not torch.equal(states[0].memories[0][0], states[1].memories[0][0])
        assert different == bool(spec.ahead)
    assert TorchFrvsr(tiny_model().generator, Device("cpu"), "fp32").ahead == 0


def test_tiles() -> None:
    """Would catch tiles whose features are another tile's, or that take the flow of another place."""
    model, clip = recurrent_model(RecurrentSpec(channels=8, blocks=1)), moving(3, 90, 80)
    whole = run(create_engine(model, device="cpu", precision="fp32"), clip)
    tiled = run(create_engine(model, device="cpu", precision="fp32", tile=(72, 72)), clip)
    assert np.abs(tiled - whole).max() < 0.02
    assert np.abs(tiled - whole).mean() < 1e-4


@pytest.mark.parametrize("size", [(1, 1), (9, 31)])
def test_bf16_is_close(size: tuple[int, int]) -> None:
    """Would catch a type that some convolution or operator refuses, or a memory kept in half precision."""
    model, clip = recurrent_model(SPECS[1]), frames(3, *size)
    exact = run(create_engine(model, device="cpu", precision="fp32"), clip)
    engine = create_engine(model, device="cpu", precision="bf16")
    assert np.abs(run(engine, clip) - exact).mean() < 0.02
    state = engine.step(engine.zero_state(*size), clip[0])
    assert {tensor.dtype for tensor in state.memories[0]} == {torch.float32}


def test_states_are_values() -> None:
    """Would catch a step that changes the memory it was given."""
    engine, clip = create_engine(recurrent_model(SPECS[0]), device="cpu"), moving(3, 20, 24)
    state = engine.step(engine.step(engine.zero_state(20, 24), clip[0]), clip[1])
    before = [tensor.clone() for tensor in state.memories[0]]
    first, second = engine.step(state, clip[2]), engine.step(state, clip[2])
    assert all(map(torch.equal, state.memories[0], before))
    assert all(map(torch.equal, first.memories[0], second.memories[0]))


@pytest.mark.parametrize("scale", [2, 4])
def test_the_skip_is_bicubic(scale: int) -> None:
    """Would catch a kernel that is mirrored or off by a pixel."""
    image = torch.rand(1, 3, 7, 9)
    around = torch.nn.functional.pad(image, (1, 2, 1, 2), mode="replicate")
    folded = torch.nn.functional.conv2d(around, cubic_kernel(scale), groups=3)
    folded = folded.view(1, 3, scale * scale, 7, 9).transpose(1, 2).reshape(1, -1, 7, 9)
    torch.testing.assert_close(depth_to_space(folded, scale), upsample_bicubic(image, scale), atol=1e-6, rtol=0)


def test_the_cuda_step_is_captured_once_for_a_size() -> None:
    """Would catch a graph for each frame, work that a graph does not repeat, and a memory that a later step touches."""
    model, clip, runtime = recurrent_model(SPECS[0]), moving(5, 26, 31), LazyRuntime()
    engine = emulated_engine(model.network, runtime=runtime)
    state, states = engine.zero_state(26, 31), []
    for planes, after in zip(clip, [*clip[1:], None], strict=True):
        state = engine.step(state, planes, following=None if after is None else (after, PLAIN))
        states.append(state)
    assert runtime.captured == 3  # flow to the frame before, to the one after, the network
    assert isinstance(model.network, RecurrentSR)
    for state, expected in zip(states, straight(model.network, clip), strict=True):
        out = np.full((3, 104, 124), np.nan, np.float32)
        engine.read(state, list(out))
        np.testing.assert_allclose(out, expected, atol=2e-4, rtol=0)


def test_the_cuda_step_without_graphs() -> None:
    """Would catch a step that needs its graphs: they are given up where memory runs out."""
    model, clip, runtime = recurrent_model(SPECS[0]), moving(3, 26, 31), LazyRuntime()
    engine = emulated_engine(model.network, runtime=runtime)
    expected = run(engine, clip)
    engine._network.release()
    np.testing.assert_array_equal(run(engine, clip), expected)
    assert runtime.captured == 3
