"""Enlarging smoke: tiles without seams, the filter, and the command on fields and volumes."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
import vapoursynth as vs

from vs_tecogan import smoke, tempogan
from vs_tecogan.cli import main
from vs_tecogan.fluids.filter import coloured
from vs_tecogan.fluids.inputs import network_input
from vs_tecogan.fluids.upscale import upscale
from vs_tecogan.networks import FluidSpec, FluidSR
from vs_tecogan.networks.tempogan import FieldNames
from vs_tecogan.weights import ModelCard, load_model, save_model

from .test_clip import plane


def network(**options: object) -> FluidSR:
    torch.manual_seed(2)
    spec = FluidSpec(blocks=1, channels=6, **options)  # type: ignore[arg-type]
    made = FluidSR(spec).eval().requires_grad_(False)
    for parameter in made.parameters():
        parameter.mul_(1.5)
    return made


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A tiny model that sees velocity."""
    path = tmp_path / "tiny.safetensors"
    made = network()
    save_model(path, made, ModelCard(name="tiny", spec=made.spec))
    return path


@pytest.mark.parametrize("inputs", ["density", "velocity", "vorticity"])
@pytest.mark.parametrize("design", ["coarse", "published"])
def test_tiles_are_the_whole(inputs: FieldNames, design: str) -> None:
    """Would catch a seam: a tile that sees too little, or lies a cell off; ragged last tiles included."""
    made = network(inputs=inputs, design=design)
    density, velocity = torch.rand(1, 1, 17, 13), torch.randn(1, 2, 17, 13)
    whole = upscale(made, density, velocity)
    tiled = upscale(made, density, velocity, tile=9)
    torch.testing.assert_close(tiled, whole, atol=1e-5, rtol=1e-5)
    assert whole.std() > 1e-3


def test_tiles_of_a_volume_are_the_whole() -> None:
    """Would catch axes that change places in 3-D."""
    made = network(dimensions=3)
    density, velocity = torch.rand(1, 1, 9, 14, 11), torch.randn(1, 3, 9, 14, 11)
    tiled, whole = upscale(made, density, velocity, tile=6), upscale(made, density, velocity)
    torch.testing.assert_close(tiled, whole, atol=1e-5, rtol=1e-5)


def test_the_filter_is_the_network(model: Path) -> None:
    """Would catch planes that change places, and a frame that takes another frame's velocity."""
    density, velocity = smoke(24, 20, 4, seed=3, start=6)
    result = tempogan(density, velocity, model, tile=9)
    assert (result.width, result.height, result.num_frames, result.format.id) == (96, 80, 4, vs.GRAYS)
    made = load_model(model).network
    assert isinstance(made, FluidSR)
    for n in (3, 0):
        fields = [torch.from_numpy(plane(density, n))] + [torch.from_numpy(plane(velocity, n, k)) for k in range(2)]
        stacked = torch.stack(fields)[None]
        expected = made(network_input(stacked[:, :1], stacked[:, 1:], made.spec))[0, 0]
        np.testing.assert_allclose(plane(result, n), expected.numpy(), atol=1e-5)
    with result.get_frame(1) as frame:
        assert frame.props["TecoganModel"] == "tiny"


def test_colours_follow_the_luminance() -> None:
    """Would catch a colour cast: what is enlarged keeps its hue, and its luminance is the network's."""
    emission = torch.rand(1, 1, 6, 6) * torch.tensor([0.9, 0.5, 0.1]).reshape(1, 3, 1, 1) + 0.05
    fine = coloured(emission, lambda density: 2 * torch.nn.functional.interpolate(density, scale_factor=4), 4)
    weights = torch.tensor([0.2126, 0.7152, 0.0722]).reshape(1, 3, 1, 1)
    luminance, given = (fine * weights).sum(1), (emission * weights).sum(1)
    expected = 2 * given.repeat_interleave(4, 1).repeat_interleave(4, 2)
    torch.testing.assert_close(luminance, expected, atol=1e-4, rtol=1e-4)
    assert bool((fine[:, 0] > fine[:, 1]).all() and (fine[:, 1] > fine[:, 2]).all())
    assert coloured(0 * emission, lambda _: torch.zeros(1, 1, 24, 24), 4).abs().max() == 0


def test_faint_light_keeps_its_level() -> None:
    """Would catch a threshold that also darkens what lies below it."""
    faint = torch.full((1, 3, 6, 6), 5e-4)
    fine = coloured(faint, lambda density: torch.nn.functional.interpolate(density, scale_factor=4), 4)
    torch.testing.assert_close(fine, torch.full((1, 3, 24, 24), 5e-4))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -1.0])
def test_bad_pixels_of_a_clip_are_zero(model: Path, bad: float) -> None:
    """Would catch one NaN of a simulation that takes the whole frame with it."""
    density, velocity = smoke(24, 20, 3, seed=3)

    def with_pixel(value: float) -> np.ndarray:
        def spoil(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
            out = f.copy()
            np.asarray(out[0])[12, 10] = value
            return out

        return plane(tempogan(density.std.ModifyFrame(density, spoil), velocity, model), 2)

    np.testing.assert_array_equal(with_pixel(bad), with_pixel(0.0))


def test_rgb_through_the_filter(model: Path) -> None:
    """Would catch RGBS that is refused, or comes out grey."""
    _, velocity = smoke(24, 20, 2, seed=3, start=1)
    warm = vs.core.std.BlankClip(format=vs.RGBS, width=24, height=20, length=2, color=[0.9, 0.4, 0.1])
    result = tempogan(warm, velocity, model)
    red, blue = plane(result, 0, 0), plane(result, 0, 2)
    assert result.format.id == vs.RGBS and red.mean() > 5 * blue.mean()


@pytest.mark.parametrize(
    ("change", "says"),
    [({"velocity": None}, "sees velocity"), ({"tile": -1}, "tile=-1"), ({"model": "recurrent-4x"}, "enlarges video"),
     ({"density": "x"}, "type str"), ({"model": 3}, "model 3")],
    ids=str,
)  # fmt: skip
def test_wrong_arguments_are_one_line(model: Path, change: dict[str, object], says: str) -> None:
    """Would catch a traceback where a script has a slip."""
    density, velocity = smoke(24, 20, 2)
    with pytest.raises(vs.Error, match=f"tempogan: .*{says}"):
        tempogan(**{"density": density, "velocity": velocity, "model": model, **change})


def test_clips_that_do_not_fit_together(model: Path) -> None:
    """Would catch a velocity of another size, which would be read as something else."""
    density, _ = smoke(24, 20, 2)
    _, velocity = smoke(20, 24, 2)
    with pytest.raises(vs.Error, match="20x24, 2 frames"):
        tempogan(density, velocity, model)
    with pytest.raises(vs.Error, match="GRAYS or RGBS"):
        tempogan(vs.core.std.BlankClip(format=vs.GRAY8, width=24, height=20), velocity, model)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_the_command(dimensions: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Would catch fields that are read along other axes, and tiles of another result than the whole's."""
    made = network(dimensions=dimensions)
    save_model(tmp_path / "m.safetensors", made, ModelCard(name="m", spec=made.spec))
    sides = (6, 7, 9)[:dimensions]
    density, velocity = torch.rand(*sides), torch.randn(dimensions, *sides)
    np.savez(tmp_path / "in.npz", density=density.numpy(), velocity=velocity.numpy())
    words = f"fluid upscale {tmp_path}/in.npz {tmp_path}/out.npz --model {tmp_path}/m.safetensors --tile 4"
    assert main([*words.split(), "--slices", str(tmp_path / "slices")]) == 0
    expected = upscale(made, density[None, None], velocity[None])[0, 0].numpy()
    np.testing.assert_allclose(np.load(tmp_path / "out.npz")["density"], expected, atol=1e-5)
    assert len(list((tmp_path / "slices").glob("*.png"))) == (1 if dimensions == 2 else 24)
    assert main(words.split()) == 2, "an existing file is not replaced"
    assert "exists" in capsys.readouterr().err


FLAT = np.zeros((4, 4))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "found none"), ({"density": np.zeros((4, 4, 4))}, "(4, 4, 4)"), ({"density": FLAT}, "sees velocity"),
        ({"density": np.full((4, 4), np.nan)}, "NaN"),
        ({"density": FLAT, "velocity": np.zeros((4, 4, 2))}, "(4, 4, 2)"),
    ],
    ids=range(5),
)  # fmt: skip
def test_wrong_files_are_one_line(
    fields: dict[str, np.ndarray], says: str, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Would catch a traceback for a file of another kind."""
    np.savez(tmp_path / "in.npz", **fields)  # type: ignore[arg-type]
    assert main(["fluid", "upscale", str(tmp_path / "in.npz"), str(tmp_path / "o.npz"), "--model", str(model)]) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1
