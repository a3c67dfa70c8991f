"""A NUT stream of raw video: the smallest container that hands an encoder exact rational timestamps.

YUV4MPEG carries one frame rate for the whole clip, so a clip of variable frame rate cannot pass through it. NUT carries
a time base of any fraction and a timestamp a frame, and every ffmpeg reads it. Written after the specification "NUT
Open Container Format" (version 3); one video stream, every frame a key frame behind a sync point of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO

Chunk = bytes | memoryview

_FILE_ID = b"nut/multimedia container\0"
_MAIN = 0x4E4D7A561F5F04AD
_STREAM = 0x4E5311405BF2F9DB
_SYNCPOINT = 0x4E4BE4ADEECA4569
_INFO = 0x4E49AB68B596BA78

_MAX_DISTANCE = 65536
_MSB_PTS_SHIFT = 7
_KEY, _CODED_PTS, _SIZE_MSB, _CHECKSUM, _CODED_FLAGS = 1, 8, 32, 64, 4096


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = ((value << 1) ^ 0x04C11DB7 if value & 0x80000000 else value << 1) & 0xFFFFFFFF
        table.append(value)
    return tuple(table)


_CRC_TABLE = _crc_table()


def crc32(data: bytes) -> int:
    """NUT's checksum: polynomial 0x04C11DB7, most significant bit first, start value 0, no final inversion."""
    value = 0
    for byte in data:
        value = (value << 8 & 0xFFFFFFFF) ^ _CRC_TABLE[(value >> 24) ^ byte]
    return value


def _v(value: int) -> bytes:
    """A variable length unsigned integer: seven bits a byte, most significant first."""
    groups = [value & 127]
    while value := value >> 7:
        groups.append(value & 127 | 128)
    return bytes(reversed(groups))


def _s(value: int) -> bytes:
    """A variable length signed integer."""
    return _v(2 * value - 1 if value > 0 else -2 * value)


def _vb(data: bytes) -> bytes:
    return _v(len(data)) + data


def _packet(startcode: int, payload: bytes) -> bytes:
    head = startcode.to_bytes(8, "big") + _v(len(payload) + 4)
    if len(payload) + 4 > 4096:
        head += crc32(head).to_bytes(4, "big")
    return head + payload + crc32(payload).to_bytes(4, "big")


@dataclass(frozen=True, kw_only=True)
class NutHeader:
    """What an encoder has to know before the first frame."""

    fourcc: bytes
    """Tag of the raw pixel format, as ffmpeg's `rawvideo` decoder knows it."""
    width: int
    height: int
    time_base: Fraction
    """Seconds a tick."""
    frame_rate: Fraction
    """Frames a second, the nominal one where the clip has many; 0 where unknown."""
    sample_aspect: Fraction
    """Width over height of a sample; 0 where unknown."""


def _main_header(time_base: Fraction) -> bytes:
    # One rule for all frame codes: each frame carries its own flags. 255 codes, since "N" is reserved.
    frame_codes = _v(_CODED_FLAGS) + _v(6) + _s(0) + _v(1) + _v(0) + _v(0) + _v(0) + _v(255)
    return (
        _v(3)
        + _v(1)
        + _v(_MAX_DISTANCE)
        + _v(1)
        + _v(time_base.numerator)
        + _v(time_base.denominator)
        + frame_codes
        + _v(0)
    )


def _stream_header(header: NutHeader) -> bytes:
    return b"".join(
        (
            _v(0),  # stream 0
            _v(0),  # of class video
            _vb(header.fourcc),
            _v(0),  # time base 0
            _v(_MSB_PTS_SHIFT),
            _v(1 << 20),  # largest jump of pts without a checksum; every frame here has one
            _v(0),  # no frame reordering
            _v(0),  # frame rate may vary
            _vb(b""),
            _v(header.width),
            _v(header.height),
            _v(header.sample_aspect.numerator),
            _v(header.sample_aspect.denominator if header.sample_aspect else 0),
            _v(0),
        )
    )


def _info(frame_rate: Fraction) -> bytes:
    value = f"{frame_rate.numerator}/{frame_rate.denominator}".encode()
    # stream_id + 1, chapter id, chapter start and length, count of fields, then a name and an UTF-8 string (type -1)
    return _v(1) + _s(0) + _v(0) + _v(0) + _v(1) + _vb(b"r_frame_rate") + _s(-1) + _vb(value)


class NutWriter:
    """Writes raw video frames to `file`, with a timestamp each.

    :param file: binary file object, written in order, never sought.
    :param header: format of the stream. The frame's planes must be in the order and size that its fourcc says.
    """

    def __init__(self, file: BinaryIO, header: NutHeader) -> None:
        self._file = file
        file.write(_FILE_ID)
        file.write(_packet(_MAIN, _main_header(header.time_base)))
        file.write(_packet(_STREAM, _stream_header(header)))
        if header.frame_rate:
            file.write(_packet(_INFO, _info(header.frame_rate)))

    def write(self, pts: int, planes: Iterable[Chunk]) -> None:
        """Write one frame.

        :param pts: presentation time in ticks of the time base, >= 0, greater than the previous frame's.
        :param planes: the picture's bytes without row padding.
        """
        chunks = [memoryview(plane).cast("B") for plane in planes]
        flags = _KEY | _CODED_PTS | _SIZE_MSB | _CHECKSUM
        size = sum(chunk.nbytes for chunk in chunks)
        head = b"\0" + _v(flags) + _v(pts + (1 << _MSB_PTS_SHIFT)) + _v(size)
        self._file.write(_packet(_SYNCPOINT, _v(pts) + _v(0)))
        self._file.write(head + crc32(head).to_bytes(4, "big"))
        for chunk in chunks:
            self._file.write(chunk)
