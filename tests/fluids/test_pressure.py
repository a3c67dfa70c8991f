"""Pressure: exact for the grid's own differences, at every mixture of ends, with obstacles, in both dimensions."""

import itertools

import pytest
import torch
from torch import Tensor

from vs_tecogan.fluids.grid import Boundary, Ends, divergence, gradient, still, to_centres
from vs_tecogan.fluids.pressure import basis, project, solve

ENDS: list[Ends] = ["periodic", ("wall", "wall"), ("open", "open"), ("wall", "open"), ("open", "wall")]


def random_velocity(shape: tuple[int, ...], seed: int = 0, count: int = 2) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(u.shape, generator=generator) for u in still(shape, count))


@pytest.mark.parametrize("ends", ENDS, ids=str)
@pytest.mark.parametrize("size", [1, 5, 8])
def test_the_basis_makes_the_second_difference_diagonal(ends: Ends, size: int) -> None:
    """Would catch a wave of a wrong phase or length: then products with it solve another equation."""
    vectors, values = basis(size, ends)
    torch.testing.assert_close(vectors.T @ vectors, torch.eye(size), atol=1e-5, rtol=0)
    boundary = Boundary((ends, ("wall", "wall")))
    columns = vectors.T[:, None, None, :]  # a vector a sample, one row high
    applied = divergence(gradient(columns, boundary))
    torch.testing.assert_close(applied, columns * values[:, None, None, None], atol=1e-5, rtol=0)


@pytest.mark.parametrize(("x", "y"), list(itertools.product(ENDS, ENDS)), ids=str)
def test_no_divergence_is_left(x: Ends, y: Ends) -> None:
    """Would catch a solver of another stencil than the divergence's: a part of it would stay, whatever is iterated."""
    boundary = Boundary((x, y))
    projected = project(random_velocity((12, 17)), boundary)
    assert divergence(projected).abs().max() < 2e-5
    again = project(projected, boundary)
    for a, b in zip(projected, again, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=0)


def test_three_dimensions() -> None:
    """Would catch axes that change places between tensors (z, y, x) and vectors (x, y, z)."""
    boundary = Boundary((("wall", "wall"), ("open", "open"), "periodic"))
    projected = project(random_velocity((6, 7, 9)), boundary)
    assert divergence(projected).abs().max() < 2e-5
    assert projected[0][..., 0].abs().max() == 0, "x ends in a wall"
    assert projected[1][..., 0, :].abs().max() > 0, "y is open"
    assert torch.equal(projected[2][:, :, 0], projected[2][:, :, -1]), "z is periodic"


def test_against_the_dense_matrix() -> None:
    """Would catch a pressure that leaves no divergence but is not the solution of the linear system."""
    boundary = Boundary((("wall", "open"), ("wall", "wall")))
    units = torch.eye(30).reshape(30, 1, 5, 6)
    matrix = divergence(gradient(units, boundary)).reshape(30, 30).T
    source = torch.randn(1, 1, 5, 6, generator=torch.Generator().manual_seed(3))
    expected = torch.linalg.solve(matrix, source.reshape(30)).reshape(1, 1, 5, 6)
    torch.testing.assert_close(solve(source, boundary), expected, atol=1e-4, rtol=1e-4)


def test_against_the_fft() -> None:
    """Would catch a periodic solver that differs from the FFT's."""
    source = torch.randn(1, 1, 8, 10, generator=torch.Generator().manual_seed(4))
    y, x = torch.meshgrid(torch.fft.fftfreq(8), torch.fft.fftfreq(10), indexing="ij")
    total = -4 * torch.sin(torch.pi * x) ** 2 - 4 * torch.sin(torch.pi * y) ** 2
    total[0, 0] = 1
    spectrum = torch.fft.fft2(source) / total
    spectrum[..., 0, 0] = 0
    torch.testing.assert_close(solve(source, Boundary.torus(2)), torch.fft.ifft2(spectrum).real, atol=1e-5, rtol=0)


@pytest.mark.parametrize("boundary", [Boundary.box(2), Boundary.chimney(2), Boundary.torus(2)], ids=str)
def test_flow_goes_round_obstacles(boundary: Boundary) -> None:
    """Would catch flow through an obstacle, and divergence beside it."""
    solid = torch.zeros(2, 1, 16, 20)
    solid[0, :, 5:9, 6:12] = 1
    solid[1, :, 2:4, :15] = 1
    projected = project(random_velocity((16, 20)), boundary, solid)
    assert (divergence(projected) * (1 - solid)).abs().max() < 3e-4
    inside = torch.zeros_like(solid)
    inside[0, :, 6:8, 7:11] = 1
    assert (to_centres(projected) * inside).abs().max() == 0
    assert to_centres(projected).abs().max() > 0.1
