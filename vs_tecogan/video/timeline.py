"""When each frame is shown: exact stamps, gaps filled, and rounding undone."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from .jumps import UNKNOWN_TIME

_MILLISECOND = Fraction(1, 1000)
"""Matroska's clock: its rounding stays in the stamps of what is copied from it to a finer one."""
_NEAR = 8
"""The part of a rate by which two that are the same may differ: rounding of stamps."""
_FAR = 4
"""How many times the usual rate a nominal one may be, or a part of it: a rate further off is the clock's."""


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """When each frame is shown."""

    time_base: Fraction
    """Seconds a tick."""
    ticks: tuple[int, ...]
    """Presentation time of each frame, strictly increasing, the first one 0."""
    start: Fraction
    """Time of the first frame on the clock of the file, in seconds."""
    frame_rate: Fraction
    """Frames a second; where it varies, the nominal rate or, if that is just a clock's, the usual one."""

    @property
    def is_constant(self) -> bool:
        """Whether each tick is a frame, one after the other."""
        return self.time_base * self.frame_rate == 1 and self.ticks == tuple(range(len(self.ticks)))

    def finer(self, tick: Fraction) -> Timeline:
        """The same times in ticks of at most `tick` seconds."""
        times = math.ceil(self.time_base / tick)
        return replace(self, time_base=self.time_base / times, ticks=tuple(n * times for n in self.ticks))

    def cut(self, first: int, end: int) -> Timeline:
        """The timeline of frames first to end - 1."""
        ticks = self.ticks[first:end]
        return replace(
            self,
            ticks=tuple(tick - ticks[0] for tick in ticks),
            start=self.start + ticks[0] * self.time_base,
        )


def make_timeline(
    ticks: Sequence[int], base: Fraction, rate: Fraction, frames: int, *, coded: Fraction | None = None
) -> Timeline:
    """The timeline of a stream, gaps filled and rounding undone.

    Streams without a container, and some program streams, stamp only a few frames or none: those between two stamps are
    spread evenly, those outside follow at the rate of the stamps that there are, or else at the coded rate. A stamp not
    later than one before it counts as none. Stamps that are no more than rounded times of a constant rate become that
    rate, however fine their clock: rounding, such as to Matroska's milliseconds, does not pile up from file to file,
    and encoders that know few rates know this one.

    :param ticks: what the demuxer says, a frame each; -2**63 where it does not know.
    :param base: seconds a tick.
    :param rate: nominal frames a second.
    :param coded: frames a second that the stream itself announces. It counts where stamps are missing: the nominal rate
        is made from all of them. 25 is assumed where both are unknown.
    """
    rate = rate or coded or Fraction(25)
    known: list[tuple[int, int]] = []
    for n, tick in enumerate(ticks):
        if tick != UNKNOWN_TIME and (not known or tick > known[-1][1]):
            known.append((n, tick))
    start = known[0][1] * base if known and known[0][0] == 0 else Fraction(0)
    if not known or len(ticks) != frames:
        rate = coded or rate
        return _constant(rate, frames, start)
    if len(known) != frames:
        rate = _rate_between(known, base, coded or rate)
    step = 1 / (rate * base)
    filled = ticks if len(known) == frames else _fill(known, frames, step)
    steps = [after - before for before, after in itertools.pairwise(filled)]
    if any(s <= 0 for s in steps):
        return _constant(rate, frames, start)
    start = filled[0] * base
    rate = _nearer(filled, base, rate, coded or rate)
    if _rounded(filled, 1 / (rate * base), base):
        return _constant(rate, frames, start)
    if len(set(steps)) == 1 and len(steps) > 1:  # even, though the nominal rate is another
        return _constant(1 / (steps[0] * base), frames, start)
    return Timeline(
        time_base=base,
        ticks=tuple(t - filled[0] for t in filled),
        start=start,
        frame_rate=_plausible(rate, 1 / (statistics.median_low(steps) * base)),
    )


def _rate_between(known: Sequence[tuple[int, int]], base: Fraction, coded: Fraction) -> Fraction:
    """The usual rate from one stamp to the next, whatever number of frames has none; the coded rate if it is that."""
    steps = [Fraction(after - before, m - n) for (n, before), (m, after) in itertools.pairwise(known)]
    if not steps:
        return coded
    usual = 1 / (statistics.median_low(steps) * base)
    return coded if abs(usual - coded) <= coded / _NEAR else usual


def _constant(rate: Fraction, frames: int, start: Fraction) -> Timeline:
    return Timeline(time_base=1 / rate, ticks=tuple(range(frames)), start=start, frame_rate=rate)


def _rounded(ticks: Sequence[int], step: Fraction, base: Fraction) -> bool:
    """Whether the ticks are `step` apart but for rounding: to the clock, or to one that the file had before."""
    slack = max(Fraction(1), min(_MILLISECOND / base, step / 8))
    return all(abs(tick - ticks[0] - n * step) <= slack for n, tick in enumerate(ticks))


def _nearer(ticks: Sequence[int], base: Fraction, nominal: Fraction, coded: Fraction) -> Fraction:
    """The rate that the stamps are nearer to; the coded one where rounding alone makes the difference.

    The nominal rate may be made from a few rounded stamps: a second of 30000/1001 in milliseconds looks like 30.
    """
    strays = [
        max(abs(tick - ticks[0] - n / (rate * base)) for n, tick in enumerate(ticks)) for rate in (coded, nominal)
    ]
    return coded if strays[0] <= max(strays[1], Fraction(1, 2)) else nominal


def _plausible(nominal: Fraction, usual: Fraction) -> Fraction:
    """The nominal rate unless it is a clock's, such as Matroska's thousand: encoders refuse those, and plan by them."""
    return nominal if usual / _FAR <= nominal <= usual * _FAR else usual


def _fill(known: Sequence[tuple[int, int]], frames: int, step: Fraction) -> list[int]:
    first, last = known[0], known[-1]
    filled = [round(first[1] - step * (first[0] - n)) for n in range(first[0])]
    for (n0, t0), (n1, t1) in itertools.pairwise(known):
        filled += [round(t0 + Fraction((t1 - t0) * (n - n0), n1 - n0)) for n in range(n0, n1)]
    return filled + [round(last[1] + step * (n - last[0])) for n in range(last[0], frames)]
