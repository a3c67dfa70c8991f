"""Flow without weights: how far it reaches, and that both versions agree."""

import pytest
import torch

from tests.ops.test_refine import constant, error, needs_native, texture
from vs_tecogan.ops import refine
from vs_tecogan.ops.pyramid import MOST_LEVELS, SMALLEST, double, levels, pyramid_flow


@pytest.mark.parametrize("shift", [(0.0, 0.0), (2.3, -1.6), (-9.5, 7.25)])
def test_motion_is_found_from_nothing(shift: tuple[float, float]) -> None:
    """Would catch a level whose flow is not doubled, of the wrong sign, or begun from zero on every level."""
    previous, truth = texture(97, 130), constant(*shift, 97, 130)
    current = refine.bicubic_warp(previous, truth)
    inner = (..., slice(24, -24), slice(24, -24))
    found = pyramid_flow(previous, current, 2, impl="torch")
    assert found.shape == truth.shape
    assert float((found - truth)[inner].norm(dim=1).median()) < 0.06


def test_a_still_picture_has_no_motion() -> None:
    """Would catch a bias of half a pixel between the levels."""
    picture = texture(60, 61)
    assert error(pyramid_flow(picture, picture, 2, impl="torch"), constant(0, 0, 60, 61)) < 1e-3


@pytest.mark.parametrize("size", [(1, 1), (5, 40), (12, 12), (24, 24), (1080, 1920)])
def test_levels_end_in_time(size: tuple[int, int]) -> None:
    """Would catch a level of no pixels."""
    count = levels(*size)
    assert 1 <= count <= MOST_LEVELS
    assert count == 1 or min(size) >> (count - 1) >= SMALLEST


@pytest.mark.parametrize("size", [(12, 20), (13, 21)])
def test_doubling_keeps_a_constant_flow(size: tuple[int, int]) -> None:
    """Would catch an odd row or column that is left at zero."""
    small = constant(1.5, -0.5, size[0] // 2, size[1] // 2)
    torch.testing.assert_close(double(small, *size), constant(3, -1, *size))


@needs_native
@pytest.mark.parametrize("size", [(7, 9), (61, 75)])
def test_the_extension_finds_the_same(size: tuple[int, int]) -> None:
    """Would catch an extension that is asked for other rounds or levels than torch's operators."""
    frames = [torch.cat((texture(*size, seed), texture(*size, seed + 1))) for seed in (1, 2)]
    ours, theirs = (pyramid_flow(*frames, 2, impl=impl) for impl in ("native", "torch"))
    assert float((ours - theirs).abs().quantile(0.99)) < 1e-2
