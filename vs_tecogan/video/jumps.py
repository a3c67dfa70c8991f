"""Time stamps that begin anew or leap: joined recordings, cells of a DVD, splices of a broadcast.

ffmpeg puts such a file on one clock when it copies its sound. The picture follows the same corrections here: they are
read off ffmpeg's own account of each packet, before and after, so that both stay together.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from ..errors import VideoError
from .ffmpeg import find_ffmpeg

UNKNOWN_TIME = -(2**63)
"""The stamp of a frame that has none."""
_LEAP = 9
"""Seconds from one frame to the next over which ffmpeg may see a jump: its own limit is 10 s."""
_LIMIT = Fraction(10)
"""Seconds from one packet to the next of its stream over which ffmpeg corrects, unless it is told otherwise."""
_NO_LIMIT = Fraction(10**6)
_ACCOUNT = re.compile(r"demuxer(\+ffmpeg)? -> ist_index:(?:0:)?(\d+) type:(\w+) .*?pkt_pts:(-?\d+) ")
"""A packet as it is read, and as ffmpeg passes it on; one without a stamp does not match."""


@dataclass(frozen=True, kw_only=True)
class Clock:
    """The stamps of a video stream on one clock."""

    ticks: tuple[int, ...]
    limit: Fraction | None = None
    """Seconds between packets over which ffmpeg is to correct the sound; None where there are no jumps."""


@dataclass(frozen=True, kw_only=True)
class Packet:
    """A packet with a stamp."""

    stream: int
    kind: str
    """"video", "audio", "subtitle" or "data"."""
    before: int
    """Its stamp in the file, in ticks of the stream."""
    after: int
    """Its stamp after ffmpeg's corrections: zero is the start of the file."""


def correction_options(limit: Fraction | None) -> tuple[str, ...]:
    """What ffmpeg is told before its inputs: to correct jumps, or to take no gap for one.

    A sound that is silent for more than 10 s has a gap. Unless told, ffmpeg closes it, and all that follows is early.
    """
    return "-dts_delta_threshold", f"{float(limit or _NO_LIMIT):g}"


def clock_maps(number: int, stream: int) -> list[str]:
    """ffmpeg's options that name the streams by which it counts a file's time: of these no clock may miss any.

    :param number: of the input.
    :param stream: of the picture.
    """
    names = (f"{number}:{stream}", *(f"{number}:{kind}?" for kind in "asd"))
    return ["-ignore_unknown", *(word for name in names for word in ("-map", name))]


def one_clock(path: Path, stream: int, ticks: Sequence[int], base: Fraction, start: Fraction) -> Clock:
    """Put the stamps of a video stream on one clock: the one that ffmpeg gives to the sound that it copies.

    A file without jumps is not read.

    :param stream: number of the stream in the file.
    :param ticks: of each frame, in the order in which they are shown; -2**63 where it is unknown.
    :param base: seconds a tick.
    :param start: time in seconds that ffmpeg makes zero.
    :raises VideoError: there is no ffmpeg that works.
    """
    ticks = without_means(ticks, base)
    jumps = find_jumps(ticks, base)
    if not jumps:
        return Clock(ticks=tuple(ticks))
    limit = _limit(ticks, jumps, base)
    packets = list(_account(path, stream, limit))
    if _are_gaps(ticks, jumps, packets, base):
        return Clock(ticks=tuple(ticks))
    pictures = [packet for packet in packets if packet.stream == stream]
    return Clock(ticks=tuple(follow(ticks, pictures, round(start / base))), limit=limit)


def find_jumps(ticks: Sequence[int], base: Fraction) -> list[int]:
    """The frames with which a new count of time begins: the stamps go back, or leap by more than 9 seconds.

    A single stamp that goes back is an error of that stamp: the one after it goes on from before.

    :param base: seconds a tick.
    """
    known = [(n, tick) for n, tick in enumerate(ticks) if tick != UNKNOWN_TIME]
    following = [tick for _, tick in known[1:]] + [UNKNOWN_TIME]
    jumps: list[int] = []
    last: int | None = None
    for (n, tick), then in zip(known, following, strict=False):
        if last is not None and tick <= last:
            if not tick < then <= last:
                continue
            jumps.append(n)
        elif last is not None and (tick - last) * base > _LEAP:
            jumps.append(n)
        last = tick
    return jumps


def without_means(ticks: Sequence[int], base: Fraction) -> list[int]:
    """The stamps without those that BestSource makes up where one is missing: the mean of its neighbours.

    Between two counts of time such a stamp belongs to neither.
    """
    cleaned = list(ticks)
    for n in range(1, len(ticks) - 1):
        before, tick, after = ticks[n - 1 : n + 2]
        apart = after <= before or (after - before) * base > _LEAP
        if UNKNOWN_TIME not in (before, tick, after) and apart and abs(2 * tick - before - after) <= 1:
            cleaned[n] = UNKNOWN_TIME
    return cleaned


def follow(ticks: Iterable[int], packets: Sequence[Packet], start: int) -> Iterator[int]:
    """Move each stamp as ffmpeg has moved the packet with the same stamp that is the nearest in the file.

    :param start: the tick that ffmpeg makes zero.
    """
    places: dict[int, list[int]] = {}
    for place, packet in enumerate(packets):
        places.setdefault(packet.before, []).append(place)
    expected, shift = 0, 0
    for tick in ticks:
        if found := places.get(tick):
            place = min(found, key=lambda one: abs(one - expected))
            expected, shift = place, packets[place].after - packets[place].before + start
        expected += 1
        yield tick if tick == UNKNOWN_TIME else tick + shift


def _limit(ticks: Sequence[int], jumps: Sequence[int], base: Fraction) -> Fraction:
    """Half of the least jump.

    The last packets of one count of time often lie behind the first of the next. Each stream then jumps there and
    back, and ffmpeg must see both.
    """
    sizes = [abs(ticks[n] - _before(ticks, n)) * base for n in jumps]
    return min(_LIMIT, min(sizes) / 2)


def _before(ticks: Sequence[int], frame: int) -> int:
    """The last known stamp before a frame."""
    return next(tick for tick in reversed(ticks[:frame]) if tick != UNKNOWN_TIME)


def _are_gaps(ticks: Sequence[int], jumps: Sequence[int], packets: Sequence[Packet], base: Fraction) -> bool:
    """Whether the picture only rests, as in a show of stills: sound is stamped with times in each of the gaps."""
    # Formats whose stamps can jump have one clock for all streams: ticks of the picture and of the sound are the same.
    sounds = [packet.before * base for packet in packets if packet.kind == "audio"]
    for n in jumps:
        low, high = _before(ticks, n) * base, ticks[n] * base
        quarter = (high - low) / 4
        if quarter <= 0 or not any(low + quarter < time < high - quarter for time in sounds):
            return False
    return True


def _account(path: Path, stream: int, limit: Fraction) -> Iterator[Packet]:
    """Each packet that has a stamp, in the order of the file, as ffmpeg tells it. Nothing is decoded."""
    command = [find_ffmpeg(), "-hide_banner", "-nostdin", "-loglevel", "info", "-debug_ts"]
    command += [
        *correction_options(limit),
        "-i",
        f"file:{path}",
        *clock_maps(0, stream),
        "-c",
        "copy",
        "-f",
        "null",
        "-",
    ]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
    except OSError as error:
        raise VideoError(f"cannot run {command[0]}: {error.strerror}") from None
    read: dict[str, int] = {}
    try:
        for line in process.stderr or ():
            for passed_on, number, kind, tick in _ACCOUNT.findall(line):
                if not passed_on:
                    read[number] = int(tick)
                elif number in read:
                    yield Packet(stream=int(number), kind=kind, before=read.pop(number), after=int(tick))
    finally:
        process.kill()
        process.wait()
        if process.stderr:
            process.stderr.close()
