"""Strength and faithfulness in the engines: what they do to a picture, and that engines agree."""

from functools import partial

import numpy as np
import pytest
import torch

from vs_tecogan.degrade import BicubicDown, BlurDown
from vs_tecogan.engine import create_engine
from vs_tecogan.errors import EngineError
from vs_tecogan.faithful import back_projection
from vs_tecogan.networks import Alignment, RecurrentSpec, RecurrentSR
from vs_tecogan.weights import Model

from .runtimes import emulated_engine
from .test_engine import tiny_model
from .test_recurrent import moving, recurrent_model, run, straight

PLAIN_SPEC = RecurrentSpec(channels=8, blocks=1, alignment=Alignment.NONE)
SPEC = RecurrentSpec(channels=8, blocks=1, alignment=Alignment.NONE, strength=True)
CPU = partial(create_engine, device="cpu", precision="fp32")


def conditioned() -> Model:
    """A tiny model whose strength matters."""
    model = recurrent_model(SPEC)
    assert isinstance(model.network, RecurrentSR)
    for part in (model.network.strength.gain, model.network.strength.shift):
        part.data.copy_(0.5 * torch.randn_like(part))
    return model


@pytest.mark.parametrize("strength", [0.0, 0.6, None])
def test_every_engine_takes_a_strength(strength: float | None) -> None:
    """Would catch an engine that runs at another strength than asked for, and a default that is not the full one."""
    model, clip = conditioned(), moving(3, 12, 14)
    assert isinstance(model.network, RecurrentSR)
    plain = model.network.at_strength(1.0 if strength is None else strength)
    expected = straight(plain, clip)
    np.testing.assert_allclose(run(CPU(model, strength=strength), clip), expected, atol=2e-4, rtol=0)
    np.testing.assert_allclose(run(emulated_engine(plain), clip), expected, atol=2e-4, rtol=0)


def test_a_model_without_strength_refuses_it() -> None:
    """Would catch a handle that does nothing."""
    for model in (recurrent_model(PLAIN_SPEC), tiny_model()):
        with pytest.raises(EngineError, match="takes no strength"):
            CPU(model, strength=0.5)


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("phase", ["corner", "centred"])
def test_the_kernel_is_that_of_the_published_degradation(scale: int, phase: str) -> None:
    """Would catch a kernel of another width or place than the one that made the source."""
    rule = BlurDown() if phase == "corner" else BicubicDown(quantise=False)
    margin = rule.margin(scale)
    hr = np.random.default_rng(0).random((1, 8 * scale + 2 * margin, 6 * scale + 2 * margin, 3), np.float32)
    expected = rule(hr, scale, np.random.default_rng(0))
    project = back_projection(scale, phase)
    image = torch.from_numpy(np.ascontiguousarray(hr[:, margin:-margin, margin:-margin])).permute(0, 3, 1, 2)
    small = project.smaller(image).permute(0, 2, 3, 1).numpy()
    inner = slice(2, -2)
    np.testing.assert_allclose(np.clip(small, 0, 1)[:, inner, inner], expected[:, inner, inner], atol=1e-5)


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("phase", ["corner", "centred"])
def test_back_projection_comes_closer_every_time(scale: int, phase: str) -> None:
    """Would catch a step in the wrong direction, on another grid, or too far."""
    project = back_projection(scale, phase)
    generator = torch.Generator().manual_seed(0)
    picture = torch.rand(1, 3, 8 * scale, 9 * scale, generator=generator)
    source, errors = torch.rand(1, 3, 8, 9, generator=generator), []
    for _ in range(4):
        errors.append(float((project.smaller(picture) - source).abs().mean()))
        picture = project(picture, source)
    assert errors == sorted(errors, reverse=True)
    assert errors[1] < 0.8 * errors[0]


def test_faithful_output_is_what_the_next_frame_sees() -> None:
    """Would catch a projection of what is shown alone, and engines that differ."""
    model, clip = recurrent_model(PLAIN_SPEC), moving(3, 12, 14)
    project = back_projection(4, "corner")
    free, faithful = run(CPU(model), clip), run(CPU(model, faithful=True), clip)
    first = torch.from_numpy(free[:1])
    source = torch.from_numpy(np.stack(clip[0]))[None]
    np.testing.assert_allclose(faithful[:1], project(first, source).numpy(), atol=1e-5)

    def error(outputs: np.ndarray) -> float:
        return float((project.smaller(torch.from_numpy(outputs)) - torch.from_numpy(np.stack(clip))).abs().mean())

    assert error(faithful) < 0.6 * error(free)
    beside = np.stack([project(torch.from_numpy(out)[None], torch.from_numpy(np.stack(planes))[None])[0].numpy()
                       for out, planes in zip(free, clip, strict=True)])  # fmt: skip
    assert np.abs(faithful[2] - beside[2]).max() > 1e-4
    emulated = run(emulated_engine(model.network, faithful=True), clip)
    np.testing.assert_allclose(emulated, faithful, atol=2e-4, rtol=0)


def test_faithful_tiles() -> None:
    """Would catch a tile that is held against another part of the source."""
    model, clip = recurrent_model(PLAIN_SPEC), moving(2, 80, 12)
    whole, tiled = (run(CPU(model, faithful=True, tile=tile), clip) for tile in (None, (70, 70)))
    assert np.abs(tiled - whole).max() < 0.02
    assert np.abs(tiled - whole).mean() < 1e-4
