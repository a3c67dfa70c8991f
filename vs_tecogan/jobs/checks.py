"""CRCs of frames, on their way into the filter and out of it."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import numpy as np
import vapoursynth as vs

INPUT_CRC_PROP = "_TecoganInputCrc"
"""CRC-32 of the decoded frame that an output frame was made of."""


class Crc:
    """The CRC of a run of frames: of their own CRCs, 4 bytes each, most significant byte first."""

    def __init__(self) -> None:
        self._value = 0

    def add(self, crc: int) -> None:
        """Take the CRC of the next frame."""
        self._value = zlib.crc32(crc.to_bytes(4, "big"), self._value)

    def __str__(self) -> str:
        """Eight hexadecimal digits."""
        return f"{self._value:08x}"


def crc_of(planes: Iterable[memoryview]) -> int:
    """CRC-32 of a frame: its planes in order, rows without padding."""
    value = 0
    for plane in planes:
        value = zlib.crc32(plane, value)
    return value


def stamped(clip: vs.VideoNode) -> vs.VideoNode:
    """The clip, whose frames carry their CRC as a property, which the filter passes on to the frames it makes."""

    def stamp(n: int, f: vs.VideoFrame) -> vs.VideoFrame:  # noqa: ARG001 (the core calls it by keyword)
        frame = f.copy()
        frame.props[INPUT_CRC_PROP] = crc_of(
            np.ascontiguousarray(np.asarray(f[plane])).data.cast("B") for plane in range(f.format.num_planes)
        )
        return frame

    return clip.std.ModifyFrame(clip, stamp)
