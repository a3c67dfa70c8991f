"""Published networks, on the golden vectors: any error in a layer, grid, order or sign shows here."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.golden import OFFICIAL, PUBLISHED, Variant, state_dict, tensorflow_variables, vectors
from vs_tecogan.engine import create_engine
from vs_tecogan.weights import Model, ModelCard, generator_from_tensorflow, load_model
from vs_tecogan.weights.store import save_model

TOLERANCE = 5e-4


def assert_reproduces(model: Model, arrays: dict[str, np.ndarray]) -> None:
    """Both the sequence form used in training and the engine's frame loop give the golden outputs."""
    with torch.inference_mode():
        out, _ = model.generator(torch.from_numpy(arrays["lr"])[None])
    np.testing.assert_allclose(out[0].numpy(), arrays["out"], atol=TOLERANCE, rtol=0)
    engine = create_engine(model, device="cpu", precision="fp32")
    state = engine.zero_state(*arrays["lr"].shape[-2:])
    for frame, expected in zip(arrays["lr"], arrays["out"], strict=True):
        state = engine.step(state, list(frame))
        planes = np.empty_like(expected)
        engine.read(state, list(planes))
        np.testing.assert_allclose(planes, expected, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("variant", PUBLISHED, ids=lambda variant: variant.file)
def test_published_pytorch(variant: Variant, tmp_path: Path) -> None:
    """A published .pth file is recognised and reproduces the golden outputs and flows."""
    path = tmp_path / "G_iter1.pth"
    torch.save(state_dict(variant), path)
    model = load_model(path)
    assert model.generator.spec == variant.spec
    arrays = vectors(variant.file)
    assert_reproduces(model, arrays)
    lr = torch.from_numpy(arrays["lr"])
    with torch.inference_mode():
        flow = model.generator.fnet(lr[1:], lr[:-1])
    np.testing.assert_allclose(flow.numpy(), arrays["flow"][1:], atol=1e-4, rtol=0)


def test_official_tensorflow(tmp_path: Path) -> None:
    """Official variables, converted and stored in the project's format, reproduce the golden outputs."""
    generator = generator_from_tensorflow(tensorflow_variables())
    path = tmp_path / "official.safetensors"
    save_model(path, generator, ModelCard(name="official", spec=generator.spec))
    model = load_model(path)
    assert model.generator.spec.blocks == 16
    arrays = vectors(OFFICIAL)
    assert_reproduces(model, arrays)
    lr = torch.from_numpy(arrays["lr"])
    with torch.inference_mode():
        flow = model.generator.fnet(lr[1:], lr[:-1])
    ours = -flow.flip(1)  # the official flow is (dy, dx) and subtracted
    np.testing.assert_allclose(ours.numpy(), arrays["flow"][1:], atol=1e-4, rtol=0)
