"""ONNX export: the graph that other runtimes run is the engine's step."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.engine.test_engine import moving_model
from tests.engine.test_recurrent import moving, recurrent_model, run
from vs_tecogan.cli import main
from vs_tecogan.engine import create_engine
from vs_tecogan.networks import RecurrentSpec
from vs_tecogan.onnx import export_onnx, frame_channels, state_channels
from vs_tecogan.weights import Model, save_model

pytest.importorskip("onnx", reason="the onnx package is not installed")
SIZE = 26, 34
MODELS = {"recurrent": lambda: recurrent_model(RecurrentSpec(channels=8, blocks=1)), "frvsr": lambda: moving_model(2)}


def onnxruntime_step(path: Path) -> Any:
    runtime = pytest.importorskip("onnxruntime", reason="the onnxruntime package is not installed")
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda frames, state: session.run(["picture", "next_state"], {"frames": frames, "state": state})


def openvino_step(path: Path) -> Any:
    openvino = pytest.importorskip("openvino", reason="the openvino package is not installed")
    model = openvino.Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def step(frames: np.ndarray, state: np.ndarray) -> list[np.ndarray]:
        result = model({"frames": frames, "state": state})
        return [result["picture"], result["next_state"]]

    return step


def through(step: Any, model: Model, clip: list[list[np.ndarray]]) -> np.ndarray:
    """A chain as a user of the graph runs it."""
    images = [np.stack(planes)[None] for planes in clip]
    state = np.zeros((1, state_channels(model.network), *SIZE), np.float32)
    looks_around = frame_channels(model.network) > 3
    outputs = []
    for k, image in enumerate(images):
        around = [images[max(k - 1, 0)], image, images[min(k + 1, len(images) - 1)]]
        frames = np.ascontiguousarray(np.concatenate(around, 1) if looks_around else image)
        picture, state = step(frames, state)
        outputs.append(picture[0])
    return np.stack(outputs)


@pytest.mark.parametrize("runtime", [onnxruntime_step, openvino_step])
@pytest.mark.parametrize("kind", MODELS)
def test_the_graph_is_the_step(kind: str, runtime: Any, tmp_path: Path) -> None:
    """Would catch an operator that a runtime computes otherwise, a state in another order, a warp of another grid."""
    model, clip = MODELS[kind](), moving(4, *SIZE)
    export_onnx(model, tmp_path / "m.onnx", height=SIZE[0], width=SIZE[1])
    expected = run(create_engine(model, device="cpu", precision="fp32"), clip)
    found = through(runtime(tmp_path / "m.onnx"), model, clip)
    # Refinements of flow part where a choice among neighbours is a close one.
    assert float(np.quantile(np.abs(found - expected), 0.98)) < 2e-3


def test_the_command(tmp_path: Path) -> None:
    """Would catch a size that is taken the wrong way round, or metadata that a host needs and does not find."""
    import onnx

    model = MODELS["recurrent"]()
    save_model(tmp_path / "m.safetensors", model.network, model.card)
    assert main(["export", str(tmp_path / "m.safetensors"), "--onnx", str(tmp_path / "m.onnx"), "--size", "20x12"]) == 0
    graph = onnx.load(str(tmp_path / "m.onnx"))
    shapes = {i.name: [d.dim_value for d in i.type.tensor_type.shape.dim] for i in graph.graph.input}
    assert shapes == {"frames": [1, 9, 12, 20], "state": [1, 8 + 48, 12, 20]}
    words = {entry.key: entry.value for entry in graph.metadata_props}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.onnx", "m.safetensors"]
    assert words == {"model": "tiny", "scale": "4", "look_ahead": "1", "phase": "corner"}


@pytest.mark.parametrize("wish", [[], ["--size", "20"], ["--size", "0x4"], ["--size", "4x4", "--half"]])
def test_wishes_that_make_no_sense(wish: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Would catch a traceback, or a graph of some size that nobody asked for."""
    assert main(["export", "recurrent-4x", "--onnx", str(tmp_path / "m.onnx"), *wish]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())
