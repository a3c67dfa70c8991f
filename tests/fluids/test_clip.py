"""Smoke as clips: exact in any order, bounded in memory, the same scene at every size."""

import random

import numpy as np
import pytest
import torch
import vapoursynth as vs

from vs_tecogan import smoke, smoke_colours
from vs_tecogan.fluids.advection import sample
from vs_tecogan.fluids.coarse import coarse
from vs_tecogan.fluids.scene import random_scene
from vs_tecogan.fluids.solver import simulate

LENGTH = 24


@pytest.fixture(scope="module")
def expected() -> list[np.ndarray]:
    """Densities and velocities of a simulation of its own, frame after frame."""
    scene = random_scene((20, 24), [7])
    return [fields.density[0, 0].numpy() for fields in simulate(scene, LENGTH, first=3)]


def plane(clip: vs.VideoNode, n: int, index: int = 0) -> np.ndarray:
    with clip.get_frame(n) as frame:
        return np.asarray(frame[index]).copy()


@pytest.mark.parametrize("memory", [1, 256])
def test_any_order_gives_the_frames_of_a_plain_simulation(expected: list[np.ndarray], memory: int) -> None:
    """Would catch a frame that depends on what was asked before, and time that stops or leaps."""
    density, velocity = smoke(24, 20, LENGTH, seed=7, start=3, memory=memory)
    order = [*range(LENGTH), *reversed(range(LENGTH))]
    random.Random(1).shuffle(order)
    for n in order:
        assert np.array_equal(plane(density, n), expected[n]), n
    assert (velocity.width, velocity.height, velocity.num_frames) == (24, 20, LENGTH)


def test_a_cold_seek_and_requests_at_once(expected: list[np.ndarray]) -> None:
    """Would catch a seek that begins at another state, and two requests that share a step wrongly."""
    density, velocity = smoke(24, 20, LENGTH, seed=7, start=3)
    futures = [clip.get_frame_async(n) for n in (19, 2, 11, 19, 20) for clip in (density, velocity)]
    for future in futures:
        future.result().close()
    assert np.array_equal(plane(density, 19), expected[19])
    assert np.array_equal(plane(density, 2), expected[2])


def test_the_velocity_moves_the_density() -> None:
    """Would catch components that change places, and velocities of another frame or unit."""
    density, velocity = smoke(64, 64, 3, seed=1, start=12)
    before, after = plane(density, 1), plane(density, 2)
    flow = torch.from_numpy(np.stack([plane(velocity, 2, k) for k in range(2)]))[None]
    assert plane(velocity, 2, 2).max() == 0

    def error(along: torch.Tensor) -> float:
        moved = sample(torch.from_numpy(before)[None, None], -along)[0, 0].numpy()
        return float(np.abs(after - moved)[4:-4, 4:-4].mean())

    wrong = (0 * flow, -flow, flow.flip(1), 4 * flow)
    assert error(flow) < 0.75 * min(error(other) for other in wrong)


def test_fine_is_the_fine_simulation_coarsened() -> None:
    """Would catch a coarse clip that is another simulation than the fine one of the same seed."""
    density, _ = smoke(16, 16, 2, seed=3, fine=4, start=2)
    whole, _ = smoke(64, 64, 2, seed=3, start=2)
    expected = coarse(torch.from_numpy(plane(whole, 1))[None, None], 4)[0, 0].numpy()
    np.testing.assert_allclose(plane(density, 1), expected, atol=1e-6)


def test_colours() -> None:
    """Would catch a colour map upside down, or one that fails on densities out of range."""
    clip = vs.core.std.BlankClip(format=vs.GRAYS, width=16, height=16, length=1, color=1.5)
    dark = smoke_colours(vs.core.std.BlankClip(format=vs.GRAYS, width=16, height=16, length=1, color=-1))
    assert [plane(smoke_colours(clip), 0, k)[0, 0] for k in range(3)] == [252, 255, 164]
    assert [plane(dark, 0, k)[0, 0] for k in range(3)] == [0, 0, 0]
    with pytest.raises(vs.Error, match="GRAYS"):
        smoke_colours(vs.core.std.BlankClip(format=vs.GRAY8))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"width": 8}, "width=8"),
        ({"seed": -1}, "seed=-1"),
        ({"fine": 0}, "fine=0"),
        ({"confinement": "much"}, "much"),
        ({"confinement": True}, "confinement=True"),
        ({"swirl": 4}, "swirl=4"),
        ({"swirl": float("nan")}, "swirl=nan"),
    ],
    ids=str,
)
def test_wrong_arguments_are_one_line(wrong: dict[str, object], says: str) -> None:
    """Would catch a traceback where a script has a slip."""
    with pytest.raises(vs.Error, match=f"smoke: {says}|smoke: confinement='{says}"):
        smoke(**{"width": 24, "height": 20, "length": 3, **wrong})
