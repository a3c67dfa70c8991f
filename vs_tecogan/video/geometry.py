"""How large a new picture is: the size that was asked for, by whole steps of the format, its shape kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

import vapoursynth as vs

_WIDE = Fraction(16, 9)
"""The shape of the frame that "1080p" and its like stand for."""
_LARGEST = 65536


@dataclass(frozen=True, kw_only=True)
class SizeWish:
    """A size that was asked for: a frame to fit into, or a number of times the input."""

    width: int = 0
    """Of the frame, in pixels; 0 = none was named."""
    height: int = 0
    turns: bool = False
    """Whether the frame stands upright for an upright picture."""
    factor: Fraction = Fraction(0)
    """Times the input; 0 = a frame was named."""

    def frame(self, width: Fraction, height: Fraction) -> tuple[int, int]:
        """Width and height that a picture of that shape may take."""
        if self.factor:
            return _LARGEST, _LARGEST
        return (self.height, self.width) if self.turns and height > width else (self.width, self.height)

    def scale(self, width: Fraction, height: Fraction) -> Fraction:
        """By how much a picture of that shape is to be enlarged."""
        across, down = self.frame(width, height)
        return self.factor or min(across / width, down / height)


def parse_size(text: str) -> SizeWish:
    """Read "1080p", "1920x1080" or "2.5x".

    :raises ValueError: it is none of these.
    """
    if match := re.fullmatch(r"([1-9]\d{1,4})p", text):
        height = int(match[1])
        return SizeWish(width=round(height * _WIDE / 2) * 2, height=height, turns=True)
    if match := re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", text):
        return SizeWish(width=int(match[1]), height=int(match[2]))
    if (match := re.fullmatch(r"(\d{1,2}(?:\.\d{1,6})?)x", text)) and Fraction(match[1]):
        return SizeWish(factor=Fraction(match[1]))
    raise ValueError(f"{text!r} is no size; give one such as 1080p, 1920x1080 or 2.5x")


def new_size(
    wish: SizeWish | None, source: vs.VideoNode, upscaled: vs.VideoNode, *, stretch: Fraction = Fraction(1)
) -> tuple[int, int]:
    """Width and height of the new picture.

    A frame that was named is filled in one direction and never exceeded; the other side is rounded to what chroma of
    the format allows.

    :param source: what is upscaled.
    :param upscaled: what the network made of it; it is kept where nothing else is asked for.
    :param stretch: how much wider the picture is to become, such as its sample aspect ratio to make pixels square.
    """
    steps = 1 << upscaled.format.subsampling_w, 1 << upscaled.format.subsampling_h
    shape = source.width * stretch, Fraction(source.height)
    scale = wish.scale(*shape) if wish else Fraction(upscaled.height, source.height)
    sides = shape[0] * scale, shape[1] * scale
    most = wish.frame(*shape) if wish else (_LARGEST, _LARGEST)
    width, height = (_rounded(*about) for about in zip(sides, steps, most, strict=True))
    return width, height


def _rounded(side: Fraction, step: int, most: int) -> int:
    """The multiple of a step next to a side, and not above the most, unless that is less than a step."""
    return max(step, min(int(side / step + Fraction(1, 2)), most // step) * step)


def resized(clip: vs.VideoNode, width: int, height: int) -> vs.VideoNode:
    """The clip in another size, by Spline36; itself where it has that size."""
    return clip if (clip.width, clip.height) == (width, height) else clip.resize.Spline36(width, height)
