"""The solver: against formulas, symmetries and conservation, in both dimensions."""

import math

import pytest
import torch
from torch import Tensor

from vs_tecogan.fluids.advection import advect_density, transport
from vs_tecogan.fluids.grid import Boundary, Velocity, curl, divergence, still, to_centres
from vs_tecogan.fluids.scene import Scene, random_scene
from vs_tecogan.fluids.solver import Fields, Physics, advance, begin, evolve, simulate


def taylor_green(size: int, speed: float) -> Velocity:
    """u = speed sin x cos y, v = -speed cos x sin y on the faces of a torus of ``size`` cells a side."""
    step = 2 * math.pi / size
    face, cell = torch.arange(size + 1) * step, (torch.arange(size) + 0.5) * step
    u = speed * torch.cos(cell)[:, None] * torch.sin(face)[None]
    v = -speed * torch.sin(face)[:, None] * torch.cos(cell)[None]
    return u[None, None], v[None, None]


def energy(velocity: Velocity) -> float:
    return float(to_centres(velocity).square().mean())


def test_taylor_green_decays_as_its_formula_says() -> None:
    """Would catch friction of another strength, and a scheme that brakes: energy falls by exp(-4 nu k^2 t)."""
    size, viscosity, dt, steps = 48, 0.2, 0.2, 100
    before = taylor_green(size, 0.5)
    after = evolve(before, Boundary.torus(2), Physics(viscosity=viscosity, dt=dt), steps)
    wave = 2 * math.pi / size
    expected = math.exp(-4 * viscosity * wave**2 * steps * dt)
    assert energy(after) / energy(before) == pytest.approx(expected, rel=0.02)
    assert (after[0] - math.sqrt(expected) * before[0]).abs().max() < 0.01


def test_the_step_is_of_first_order() -> None:
    """Would catch a splitting that does not converge: with steps half as long, half the error of the same flow."""

    def error(dt: float) -> float:
        before = taylor_green(32, 0.5)
        after = evolve(before, Boundary.torus(2), Physics(dt=dt), round(16 / dt))
        return float((after[0] - before[0]).square().mean().sqrt())

    assert error(1.0) / error(0.5) == pytest.approx(2, abs=0.3)


def test_advection_is_of_second_order() -> None:
    """Would catch MacCormack without its correction: on a grid twice as fine a quarter of the error is left."""

    def error(size: int) -> float:
        place = (torch.arange(size) + 0.5) * (2 * math.pi / size)
        wave = (torch.cos(place)[:, None] * torch.sin(place)[None])[None, None]
        flow = torch.full((1, 2, size, size), 0.4)
        moved = wave
        for _ in range(size // 2):
            moved = transport(moved, flow, 1.0, Boundary.torus(2))
        far = place - 0.4 * (size // 2) * 2 * math.pi / size
        return float((moved[0, 0] - torch.cos(far)[:, None] * torch.sin(far)[None]).square().mean().sqrt())

    errors = [error(size) for size in (16, 32, 64)]
    assert errors[0] / errors[1] > 3
    assert errors[1] / errors[2] > 3


def test_a_blob_moves_with_the_flow() -> None:
    """Would catch a wrong sign, unit or axis of the velocity; whole cells move without loss."""
    density = torch.zeros(1, 1, 20, 20)
    density[..., 10, 5] = 1
    flow = torch.zeros(1, 2, 20, 20)
    flow[:, 0], flow[:, 1] = 3, -2
    moved = transport(density, flow, 1.0, Boundary.box(2))
    expected = torch.zeros_like(density)
    expected[..., 8, 8] = 1
    torch.testing.assert_close(moved, expected)


def test_no_new_extremes() -> None:
    """Would catch overshoots of the correction: densities below 0 and above 1."""
    density = (torch.rand(1, 1, 24, 24, generator=torch.Generator().manual_seed(1)) > 0.5).float()
    flow = 3 * torch.randn(1, 2, 24, 24, generator=torch.Generator().manual_seed(2))
    moved = transport(density, flow, 1.0, Boundary.box(2))
    assert moved.min() >= -1e-6 and moved.max() <= 1 + 1e-6


def test_mass_stays_in_a_box() -> None:
    """Would catch smoke that is made or lost: a vortex turns a blob for 60 steps."""
    y, x = torch.meshgrid(torch.arange(64) + 0.5, torch.arange(64) + 0.5, indexing="ij")
    density = torch.exp(-((x - 24) ** 2 + (y - 32) ** 2) / 72)[None, None]
    u, v = still((64, 64))
    u = u + 0.02 * (32 - (torch.arange(64) + 0.5))[:, None]
    v = v - 0.02 * (32 - (torch.arange(64) + 0.5))[None]
    moved = density
    for _ in range(60):
        moved = advect_density(moved, (u, v), 1.0, Boundary.box(2))
    assert float(moved.sum() / density.sum()) == pytest.approx(1, abs=0.01)
    assert moved.max() > 0.95, "little is blurred"


def mirrored(scene: Scene) -> Scene:
    """Right for left."""
    kick = scene.kick.flip(-1).clone()
    kick[:, 0] = -kick[:, 0]
    velocity = scene.velocity.flip(-1).clone()
    velocity[:, 0] = -velocity[:, 0]
    fields = {
        name: getattr(scene, name).flip(-1) for name in ("density", "still_noise", "moving_noise", "inflow", "kicked")
    }
    return Scene(boundary=scene.boundary, kick=kick, velocity=velocity, lift=scene.lift, pace=scene.pace, **fields)


def test_mirrored_input_gives_mirrored_output() -> None:
    """Would catch a scheme that leans to one side, and a component whose sign is lost."""
    scene = random_scene((24, 32), [5], swirl=1.0)
    one, other = begin(scene), begin(mirrored(scene))
    for _ in range(8):
        one, other = advance(one, scene), advance(other, mirrored(scene))
    torch.testing.assert_close(other.density.flip(-1), one.density, atol=1e-4, rtol=0)
    torch.testing.assert_close(-other.velocity[0].flip(-1), one.velocity[0], atol=1e-4, rtol=0)
    torch.testing.assert_close(other.velocity[1].flip(-1), one.velocity[1], atol=1e-4, rtol=0)


@pytest.mark.parametrize("shape", [(32, 24), (12, 16, 14)], ids=str)
def test_smoke_rises_and_stays_free_of_divergence(shape: tuple[int, ...]) -> None:
    """Would catch buoyancy along another axis or downwards, and a step that does not end with its pressure."""
    scene = random_scene(shape, [1, 2, 3])
    hot = Scene(
        boundary=scene.boundary, density=scene.density, still_noise=scene.still_noise, moving_noise=scene.moving_noise,
        inflow=scene.inflow, kicked=0 * scene.kicked, kick=scene.kick, lift=torch.full((3,), 0.01), pace=scene.pace,
        velocity=scene.velocity,
    )  # fmt: skip
    fields = list(simulate(hot, 6))[-1]
    assert divergence(fields.velocity).abs().max() < 1e-4
    rise = -(fields.velocity[1][..., 1:, :] * fields.density).mean()
    assert rise > 0
    for component, faces in enumerate(fields.velocity):
        if component != 1:
            assert faces.abs().max() < 2 * fields.velocity[1].abs().max()


def test_seeds_and_batches() -> None:
    """Would catch scenes that depend on what else is in the batch, or not on their seed."""
    both, alone = random_scene((20, 20), [3, 4]), random_scene((20, 20), [4])
    a, b = list(simulate(both, 3))[-1], list(simulate(alone, 3))[-1]
    torch.testing.assert_close(a.density[1:], b.density, atol=1e-6, rtol=0)
    assert (a.density[0] - a.density[1]).abs().max() > 0.1
    again = list(simulate(random_scene((20, 20), [4]), 3))[-1]
    assert torch.equal(again.density, b.density)


@pytest.mark.parametrize("shape", [(40, 32), (16, 20, 18)], ids=str)
def test_a_random_velocity_at_the_start(shape: tuple[int, ...]) -> None:
    """Would catch sources and sinks in it, another speed than was asked for, and scenes that it changes otherwise."""
    calm, stirred = random_scene(shape, [6]), random_scene(shape, [6], swirl=1.0)
    assert all(bool((faces == 0).all()) for faces in begin(calm).velocity)
    fields = begin(stirred)
    assert divergence(fields.velocity).abs().max() < 1e-4
    speed = to_centres(fields.velocity).square().mean().sqrt() / (0.01 * min(shape))
    assert 0.4 < speed < 1.0, "projection takes a part"
    assert torch.equal(calm.density, stirred.density) and torch.equal(calm.kick, stirred.kick)
    assert (begin(random_scene(shape, [7], swirl=1.0)).velocity[0] - fields.velocity[0]).abs().max() > 0.01


def test_a_step_leaves_its_input_as_it_is() -> None:
    """Would catch a step in place: kept states, from which other frames go on, would change."""
    scene = random_scene((16, 16), [1])
    fields = advance(begin(scene), scene)
    copy: list[Tensor] = [t.clone() for t in (fields.density, *fields.velocity)]
    advance(fields, scene)
    assert all(torch.equal(a, b) for a, b in zip(copy, (fields.density, *fields.velocity), strict=True))
    assert isinstance(fields, Fields) and fields.nbytes == 4 * (256 + 2 * 272)


def test_the_curl_of_a_turning_disc() -> None:
    """Would catch half the vorticity or the other sign: of u = -w y, v = w x it is 2 w, in 3-D along z."""
    y, x = torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij")
    flat = torch.stack((-0.1 * y, 0.1 * x))[None]
    assert torch.allclose(curl(flat)[..., 1:-1, 1:-1], torch.tensor(0.2))
    solid = torch.cat((flat, torch.zeros(1, 1, 8, 8)), dim=1)[:, :, None].expand(-1, -1, 4, -1, -1)
    inner = curl(solid)[..., 1:-1, 1:-1, 1:-1]
    assert torch.allclose(inner[:, 2], torch.tensor(0.2)) and inner[:, :2].abs().max() < 1e-6
