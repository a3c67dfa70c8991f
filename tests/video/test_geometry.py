"""Sizes that are asked for: filled, never exceeded, and of the same shape."""

from __future__ import annotations

from fractions import Fraction

import pytest
import vapoursynth as vs

from vs_tecogan.video.geometry import new_size, parse_size, resized


def sized(
    wish: str, size: tuple[int, int], form: int = vs.YUV420P8, stretch: Fraction = Fraction(1), scale: int = 4
) -> tuple[int, int]:
    """What becomes of a picture of that size."""
    source = vs.core.std.BlankClip(width=size[0], height=size[1], format=form, length=1)
    upscaled = source.resize.Point(size[0] * scale, size[1] * scale)
    return new_size(parse_size(wish) if wish else None, source, upscaled, stretch=stretch)


@pytest.mark.parametrize(
    ("wish", "size", "wanted"),
    [
        ("1080p", (480, 270), (1920, 1080)),
        ("1080p", (854, 480), (1920, 1080)),  # 1079.2 rows
        ("1080p", (640, 480), (1440, 1080)),  # 4:3
        ("1080p", (720, 300), (1920, 800)),  # 2.4:1, as on discs
        ("1080p", (270, 480), (1080, 1920)),  # upright
        ("480p", (480, 270), (854, 480)),
        ("1920x1080", (270, 480), (608, 1080)),  # a frame that is named does not turn
        ("853x481", (480, 270), (852, 480)),  # 4:2:0 has no odd sides, and 854 would be too wide
        ("2.5x", (180, 144), (450, 360)),
        ("1.333333x", (180, 144), (240, 192)),
        ("8x", (180, 144), (1440, 1152)),
    ],
)
def test_sizes(wish: str, size: tuple[int, int], wanted: tuple[int, int]) -> None:
    """Would catch a picture out of shape, one that exceeds the frame, and odd sides of 4:2:0."""
    assert sized(wish, size) == wanted


def test_square_pixels() -> None:
    """Would catch pixels that are not square: PAL and NTSC in both shapes, with a size and without."""
    assert sized("", (720, 576), stretch=Fraction(64, 45)) == (4096, 2304)
    assert sized("1080p", (720, 576), stretch=Fraction(64, 45)) == (1920, 1080)
    assert sized("1080p", (720, 480), stretch=Fraction(8, 9)) == (1440, 1080)
    assert sized("2x", (720, 480), stretch=Fraction(8, 9)) == (1280, 960)


def test_formats_without_subsampling_have_odd_sides() -> None:
    """Would catch a picture in RGB that is a column short of what was asked for."""
    assert sized("333x333", (100, 100), vs.RGB24) == (333, 333)
    assert sized("1.01x", (100, 100), vs.YUV422P8) == (102, 101)


@pytest.mark.parametrize("wish", ["1080", "p", "0x10", "0x", "x", "1920x", "-2x", "1e3x", "2.5", "1920X1080", "0.0x"])
def test_no_size(wish: str) -> None:
    """Would catch a size that is taken for another."""
    with pytest.raises(ValueError, match="no size"):
        parse_size(wish)


def test_the_same_size_is_the_same_clip() -> None:
    """Would catch a resampling that costs time and sharpness for nothing."""
    clip = vs.core.std.BlankClip(width=64, height=48, length=1)
    assert resized(clip, 64, 48) is clip
    assert (resized(clip, 60, 40).width, resized(clip, 60, 40).height) == (60, 40)
